//! Measures `headrig-agent`, the real program, against a stand-in for S3 on this machine, and checks of everything
//! that was written that it was stored once.

mod big;
mod chunks;
mod idle;
mod latency;
mod lines;
mod marked;
mod rig;
mod trickle;
mod writers;

use crate::{
    floor::Codec,
    verdict::{self, Figure},
};
use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use std::{path::Path, time::Duration};
use tempfile::TempDir;

/// What is measured, and how much of it.
#[derive(Args)]
pub(crate) struct Options {
    /// Size of the big access log, in millions of bytes
    #[arg(long, default_value_t = 900)]
    mb: u64,
    /// The codecs with which the big log is shipped; all else is shipped with zstd
    #[arg(long, value_enum, default_value_t = Codecs::Both)]
    codec: Codecs,
    /// How often the big log is shipped with each codec, each time beside the floor
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// How many files are idle, or have a line a second each
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    files: u32,
    /// How long idle files are watched
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    idle_seconds: u64,
    /// How long each file gets a line a second
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    trickle_seconds: u64,
    /// How long lines are written of which is measured how soon they are sealed
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    latency_seconds: u64,
    /// Measure these alone
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Exit with 1 where a target is missed
    #[arg(long)]
    strict: bool,
    /// Leave logs, spool and objects where they are, and say where, as is done when something fails
    #[arg(long)]
    keep: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Codecs {
    Zstd,
    Gzip,
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// One big access log: CPU time beside the floor's, and memory
    Big,
    /// Many files in which nothing happens
    Idle,
    /// Many files with a line a second each
    Trickle,
    /// How soon a line is sealed under load
    Latency,
}

/// Measures, and prints what came out.
///
/// # Errors
/// When something could not be measured, a line was not stored exactly once, or with `--strict` a target was
/// missed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut folder = TempDir::with_prefix("headrig-bench-")?;
    let figures = measure_all(options, folder.path());
    if options.keep || figures.is_err() {
        folder.disable_cleanup(true);
        println!("kept in {}", folder.path().display());
    }
    let figures = figures?;
    let missed = figures.iter().filter(|figure| figure.is_missed()).count();
    println!("everything was stored once; {missed} targets missed");
    ensure!(missed == 0 || !options.strict, "{missed} targets missed");
    Ok(())
}

fn measure_all(options: &Options, folder: &Path) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for scenario in Scenario::value_variants() {
        if options.only.is_empty() || options.only.contains(scenario) {
            let measured = scenario.measure(options, folder)?;
            println!("\n{}", verdict::table(&measured));
            figures.extend(measured);
        }
    }
    Ok(figures)
}

impl Scenario {
    fn measure(self, options: &Options, folder: &Path) -> Result<Vec<Figure>> {
        let files = options.files;
        match self {
            Self::Big => {
                let codecs: &[Codec] = match options.codec {
                    Codecs::Zstd => &[Codec::Zstd],
                    Codecs::Gzip => &[Codec::Gzip],
                    Codecs::Both => &[Codec::Zstd, Codec::Gzip],
                };
                big::measure(folder, options.mb * 1_000_000, codecs, options.pairs)
            }
            Self::Idle => idle::measure(folder, files, Duration::from_secs(options.idle_seconds)),
            Self::Trickle => trickle::measure(folder, files, options.trickle_seconds),
            Self::Latency => latency::measure(folder, options.latency_seconds),
        }
    }
}
