//! Measures the ETL core on one thread, each figure beside its bound, and beside it, on the same file in the same run,
//! what parses the same lines by a regular expression.
//!
//! Speeds are millions of raw bytes for each second of CPU time, start-up apart: CPU time is hardly disturbed by what
//! else the machine does. The rounds are interleaved, and a ratio is the median of the rounds' ratios.

mod adverse;
mod objects;
mod rivals;
mod stage;

use crate::{
    local,
    verdict::{self, Figure, median},
};
use adverse::Adverse;
use anyhow::{Context, Result, ensure};
use clap::Args;
use headrig_tests::{
    generate::AccessLog,
    measure::{self, Cost},
};
use objects::{Objects, Until};
use rivals::Rival;
pub(crate) use stage::StageRun;
use stage::{Stage, Work};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tempfile::TempDir;

const SEED: u64 = 1;
/// Objects of a batch, as the ledger seals them.
const BATCH_OBJECTS: usize = 5;
/// What decompressing and parsing has to reach, in millions of raw bytes per second of CPU time.
const PARSE_MB_PER_SECOND_MIN: f64 = 250.0;
/// What the whole way to Parquet has to reach.
const LAKE_MB_PER_SECOND_MIN: f64 = 130.0;
/// What a batch of large objects may have resident.
const PEAK_RSS_MIB_MAX: f64 = 200.0;

/// How long a stage may take: the adverse log makes very many small files, and another program may want the disk, too.
const STAGE_LIMIT: Duration = Duration::from_secs(15 * 60);

/// What is measured, and how much of it.
#[derive(Args)]
pub(crate) struct Options {
    /// Size of the generated access log, in millions of bytes
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    mb: u64,
    /// How often each is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Compressed size of each object of the batch whose memory is measured, in MiB; 0 leaves it out
    #[arg(long, default_value_t = 64)]
    object_mib: u64,
    /// Measure the core alone
    #[arg(long)]
    alone: bool,
    /// Measure the core with this log instead of a generated one, and alone
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Exit with 1 where a bound is missed
    #[arg(long)]
    strict: bool,
    /// Leave the log, the objects and the lakes where they are, and say where
    #[arg(long)]
    keep: bool,
}

/// What the rounds came to, by who ran: each round's work.
struct Rounds {
    name: &'static str,
    works: Vec<Work>,
}

/// Measures, and prints what came out.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut folder = TempDir::with_prefix("headrig-bench-")?;
    folder.disable_cleanup(options.keep);
    let mut figures = speeds(options, folder.path())?;
    if options.object_mib > 0 {
        let (mut access, mut adverse) = (AccessLog::new(SEED), Adverse::new(SEED));
        let folder = folder.path();
        figures.push(memory("access log", options, folder, |out| access.push_line(out))?);
        figures.push(memory("adverse log", options, folder, |out| adverse.push_line(out))?);
    }
    println!("{}", verdict::table(&figures));
    if options.keep {
        println!("kept in {}", folder.path().display());
    }
    let missed = figures.iter().filter(|figure| figure.is_missed()).count();
    ensure!(!options.strict || missed == 0, "{missed} bounds are missed");
    Ok(())
}

/// The speeds of the core's stages, and those of its rivals.
fn speeds(options: &Options, folder: &Path) -> Result<Vec<Figure>> {
    let log = match &options.log {
        Some(log) => log.clone(),
        None => {
            let log = folder.join("access.log");
            local::generate(&log, options.mb * 1_000_000)?;
            log
        }
    };
    let bytes = fs::metadata(&log).with_context(|| format!("reading {}", log.display()))?.len();
    let until = Until::RawBytes(bytes.div_ceil(BATCH_OBJECTS as u64));
    let objects = Objects::of_log(folder.join("objects"), &log, until)?;
    println!(
        "log: {:.1} MB, {} lines; {:.1} MB in {} objects",
        bytes as f64 / 1e6,
        objects.lines,
        objects.stored_bytes as f64 / 1e6,
        objects.number
    );
    let rivals =
        if options.alone || options.log.is_some() { Vec::new() } else { Rival::all_that_are_there() };
    let stages = [Stage::Decompress, Stage::Parse, Stage::Lake];
    let mut core = stages.map(|stage| Rounds { name: stage.name(), works: Vec::new() });
    let mut others: Vec<Rounds> =
        rivals.iter().map(|rival| Rounds { name: rival.name(), works: Vec::new() }).collect();
    for _ in 0..options.rounds {
        for (stage, rounds) in stages.into_iter().zip(&mut core) {
            rounds.works.push(run_stage(stage, &objects, folder, bytes)?.0);
        }
        for (rival, rounds) in rivals.iter().zip(&mut others) {
            rounds.works.push(rival.run(&log, folder, objects.lines)?);
        }
    }
    let [decompress, parse, lake] = &core;
    let mut figures = vec![
        decompress.speed(),
        parse.speed_of_at_least(PARSE_MB_PER_SECOND_MIN),
        lake.speed_of_at_least(LAKE_MB_PER_SECOND_MIN),
    ];
    for rounds in &others {
        figures.push(rounds.speed());
        let what = format!("{} / {}, CPU time", rounds.name, lake.name);
        figures.push(Figure::stated(what, format!("{:.2} x", rounds.ratio_to(lake))));
    }
    Ok(figures)
}

/// The most memory that a batch of large objects takes, in a process that does nothing else.
fn memory(
    name: &str,
    options: &Options,
    folder: &Path,
    push_line: impl FnMut(&mut String),
) -> Result<Figure> {
    let (until, large) = (Until::StoredBytes(options.object_mib << 20), folder.join("large"));
    if large.exists() {
        fs::remove_dir_all(&large)?;
    }
    let objects = Objects::of_generated(large, push_line, BATCH_OBJECTS, until)?;
    println!(
        "{name}: {:.1} MB in {} objects of {:.1} MB in all",
        objects.raw_bytes as f64 / 1e6,
        objects.number,
        objects.stored_bytes as f64 / 1e6
    );
    let (_, cost) = run_stage(Stage::Lake, &objects, folder, objects.raw_bytes)?;
    let what = format!("peak RSS, {name}, {} x {} MiB compressed", objects.number, options.object_mib);
    Ok(Figure::below(what, cost.peak_rss_bytes as f64 / f64::from(1 << 20), PEAK_RSS_MIB_MAX, "MiB"))
}

/// Runs a stage in a process of its own, and checks that nothing was left out.
fn run_stage(stage: Stage, objects: &Objects, folder: &Path, bytes: u64) -> Result<(Work, Cost)> {
    let (lake, told) = (folder.join("lake"), folder.join("stage.json"));
    if lake.exists() {
        fs::remove_dir_all(&lake)?;
    }
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["etl-stage", stage.name()]).args([&objects.folder, &lake]).stdout(File::create(&told)?);
    let cost = measure::run(&mut command, STAGE_LIMIT)?;
    let work: Work = serde_json::from_reader(File::open(&told)?).context("reading what a stage told")?;
    ensure!(
        work.raw_bytes == bytes,
        "expected {} to see {bytes} bytes, found {}",
        stage.name(),
        work.raw_bytes
    );
    let expect = if stage == Stage::Decompress { 0 } else { objects.lines };
    ensure!(work.rows == expect, "expected {} to make {expect} rows, found {}", stage.name(), work.rows);
    Ok((work, cost))
}

impl Rounds {
    fn speed(&self) -> Figure {
        let (speed, seconds) = self.medians();
        Figure::stated(self.what(seconds), format!("{speed:.1} MB/s"))
    }

    fn speed_of_at_least(&self, bound: f64) -> Figure {
        let (speed, seconds) = self.medians();
        Figure::at_least(self.what(seconds), speed, bound, "MB/s")
    }

    fn what(&self, seconds: f64) -> String {
        format!("{}, {seconds:.2} CPU s", self.name)
    }

    /// Millions of raw bytes per second of CPU time, and these seconds.
    fn medians(&self) -> (f64, f64) {
        let of = |value: fn(&Work) -> f64| median(&self.works.iter().map(value).collect::<Vec<_>>());
        (of(|work| work.raw_bytes as f64 / 1e6 / work.cpu_seconds.max(1e-6)), of(|work| work.cpu_seconds))
    }

    /// How many times the CPU time of `other` this took, round by round.
    fn ratio_to(&self, other: &Self) -> f64 {
        let pairs = self.works.iter().zip(&other.works);
        median(&pairs.map(|(one, other)| one.cpu_seconds / other.cpu_seconds.max(1e-6)).collect::<Vec<_>>())
    }
}
