//! The command line. A mistake is told on standard error, with exit code 2, before anything is written.

use anyhow::{Context, Result};
use headrig_tests::{
    process::{ANSWER_LIMIT, Headrig, binary, wait_until},
    site::Site,
};
use rustix::process::Signal;
use std::{
    fs::File,
    process::{Command, Stdio},
};

/// Runs with these arguments and expects exit code 2, nothing on standard output, and all of `words` said.
fn check_mistake(arguments: &[&str], words: &[&str]) -> Result<()> {
    let run = Headrig::new(arguments)?.run()?;
    let said = run.said(2)?;
    assert_eq!(run.stdout, "", "{arguments:?}");
    for word in words {
        assert!(said.contains(word), "{arguments:?}: expected {word:?} in\n{said}");
    }
    Ok(())
}

#[test]
fn mistakes_are_told_with_exit_code_2() -> Result<()> {
    let site = Site::new()?;
    let lake = site.lake().folder().display().to_string();
    let log = site.write("app.log", "a line\n")?.display().to_string();
    check_mistake(&["local", &log, "--lake", &lake, "--fellow"], &["--fellow", "--follow"])?;
    check_mistake(&["local", "--lake", &lake], &["INPUT"])?;
    check_mistake(&["local", &log], &["--lake"])?;
    check_mistake(&["local", &log, "--lake", &lake, "--once", "--follow"], &["--once", "--follow"])?;
    check_mistake(&["local", &log, "--lake", &lake, "--max-wait", "soon"], &["soon"])?;
    check_mistake(&["loco"], &["loco"])?;
    assert!(!site.lake().folder().exists(), "a mistake left a lake behind");
    Ok(())
}

#[test]
fn mistakes_in_the_configuration_name_the_file_and_the_key() -> Result<()> {
    let site = Site::new()?;
    let lake = site.lake().folder().display().to_string();
    let log = site.write("app.log", "a line\n")?.display().to_string();
    for (text, word) in [("no_such_key = 1\n", "no_such_key"), ("this is no TOML", "headrig.toml")] {
        let config = site.write("headrig.toml", text)?.display().to_string();
        check_mistake(&["local", &log, "--lake", &lake, "--config", &config], &["headrig.toml", word])?;
    }
    let missing = site.log("missing.toml").display().to_string();
    check_mistake(&["local", &log, "--lake", &lake, "--config", &missing], &["missing.toml"])
}

#[test]
fn a_source_has_the_time_zone_that_the_configuration_gives_it() -> Result<()> {
    let site = Site::new()?;
    site.write("berlin.log", "2026-07-01 12:00:00 INFO noon\n")?;
    site.write("elsewhere.log", "2026-07-01 12:00:00 INFO noon\n")?;
    let config = site.folder().join("headrig.toml");
    let source =
        "[[source]]\nname = \"berlin\"\ninclude = [\"**/berlin.log\"]\ntimezone = \"Europe/Berlin\"\n";
    std::fs::write(&config, format!("timezone = \"America/New_York\"\n{source}"))?;
    site.headrig()?.arguments(["--config"]).arguments([&config]).run()?.summary(0)?;
    for (name, expect) in [("berlin.log", "2026-07-01T10:00:00Z"), ("elsewhere.log", "2026-07-01T16:00:00Z")]
    {
        let row = site.lake().rows_of_file(name)?.pop().context("a row")?;
        assert_eq!(jiff::Timestamp::from_microsecond(row.ts)?.to_string(), expect, "{name}");
    }
    Ok(())
}

#[test]
fn help_and_version_are_printed_with_exit_code_0() -> Result<()> {
    for (arguments, word) in [
        (&["--help"][..], "local"),
        (&["--help"], "verify"),
        (&["verify", "--help"], "Exit status"),
        (&["replay", "--help"], "--dry-run"),
        (&["local", "--help"], "--lake"),
        (&["local", "--help"], "--follow"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
    ] {
        let run = Headrig::new(arguments)?.run()?;
        assert_eq!(run.status.code(), Some(0), "{run}");
        assert!(run.stdout.contains(word), "{arguments:?}: expected {word:?} in {run}");
    }
    Ok(())
}

#[test]
fn without_json_the_summary_is_for_people_and_has_no_bar_off_a_terminal() -> Result<()> {
    let site = Site::new()?;
    let log = site.write("app.log", headrig_tests::generate::application_lines("app", 0, 100))?;
    let run = Headrig::new(["local"])?
        .arguments([&log])
        .arguments(["--lake"])
        .arguments([site.lake().folder()])
        .run()?;
    run.said(0)?;
    let all = format!("{}{}", run.stdout, run.stderr);
    for word in ["100", "info", "duckdb"] {
        assert!(all.contains(word), "expected {word:?} in {run}");
    }
    assert!(!all.contains('\r') && !all.contains('\x1b'), "control characters off a terminal: {run}");
    Ok(())
}

#[test]
fn with_json_a_lake_that_cannot_be_used_is_told_as_one_object() -> Result<()> {
    let site = Site::new()?;
    let log = site.write("app.log", "a line\n")?;
    for lake in [log.clone(), log.join("lake")] {
        let run = Headrig::local([site.logs()], &lake)?.run()?;
        let said: serde_json::Value = serde_json::from_str(&run.stdout).with_context(|| run.to_string())?;
        let error = said["error"].as_str().with_context(|| run.to_string())?;
        assert!(error.contains("app.log") && run.said(2)?.contains(error), "{run}");
    }
    Ok(())
}

#[test]
fn a_full_or_closed_standard_stream_changes_no_exit_code() -> Result<()> {
    for (input, code) in [("app.log", 0), ("missing.log", 1)] {
        for json in [&["--json"][..], &[]] {
            for broken in [Broken::Full, Broken::Closed] {
                for (stdout, stderr) in [(true, false), (false, true), (true, true)] {
                    let site = Site::new()?;
                    site.write("app.log", "a line\n")?;
                    let stream = |is_broken: bool| if is_broken { broken.open() } else { Ok(Stdio::null()) };
                    let status = Command::new(binary()?)
                        .arg("local")
                        .args([site.log("app.log"), site.log(input)])
                        .arg("--lake")
                        .arg(site.lake().folder())
                        .args(json)
                        .stdout(stream(stdout)?)
                        .stderr(stream(stderr)?)
                        .status()?;
                    let case = format!("{input} {json:?} {broken:?} {stdout} {stderr}");
                    assert_eq!(status.code(), Some(code), "{case}");
                    assert_eq!(site.lake().row_count()?, 1, "{case}");
                }
            }
        }
    }
    Ok(())
}

/// A standard stream that takes nothing.
#[derive(Clone, Copy, Debug)]
enum Broken {
    /// A disk without room.
    Full,
    /// A pipe whose reader has gone.
    Closed,
}

impl Broken {
    fn open(self) -> Result<Stdio> {
        Ok(match self {
            Self::Full => File::options().write(true).open("/dev/full")?.into(),
            Self::Closed => std::io::pipe()?.1.into(),
        })
    }
}

#[test]
fn the_second_of_two_runs_on_a_lake_says_who_holds_it() -> Result<()> {
    let site = Site::new()?;
    let lines = headrig_tests::generate::application_lines("app", 0, 100);
    site.write("app.log", &lines)?;
    let mut first = site.headrig()?.arguments(["--follow", "--max-wait", "1s"]).start()?;
    wait_until("the first has the lake", ANSWER_LIMIT, || {
        anyhow::ensure!(!first.has_ended()?, "headrig ended: {}", first.stderr_so_far()?);
        Ok(site.lake().row_count()? == 100)
    })?;
    let second = site.run()?;
    let said = second.said(2)?;
    assert!(said.contains(&first.id().to_string()), "expected the first's process id in {second}");
    first.signal(Signal::INT)?;
    first.finish(ANSWER_LIMIT)?.summary(0)?;
    assert_eq!(site.run_well()?.rows, 0);
    headrig_tests::exactness::check(&site.lake(), &[lines])?;
    Ok(())
}
