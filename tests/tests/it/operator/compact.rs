//! `headrig compact`: fewer files, the same rows, also for who reads by other means; and a lake that still adds up.

use super::{answer_here as answer, answer_once, ask, files_below};
use anyhow::{Context, Result, ensure};
use headrig_tests::{
    generate::{AccessLog, application_lines},
    lake::Span,
    process::{ANSWER_LIMIT, wait_until},
    site::Site,
};
use rustix::process::Signal;
use serde_json::Value;
use std::{fs, path::PathBuf};

/// The lines, of days that are over whatever the clock of this machine says.
fn past(lines: &str) -> String {
    lines.replace("2026", "2020")
}

/// A lake of several runs, so of several batches, all of days that are over.
fn of_runs(runs: u64) -> Result<Site> {
    let (site, mut access) = (Site::new()?, AccessLog::new(3));
    for run in 0..runs {
        site.append("access.log", past(&access.lines(500)))?;
        site.append("app.log", past(&application_lines("app", run * 200, 200)))?;
        site.run_well()?;
    }
    Ok(site)
}

fn spans(site: &Site) -> Result<Vec<Span>> {
    let mut spans = site.lake().spans()?;
    spans.sort();
    Ok(spans)
}

fn contents(site: &Site) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = files_below(site, "logs")?;
    files.extend(files_below(site, "metrics")?);
    files.into_iter().map(|file| Ok((file.clone(), fs::read(file)?))).collect()
}

fn compact(site: &Site) -> Result<Value> {
    answer_once(site, 0, &["compact", "--older-than", "0s"])
}

#[test]
fn many_files_become_few_with_the_same_rows_and_the_lake_adds_up() -> Result<()> {
    let site = of_runs(4)?;
    let (rows, before) = (spans(&site)?, contents(&site)?);
    let told = compact(&site)?;
    let after = contents(&site)?;
    ensure!(after.len() * 2 < before.len(), "{} files became {}", before.len(), after.len());
    assert_eq!(spans(&site)?, rows);
    assert_eq!(told["files_before"], before.len());
    assert_eq!(told["files_after"], after.len());
    assert_eq!(told["left"], Value::Array(Vec::new()));
    let found = answer(&site, 0, &["verify"])?;
    assert_eq!(
        (&found["checked"]["rows"], &found["checked"]["lake_files"]),
        (&rows.len().into(), &after.len().into())
    );

    let again = compact(&site)?;
    assert_eq!((&again["partitions"], &again["rows"]), (&0.into(), &0.into()));
    assert_eq!(contents(&site)?, after);
    Ok(())
}

#[test]
fn a_rehearsal_tells_the_same_and_touches_nothing() -> Result<()> {
    let site = of_runs(2)?;
    let before = contents(&site)?;
    let rehearsed = answer(&site, 0, &["compact", "--older-than", "0s", "--dry-run"])?;
    assert_eq!(contents(&site)?, before);
    assert!(!site.lake().folder().join(".headrig/scratch").exists());
    let done = compact(&site)?;
    for field in ["looked_at", "partitions", "files_before", "files_after", "bytes_before", "rows"] {
        assert_eq!(rehearsed[field], done[field], "{field}");
    }
    assert_eq!((&rehearsed["bytes_after"], done["bytes_after"].is_u64()), (&Value::Null, true));
    Ok(())
}

#[test]
fn what_was_loaded_of_late_is_left_alone() -> Result<()> {
    let site = of_runs(2)?;
    let before = contents(&site)?;
    let told = answer(&site, 0, &["compact"])?;
    assert_eq!(told["partitions"], 0, "its days are over, its batches were committed a moment ago");
    assert!(told["looked_at"].as_u64() > Some(0), "{told}");
    assert_eq!(contents(&site)?, before);
    Ok(())
}

#[test]
fn late_lines_of_a_compacted_day_are_taken_in_by_the_next_compaction() -> Result<()> {
    let site = of_runs(2)?;
    compact(&site)?;
    let compacted = contents(&site)?.len();
    site.write("late.log", past(&AccessLog::new(9).lines(300)))?;
    site.run_well()?;
    ensure!(contents(&site)?.len() > compacted, "the late lines have files of their own");
    answer(&site, 0, &["verify"])?;
    let rows = spans(&site)?;
    compact(&site)?;
    assert_eq!((contents(&site)?.len(), spans(&site)?), (compacted, rows));
    answer(&site, 0, &["verify"])?;
    Ok(())
}

#[test]
fn a_file_that_comes_back_after_compaction_is_found() -> Result<()> {
    let site = of_runs(2)?;
    let (old, bytes) = contents(&site)?.swap_remove(0);
    compact(&site)?;
    fs::write(&old, bytes)?;
    let found = answer(&site, 3, &["verify"])?;
    let problems = found["problems"].to_string();
    assert!(problems.contains("rows_doubled") && problems.contains("compact-"), "{problems}");
    Ok(())
}

#[test]
fn a_compacted_file_that_is_gone_or_damaged_is_missed() -> Result<()> {
    let site = of_runs(2)?;
    compact(&site)?;
    let file = files_below(&site, "logs")?.into_iter().next().context("a file")?;
    let bytes = fs::read(&file)?;
    fs::remove_file(&file)?;
    let problems = answer(&site, 3, &["verify"])?["problems"].to_string();
    assert!(problems.contains("rows_missing"), "{problems}");
    fs::write(&file, &bytes[..bytes.len() - 1])?;
    let problems = answer(&site, 3, &["verify"])?["problems"].to_string();
    assert!(problems.contains("lake_file_damaged"), "{problems}");
    Ok(())
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_stays() -> Result<()> {
    let site = of_runs(2)?;
    let file = files_below(&site, "logs")?.into_iter().next().context("a file")?;
    fs::write(&file, b"no Parquet")?;
    let told = answer_once(&site, 3, &["compact", "--older-than", "0s"])?;
    let name = file.file_name().and_then(|name| name.to_str()).context("a name is text")?;
    assert!(told["left"].to_string().contains(name), "{told}");
    assert_eq!(fs::read(&file)?, b"no Parquet");
    Ok(())
}

#[test]
fn beside_a_writer_it_does_nothing_and_says_who_that_is() -> Result<()> {
    let site = of_runs(2)?;
    let before = contents(&site)?;
    let writer = site.headrig()?.arguments(["--follow"]).start()?;
    let lock = site.lake().folder().join(".headrig/lock");
    wait_until("the writer holds the lake", ANSWER_LIMIT, || {
        Ok(fs::read_to_string(&lock)?.contains(&writer.id().to_string()))
    })?;
    let refused = ask(&site, &["compact", "--older-than", "0s"])?;
    refused.said(2)?;
    assert!(refused.stderr.contains(&writer.id().to_string()), "{refused}");
    writer.signal(Signal::INT)?;
    writer.finish(ANSWER_LIMIT)?;
    assert_eq!(contents(&site)?, before);
    compact(&site)?;
    Ok(())
}
