//! How fast one thread turns a log into the lake: `cargo run --release -p headrig-etl --example throughput
//! -- FILE [CHUNK_MB]`.
//!
//! Cuts FILE into chunks as an agent would, runs them as one batch into a sink that only counts, and
//! prints plain megabytes (10^6 bytes) for each second of CPU. Making the chunks is not counted. With
//! TABLES set, prints the size of each partition; with LAKE=FOLDER, writes the files there.

use headrig_contract::{
    AgentId, ByteLength, ByteOffset, ContentHash, Generation, HostName, ObjectKey, StreamId, UnixMicros,
    chunk::{BLOCK_BYTES_MAX, BlockEncoder, Codec, Provenance, Segment, SegmentEdges},
    framing::FramingRule,
};
use headrig_etl::{BatchRun, LakeFile, LakeSink, Member, Settings};
use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    io::{self, Read},
    time::{Duration, Instant},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: throughput FILE [CHUNK_MB]")?;
    let chunk_bytes = arguments.next().map_or(Ok(64), |text| text.parse::<usize>())? << 20;
    let settings = Settings::default();
    let mut run = BatchRun::new("throughput", &settings);
    let mut sink = Counting::default();
    let mut chunks = Chunks::open(&path)?;
    let mut cpu = Duration::ZERO;
    while let Some((member, bytes)) = chunks.next_chunk(chunk_bytes)? {
        let start = cpu_time();
        run.object(&member, &bytes, &mut sink)?;
        cpu += cpu_time() - start;
    }
    let start = cpu_time();
    let report = run.finish(&mut sink)?;
    cpu += cpu_time() - start;
    let megabytes = report.counts.bytes_raw as f64 / 1e6;
    println!(
        "{:10.1} MB raw, {:.1} MB stored, {:.1} MB lake",
        megabytes,
        mb(report.bytes_in),
        mb(report.bytes_out)
    );
    println!("{:10} rows in {} files, {} unparsed", report.counts.rows, report.files, report.counts.unparsed);
    println!("{:10.1} MB raw per CPU-second ({:.2} s)", megabytes / cpu.as_secs_f64(), cpu.as_secs_f64());
    println!("{:10} peak resident set", peak_rss());
    if std::env::var_os("TABLES").is_some() {
        sink.by_table.iter().for_each(|(table, bytes)| println!("{:10.2} MB {table}", mb(*bytes)));
    }
    Ok(())
}

/// Cuts a file into chunks at the ends of lines.
struct Chunks {
    file: fs::File,
    path: String,
    encoder: BlockEncoder,
    carry: Vec<u8>,
    offset: u64,
}

/// A chunk and what a ledger would know of it.
type Object = (Member, Vec<u8>);

/// Forgets files, but for their sizes.
#[derive(Default)]
struct Counting {
    by_table: BTreeMap<String, u64>,
}

impl Chunks {
    fn open(path: &str) -> Result<Self, Box<dyn Error>> {
        let encoder = BlockEncoder::new(Codec::Zstd, 3)?;
        Ok(Self { file: fs::File::open(path)?, path: path.into(), encoder, carry: Vec::new(), offset: 0 })
    }

    fn next_chunk(&mut self, bytes_max: usize) -> Result<Option<Object>, Box<dyn Error>> {
        let mut chunk = Vec::new();
        let end = self.offset + bytes_max as u64;
        while self.offset < end && self.next_block(&mut chunk)? {}
        if chunk.is_empty() {
            return Ok(None);
        }
        let key = ObjectKey::parse(&format!("host=bench/source=bench/{:012}", self.offset))?;
        Ok(Some((Member { key, hash: ContentHash::of(&chunk), modified: UnixMicros(0) }, chunk)))
    }

    fn next_block(&mut self, chunk: &mut Vec<u8>) -> Result<bool, Box<dyn Error>> {
        let room = (BLOCK_BYTES_MAX - self.carry.len()) as u64;
        (&mut self.file).take(room).read_to_end(&mut self.carry)?;
        let newline = self.carry.iter().rposition(|byte| *byte == b'\n');
        let used = newline.map_or(self.carry.len(), |newline| newline + 1);
        if used == 0 {
            return Ok(false);
        }
        self.encoder.encode(&self.provenance(used), &self.carry[..used], chunk)?;
        self.carry.drain(..used);
        self.offset += used as u64;
        Ok(true)
    }

    fn provenance(&self, length: usize) -> Provenance {
        let agent = AgentId::from_bytes([7; 16]);
        let segment = Segment {
            stream: StreamId::derive(agent, 0),
            path: self.path.as_str().into(),
            generation: Generation(0),
            offset: ByteOffset(self.offset),
            length: ByteLength(length as u64),
            modified: UnixMicros::from_seconds(1_790_000_000),
            edges: SegmentEdges::default(),
        };
        Provenance {
            agent,
            host: HostName::from_lossy("bench"),
            source: "bench".parse().expect("a name of letters"),
            format_hint: "".into(),
            read_at: UnixMicros::from_seconds(1_790_000_000),
            chain: None,
            framing: FramingRule::default(),
            segments: vec![segment],
        }
    }
}

impl LakeSink for Counting {
    fn write(&mut self, file: LakeFile) -> io::Result<()> {
        let partition = file.path.rsplit_once('/').map_or("", |(partition, _)| partition);
        *self.by_table.entry(partition.into()).or_default() += file.bytes.len() as u64;
        if let Some(folder) = std::env::var_os("LAKE") {
            let path = std::path::Path::new(&folder).join(&file.path);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, &file.bytes)?;
        }
        Ok(())
    }
}

/// This thread's CPU time on Linux, the wall clock elsewhere.
fn cpu_time() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let start = START.get_or_init(Instant::now);
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = schedstat.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

fn peak_rss() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("unknown".into(), |rest| rest.trim().into())
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
