//! Measures the release build: `headrig local` and `headrig-agent`, each beside the floor, and the ETL core beside
//! others that parse the same log; each in one run.
//!
//! Everything that is not measured runs in other processes: the floor, the stand-in for S3, the logs' writers, the others.

mod agent;
mod etl;
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
    /// The ETL core on one thread, and the same log parsed by others
    Etl(etl::Options),
    /// Run one stage of the ETL core over objects, and nothing else
    #[command(hide = true)]
    EtlStage(etl::StageRun),
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
        Measure::Etl(options) => etl::run(&options),
        Measure::EtlStage(stage) => stage.run(),
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
