//! Measures the release build: `headrig local` and `headrig-agent`, each beside the floor, in one run, and the sink.
//!
//! Everything that is not measured runs in other processes: the floor, the stand-in for S3, the logs' writers.

mod agent;
mod floor;
mod local;
mod null_s3;
mod sink;
mod verdict;

use clap::{Parser, Subcommand};
use floor::Floor;
use std::{path::PathBuf, process::ExitCode};

/// Measures the release build.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Measure,
}

#[derive(Subcommand)]
enum Measure {
    /// One big access log from nothing to lake
    Local(local::Options),
    /// The agent against a stand-in for S3: one big log, idle files, many slow ones, and how soon a line is sealed
    Agent(agent::Options),
    /// The sink under a Runtime API of this harness: cold start, what an invocation takes, write calls, sizes
    Sink(sink::Options),
    /// Read, compress and hash FILE, and nothing else
    #[command(hide = true)]
    Floor(Floor),
    /// Take uploads into FOLDER until standard input ends
    #[command(hide = true)]
    NullS3 { folder: PathBuf },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Measure::Local(options) => local::run(&options),
        Measure::Agent(options) => agent::run(&options),
        Measure::Sink(options) => sink::run(&options),
        Measure::Floor(floor) => floor.run(),
        Measure::NullS3 { folder } => null_s3::serve(&folder),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headrig-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
