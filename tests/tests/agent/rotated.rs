//! What happens to logs on a server while the agent reads them.

use anyhow::{Result, ensure};
use headrig_tests::scenario::Scenario;
use std::{fs, fs::OpenOptions, thread::sleep, time::Duration};

#[test]
fn rename_rotation() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("rename rotation")? else { return Ok(()) };
    let mut log = scenario.open("app.log")?;
    let agent = scenario.agent()?;
    for rotation in 0..25 {
        scenario.write(&mut log, 80)?;
        scenario.idle(Duration::from_millis(300));
        // As logrotate does it: every older file is renamed, too, and the program goes on in the old file
        // until it is told.
        for number in (1..5).rev() {
            let older = scenario.path(&format!("app.log.{number}"));
            if older.exists() {
                fs::rename(older, scenario.path(&format!("app.log.{}", number + 1)))?;
            }
        }
        fs::rename(log.path(), scenario.path("app.log.1"))?;
        scenario.write(&mut log, 10 + rotation)?;
        scenario.idle(Duration::from_millis(100));
        log.reopen()?;
    }
    scenario.write(&mut log, 10)?;
    scenario.finish(agent).map(drop)
}

/// The log is copied and emptied while nothing is written: nothing may be lost, and the copy is not read again.
#[test]
fn copytruncate() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("copytruncate")? else { return Ok(()) };
    let mut log = scenario.open("app.log")?;
    let agent = scenario.agent()?;
    for rotation in 0..12 {
        scenario.write(&mut log, 150)?;
        scenario.idle(Duration::from_millis(500));
        scenario.write(&mut log, 5)?;
        fs::copy(log.path(), scenario.path(&format!("app.log.{rotation}")))?;
        OpenOptions::new().write(true).open(log.path())?.set_len(0)?;
    }
    scenario.write(&mut log, 10)?;
    scenario.finish(agent).map(drop)
}

/// The log is written to between the copy and the truncation, which no observer can be sure to see. What is lost
/// is no more than that, and the agent never tells of more than was lost: what it did not see it cannot tell.
#[test]
fn copytruncate_under_load() -> Result<()> {
    const GAP_LINES: u64 = 40;
    const ROTATIONS: u64 = 8;
    let Some(mut scenario) = Scenario::begin("copytruncate, written to in between")? else { return Ok(()) };
    let mut log = scenario.open("app.log")?;
    let agent = scenario.agent()?;
    for rotation in 0..ROTATIONS {
        scenario.write(&mut log, 150)?;
        // The agent looks at least once: a copy is known by a place that a look has passed.
        sleep(Duration::from_millis(700));
        scenario.write(&mut log, 5)?;
        fs::copy(log.path(), scenario.path(&format!("app.log.{rotation}")))?;
        scenario.write(&mut log, GAP_LINES)?;
        scenario.idle(Duration::from_millis(300));
        OpenOptions::new().write(true).open(log.path())?.set_len(0)?;
        scenario.write(&mut log, 30)?;
    }
    scenario.settle(&agent)?;
    let told = agent.figure("bytes_lost");
    let tally = scenario.finish_with_loss(agent)?;
    eprintln!("lost {} bytes, told of {told:?}", tally.lost_bytes);
    ensure!(tally.lost <= GAP_LINES * ROTATIONS, "{tally}: more than was written in between");
    ensure!(
        told.is_some_and(|told| told <= tally.lost_bytes),
        "lost {} bytes, told of {told:?}",
        tally.lost_bytes
    );
    Ok(())
}

/// A program writes its last lines and removes its log at once, as a job with a log of its own may.
#[test]
fn deleted_after_the_last_line() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("deleted right after its last line")? else { return Ok(()) };
    let agent = scenario.agent()?;
    agent.is_up()?;
    for job in 0..6 {
        let mut log = scenario.open(&format!("job-{job}.log"))?;
        scenario.write(&mut log, 100)?;
        // The agent has the file open from the first time it looks; from then on nothing can be lost.
        let path = log.path().to_string_lossy().into_owned();
        agent.tells("the log is read", |status| {
            let mut streams = status["streams"].as_array().into_iter().flatten();
            streams.any(|stream| stream["path"] == path.as_str() && stream["offset"].as_u64() > Some(0))
        })?;
        scenario.idle(Duration::from_millis(200));
        scenario.write(&mut log, 50)?;
        fs::remove_file(log.path())?;
    }
    scenario.finish(agent).map(drop)
}

/// A log is deleted and made anew at once with the same first two kilobytes: the same path, most often the
/// same inode, the same head.
#[test]
fn made_anew_with_the_same_head() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("path made anew, same first 2 KB")? else { return Ok(()) };
    let head: String = (0..32).map(|line| format!("# banner line {line} {line:048}\n")).collect();
    ensure!(head.len() >= 2_048);
    let agent = scenario.agent()?;
    agent.is_up()?;
    for round in 0..8 {
        let mut log = scenario.open("app.log")?;
        scenario.write_text(&mut log, &head)?;
        scenario.write(&mut log, 60)?;
        sleep(Duration::from_millis(700));
        if round % 2 == 1 {
            scenario.write(&mut log, 60)?;
        }
        if round < 7 {
            fs::remove_file(log.path())?;
        }
    }
    scenario.finish(agent).map(drop)
}
