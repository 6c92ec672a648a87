//! `cargo xtask sim sink`: a fleet's chunks go through the real ledger on paper time, for several sizes of chunk
//! and batch. It prints what comes of it as a table: backlog, writes, runs, and cost.
//!
//! Settings are `name=value`; see [`Setup`]. What is assumed and what it costs stands in
//! docs/operations/scaling.md.

mod bill;
mod paper;

use bill::{Books, PRICES_AS_OF};
use paper::{Case, Paper};
use std::process::ExitCode;

/// Whose logs go through what. Each field is a setting of its name.
#[derive(Clone, Copy, Debug)]
struct Setup {
    hosts: u64,
    /// Plain log bytes of one host in a day, in millions.
    mb_per_host_day: f64,
    /// Plain bytes in one byte of a chunk.
    ratio: f64,
    /// Glue runs at once.
    runs_max: u64,
    /// Paper minutes; the second half is what is measured.
    minutes: u64,
    /// Seconds of a run in which no bytes are read: the JVM starts, the claim, the commit.
    run_overhead_s: f64,
    /// Plain megabytes that one core reads, parses and writes in a second, Spark included.
    mb_per_core_s: f64,
    /// Cores that do so in one run, and the DPUs that it is billed for.
    cores: f64,
    dpus: f64,
    /// Keys over which the index of pending files is spread.
    shards: u64,
}

const DEFAULTS: Setup = Setup {
    hosts: 100_000,
    mb_per_host_day: 200.0,
    ratio: 10.0,
    runs_max: 50,
    minutes: 30,
    run_overhead_s: 30.0,
    mb_per_core_s: 38.0,
    cores: 4.0,
    dpus: 2.0,
    shards: 16,
};

const CHUNK_MB: [f64; 3] = [1.0, 8.0, 64.0];
const FILES_TOGETHER: [usize; 3] = [5, 50, 500];

fn main() -> ExitCode {
    match setup(std::env::args().skip(1)) {
        Ok(setup) => {
            simulate(&setup);
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("sim_sink: {problem}");
            ExitCode::from(64)
        }
    }
}

fn setup(settings: impl Iterator<Item = String>) -> Result<Setup, String> {
    let mut setup = DEFAULTS;
    for setting in settings {
        let (name, value) =
            setting.split_once('=').ok_or_else(|| format!("expected name=value, found {setting:?}"))?;
        let number: f64 =
            value.parse().map_err(|_| format!("expected a number for {name}, found {value:?}"))?;
        if !(number.is_finite() && number > 0.0) {
            return Err(format!("expected a number above zero for {name}, found {value}"));
        }
        let whole = (number as u64).max(1);
        match name {
            "hosts" => setup.hosts = whole,
            "mb_per_host_day" => setup.mb_per_host_day = number,
            "ratio" => setup.ratio = number,
            "runs_max" => setup.runs_max = whole,
            "minutes" => setup.minutes = whole.max(2),
            "run_overhead_s" => setup.run_overhead_s = number,
            "mb_per_core_s" => setup.mb_per_core_s = number,
            "cores" => setup.cores = number,
            "dpus" => setup.dpus = number,
            "shards" => setup.shards = whole,
            _ => return Err(format!("no setting is named {name:?}")),
        }
    }
    Ok(setup)
}

fn simulate(setup: &Setup) {
    let tb_per_day = setup.hosts as f64 * setup.mb_per_host_day / 1e6;
    println!("{} hosts, {tb_per_day:.1} TB of plain logs a day; {setup:?}", setup.hosts);
    println!("prices as of {PRICES_AS_OF}, us-east-1\n");
    println!(
        "| chunk MB | files together | chunks/s | backlog, files (growth/min) | oldest, min | write calls per file \
         | writes/s | busiest pending key, writes in 1 s | one key for sealed, writes in 1 s | runs/s | runs at once \
         | files per run | Glue $/TB | DynamoDB $/TB | S3 $/TB | sum $/TB |"
    );
    println!("|{}", " ---: |".repeat(16));
    for chunk_mb in CHUNK_MB {
        for files_together in FILES_TOGETHER {
            let paper = Paper::new(*setup, Case::new(chunk_mb, files_together));
            println!("{}", row(chunk_mb, files_together, &paper.run()));
        }
    }
}

fn row(chunk_mb: f64, files_together: usize, books: &Books) -> String {
    let cost = books.cost_per_tb();
    format!(
        "| {chunk_mb} | {files_together} | {:.2} | {} ({:+.0}) | {:.1} | {:.2} | {:.1} | {} | {} | {:.3} | {:.1} | {:.0} \
         | {:.2} | {:.3} | {:.3} | {:.2} |",
        books.per_second(books.files),
        books.backlog,
        books.backlog_growth_per_minute(),
        books.oldest_minutes,
        books.write_calls as f64 / books.files.max(1) as f64,
        books.per_second(books.write_units),
        books.busiest_pending_key,
        books.busiest_sealed_key,
        books.per_second(books.runs),
        books.run_seconds / books.seconds as f64,
        books.files_run as f64 / books.runs.max(1) as f64,
        cost.glue,
        cost.dynamodb,
        cost.s3,
        cost.glue + cost.dynamodb + cost.s3,
    )
}
