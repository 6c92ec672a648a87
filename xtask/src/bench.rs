//! `cargo xtask bench`: builds for release and hands over to `headrig-bench`, which measures.

use crate::steps::{self, cargo, step};
use anyhow::Result;
use clap::Subcommand;

/// What to measure.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// One big access log from nothing to lake, beside the floor: read, zstd -3 and SHA-256 alone
    Local {
        /// Size of the generated log, in millions of bytes
        #[arg(long, default_value_t = 300)]
        mb: u64,
        /// Leave the log and the lake where they are, and say where
        #[arg(long)]
        keep: bool,
    },
}

/// Builds and measures.
///
/// # Errors
/// When the build, the run or one of its checks fails.
pub(crate) fn run(bench: &Bench) -> Result<()> {
    let Bench::Local { mb, keep } = bench;
    step("build for release", || {
        steps::run(&mut cargo(&[
            "build",
            "--release",
            "--package",
            "headrig",
            "--package",
            "headrig-tests",
            "--bins",
        ]))
    })?;
    let mut measure =
        cargo(&["run", "--release", "--quiet", "--package", "headrig-tests", "--bin", "headrig-bench"]);
    measure.args(["--", "local", "--mb", &mb.to_string()]);
    if *keep {
        measure.arg("--keep");
    }
    steps::run(&mut measure)
}
