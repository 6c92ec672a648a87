//! `cargo xtask sim sink`: a fleet's chunks through the real ledger on paper time, as a table of what it costs.
//!
//! The simulation is the ledger's example `sim_sink`; it is built for development, where the ledger is optimised.

use crate::steps::{self, cargo};
use anyhow::Result;
use clap::Args;

/// The fleet, and what is assumed of Glue. docs/operations/scaling.md says what each is worth.
#[derive(Args)]
pub(crate) struct Options {
    /// Hosts in the fleet
    #[arg(long, default_value_t = 100_000)]
    hosts: u64,
    /// Further settings of the simulation as name=value: `mb_per_host_day`, `ratio`, `runs_max`, `minutes`,
    /// `run_overhead_s`, `mb_per_core_s`, `cores`, `dpus`, `shards`
    #[arg(value_name = "NAME=VALUE")]
    settings: Vec<String>,
}

/// Builds and runs the simulation.
///
/// # Errors
/// When the build fails, or a setting is wrong, which it names.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut simulate =
        cargo(&["run", "--quiet", "--package", "headrig-ledger", "--example", "sim_sink", "--"]);
    simulate.arg(format!("hosts={}", options.hosts)).args(&options.settings);
    steps::run(&mut simulate)
}
