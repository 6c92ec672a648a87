//! Rules in a configuration's file: what they drop is accounted for, what they redact is nowhere in the lake.

use anyhow::{Context, Result, ensure};
use headrig_tests::{process::Headrig, site::Site, summary::Summary};
use serde_json::Value;
use std::{fs, path::PathBuf};
use walkdir::WalkDir;

const LINES: usize = 3_000;
const SECRET: &str = "xK9-topsecret-77";

const CONFIG: &str = "
[etl]
raw = 'always'

[[rule]]
name = 'no secrets'
redact.what = ['token', 'email']

[[rule]]
name = 'health checks'
match.message = 'health'
drop = true

[[rule]]
name = 'a tenth of debug'
match.level = 'debug'
sample = 10
";

fn log() -> String {
    let line = |number: usize| match number % 5 {
        0 => format!("2026-09-21T14:13:20Z INFO health check {number}\n"),
        1 => format!("2026-09-21T14:13:21Z DEBUG step {number}\n"),
        2 => format!("2026-09-21T14:13:22Z INFO login password={SECRET} of a{number}@example.com\n"),
        3 => "  and goes on\n".into(),
        _ => format!("2026-09-21T14:13:23Z ERROR it broke {number}\n    at x.Y(Z.java:{number})\n"),
    };
    (0..LINES).map(line).collect()
}

/// A lake that was made by these rules, and what the run says of it.
fn ruled() -> Result<(Site, Summary)> {
    let site = Site::new()?;
    site.write("app.log", log())?;
    let config = site.folder().join("headrig.toml");
    fs::write(&config, CONFIG)?;
    let summary = site.headrig()?.arguments(["--config".as_ref(), config.as_os_str()]).run()?.summary(0)?;
    Ok((site, summary))
}

fn verify(site: &Site, code: i32) -> Result<Value> {
    let run = Headrig::new(["verify", "--json", "--lake"])?.arguments([site.lake().folder()]).run()?;
    ensure!(run.status.code() == Some(code), "expected exit code {code}, found {run}");
    serde_json::from_str(&run.stdout).with_context(|| run.to_string())
}

fn files(site: &Site, table: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(site.lake().folder().join(table)).sort_by_file_name() {
        let entry = entry?;
        if entry.file_type().is_file() {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

/// Spoils a lake that is well and expects a problem of this kind.
fn check(spoil: impl FnOnce(&Site) -> Result<()>, kind: &str) -> Result<()> {
    let (site, _) = ruled()?;
    spoil(&site)?;
    let found = verify(&site, 3)?;
    let kinds: Vec<&str> = found["problems"]
        .as_array()
        .context("problems")?
        .iter()
        .filter_map(|it| it["kind"].as_str())
        .collect();
    ensure!(kinds.contains(&kind), "expected {kind} in {found:#}");
    Ok(())
}

#[test]
fn what_rules_drop_is_counted_and_no_gap_and_secrets_are_nowhere() -> Result<()> {
    let (site, summary) = ruled()?;
    let fifth = LINES as u64 / 5;
    assert_eq!((summary.lines, summary.events), (6 * fifth, 4 * fifth));
    assert_eq!((summary.dropped, summary.rows + summary.sampled_out), (fifth, 3 * fifth));
    let [secrets, health, debug] = summary.rules.as_slice() else { anyhow::bail!("{:?}", summary.rules) };
    assert_eq!((secrets.seen, secrets.redacted), (4 * fifth, 2 * fifth));
    assert_eq!((health.seen, health.dropped), (4 * fifth, fifth));
    assert_eq!((debug.seen, debug.matched, debug.sampled_out), (3 * fifth, fifth, summary.sampled_out));
    let kept = fifth - summary.sampled_out;
    assert!((20..=120).contains(&kept), "{kept} of {fifth} is not about a tenth");
    let rows = site.lake().rows()?;
    assert_eq!(rows.len() as u64, summary.rows);
    for row in &rows {
        let texts = [&row.message, &row.raw].into_iter().flatten();
        for text in texts {
            ensure!(!text.contains(SECRET) && !text.contains("@example.com"), "{row:?}");
            ensure!(!text.contains("health check"), "{row:?}");
        }
    }
    let told = verify(&site, 0)?;
    assert_eq!(told["checked"]["rows"], summary.rows);
    Ok(())
}

#[test]
fn a_lost_file_is_a_gap_also_where_rules_dropped_lines() -> Result<()> {
    let lose = |site: &Site| {
        let lost =
            files(site, "logs")?.into_iter().find(|path| path.to_string_lossy().contains("level=error"));
        Ok(fs::remove_file(lost.context("a file of errors")?)?)
    };
    check(lose, "rows_missing")
}

#[test]
fn a_lost_account_is_told_of() -> Result<()> {
    check(|site| Ok(fs::remove_file(&files(site, "batches")?[0])?), "account_damaged")
}

#[test]
fn an_account_of_other_gaps_is_told_of() -> Result<()> {
    let change = |site: &Site| {
        let path = &files(site, "batches")?[0];
        let mut account: Value = serde_json::from_slice(&fs::read(path)?)?;
        let sum = &mut account["objects"][0]["gap_sum"];
        *sum = Value::from(if sum == "0000000000000001" { "0000000000000002" } else { "0000000000000001" });
        Ok(fs::write(path, account.to_string())?)
    };
    check(change, "rows_missing")
}
