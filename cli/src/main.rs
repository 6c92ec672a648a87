//! `headrig`: what an operator runs.
//!
//! Maps one command to one exit code: 0 all well, 1 some inputs failed or the run was cut short, 2 wrong
//! usage, configuration or lake.

mod args;
mod clock;
mod config;
mod local;
mod summary;

use args::{Arguments, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Command::Local(arguments) => match local::run(&arguments) {
            Ok(summary) => ExitCode::from(summary.exit_code()),
            Err(error) => {
                eprintln!("headrig: {error:#}");
                ExitCode::from(2)
            }
        },
    }
}
