//! The project's own commands, run as `cargo xtask <command>`.
//!
//! Kept to clap and anyhow, so that it is compiled in seconds: what needs more lives in the crates that
//! it runs. Every command works on a fresh clone and touches nothing outside the checkout.

mod bench;
mod ci;
mod dist;
mod glibc;
mod job;
mod lambda;
mod python;
mod sim;
mod steps;
mod test;
mod wheel;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every test; installs what it needs into .venv
    Test(test::Options),
    /// Run what CI runs: format, lints, licences, then the tests
    Ci(ci::Options),
    /// Simulate the whole agent: crashes, faults and rotations in an order that a seed determines
    Sim(sim::Options),
    /// Make the packages: deb, rpm, tar.gz, checksums, bill of materials
    Dist(dist::Options),
    /// Build the sink's deployment package, target/lambda/bootstrap.zip
    Lambda,
    /// Build the job's wheel as Glue installs it, below target/wheels/glue
    Wheel,
    /// Measure the release build
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Test(options) => test::run(&options),
        Command::Ci(options) => ci::run(&options),
        Command::Sim(options) => sim::run(&options),
        Command::Dist(options) => dist::run(&options),
        Command::Lambda => lambda::run(),
        Command::Wheel => wheel::run(),
        Command::Bench(bench) => bench::run(&bench),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
