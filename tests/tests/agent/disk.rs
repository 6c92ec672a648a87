//! The disk under spool and state is full, while the store is away and after.

use anyhow::{Result, ensure};
use headrig_tests::{faults::Fault, scenario::Scenario, site::skip};
use std::{fs, process::Command, thread::sleep, time::Duration};

/// What the state and the spool may take.
const DISK_BYTES: u64 = 3 << 20;

/// A disk of the agent's own: a tmpfs in a mount namespace that only it sees, and that goes with it. The disk is
/// full of chunks that wait, and by more than chunks alone; when the store is back, chunks leave and it goes on.
#[test]
fn full_disk() -> Result<()> {
    const NAME: &str = "full disk";
    if !may_mount()? {
        skip(
            NAME,
            "a tmpfs cannot be mounted in a namespace of one's own here (unshare --map-root-user --mount)",
        );
        return Ok(());
    }
    let Some(mut scenario) = Scenario::begin(NAME)? else { return Ok(()) };
    fs::create_dir(&scenario.setup.state_dir)?;
    let script = format!("mount -t tmpfs -o size={DISK_BYTES} none \"$0\" && exec \"$@\"");
    let unshare = ["unshare", "--map-root-user", "--mount", "sh", "-c", &script];
    scenario.setup.runner = unshare.map(Into::into).to_vec();
    scenario.setup.runner.push(scenario.setup.state_dir.clone().into());
    scenario.setup.chunk_bytes_max = 256 << 10;
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

fn may_mount() -> Result<bool> {
    let script = "mount -t tmpfs -o size=1m none /mnt";
    let tried = Command::new("unshare").args(["--map-root-user", "--mount", "sh", "-c", script]).output();
    Ok(tried.is_ok_and(|output| output.status.success()))
}
