//! The virtual environment that the tests read the lake with: `.venv` in the checkout, and in it DuckDB,
//! a reader of Parquet that shares no code with the writer.
//!
//! Where the package index is out of reach the tests that need it skip, saying so; in CI that is a failure.

use crate::steps::{root, run, skip, succeeds};
use anyhow::{Context, Result, bail};
use std::{path::PathBuf, process::Command};

const DUCKDB: &str = "duckdb==2.0.0";
const INSTALL_TRIES: usize = 2;

/// Makes `.venv` ready, or says why the tests go on without it.
///
/// # Errors
/// In CI, when it cannot be made ready.
pub(crate) fn prepare() -> Result<()> {
    if ready() {
        return Ok(());
    }
    match install() {
        Ok(()) => Ok(()),
        Err(error) if in_ci() => Err(error),
        Err(error) => {
            skip("DuckDB", &format!("the tests that read the lake with it will skip: {error:#}"));
            Ok(())
        }
    }
}

/// Whether this run is CI's, where nothing that can be had may be left out.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

fn install() -> Result<()> {
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
            DUCKDB,
        ]);
        if run(&mut pip).is_ok() && ready() {
            return Ok(());
        }
    }
    bail!(
        "{DUCKDB} could not be installed into .venv in {INSTALL_TRIES} tries; is the Python package index reachable?"
    )
}

/// Whether the pinned version is there and loads.
fn ready() -> bool {
    let version = DUCKDB.trim_start_matches("duckdb==");
    let check = format!("import duckdb, sys; sys.exit(duckdb.__version__ != '{version}')");
    succeeds(Command::new(python()).args(["-c", &check]))
}

fn folder() -> PathBuf {
    root().join(".venv")
}

fn python() -> PathBuf {
    folder().join("bin/python")
}
