//! The state database is gone or damaged: the agent refuses and names the way out, and never begins anew by
//! itself, which would ship every line again.

use anyhow::{Result, ensure};
use headrig_tests::scenario::Scenario;
use rustix::process::Signal;
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
};

#[test]
fn deleted_state() -> Result<()> {
    refused_until_restored("state database deleted", "is gone", |database| Ok(fs::remove_file(database)?))
}

#[test]
fn emptied_state() -> Result<()> {
    refused_until_restored("state database emptied", "is gone", |database| {
        Ok(OpenOptions::new().write(true).open(database)?.set_len(0)?)
    })
}

#[test]
fn corrupted_state() -> Result<()> {
    refused_until_restored("state database corrupted", "is damaged", |database| {
        Ok(OpenOptions::new().write(true).open(database)?.write_all_at(&[0x5a; 512], 0)?)
    })
}

#[test]
fn state_corrupted_inside() -> Result<()> {
    refused_until_restored("state database corrupted inside", "is damaged", |database| {
        let file = OpenOptions::new().write(true).open(database)?;
        let length = file.metadata()?.len();
        // Every page but the first, as a failing disk may leave it: the header is sound.
        (4_096..length).step_by(4_096).try_for_each(|at| Ok(file.write_all_at(&[0x5a; 1_024], at)?))
    })
}

#[test]
fn truncated_state() -> Result<()> {
    refused_until_restored("state database cut short", "is damaged", |database| {
        let file = OpenOptions::new().write(true).open(database)?;
        Ok(file.set_len(file.metadata()?.len() / 2 / 4_096 * 4_096)?)
    })
}

/// After `harm`, the agent refuses with a message that has `told` and the way out in it and changes nothing;
/// with the database restored it goes on as if nothing had been.
fn refused_until_restored(name: &'static str, told: &str, harm: impl Fn(&Path) -> Result<()>) -> Result<()> {
    let Some(mut scenario) = Scenario::begin(name)? else { return Ok(()) };
    let mut log = scenario.open("app.log")?;
    let agent = scenario.agent()?;
    scenario.write(&mut log, 200)?;
    scenario.arrived()?;
    scenario.settle(&agent)?;
    agent.signal(Signal::TERM)?;
    agent.finish()?.said(0)?;

    let database = scenario.setup.state_dir.join("agent.db");
    let backup = scenario.folder().join("backup.db");
    fs::copy(&database, &backup)?;
    harm(&database)?;
    scenario.write(&mut log, 100)?;
    let harmed = fs::read(&database).ok();
    for _ in 0..2 {
        let refused = scenario.agent()?.finish()?;
        let said = refused.said(1)?;
        ensure!(said.contains(told) && said.contains("restore it from a backup"), "{said}");
        ensure!(said.contains("move") && said.contains("read from its beginning"), "no way out: {said}");
        ensure!(fs::read(&database).ok() == harmed, "the refusal changed the database");
    }
    let before = scenario.look()?.delivered;
    ensure!(before == 200, "{before} lines are there, expected the first 200");

    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(scenario.setup.state_dir.join(format!("agent.db{ending}")));
    }
    fs::copy(&backup, &database)?;
    let agent = scenario.agent()?;
    scenario.finish(agent).map(drop)
}

/// The way out where there is no backup: the folder is moved away, and the agent begins anew. Every line in the
/// logs is shipped once by the new agent, in a chain of its own.
#[test]
fn moved_state_begins_anew() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("state folder moved away")? else { return Ok(()) };
    let mut log = scenario.open("app.log")?;
    let agent = scenario.agent()?;
    scenario.write(&mut log, 200)?;
    scenario.arrived()?;
    scenario.settle(&agent)?;
    agent.signal(Signal::TERM)?;
    agent.finish()?.said(0)?;
    fs::rename(&scenario.setup.state_dir, scenario.folder().join("state-before"))?;
    // From here on everything is read a second time, and the oracle expects it a second time.
    let again = fs::read_to_string(log.path())?;
    scenario.oracle.wrote(&again);
    let agent = scenario.agent()?;
    scenario.finish(agent).map(drop)
}
