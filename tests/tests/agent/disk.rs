//! The disk under spool and state is full, while the store is away and after.

use anyhow::{Result, ensure};
use headrig_tests::{faults::Fault, scenario::Scenario, site::skip};
use rustix::process::Signal;
use std::{fs, process::Command, thread::sleep, time::Duration};

/// What the state and the spool may take.
const DISK_BYTES: u64 = 3 << 20;

/// A disk of the agent's own: a tmpfs in a mount namespace that only it sees, and that goes with it. The disk is
/// full of chunks that wait; when the store is back, chunks leave and it goes on.
#[test]
fn full_disk() -> Result<()> {
    let Some(mut scenario) = begin("full disk")? else { return Ok(()) };
    fs::create_dir(&scenario.setup.state_dir)?;
    on_a_disk_of_its_own(&mut scenario, "true");
    scenario.faults.set(Fault::Away);
    let mut log = scenario.open("app.log")?;
    let agent = scenario.agent()?;
    for _ in 0..60 {
        scenario.write(&mut log, 700)?;
    }
    agent.complains_of("no space left")?;
    fs::rename(log.path(), scenario.path("app.log.1"))?;
    log.reopen()?;
    scenario.write(&mut log, 300)?;
    sleep(Duration::from_secs(6));
    ensure!(agent.status().is_some(), "the agent does not answer while its disk is full:\n{}", agent.said());
    scenario.faults.set(Fault::None);
    scenario.finish(agent).map(drop)
}

/// Something else has filled the disk when the agent starts; after a while there is room again.
#[test]
fn full_disk_at_start() -> Result<()> {
    let Some(mut scenario) = begin("full disk at the start")? else { return Ok(()) };
    let mut log = scenario.open("app.log")?;
    let agent = scenario.agent()?;
    scenario.write(&mut log, 100)?;
    scenario.arrived()?;
    scenario.settle(&agent)?;
    agent.signal(Signal::TERM)?;
    agent.finish()?.said(0)?;
    let kept = scenario.folder().join("state.kept");
    fs::rename(&scenario.setup.state_dir, &kept)?;
    fs::create_dir(&scenario.setup.state_dir)?;
    // dd ends with an error once nothing is left, which is what it is here for.
    let fill = format!(
        "cp -r {}/. \"$0\" && {{ dd if=/dev/zero of=\"$0\"/filler 2>/dev/null; (sleep 4; rm \"$0\"/filler) & }}",
        kept.display()
    );
    on_a_disk_of_its_own(&mut scenario, &fill);
    scenario.write(&mut log, 100)?;
    let agent = scenario.agent()?;
    agent.complains_of("space")?;
    scenario.write(&mut log, 100)?;
    scenario.finish(agent).map(drop)
}

fn begin(name: &'static str) -> Result<Option<Scenario>> {
    let script = "mount -t tmpfs -o size=1m none /mnt";
    let tried = Command::new("unshare").args(["--map-root-user", "--mount", "sh", "-c", script]).output();
    if tried.is_ok_and(|output| output.status.success()) {
        return Scenario::begin(name);
    }
    skip(
        name,
        "a tmpfs cannot be mounted in a namespace of one's own here (unshare --map-root-user --mount)",
    );
    Ok(None)
}

/// Has the agent run on a small disk, after `prepare` has run on it; its path is `$0`.
fn on_a_disk_of_its_own(scenario: &mut Scenario, prepare: &str) {
    let script =
        format!("mount -t tmpfs -o size={DISK_BYTES} none \"$0\" && {{ {prepare}; }} && exec \"$@\"");
    let unshare = ["unshare", "--map-root-user", "--mount", "sh", "-c", &script];
    scenario.setup.runner = unshare.map(Into::into).to_vec();
    scenario.setup.runner.push(scenario.setup.state_dir.clone().into());
}
