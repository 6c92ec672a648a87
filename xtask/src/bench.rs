//! `cargo xtask bench`: builds for release and hands over to `headrig-bench`, which measures.

use crate::{
    python,
    steps::{self, cargo, step},
};
use anyhow::Result;
use clap::{Args, Subcommand};
use std::ffi::OsString;

/// What to measure.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// One big access log from nothing to lake, beside the floor: read, zstd -3 and SHA-256 alone
    #[command(disable_help_flag = true)]
    Local(Options),
    /// The agent against a stand-in for S3: one big log beside the floor, idle files, slow ones, how soon lines are sealed
    #[command(disable_help_flag = true)]
    Agent(Options),
    /// The ETL core on one thread: speed, memory, and what DuckDB and Polars take for the same log
    #[command(disable_help_flag = true)]
    Etl(Options),
}

/// What `headrig-bench` takes; it is the one that knows.
#[derive(Args)]
pub(crate) struct Options {
    /// Such as --mb 900; --help lists them all
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<OsString>,
}

/// Builds and measures.
///
/// # Errors
/// When the build, the run or one of its checks fails.
pub(crate) fn run(bench: &Bench) -> Result<()> {
    let (package, what, Options { options }) = match bench {
        Bench::Local(options) => (Some("headrig"), "local", options),
        Bench::Agent(options) => (Some("headrig-agentd"), "agent", options),
        Bench::Etl(options) => (None, "etl", options),
    };
    if matches!(bench, Bench::Etl(_)) {
        step("python environment (.venv)", python::prepare_for_bench)?;
    }
    // One at a time: built together, a program would get what the other needs of a library as well, and what is
    // measured would not be what is shipped.
    for package in package.into_iter().chain(["headrig-tests"]) {
        step(&format!("build {package} for release"), || {
            steps::run(&mut cargo(&["build", "--release", "--bins", "--package", package]))
        })?;
    }
    let mut measure =
        cargo(&["run", "--release", "--quiet", "--package", "headrig-tests", "--bin", "headrig-bench"]);
    steps::run(measure.args(["--", what]).args(options))
}
