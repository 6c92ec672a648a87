//! `cargo xtask bench`: builds for release and hands over to `headrig-bench`, which measures.

use crate::{
    job::{self, Profile},
    python,
    steps::{self, cargo, root, step},
    test::target_folder,
};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use std::{ffi::OsString, process::Command};

/// What to measure.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// One big access log from nothing to lake, beside the floor: read, zstd -3 and SHA-256 alone
    #[command(disable_help_flag = true)]
    Local(Options),
    /// The agent against a stand-in for S3: one big log beside the floor, idle files, slow ones, how soon lines are sealed
    #[command(disable_help_flag = true)]
    Agent(Options),
    /// The sink's bootstrap under a Lambda Runtime API: cold start, what an invocation takes, write calls, sizes
    #[command(disable_help_flag = true)]
    Sink(Options),
    /// The Spark job beside plain PySpark with regexp_extract, on the same access log
    #[command(disable_help_flag = true)]
    Spark(Options),
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
        Bench::Sink(options) => {
            step("python environment (.venv)", python::prepare)?;
            (Some("headrig-sink"), "sink", options)
        }
        Bench::Spark(options) => return spark(options),
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

/// The job is measured by a program of its own: its processes are Spark's.
fn spark(options: &Options) -> Result<()> {
    step("python environment (.venv)", python::prepare)?;
    if let Some(reason) = job::lacking() {
        bail!("{reason}");
    }
    let target = target_folder();
    let wheel = step("build the wheel for release", || job::wheel(&target, Profile::Release))?;
    // Not into .venv, whose wheel is the one that is tested.
    let site = target.join("bench-site");
    let folder = site.to_string_lossy();
    job::install(&wheel, &["--upgrade", "--target", &folder])?;
    let mut measure = Command::new(python::interpreter());
    measure.arg(root().join("etl/python/bench/spark_bench.py")).args(&options.options);
    steps::run(measure.env("PYTHONPATH", &site))
}
