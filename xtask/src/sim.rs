//! `cargo xtask sim`: more stories of the agent's simulation than the tests tell, or one of them again; and
//! with `sink`, what a fleet asks of the cloud.
//!
//! The agent's simulation is its test `sim`; it is built for release, since a seed costs ten times less there.

mod sink;

use crate::steps::{self, cargo, step};
use anyhow::Result;
use clap::{Args, Subcommand};

/// Which seeds, or what else.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    other: Option<Other>,
    /// How many seeds to run
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// One seed only; if it goes wrong, the shortest way there is printed
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
}

/// What is simulated beside the agent.
#[derive(Subcommand)]
enum Other {
    /// The sink: backlog, DynamoDB writes, Glue runs and cost, for several sizes of chunk and batch
    Sink(sink::Options),
}

/// Builds and runs the simulation.
///
/// # Errors
/// When a seed goes wrong, which it names.
pub(crate) fn run(options: &Options) -> Result<()> {
    if let Some(Other::Sink(options)) = &options.other {
        return sink::run(options);
    }
    let test = ["test", "--release", "--package", "headrig-agent", "--test", "sim"];
    step("build for release", || steps::run(cargo(&test).arg("--no-run")))?;
    let mut tell = cargo(&test);
    tell.args(["--quiet", "--", "--exact", "as_many_seeds_as_are_asked_for", "--ignored", "--nocapture"]);
    tell.env("RUST_BACKTRACE", "0");
    match options.seed {
        Some(seed) => tell.env("HEADRIG_SIM_SEED", seed.to_string()),
        None => tell
            .env("HEADRIG_SIM_SEEDS", options.seeds.to_string())
            .env("HEADRIG_SIM_FROM", options.from.to_string()),
    };
    step("simulation", || steps::run(&mut tell))
}
