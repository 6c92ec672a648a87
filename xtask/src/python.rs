//! The virtual environment of the tests, `.venv` in the checkout: DuckDB, a reader of Parquet that shares no code
//! with the writer, and MiniStack, a stand-in for AWS.
//!
//! Where the package index is out of reach the tests that need them skip, saying so; in CI that is a failure.

use crate::steps::{root, run, skip, succeeds};
use anyhow::{Context, Result, bail};
use std::{path::PathBuf, process::Command};

/// What is installed, and for what. The versions are pinned: the tests rely on what exactly these do.
const PACKAGES: [Package; 4] = [
    Package { needed: "reading the lake with DuckDB", pins: &["duckdb==2.0.0"], has_wheels: true },
    // MiniStack asks for cbor2 only when it is sent CBOR, which is what the agent sends to CloudWatch.
    Package {
        needed: "running the agent against MiniStack",
        pins: &["ministack==1.5.33", "cbor2==6.3.0"],
        has_wheels: true,
    },
    // The boto3 that goes with the botocore which MiniStack pins.
    Package {
        needed: "building and testing the wheel headrig_etl",
        pins: &[
            "maturin==1.16.0",
            "pytest==9.2.0",
            "boto3==1.43.106",
            "numpy==1.26.4",
            "pandas==2.2.3",
            "pyarrow==17.0.0",
            "ruff==0.17.6",
            "mypy==2.4.1",
        ],
        has_wheels: true,
    },
    // What Glue 5.1 runs. PyPI has Spark as sources only, which hold the jars and compile nothing.
    Package { needed: "running the job on Spark", pins: &["pyspark==3.5.6"], has_wheels: false },
];
/// Of those, the ones that the Spark job's tests cannot do without.
const FOR_THE_JOB: std::ops::Range<usize> = 1..4;
const INSTALL_TRIES: usize = 2;

struct Package {
    needed: &'static str,
    pins: &'static [&'static str],
    /// Whether the index has them as wheels; else their sources are taken.
    has_wheels: bool,
}

/// Makes `.venv` ready, or says what the tests go on without.
///
/// # Errors
/// In CI, when it cannot be made ready.
pub(crate) fn prepare() -> Result<()> {
    for package in PACKAGES.iter().filter(|package| !package.is_ready()) {
        match package.install() {
            Ok(()) => {}
            Err(error) if in_ci() => return Err(error),
            Err(error) => skip(package.needed, &format!("{error:#}")),
        }
    }
    Ok(())
}

/// What of the Spark job's needs is not installed, if anything.
pub(crate) fn job_packages_lacking() -> Option<&'static str> {
    PACKAGES[FOR_THE_JOB].iter().find(|package| !package.is_ready()).map(|package| package.needed)
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
        succeeds(Command::new(interpreter()).args(["-c", &script]))
    }

    fn install(&self) -> Result<()> {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder()))
            .context("python3 -m venv does not work here; on Debian install python3-venv")?;
        for _ in 0..INSTALL_TRIES {
            let mut pip = Command::new(interpreter());
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
            if self.has_wheels {
                pip.arg("--only-binary=:all:");
            }
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

/// The environment's Python, whether or not it is there.
pub(crate) fn interpreter() -> PathBuf {
    folder().join("bin/python")
}
