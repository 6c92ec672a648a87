//! `cargo xtask test`: every test of the workspace, on a fresh clone, alone.
//!
//! The test runner's closing lines are left as they are, so that a log tells what ran.

mod infra;
mod packaging;

use crate::{
    dist, job, python,
    steps::{self, cargo, root, skip, step, succeeds},
};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use std::{env::consts::EXE_SUFFIX, fs, io::Write, path::PathBuf, process::Command};

/// What to test.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// This section instead: `packaging` makes the packages and puts them through their life in a booted Debian,
    /// `spark` runs the Spark job's tests, `infra` checks the stack's template and ships 200 files through it, deployed
    #[arg(value_enum)]
    section: Option<Section>,
    /// Leave out the tests that run the real binary
    #[arg(long)]
    fast: bool,
    /// Test the release build, and on the large inputs too: 300 MB, twenty kills
    #[arg(long, conflicts_with = "fast")]
    large: bool,
    /// With `packaging`: pack the programs that the tests run, instead of building for an old C library
    #[arg(long, requires = "section")]
    quick: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    Packaging,
    Spark,
    Infra,
}

/// Runs the tests.
///
/// # Errors
/// At the first section that fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    match options.section {
        Some(Section::Packaging) => return packaging::run(options.quick),
        Some(Section::Spark) => return options.spark(),
        Some(Section::Infra) => return options.infra(),
        None => {}
    }
    if options.fast {
        skip("end to end", "--fast was given");
    } else {
        step("python environment (.venv)", python::prepare)?;
        options.build()?;
    }
    let packages = if options.fast {
        None
    } else {
        let programs = dist::PROGRAMS.map(|name| options.binary(name));
        step("packages of these programs", || packaging::packed(&programs))?
    };
    let (skips, scenarios) = (List::begin("skipped-tests.txt")?, List::begin("scenarios.txt")?);
    let runner = Runner::found();
    let outcome = step("tests", || {
        let mut tests = options.tests(runner, &skips, &scenarios);
        if let Some(folder) = &packages {
            tests.iter_mut().for_each(|tests| {
                tests.env("HEADRIG_DIST", folder).env("HEADRIG_DIST_QUICK", "1");
            });
        }
        tests.iter_mut().try_for_each(steps::run)
    });
    scenarios.tell("scenario | written | delivered | lost | duplicated | garbled", "")?;
    skips.tell("", "skipped: ")?;
    outcome?;
    if options.fast {
        skip("tests of the Spark job and of the deployed stack", "--fast was given");
    } else {
        match job::test(&target_folder(), &options.binary("headrig"))? {
            Some(wheel) => infra::test(options, &wheel)?,
            None => skip("tests of the deployed stack", "those of the Spark job are, too"),
        }
    }
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

    fn spark(&self) -> Result<()> {
        step("python environment (.venv)", python::prepare)?;
        step("build headrig", || steps::run(&mut cargo(&["build", "--package", "headrig"])))?;
        job::test(&target_folder(), &self.binary("headrig")).map(drop)
    }

    fn infra(&self) -> Result<()> {
        step("python environment (.venv)", python::prepare)?;
        self.build()?;
        match job::installed(&target_folder(), "tests of the deployed stack")? {
            Some(wheel) => infra::test(self, &wheel),
            None => Ok(()),
        }
    }

    fn build(&self) -> Result<()> {
        step("build headrig, headrig-agent and bootstrap", || {
            let packages =
                ["build", "--package", "headrig", "--package", "headrig-agentd", "--package", "headrig-sink"];
            // With what the operator's commands need over AWS, and what puts lakes there for the tests of them.
            let over_aws = ["--features", "headrig/aws", "--bins", "--example", "lake_to_aws"];
            steps::run(cargo(&packages).args(over_aws).args(self.profile()))
        })
    }

    fn tests(&self, runner: Runner, skips: &List, scenarios: &List) -> Vec<Command> {
        let selections: &[&[&str]] = if self.fast {
            &[&["--workspace", "--exclude", "headrig-tests"], &["--package", "headrig-tests", "--lib"]]
        } else {
            &[&["--workspace"]]
        };
        selections.iter().map(|selection| self.test(runner, selection, skips, scenarios)).collect()
    }

    fn test(&self, runner: Runner, selection: &[&str], skips: &List, scenarios: &List) -> Command {
        let mut command = match runner {
            Runner::Nextest => cargo(&["nextest", "run", "--no-fail-fast", "--status-level", "slow"]),
            Runner::Cargo => cargo(&["test", "--no-fail-fast"]),
        };
        command
            .args(selection)
            .env("HEADRIG_BIN", self.binary("headrig"))
            .env("HEADRIG_AGENT_BIN", self.binary("headrig-agent"))
            .env("HEADRIG_SINK_BIN", self.binary("bootstrap"))
            .env("HEADRIG_SKIPS", &skips.path)
            .env("HEADRIG_SCENARIOS", &scenarios.path);
        if self.large {
            command.env("HEADRIG_TEST_LARGE", "1");
        }
        command
    }

    fn binary(&self, name: &str) -> PathBuf {
        let profile = if self.large { "release" } else { "debug" };
        target_folder().join(profile).join(format!("{name}{EXE_SUFFIX}"))
    }
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    root().join(folder)
}

/// What tests have to tell: each appends a line, because runners hide what a passing test prints.
struct List {
    path: PathBuf,
}

impl List {
    fn begin(name: &str) -> Result<Self> {
        let path = target_folder().join(name);
        fs::write(&path, "").with_context(|| format!("writing {}", path.display()))?;
        Ok(Self { path })
    }

    fn add(&self, line: &str) -> Result<()> {
        let mut file = fs::OpenOptions::new().append(true).open(&self.path)?;
        writeln!(file, "{line}").with_context(|| format!("writing {}", self.path.display()))
    }

    /// Shows the lines, below `title` and each after `prefix`.
    fn tell(&self, title: &str, prefix: &str) -> Result<()> {
        let text =
            fs::read_to_string(&self.path).with_context(|| format!("reading {}", self.path.display()))?;
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines.dedup();
        let title = Some(title).filter(|title| !title.is_empty() && !lines.is_empty());
        title.iter().for_each(|title| eprintln!("{title}"));
        lines.iter().for_each(|line| eprintln!("{prefix}{line}"));
        Ok(())
    }
}
