//! `cargo xtask ci`: what a change has to pass. Tests come last, being the longest.

use crate::{
    steps::{self, cargo, root, skip, step, succeeds},
    test,
};
use anyhow::Result;
use clap::Args;

/// What to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Leave the tests to `cargo xtask test`
    #[arg(long)]
    checks_only: bool,
}

/// Runs every check, then the tests.
///
/// # Errors
/// At the first that fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    checks()?;
    if options.checks_only { Ok(()) } else { test::run(&test::Options::default()) }
}

/// Format, lints, the fuzz targets, licences.
fn checks() -> Result<()> {
    let fuzz = root().join("fuzz/Cargo.toml");
    step("format", || steps::run(&mut cargo(&["fmt", "--all", "--check"])))?;
    step("format of the fuzz targets", || {
        steps::run(cargo(&["fmt", "--check", "--manifest-path"]).arg(&fuzz))
    })?;
    step("clippy", || clippy(&["--workspace", "--features", "headrig/aws"]))?;
    // What a newcomer builds.
    step("clippy of headrig without AWS", || clippy(&["--package", "headrig"]))?;
    // The workspace's target folder: the same dependencies are then checked once.
    step("fuzz targets compile", || {
        steps::run(cargo(&["check", "--target-dir", "target", "--manifest-path"]).arg(&fuzz))
    })?;
    if succeeds(&mut cargo(&["deny", "--version"])) {
        step("licences and sources", || {
            steps::run(&mut cargo(&["deny", "--offline", "check", "bans", "licenses", "sources"]))
        })
    } else {
        skip("licences and sources", "cargo-deny is not installed");
        Ok(())
    }
}

fn clippy(selection: &[&str]) -> Result<()> {
    steps::run(cargo(&["clippy", "--all-targets"]).args(selection).args(["--", "--deny", "warnings"]))
}
