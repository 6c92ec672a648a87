//! Removed and purged.

use crate::place::Place;
use anyhow::{Result, ensure};
use headrig_tests::process::wait_until;
use std::fs;

/// The link by which `systemctl enable` has it started with the machine.
const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/headrig-agent.service";
/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:1";

#[test]
fn remove_keeps_the_state_and_purge_says_what_was_never_shipped() -> Result<()> {
    let Some(mut place) = Place::begin("deb-removed")? else { return Ok(()) };
    place.machine.done("dpkg -i /dist-agent.deb")?;
    place.configure_for(NOWHERE)?;
    place.machine.done("systemctl enable --now headrig-agent")?;
    place.log("/var/log/app/app.log", "root:adm", "0640", "never shipped\n")?;
    wait_until("a chunk waits", super::place::ARRIVAL_LIMIT, || {
        Ok(place.machine.run("ls /var/lib/headrig/spool | grep -qv part")?.status.success())
    })?;
    place.machine.done("dpkg -r headrig-agent")?;
    ensure!(place.state()? == "inactive", "it still runs");
    ensure!(place.machine.path("/var/lib/headrig/agent.db")?.is_file(), "the state went");
    ensure!(place.machine.path("/etc/headrig/agent.toml")?.is_file(), "the settings went");

    // What comes back is started, since it was enabled, and goes on where it was.
    place.configure()?;
    place.machine.done("dpkg -i /dist-agent.deb")?;
    place.arrived()?;

    place.configure_for(NOWHERE)?;
    place.machine.done("systemctl restart headrig-agent")?;
    place.log("/var/log/app/app.log", "root:adm", "0640", "lost by the purge\n")?;
    wait_until("a chunk waits", super::place::ARRIVAL_LIMIT, || {
        Ok(place.machine.run("ls /var/lib/headrig/spool | grep -qv part")?.status.success())
    })?;
    let said = place.machine.done("dpkg -P headrig-agent")?;
    ensure!(said.contains("with 1 chunk,") && said.contains("never uploaded"), "{said}");
    for gone in [
        "/var/lib/headrig",
        "/etc/headrig/agent.toml",
        "/etc/headrig/environment",
        "/usr/bin/headrig-agent",
        WANTED,
    ] {
        ensure!(fs::symlink_metadata(place.machine.path(gone)?).is_err(), "{gone} is still there");
    }
    Ok(())
}
