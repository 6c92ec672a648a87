//! `cargo xtask test`: every test of the workspace, on a fresh clone, alone.
//!
//! The test runner's closing lines are left as they are, so that a log tells what ran.

use crate::{
    python,
    steps::{self, cargo, root, skip, step, succeeds},
};
use anyhow::{Context, Result};
use clap::Args;
use std::{env::consts::EXE_SUFFIX, fs, path::PathBuf, process::Command};

/// What to test.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Leave out the tests that run the real binary
    #[arg(long)]
    fast: bool,
    /// Test the release build, and on the large inputs too: 300 MB, twenty kills
    #[arg(long, conflicts_with = "fast")]
    large: bool,
}

/// Runs the tests.
///
/// # Errors
/// At the first section that fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.fast {
        skip("end to end", "--fast was given");
    } else {
        step("python environment (.venv)", python::prepare)?;
        step("build headrig", || {
            steps::run(cargo(&["build", "--package", "headrig"]).args(options.profile()))
        })?;
    }
    let skips = Skips::begin()?;
    let runner = Runner::found();
    let outcome = step("tests", || options.tests(runner, &skips).iter_mut().try_for_each(steps::run));
    skips.tell()?;
    outcome?;
    if runner == Runner::Nextest {
        step("documentation tests", || steps::run(&mut cargo(&["test", "--workspace", "--doc", "--quiet"])))?;
    }
    Ok(())
}

/// What runs the tests. cargo-nextest where it is installed, because it runs and times every test by
/// itself; it knows no documentation tests.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runner {
    Nextest,
    Cargo,
}

impl Runner {
    fn found() -> Self {
        if succeeds(&mut cargo(&["nextest", "--version"])) { Self::Nextest } else { Self::Cargo }
    }
}

impl Options {
    fn profile(&self) -> &'static [&'static str] {
        if self.large { &["--release"] } else { &[] }
    }

    fn tests(&self, runner: Runner, skips: &Skips) -> Vec<Command> {
        let selections: &[&[&str]] = if self.fast {
            &[&["--workspace", "--exclude", "headrig-tests"], &["--package", "headrig-tests", "--lib"]]
        } else {
            &[&["--workspace"]]
        };
        selections.iter().map(|selection| self.test(runner, selection, skips)).collect()
    }

    fn test(&self, runner: Runner, selection: &[&str], skips: &Skips) -> Command {
        let mut command = match runner {
            Runner::Nextest => cargo(&["nextest", "run", "--no-fail-fast", "--status-level", "slow"]),
            Runner::Cargo => cargo(&["test", "--no-fail-fast"]),
        };
        command.args(selection).env("HEADRIG_BIN", self.binary()).env("HEADRIG_SKIPS", &skips.list);
        if self.large {
            command.env("HEADRIG_TEST_LARGE", "1");
        }
        command
    }

    fn binary(&self) -> PathBuf {
        let profile = if self.large { "release" } else { "debug" };
        target_folder().join(profile).join(format!("headrig{EXE_SUFFIX}"))
    }
}

fn target_folder() -> PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    root().join(folder)
}

/// What the tests left out: each appends a line, because runners hide what a passing test prints.
struct Skips {
    list: PathBuf,
}

impl Skips {
    fn begin() -> Result<Self> {
        let list = target_folder().join("skipped-tests.txt");
        fs::write(&list, "").with_context(|| format!("writing {}", list.display()))?;
        Ok(Self { list })
    }

    fn tell(&self) -> Result<()> {
        let text =
            fs::read_to_string(&self.list).with_context(|| format!("reading {}", self.list.display()))?;
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines.dedup();
        lines.iter().for_each(|line| eprintln!("skipped: {line}"));
        Ok(())
    }
}
