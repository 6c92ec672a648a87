//! The agent ends, in every way, and another goes on where it was.

use anyhow::{Result, ensure};
use headrig_tests::scenario::{Log, Scenario};
use rustix::process::Signal;
use std::{fs, time::Duration};

const KILLS: u32 = 12;

#[test]
fn killed_twelve_times() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("kill -9 x 12")? else { return Ok(()) };
    let mut log = scenario.open("app.log")?;
    let mut kills = 0;
    while kills < KILLS {
        let agent = scenario.agent()?;
        write_for_a_while(&mut scenario, &mut log, 300)?;
        kills += u32::from(agent.kill()?);
        scenario.write(&mut log, 20)?;
    }
    let agent = scenario.agent()?;
    scenario.finish(agent).map(drop)
}

#[test]
fn rotation_with_kills() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("rotation with kill -9")? else { return Ok(()) };
    let mut log = scenario.open("app.log")?;
    for round in 0..KILLS {
        let agent = scenario.agent()?;
        write_for_a_while(&mut scenario, &mut log, 150)?;
        fs::rename(log.path(), scenario.path(&format!("app.log.{round:02}")))?;
        if round % 2 == 0 {
            write_for_a_while(&mut scenario, &mut log, 150)?;
            log.reopen()?;
            ensure!(agent.kill()?, "{}", "the agent had ended by itself");
        } else {
            ensure!(agent.kill()?, "{}", "the agent had ended by itself");
            log.reopen()?;
        }
        scenario.write(&mut log, 30)?;
    }
    let agent = scenario.agent()?;
    scenario.finish(agent).map(drop)
}

#[test]
fn restarts_by_sigterm() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("SIGTERM restarts")? else { return Ok(()) };
    let mut log = scenario.open("app.log")?;
    for _ in 0..8 {
        let agent = scenario.agent()?;
        agent.is_up()?;
        write_for_a_while(&mut scenario, &mut log, 400)?;
        agent.signal(Signal::TERM)?;
        scenario.write(&mut log, 20)?;
        agent.finish()?.said(0)?;
    }
    let agent = scenario.agent()?;
    scenario.finish(agent).map(drop)
}

/// While no agent runs, the log is rotated three times, and compressed once as logrotate does it.
#[test]
fn rotation_during_a_restart() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("rotation during a restart")? else { return Ok(()) };
    let mut log = scenario.open("app.log")?;
    for round in 0..4 {
        let agent = scenario.agent()?;
        agent.is_up()?;
        write_for_a_while(&mut scenario, &mut log, 400)?;
        agent.signal(Signal::TERM)?;
        agent.finish()?.said(0)?;
        for rotation in 0..3 {
            scenario.write(&mut log, 25)?;
            fs::rename(log.path(), scenario.path(&format!("app.log-{round}{rotation}")))?;
            scenario.write(&mut log, 5)?;
            log.reopen()?;
        }
        scenario.gzip(&format!("app.log-{round}1"))?;
        scenario.write(&mut log, 25)?;
    }
    let agent = scenario.agent()?;
    scenario.finish(agent).map(drop)
}

/// Some lines now and then, about so many milliseconds long.
fn write_for_a_while(scenario: &mut Scenario, log: &mut Log, milliseconds: u64) -> Result<()> {
    for _ in 0..milliseconds / 20 {
        let lines = scenario.random.below(40);
        scenario.write(log, lines)?;
        scenario.idle(Duration::from_millis(40));
    }
    Ok(())
}
