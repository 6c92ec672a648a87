//! The virtual environment of the tests, `.venv` in the checkout: DuckDB, a reader of Parquet that shares no code
//! with the writer, and MiniStack, a stand-in for AWS.
//!
//! Where the package index is out of reach the tests that need them skip, saying so; in CI that is a failure.

use crate::steps::{root, run, skip, succeeds};
use anyhow::{Context, Result, bail};
use std::{path::PathBuf, process::Command};

/// What is installed, and for what. The versions are pinned: the tests rely on what exactly these do.
const PACKAGES: [Package; 2] = [
    Package { needed: "reading the lake with DuckDB", pins: &["duckdb==2.0.0"] },
    // MiniStack asks for cbor2 only when it is sent CBOR, which is what the agent sends to CloudWatch.
    Package { needed: "running the agent against MiniStack", pins: &["ministack==1.5.33", "cbor2==6.3.0"] },
];
/// What only `cargo xtask bench` needs.
const BENCH_PACKAGES: [Package; 1] =
    [Package { needed: "measuring the ETL beside Polars", pins: &["polars==2.1.0"] }];
const INSTALL_TRIES: usize = 2;

struct Package {
    needed: &'static str,
    pins: &'static [&'static str],
}

/// Makes `.venv` ready, or says what the tests go on without.
///
/// # Errors
/// In CI, when it cannot be made ready.
pub(crate) fn prepare() -> Result<()> {
    prepare_each(&PACKAGES)
}

/// Makes `.venv` ready for measuring beside others, or says what is left out.
///
/// # Errors
/// As [`prepare`].
pub(crate) fn prepare_for_bench() -> Result<()> {
    prepare()?;
    prepare_each(&BENCH_PACKAGES)
}

fn prepare_each(packages: &[Package]) -> Result<()> {
    for package in packages.iter().filter(|package| !package.is_ready()) {
        match package.install() {
            Ok(()) => {}
            Err(error) if in_ci() => return Err(error),
            Err(error) => skip(package.needed, &format!("{error:#}")),
        }
    }
    Ok(())
}

/// Whether this run is CI's, where nothing that can be had may be left out.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

impl Package {
    /// Whether the pinned versions are there and load.
    fn is_ready(&self) -> bool {
        let check =
            |(name, version): (&str, &str)| format!("import {name}; assert version('{name}') == '{version}'");
        let checks: Vec<String> =
            self.pins.iter().filter_map(|pin| pin.split_once("==")).map(check).collect();
        let script = format!("from importlib.metadata import version\n{}", checks.join("\n"));
        succeeds(Command::new(python()).args(["-c", &script]))
    }

    fn install(&self) -> Result<()> {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder()))
            .context("python3 -m venv does not work here; on Debian install python3-venv")?;
        for _ in 0..INSTALL_TRIES {
            let mut pip = Command::new(python());
            pip.args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--only-binary=:all:",
            ]);
            if run(pip.args(self.pins)).is_ok() && self.is_ready() {
                return Ok(());
            }
        }
        bail!(
            "{} could not be installed into .venv in {INSTALL_TRIES} tries; is the Python package index reachable?",
            self.pins.join(" and ")
        )
    }
}

fn folder() -> PathBuf {
    root().join(".venv")
}

fn python() -> PathBuf {
    folder().join("bin/python")
}
