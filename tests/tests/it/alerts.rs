//! Alerts in a run: told in its summary once, whatever a process that died left behind.

use anyhow::{Context, Result, ensure};
use headrig_tests::{site::Site, summary::Summary};
use std::{fs, path::PathBuf};

/// So many failed logins from an address, one each second of a minute of the current hour.
fn attack(address: &str, count: usize) -> String {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M");
    let line = |number: usize| {
        format!(
            "<38>1 {now}:{:02}Z web-1 sshd 7 - - Failed password for u{number} from {address} port 22 ssh2\n",
            number % 60
        )
    };
    (0..count).map(line).collect()
}

fn told(summary: &Summary) -> Vec<(&str, &str)> {
    summary.alerts.iter().map(|alert| (alert.alert.as_str(), alert.group.as_str())).collect()
}

/// What a process that dies between a batch's commit and its alerts leaves: the batch's figures.
fn leave_figures(site: &Site, address: &str) -> Result<PathBuf> {
    let file = site.lake().files()?.into_iter().next().context("a file")?;
    let name = file.file_name().and_then(|name| name.to_str()).context("a name")?;
    let batch = name.split_once('-').context("a batch")?.0;
    let minute = jiff::Timestamp::now().as_second() / 60;
    let figures = format!(
        "{{\"alerts\":{{\"brute_force\":{{\"src_ip={address}\":{{\"{minute}\":{{\"n\":25}}}}}}}},\"sites\":[],\"left_out\":0}}"
    );
    let folder = site.lake().folder().join(".headrig/figures");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{batch}.json"));
    fs::write(&path, figures)?;
    Ok(path)
}

#[test]
fn an_attack_is_told_by_the_run_that_loads_it_and_by_no_other() -> Result<()> {
    let site = Site::new()?;
    site.write("auth.log", attack("192.0.2.7", 12))?;
    assert_eq!(told(&site.run_well()?), [], "half of it");
    site.append("auth.log", attack("192.0.2.7", 12))?;
    let summary = site.run_well()?;
    assert_eq!(told(&summary), [("brute_force", "src_ip=192.0.2.7")]);
    assert_eq!(summary.alerts[0].severity, "high");
    assert_eq!(told(&site.run_well()?), []);
    site.append("auth.log", attack("192.0.2.7", 30))?;
    assert_eq!(told(&site.run_well()?), [], "it goes on");
    Ok(())
}

#[test]
fn what_a_dead_process_left_is_told_by_the_next_and_nothing_twice() -> Result<()> {
    let site = Site::new()?;
    site.write("auth.log", attack("192.0.2.7", 25))?;
    assert_eq!(told(&site.run_well()?), [("brute_force", "src_ip=192.0.2.7")]);
    // It died behind the telling: the state knows the batch.
    let left = leave_figures(&site, "192.0.2.8")?;
    assert_eq!(told(&site.run_well()?), []);
    ensure!(!left.exists(), "the figures are still there");
    // It died before the telling: nobody knows of the batch.
    fs::remove_file(site.lake().folder().join(".headrig/alerts.json"))?;
    let left = leave_figures(&site, "192.0.2.8")?;
    assert_eq!(told(&site.run_well()?), [("brute_force", "src_ip=192.0.2.8")]);
    ensure!(!left.exists(), "the figures are still there");
    Ok(())
}

#[test]
fn a_configuration_says_what_is_told() -> Result<()> {
    let site = Site::new()?;
    site.write("auth.log", attack("192.0.2.7", 25))?;
    let config = site.folder().join("headrig.toml");
    fs::write(
        &config,
        "[[alert]]\nname = 'brute_force'\nenabled = false\n[[alert]]\nname = 'mine'\nmatch.message = 'Failed pass'\ngroup_by = 'host'\nthreshold = 20\n",
    )?;
    let run = site.headrig()?.arguments(["--config".as_ref(), config.as_os_str()]).run()?;
    let summary = run.summary(0)?;
    let [alert] = summary.alerts.as_slice() else { anyhow::bail!("{run}") };
    assert_eq!((alert.alert.as_str(), alert.text.as_str()), ("mine", "mine: 25 within 10m"));
    Ok(())
}
