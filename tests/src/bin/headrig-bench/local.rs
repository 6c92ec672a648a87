//! Measures `headrig local` against the floor. Both are children of this process, measured alike, in one run.

use crate::floor::{self, Codec};
use anyhow::{Context, Result, ensure};
use clap::Args;
use headrig_tests::{
    generate::{AccessLog, Written},
    lake::Lake,
    measure::{self, Cost},
    process,
    summary::Summary,
};
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    process::Command,
};
use tempfile::TempDir;

const SEED: u64 = 1;
/// What the whole path has to reach, in millions of raw bytes per second of CPU time.
const MB_PER_CPU_SECOND_MIN: f64 = 80.0;
/// What the whole path may have resident.
const PEAK_RSS_MIB_MAX: f64 = 250.0;

/// How much is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Size of the generated log, in millions of bytes
    #[arg(long, default_value_t = 300)]
    mb: u64,
    /// Leave the log and the lake where they are, and say where
    #[arg(long)]
    keep: bool,
}

/// Measures, and prints what came out.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut folder = TempDir::with_prefix("headrig-bench-")?;
    folder.disable_cleanup(options.keep);
    let log = folder.path().join("access.log");
    let written = generate(&log, options.mb * 1_000_000)?;
    println!("access log: {} lines, {:.1} MB", written.lines, written.bytes as f64 / 1e6);
    let floor = floor::measure(&log, Codec::Zstd)?;
    let lake = Lake::new(folder.path().join("lake"));
    let whole = run_headrig(&log, &lake, written)?;
    print_table(written.bytes as f64 / 1e6, &whole, &floor);
    if options.keep {
        println!("kept in {}", folder.path().display());
    }
    Ok(())
}

/// Writes the access log, and waits until the disk has it: writing it back is nobody's work later.
pub(crate) fn generate(log: &Path, bytes: u64) -> Result<Written> {
    let mut out = BufWriter::new(File::create(log)?);
    let written = AccessLog::new(SEED).write(bytes, &mut out)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(written)
}

/// Runs the whole path, and checks that the lake has a row for each line.
fn run_headrig(log: &Path, lake: &Lake, written: Written) -> Result<Cost> {
    let summary_file = lake.folder().with_extension("json");
    let mut command = Command::new(process::binary()?);
    command.args(["local", "--json", "--lake"]).args([lake.folder(), log]);
    let cost = measure::run(command.stdout(File::create(&summary_file)?), process::RUN_LIMIT)?;
    let summary: Summary =
        serde_json::from_reader(File::open(&summary_file)?).context("reading the summary")?;
    let rows = lake.row_count()?;
    ensure!(rows == written.lines, "expected {} rows in the lake, found {rows}", written.lines);
    ensure!(summary.rows == rows, "expected the summary to tell {rows} rows, found {}", summary.rows);
    println!(
        "lake: {rows} rows, {} unparsed, {:.1} MB of chunks, {:.1} MB of Parquet in {} files",
        summary.unparsed,
        summary.bytes.chunks as f64 / 1e6,
        summary.bytes.parquet as f64 / 1e6,
        lake.files()?.len()
    );
    Ok(cost)
}

fn print_table(mb: f64, whole: &Cost, floor: &Cost) {
    let rate = |cost: &Cost| mb / cost.cpu.as_secs_f64().max(0.01);
    let rss = |cost: &Cost| cost.peak_rss_bytes as f64 / f64::from(1 << 20);
    println!();
    println!(
        "| {:<30} | {:>8} | {:>6} | {:>12} | {:>13} | {:>6} |",
        "", "MB raw", "CPU s", "MB per CPU-s", "peak RSS MiB", "wall s"
    );
    println!("| {:-<30} | {:->7}: | {:->5}: | {:->11}: | {:->12}: | {:->5}: |", "", "", "", "", "", "");
    for (name, cost) in [("headrig local", whole), ("floor: read, zstd -3, SHA-256", floor)] {
        println!(
            "| {name:<30} | {mb:>8.1} | {:>6.2} | {:>12.1} | {:>13.1} | {:>6.2} |",
            cost.cpu.as_secs_f64(),
            rate(cost),
            rss(cost),
            cost.wall.as_secs_f64()
        );
    }
    println!();
    println!("CPU time {:.2} x the floor's", whole.cpu.as_secs_f64() / floor.cpu.as_secs_f64().max(0.01));
    let verdict = |met| if met { "met" } else { "MISSED" };
    println!(
        "at least {MB_PER_CPU_SECOND_MIN} MB per CPU-second: {:.1}, {}",
        rate(whole),
        verdict(rate(whole) >= MB_PER_CPU_SECOND_MIN)
    );
    println!(
        "peak RSS under {PEAK_RSS_MIB_MAX} MiB: {:.1}, {}",
        rss(whole),
        verdict(rss(whole) < PEAK_RSS_MIB_MAX)
    );
}
