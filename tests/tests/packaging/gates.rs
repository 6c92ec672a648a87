//! What must hold of the packages as files: exposure, units, what lintian and rpmlint say, the oldest C library, the
//! same bytes.

use crate::place::{Place, dist};
use anyhow::{Context, Result, ensure};
use headrig_tests::site::skip;
use std::{path::PathBuf, process::Command};

/// What `systemd-analyze security` may say at most, in tenths.
const EXPOSURE_MAX_TENTHS: u32 = 15;
/// The oldest glibc that the programs run on.
const GLIBC_FLOOR: (u32, u32) = (2, 17);
/// Directives of systemd 254 that an older one ignores, saying so.
const NEWER: [&str; 2] = ["RestartSteps", "RestartMaxDelaySec"];

#[test]
fn the_units_are_sound_and_little_exposed() -> Result<()> {
    let Some(place) = Place::begin("units")? else { return Ok(()) };
    place.machine.done("dpkg -i /dist-agent.deb")?;
    let said = place.machine.done(
        "systemd-analyze verify --man=no /lib/systemd/system/headrig-agent.service \
         /lib/systemd/system/headrig-agent-names.path /lib/systemd/system/headrig-agent-names.service",
    )?;
    let unknown: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("headrig") && !NEWER.iter().any(|name| line.contains(name)))
        .collect();
    ensure!(unknown.is_empty(), "{unknown:?}");
    let said = place.machine.done("systemd-analyze security headrig-agent.service --no-pager | tail -1")?;
    let figure = said.split_once("service: ").and_then(|(_, rest)| rest.split_whitespace().next());
    let (whole, tenths) = figure.and_then(|figure| figure.split_once('.')).with_context(|| said.clone())?;
    let exposure = whole.parse::<u32>()? * 10 + tenths.parse::<u32>()?;
    ensure!(exposure <= EXPOSURE_MAX_TENTHS, "{said}");
    Ok(())
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
    let Some(dist) = dist() else {
        skip("glibc floor", "HEADRIG_DIST is not set; run `cargo xtask test packaging`");
        return Ok(());
    };
    if std::env::var_os("HEADRIG_DIST_QUICK").is_some() {
        skip("glibc floor", "these packages hold the programs of the tests");
        return Ok(());
    }
    let stage = dist.parent().context("the packages lie beside what they were made of")?.join("dist/stage");
    for program in ["headrig", "headrig-agent"] {
        let output = Command::new("objdump").arg("-T").arg(stage.join(program)).output()?;
        let symbols = String::from_utf8(output.stdout)?;
        let versions = symbols.split("GLIBC_").skip(1).filter_map(|rest| {
            let version = rest.split([')', ' ', '\n']).next()?;
            let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
            Some((parts.next()??, parts.next()??))
        });
        let newest = versions.max().context("the program uses no glibc")?;
        ensure!(newest <= GLIBC_FLOOR, "{program} needs glibc {newest:?}");
    }
    Ok(())
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
    for entry in std::fs::read_dir(dist)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    ensure!(found.len() == 2, "expected two packages, found {found:?}");
    Ok(Some(found))
}
