//! What must hold of the packages as files: exposure, units, what lintian and rpmlint say, the oldest C library, the
//! same bytes.

use crate::place::{Place, dist, figure};
use anyhow::{Context, Result, ensure};
use headrig_tests::site::skip;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// What `systemd-analyze security` may say at most, in tenths.
const EXPOSURE_MAX_TENTHS: u32 = 15;
/// The oldest glibc that the programs run on.
const GLIBC_FLOOR: (u32, u32) = (2, 17);
/// From here on `systemd-analyze security` looks at a file, with no systemd running.
const SYSTEMD_OFFLINE_MIN: u32 = 250;
/// Directives of systemd 254 that an older one ignores, saying so.
const NEWER: [&str; 2] = ["RestartSteps", "RestartMaxDelaySec"];

#[test]
fn the_units_are_sound_and_little_exposed_before_they_are_packed() -> Result<()> {
    if let Some(reason) = no_offline_analysis() {
        skip("units as they lie in packaging/systemd", &reason);
        return Ok(());
    }
    let (units, folder) = (concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/systemd"), TempDir::new()?);
    let mut copies = Vec::new();
    for entry in fs::read_dir(units)? {
        let from = entry?.path();
        let to = folder.path().join(from.file_name().context("a unit has a name")?);
        // A program that is not there would be told of; the one of the package is not installed here.
        fs::write(&to, fs::read_to_string(&from)?.replace("=/usr/bin/headrig-agent ", "=/bin/true "))?;
        copies.push(to);
    }
    let analyze = |arguments: &[&str]| {
        Command::new("systemd-analyze")
            .args(arguments)
            .args(["--no-pager", "--man=no"])
            .args(&copies)
            .output()
    };
    let verified = analyze(&["verify"])?;
    ensure!(verified.status.success(), "{verified:?}");
    sound(&String::from_utf8(verified.stderr)?)?;
    let service = Path::new(units).join("headrig-agent.service");
    let security = ["security", "--offline=true", "--no-pager"];
    let said = Command::new("systemd-analyze").args(security).arg(service).output()?;
    little_exposed(&String::from_utf8(said.stdout)?)?;
    Ok(())
}

#[test]
fn the_units_are_sound_and_little_exposed_once_installed() -> Result<()> {
    let Some(place) = Place::begin("units")? else { return Ok(()) };
    place.machine.done("dpkg -i /dist-agent.deb")?;
    sound(&place.machine.done(
        "systemd-analyze verify --man=no /lib/systemd/system/headrig-agent.service \
         /lib/systemd/system/headrig-agent-names.path /lib/systemd/system/headrig-agent-names.service",
    )?)?;
    let said = place.machine.done("systemd-analyze security headrig-agent.service --no-pager")?;
    figure("exposure by systemd-analyze security", &little_exposed(&said)?)
}

/// Nothing is said of our units but that an old systemd does not know what is new.
fn sound(said: &str) -> Result<()> {
    let unknown: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("headrig") && !NEWER.iter().any(|name| line.contains(name)))
        .collect();
    ensure!(unknown.is_empty(), "{unknown:?}");
    Ok(())
}

/// The figure that stands at the end, which is not too high.
fn little_exposed(said: &str) -> Result<String> {
    let last = said.lines().rfind(|line| line.contains("exposure level")).with_context(|| said.to_owned())?;
    let figure = last.split_once("service: ").and_then(|(_, rest)| rest.split_whitespace().next());
    let (whole, tenths) =
        figure.and_then(|figure| figure.split_once('.')).with_context(|| last.to_owned())?;
    let exposure = whole.parse::<u32>()? * 10 + tenths.parse::<u32>()?;
    ensure!(exposure <= EXPOSURE_MAX_TENTHS, "{last}");
    Ok(format!("{whole}.{tenths}"))
}

/// Why units cannot be looked at without a booted systemd here; none where they can.
fn no_offline_analysis() -> Option<String> {
    let Ok(output) = Command::new("systemd-analyze").arg("--version").output() else {
        return Some("systemd-analyze is not installed".to_owned());
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = said.split_whitespace().nth(1).and_then(|version| version.parse::<u32>().ok());
    let is_new = version.is_some_and(|version| version >= SYSTEMD_OFFLINE_MIN);
    (!is_new).then(|| format!("it needs systemd {SYSTEMD_OFFLINE_MIN} or later, found {said:?}"))
}

#[test]
fn lintian_finds_no_error() -> Result<()> {
    let Some(packages) = packages("deb", "lintian")? else { return Ok(()) };
    let output =
        Command::new("lintian").args(["--fail-on", "error", "--allow-root"]).args(&packages).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

#[test]
fn rpmlint_finds_no_error() -> Result<()> {
    let Some(packages) = packages("rpm", "rpmlint")? else { return Ok(()) };
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/rpmlint.toml");
    let output = Command::new("rpmlint").args(["--config", config]).args(&packages).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let errors: Vec<&str> = said.lines().filter(|line| line.contains(": E: ")).collect();
    ensure!(errors.is_empty(), "{errors:#?}");
    ensure!(said.contains("packages and"), "rpmlint did not run: {said}");
    Ok(())
}

#[test]
fn the_programs_run_on_old_distributions() -> Result<()> {
    if std::env::var_os("HEADRIG_DIST_QUICK").is_some() {
        skip("glibc floor", "these packages hold the programs of the tests");
        return Ok(());
    }
    let Some(packages) = packages("deb", "objdump")? else { return Ok(()) };
    let folder = TempDir::new()?;
    for package in &packages {
        let unpacked = Command::new("dpkg-deb").arg("--extract").arg(package).arg(folder.path()).status();
        ensure!(unpacked.context("starting dpkg-deb")?.success(), "{} cannot be unpacked", package.display());
    }
    for program in ["headrig", "headrig-agent"] {
        let output =
            Command::new("objdump").arg("-T").arg(folder.path().join("usr/bin").join(program)).output()?;
        let symbols = String::from_utf8(output.stdout)?;
        let (major, minor) = newest_glibc(&symbols).context("the program uses no glibc")?;
        ensure!((major, minor) <= GLIBC_FLOOR, "{program} needs glibc {major}.{minor}");
        figure(&format!("glibc that {program} needs (objdump -T)"), &format!("{major}.{minor}"))?;
    }
    Ok(())
}

/// The newest version that a symbol is asked for in.
fn newest_glibc(symbols: &str) -> Option<(u32, u32)> {
    let versions = symbols.split("GLIBC_").skip(1).filter_map(|rest| {
        let version = rest.split([')', ' ', '\n']).next()?;
        let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
        Some((parts.next()??, parts.next()??))
    });
    versions.max()
}

/// The packages of a kind, where the program that looks at them is there.
fn packages(extension: &str, program: &str) -> Result<Option<Vec<PathBuf>>> {
    let Some(dist) = dist() else {
        skip(program, "HEADRIG_DIST is not set; run `cargo xtask test packaging`");
        return Ok(None);
    };
    if Command::new(program).arg("--version").output().is_err() {
        skip(program, "it is not installed");
        return Ok(None);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(dist)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    ensure!(found.len() == 2, "expected two packages, found {found:?}");
    Ok(Some(found))
}
