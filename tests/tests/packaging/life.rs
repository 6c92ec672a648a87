//! Installed, configured, shipping, killed, hung, upgraded.

use crate::place::{Place, figure};
use anyhow::{Result, ensure};
use std::{fs, thread::sleep, time::Duration};

/// Three times what it was measured to take: this is to find what grows by a library, not by a page.
const IDLE_KIB_MAX: u64 = 48 * 1024;

#[test]
fn a_deb_is_off_until_it_is_configured_and_ships_what_only_root_may_read() -> Result<()> {
    let Some(mut place) = Place::begin("deb-first-days")? else { return Ok(()) };
    let said = place.install("dpkg -i /dist-agent.deb")?;
    ensure!(said.contains("installed, and off") && said.contains("upload.bucket: expected"), "{said}");
    ensure!(said.contains("systemctl enable --now"), "{said}");
    ensure!(place.state()? == "inactive", "it runs without a bucket");
    // Also if somebody starts it too early, that is no failure.
    place.machine.done("systemctl start headrig-agent")?;
    ensure!(place.state()? == "inactive", "it runs without a bucket");

    place.configure()?;
    place.machine.done("echo hidden > /root/secret.log; cp /etc/shadow /var/backups/shadow.bak; ln -s /etc/shadow /var/log/linked")?;
    place.log("/var/log/app/adm.log", "root:adm", "0640", "for the group\n")?;
    place.log("/var/log/app/root.log", "root:root", "0600", "for root\n")?;
    place.machine.done("systemctl enable --now headrig-agent")?;
    // A secret that came into the bucket would be garbled: nobody wrote it to a log.
    place.arrived()?;
    // passwd(1) puts a new file in the place of the old one; it is as hidden as the old one was.
    place.machine.done("cp -p /etc/shadow /etc/shadow.new && mv /etc/shadow.new /etc/shadow")?;
    place.log("/var/log/app/adm.log", "root:adm", "0640", "after the change\n")?;
    place.arrived()?;
    let status = place.machine.done("headrig-agent status")?;
    ensure!(status.contains("files        2,"), "{status}");
    Ok(())
}

#[test]
fn an_idle_agent_takes_little_memory() -> Result<()> {
    let Some(mut place) = Place::begin("deb-idle")? else { return Ok(()) };
    place.machine.done("dpkg -i /dist-agent.deb")?;
    place.configure()?;
    place.machine.done("systemctl enable --now headrig-agent")?;
    place.log("/var/log/app/app.log", "root:adm", "0640", "a line\n")?;
    place.arrived()?;
    // Of what it may take, `headrig-agent check` says; the most of it is the program itself, mapped from the disk.
    for (field, what) in [("VmRSS", "all"), ("RssAnon", "its own, without the program"), ("VmHWM", "at most")]
    {
        let kib = place.memory_kib(field)?;
        figure(&format!("memory of the idle service, {what} ({field})"), &format!("{kib} KiB"))?;
        ensure!(kib <= IDLE_KIB_MAX, "{field}: {kib} KiB");
    }
    Ok(())
}

#[test]
fn a_killed_agent_is_started_again_and_doubles_nothing() -> Result<()> {
    let Some(mut place) = Place::begin("deb-killed")? else { return Ok(()) };
    place.machine.done("dpkg -i /dist-agent.deb")?;
    place.configure()?;
    place.machine.done("systemctl enable --now headrig-agent")?;
    for round in 0..5 {
        let lines: String = (0..500).map(|line| format!("round {round} line {line}\n")).collect();
        place.log("/var/log/app/app.log", "root:adm", "0640", &lines)?;
        let before = place.pid()?;
        place.machine.done(&format!("kill -KILL {before}"))?;
        place.started_again(before)?;
    }
    place.arrived()?;
    Ok(())
}

#[test]
fn a_hung_agent_is_ended_by_the_watchdog_and_doubles_nothing() -> Result<()> {
    let Some(mut place) = Place::begin("deb-hung")? else { return Ok(()) };
    place.machine.done("dpkg -i /dist-agent.deb")?;
    place.configure()?;
    // What the unit says is a minute; the test has less patience.
    place
        .machine
        .write("/etc/systemd/system/headrig-agent.service.d/quick.conf", "[Service]\nWatchdogSec=3\n")?;
    place.machine.done("systemctl daemon-reload; systemctl enable --now headrig-agent")?;
    place.log("/var/log/app/app.log", "root:adm", "0640", "before\n")?;
    place.arrived()?;
    let before = place.pid()?;
    place.machine.done(&format!("kill -STOP {before}"))?;
    place.log("/var/log/app/app.log", "root:adm", "0640", "while it hangs\n")?;
    place.started_again(before)?;
    place.arrived()?;
    Ok(())
}

#[test]
fn names_that_change_reach_the_agent() -> Result<()> {
    let Some(mut place) = Place::begin("deb-names")? else { return Ok(()) };
    place.machine.done("dpkg -i /dist-agent.deb")?;
    place.configure()?;
    place.machine.done("systemctl enable --now headrig-agent")?;
    // The path unit needs a moment to watch.
    sleep(Duration::from_secs(1));
    let before = place.pid()?;
    place.machine.write("/etc/hosts.new", "127.0.0.1 localhost s3.here\n")?;
    place.machine.done("mv /etc/hosts.new /etc/hosts")?;
    place.started_again(before)?;
    let seen = fs::read_to_string(place.machine.path("/etc/hosts")?)?;
    let inside = place.machine.done(&format!("cat /proc/{}/root/etc/hosts", place.pid()?))?;
    ensure!(inside == seen, "{inside}");
    place.log("/var/log/app/app.log", "root:adm", "0640", "a line\n")?;
    place.arrived()?;
    Ok(())
}

#[test]
fn an_upgrade_starts_it_again_once_and_keeps_settings_and_state() -> Result<()> {
    let Some(mut place) = Place::begin("deb-upgraded")? else { return Ok(()) };
    place.machine.done("dpkg -i /dist-agent.deb")?;
    place.configure()?;
    place.machine.done("systemctl enable --now headrig-agent")?;
    place.log("/var/log/app/app.log", "root:adm", "0640", "of the old version\n")?;
    place.arrived()?;
    let before = place.pid()?;
    place.machine.done("dpkg -i /next-agent.deb")?;
    place.started_again(before)?;
    let starts =
        place.machine.done("journalctl -u headrig-agent --no-pager | grep -c 'Started headrig-agent'")?;
    ensure!(starts.trim() == "2", "expected two starts, found {starts}");
    let settings = fs::read_to_string(place.machine.path("/etc/headrig/agent.toml")?)?;
    ensure!(settings.starts_with("# edited by hand"), "{settings}");
    place.log("/var/log/app/app.log", "root:adm", "0640", "of the new version\n")?;
    place.arrived()?;

    // What was switched off stays off.
    place
        .machine
        .done("systemctl disable --now headrig-agent; dpkg -i /dist-agent.deb; dpkg -i /next-agent.deb")?;
    ensure!(place.state()? == "inactive", "an upgrade started what was off");
    ensure!(!place.is_enabled()?, "an upgrade enabled what was off");
    Ok(())
}

#[test]
fn an_upgrade_does_not_enable_what_never_was() -> Result<()> {
    let Some(place) = Place::begin("deb-never-enabled")? else { return Ok(()) };
    place.machine.done("dpkg -i /dist-agent.deb")?;
    place.configure()?;
    place.machine.done("dpkg -i /next-agent.deb")?;
    ensure!(place.state()? == "inactive", "an upgrade started what was off");
    ensure!(!place.is_enabled()?, "an upgrade enabled what was off");
    Ok(())
}

#[test]
fn an_upgrade_starts_what_could_not_start_before() -> Result<()> {
    let Some(mut place) = Place::begin("deb-mended")? else { return Ok(()) };
    place.machine.done("dpkg -i /dist-agent.deb")?;
    place.machine.write("/etc/headrig/conf.d/wrong.toml", "[upload]\nbucket = \"NOT A NAME\"\n")?;
    place.machine.run("systemctl enable --now headrig-agent")?;
    ensure!(place.state()? == "failed", "it runs with a wrong configuration");
    place.configure()?;
    place.machine.done("rm /etc/headrig/conf.d/wrong.toml; dpkg -i /next-agent.deb")?;
    place.log("/var/log/app/app.log", "root:adm", "0640", "a line\n")?;
    place.arrived()?;
    Ok(())
}
