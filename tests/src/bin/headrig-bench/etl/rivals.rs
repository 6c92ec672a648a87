//! Others that make Parquet of the same log: by a regular expression, on one thread, columns and compression alike.
//!
//! Each is a script for the Python of `.venv`, which is told the log and the file to write and prints as JSON how many
//! rows it made and the CPU seconds it took, its start-up apart. One more rival is one more script and one more line.

use super::stage::Work;
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Every rival, by its module and what it is called in the table.
const RIVALS: [Rival; 2] = [
    Rival { module: "duckdb", name: "DuckDB, regexp_extract", script: include_str!("rivals/by_duckdb.py") },
    Rival { module: "polars", name: "Polars, extract_groups", script: include_str!("rivals/by_polars.py") },
];

/// One of them.
#[derive(Clone, Copy)]
pub(super) struct Rival {
    module: &'static str,
    name: &'static str,
    script: &'static str,
}

#[derive(serde::Deserialize)]
struct Told {
    rows: u64,
    /// Rows of which the regular expression found the status.
    parsed: u64,
    cpu_seconds: f64,
}

impl Rival {
    /// Those whose packages are installed; of the others it is said that they are left out.
    pub(super) fn all_that_are_there() -> Vec<Self> {
        let is_there = |rival: &Self| {
            let import = format!("import {}", rival.module);
            let status = Command::new(python()).args(["-c", &import]).stderr(Stdio::null()).status();
            let is_there = status.is_ok_and(|status| status.success());
            if !is_there {
                println!(
                    "{} is left out: not installed in .venv; `cargo xtask bench etl` does that",
                    rival.name
                );
            }
            is_there
        };
        RIVALS.into_iter().filter(is_there).collect()
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// Has it make Parquet of `log`, and checks that no line was left out.
    pub(super) fn run(&self, log: &Path, folder: &Path, lines: u64) -> Result<Work> {
        let out = folder.join(format!("{}.parquet", self.module));
        let output = Command::new(python())
            .args(["-c", self.script])
            .args([log, &out])
            .env("POLARS_MAX_THREADS", "1")
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("starting {}", python().display()))?;
        ensure!(output.status.success(), "{} ended with {}", self.name, output.status);
        let told: Told = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("reading what {} told", self.name))?;
        ensure!(
            (told.rows, told.parsed) == (lines, lines),
            "expected {} to parse {lines} lines, found {} of {}",
            self.name,
            told.parsed,
            told.rows
        );
        let raw_bytes = fs::metadata(log)?.len();
        Ok(Work { raw_bytes, rows: told.rows, cpu_seconds: told.cpu_seconds })
    }
}

fn python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python")
}
