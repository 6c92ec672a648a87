//! What each codec and level makes of log files, as a table: raw over compressed size, MB of raw log per second of CPU.
//!
//! usage: cargo run --release -p headrig-contract --example levels -- FILE...
//!
//! Each file is cut into blocks as the agent cuts it. A pass over a file is timed several times and the
//! fastest counts, which is the one that others disturbed least.

#![allow(clippy::unwrap_used, reason = "an example that fails says where")]

use headrig_contract::{
    AgentId, ByteLength, ByteOffset, Generation, HostName, StreamId, UnixMicros,
    chunk::{BLOCK_BYTES_MAX, BlockEncoder, Codec, Provenance, Segment, SegmentEdges},
    framing::FramingRule,
};
use std::{env, fs, path::Path};

/// What is compared: every level that somebody might want.
const CANDIDATES: [(Codec, i32); 10] = [
    (Codec::Zstd, 1),
    (Codec::Zstd, 2),
    (Codec::Zstd, 3),
    (Codec::Zstd, 4),
    (Codec::Zstd, 6),
    (Codec::Zstd, 9),
    (Codec::Gzip, 1),
    (Codec::Gzip, 4),
    (Codec::Gzip, 6),
    (Codec::Gzip, 9),
];
/// Passes over a file, and the bytes that a pass takes at least, so that small files can be timed.
const PASSES: usize = 3;
const PASS_BYTES_MIN: usize = 64 << 20;

fn main() {
    let files: Vec<String> = env::args().skip(1).collect();
    assert!(!files.is_empty(), "usage: levels FILE...");
    let names = CANDIDATES.map(|(codec, level)| match codec {
        Codec::Zstd => format!("zstd {level}"),
        Codec::Gzip => format!("gzip {level}"),
    });
    println!("| log | MB | {} |", names.join(" | "));
    println!("| --- | ---: |{}", " ---: |".repeat(CANDIDATES.len()));
    for file in &files {
        let bytes = fs::read(file).unwrap();
        let name = Path::new(file).file_name().unwrap().to_string_lossy();
        print!("| {name} | {:.1} |", bytes.len() as f64 / 1e6);
        for (codec, level) in CANDIDATES {
            let (length, seconds) = compressed(&bytes, codec, level);
            let (ratio, rate) = (bytes.len() as f64 / length as f64, bytes.len() as f64 / 1e6 / seconds);
            print!(" {ratio:.1}, {rate:.0} |");
        }
        println!();
    }
}

/// The length of the blocks, and the seconds of CPU that the fastest pass took for `bytes` once.
fn compressed(bytes: &[u8], codec: Codec, level: i32) -> (usize, f64) {
    let mut encoder = BlockEncoder::new(codec, level).unwrap();
    let rounds = PASS_BYTES_MIN.div_ceil(bytes.len());
    let (mut length, mut fastest, mut out) = (0, f64::MAX, Vec::new());
    for _ in 0..PASSES {
        let begun = cpu_seconds();
        for _ in 0..rounds {
            length = 0;
            for block in bytes.chunks(BLOCK_BYTES_MAX) {
                out.clear();
                encoder.encode(&provenance(block.len()), block, &mut out).unwrap();
                length += out.len();
            }
        }
        fastest = fastest.min((cpu_seconds() - begun) / rounds as f64);
    }
    (length, fastest)
}

/// What this process has had of a core (proc_pid_schedstat: the first number, in nanoseconds).
fn cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}

fn provenance(length: usize) -> Provenance {
    Provenance {
        agent: AgentId::from_bytes([0; 16]),
        host: HostName::from_lossy("host"),
        source: "source".parse().unwrap(),
        format_hint: "".into(),
        framing: FramingRule::default(),
        read_at: UnixMicros(0),
        chain: None,
        segments: vec![Segment {
            stream: StreamId::from_bytes([0; 16]),
            path: "/var/log/app.log".into(),
            generation: Generation(0),
            offset: ByteOffset(0),
            length: ByteLength(length as u64),
            modified: UnixMicros(0),
            edges: SegmentEdges::default(),
        }],
    }
}
