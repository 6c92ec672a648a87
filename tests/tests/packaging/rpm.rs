//! The same as an rpm. The root is Debian's: dependencies are not looked at, since its database of packages knows none.

use crate::place::Place;
use anyhow::{Result, ensure};

#[test]
fn an_rpm_is_installed_verified_upgraded_and_erased() -> Result<()> {
    let Some(mut place) = Place::begin("rpm")? else { return Ok(()) };
    let said = place.install("rpm -i --nodeps /dist-agent.rpm")?;
    ensure!(said.contains("installed, and off"), "{said}");
    let differing = place.machine.run("rpm -V --nodeps headrig-agent")?;
    ensure!(differing.status.success() && differing.stdout.is_empty(), "rpm -V: {differing}");

    place.configure()?;
    place.machine.done("systemctl enable --now headrig-agent")?;
    place.log("/var/log/app/app.log", "root:adm", "0640", "of the old version\n")?;
    place.arrived()?;
    let before = place.pid()?;
    place.machine.done("rpm -U --nodeps /next-agent.rpm")?;
    place.started_again(before)?;
    place.log("/var/log/app/app.log", "root:adm", "0640", "of the new version\n")?;
    place.arrived()?;
    let differing = place.machine.run("rpm -V --nodeps headrig-agent")?;
    let edited = differing.stdout.lines().all(|line| line.contains(" c /etc/headrig/agent.toml"));
    ensure!(edited, "rpm -V: {differing}");

    let said = place.machine.done("rpm -e headrig-agent")?;
    ensure!(said.contains("/var/lib/headrig stays"), "{said}");
    ensure!(place.state()? == "inactive", "it still runs");
    ensure!(place.machine.path("/var/lib/headrig/agent.db")?.is_file(), "the state went");
    ensure!(place.machine.path("/etc/headrig/agent.toml.rpmsave")?.is_file(), "the edited settings went");
    Ok(())
}
