//! One stage of the core over the objects of a folder, in a process of its own: what it did goes to standard output.

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use headrig_contract::{
    ContentHash, ObjectKey, UnixMicros,
    chunk::{ChunkReader, Provenance},
    framing::Framing,
};
use headrig_etl::{
    BatchRun, Event, LakeFile, LakeSink, Member, Settings,
    parse::{Context as Clock, StreamFormat},
};
use headrig_tests::measure::process_cpu_time;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    hint::black_box,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Events that a stream's format is found from.
const SAMPLE_EVENTS: usize = 64;

/// How far the core goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// Blocks to plain bytes
    Decompress,
    /// Plain bytes to events
    Parse,
    /// Everything, to Parquet files
    Lake,
}

/// What is run, over what.
#[derive(Args)]
pub(crate) struct StageRun {
    #[arg(value_enum)]
    stage: Stage,
    objects: PathBuf,
    lake: PathBuf,
}

/// What was done, and for how much.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Work {
    pub(super) raw_bytes: u64,
    pub(super) rows: u64,
    /// User and system time of the whole process, start-up and the reading of objects apart.
    pub(super) cpu_seconds: f64,
}

impl Stage {
    /// What it is called in the table and on the command line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Decompress => "decompress",
            Self::Parse => "parse",
            Self::Lake => "lake",
        }
    }
}

impl StageRun {
    /// Runs it, and prints what it did as JSON.
    pub(crate) fn run(&self) -> Result<()> {
        let work = match self.stage {
            Stage::Decompress => self.each_object(&mut Decompressed::default())?,
            Stage::Parse => self.each_object(&mut Parsed::default())?,
            Stage::Lake => self.load()?,
        };
        println!("{}", serde_json::to_string(&work)?);
        Ok(())
    }

    /// The whole batch run, as whoever commits a batch does it: one object in memory at a time.
    fn load(&self) -> Result<Work> {
        let settings = Settings::default();
        let mut sink = FolderSink(&self.lake);
        let mut run = BatchRun::new("bench", &settings);
        let mut cpu = Duration::ZERO;
        for path in objects(&self.objects)? {
            let (member, bytes) = member(&path)?;
            let begun = process_cpu_time();
            run.object(&member, &bytes, &mut sink)?;
            cpu += process_cpu_time() - begun;
        }
        let begun = process_cpu_time();
        let report = run.finish(&mut sink)?;
        cpu += process_cpu_time() - begun;
        Ok(Work {
            raw_bytes: report.counts.bytes_raw,
            rows: report.counts.rows,
            cpu_seconds: cpu.as_secs_f64(),
        })
    }

    fn each_object(&self, taker: &mut impl BlockTaker) -> Result<Work> {
        let (mut cpu, mut raw, mut raw_bytes, mut rows) = (Duration::ZERO, Vec::new(), 0, 0);
        for path in objects(&self.objects)? {
            let (member, bytes) = member(&path)?;
            let begun = process_cpu_time();
            ensure!(ContentHash::of(&bytes) == member.hash, "the object changed");
            let mut reader = ChunkReader::new(&bytes);
            while let Some(provenance) = reader.next_block(&mut raw)? {
                raw_bytes += raw.len() as u64;
                rows += taker.take(&provenance, &raw)?;
            }
            cpu += process_cpu_time() - begun;
        }
        Ok(Work { raw_bytes, rows, cpu_seconds: cpu.as_secs_f64() })
    }
}

/// Does a stage's work on one block, and says how many events that were.
trait BlockTaker {
    fn take(&mut self, provenance: &Provenance, raw: &[u8]) -> Result<u64>;
}

#[derive(Default)]
struct Decompressed {}

impl BlockTaker for Decompressed {
    fn take(&mut self, _: &Provenance, raw: &[u8]) -> Result<u64> {
        black_box(raw);
        Ok(0)
    }
}

#[derive(Default)]
struct Parsed {
    format: Option<StreamFormat>,
    framing: Framing,
    settings: Settings,
}

impl BlockTaker for Parsed {
    fn take(&mut self, provenance: &Provenance, raw: &[u8]) -> Result<u64> {
        let segment = provenance.segments.first().context("a block has a segment")?;
        let text = std::str::from_utf8(raw)?;
        let events =
            || self.framing.events(raw, segment.offset).map(|range| text[range].trim_end_matches('\n'));
        let format = self.format.get_or_insert_with(|| {
            StreamFormat::detect(events().take(SAMPLE_EVENTS), &provenance.format_hint)
        });
        let clock = Clock::new(provenance.read_at, segment.modified, &self.settings.zone);
        let (mut event, mut count) = (Event::default(), 0);
        for text in events() {
            format.parse(text, &clock, &mut event);
            black_box(&event);
            count += 1;
        }
        Ok(count)
    }
}

/// Writes files to where they belong below a folder, and forgets them.
struct FolderSink<'f>(&'f Path);

impl LakeSink for FolderSink<'_> {
    fn write(&mut self, file: LakeFile) -> io::Result<()> {
        let path = self.0.join(&file.path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, &file.bytes)
    }
}

fn objects(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries: io::Result<Vec<PathBuf>> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut objects = entries?;
    objects.sort();
    Ok(objects)
}

fn member(path: &Path) -> Result<(Member, Vec<u8>)> {
    let name = path.file_name().and_then(|name| name.to_str()).context("an object has a name")?;
    let key = ObjectKey::parse(&format!("host=bench/source=nginx/{name}"))?;
    let bytes = fs::read(path)?;
    let hash = ContentHash::of(&bytes);
    Ok((Member { key, hash, modified: UnixMicros(0) }, bytes))
}
