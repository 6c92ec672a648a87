//! The targets as plain tests: every seed of `corpus/`, then damaged seeds, the same on every run.

use super::*;
use crate::{mutate::mutate, random::Random, site::gzipped};
use headrig_contract::{
    AgentId, ByteOffset, ChunkSeq, HostName,
    chunk::{BlockEncoder, Chain, Codec, Segment, SegmentEdges},
    framing::{Encoding, FramingRule, Multiline, Pattern},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// The seeds of a target, in the order of their names.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(corpus(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no seeds for {target}");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn check(target: &str) {
    let (_, body, tries) = TARGETS.into_iter().find(|(name, _, _)| *name == target).unwrap();
    let (seeds, mut random) = (seeds(target), Random::new(1));
    seeds.iter().for_each(|seed| body(seed));
    for _ in 0..tries {
        let seed: &Vec<u8> = random.pick(&seeds);
        body(&mutate(seed, &seeds, &mut random));
    }
}

#[test]
fn chunk_reader_keeps_its_promises_on_damaged_chunks() {
    check("chunk_reader");
}

#[test]
fn provenance_keeps_its_promises_on_damaged_bytes() {
    check("provenance");
}

#[test]
fn framing_keeps_its_promises_on_damaged_logs() {
    check("framing");
}

#[test]
fn parse_event_keeps_its_promises_on_damaged_lines() {
    check("parse_event");
}

/// A parser that no seed reaches is one that damage hardly ever does.
#[test]
fn every_parser_takes_a_seed() {
    let (read_at, zone) = (UnixMicros::from_seconds(1_790_000_000), TimeZone::UTC);
    let context = Context::new(read_at, read_at, &zone);
    let seeds = seeds("parse_event");
    for parser in PARSERS {
        let takes = |seed: &Vec<u8>| {
            let (text, mut event) = (String::from_utf8_lossy(seed), Event::default());
            StreamFormat::default().parse(&text, &context, &mut event);
            event.format == parser.name
        };
        assert!(seeds.iter().any(takes), "no seed of {}", parser.name);
    }
}

#[test]
fn object_to_rows_keeps_its_promises_on_damaged_objects() {
    check("object_to_rows");
}

#[test]
fn chunks_and_provenance_written_once_are_read_for_ever() {
    for seed in seeds("chunk_reader") {
        let bucket = Bucket::of_chunk(&seed).unwrap();
        assert!(bucket.streams.values().all(|stream| stream.bytes.ends_with(b"\n")));
    }
    for seed in seeds("provenance") {
        Provenance::decode(&seed).unwrap();
    }
}

/// Run it by hand when a format gets a new version, and keep the old seeds.
#[test]
#[ignore = "writes the binary seeds of corpus/ anew"]
fn binary_seeds_are_written() {
    let lines = "2026-09-21T10:00:00Z INFO seed a line as long as any\n".repeat(40);
    let write = |target: &str, name: &str, bytes: &[u8]| fs::write(corpus(target).join(name), bytes).unwrap();
    let utf16: Vec<u8> = lines.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let plain = (FramingRule::default(), lines.as_bytes());
    let chunks = [
        (Codec::Gzip, "v1-gzip", &plain),
        (Codec::Zstd, "v1-zstd", &plain),
        (Codec::Zstd, "v1-framed", &(framed(), &utf16[..])),
    ];
    for (codec, name, (rule, bytes)) in chunks {
        let chunk = chunk(codec, rule, bytes);
        write("chunk_reader", name, &chunk);
        write("object_to_rows", name, &chunk);
    }
    let plain = FramingRule::default();
    for (name, with_chain, rule) in
        [("v1-chained", true, &plain), ("v1-plain", false, &plain), ("v1-framed", true, &framed())]
    {
        let mut bytes = Vec::new();
        provenance_of(lines.len() as u64, with_chain, rule).encode(&mut bytes).unwrap();
        write("provenance", name, &bytes);
    }
    write("object_to_rows", "foreign.gz", &gzipped(lines.as_bytes()).unwrap());
    write("object_to_rows", "foreign.zst", &zstd::bulk::compress(lines.as_bytes(), 3).unwrap());
}

fn framed() -> FramingRule {
    let multiline = Multiline::Start(Pattern::new(r"^\d{4}-").unwrap());
    FramingRule { encoding: Encoding::Utf16Be, multiline }
}

/// A chunk of two blocks, the second going on where the first ends.
fn chunk(codec: Codec, rule: &FramingRule, lines: &[u8]) -> Vec<u8> {
    let mut encoder = BlockEncoder::new(codec, codec.default_level()).unwrap();
    let mut out = Vec::new();
    let length = lines.len() as u64;
    for block in 0..2 {
        let mut provenance = provenance_of(length, block == 0, rule);
        for segment in &mut provenance.segments {
            segment.offset = ByteOffset(segment.offset.0 + block * segment.length.0);
        }
        encoder.encode(&provenance, lines, &mut out).unwrap();
    }
    out
}

/// Two files' segments, as long as `length` together. Every line of a seed is as long as the others, so
/// half of an even number of them ends a line.
fn provenance_of(length: u64, with_chain: bool, rule: &FramingRule) -> Provenance {
    let agent = AgentId::from_bytes([7; 16]);
    let segment = |number: u64, length: u64| Segment {
        stream: StreamId::derive(agent, number),
        path: format!("/var/log/app-{number}.log").into(),
        generation: Generation(0),
        offset: ByteOffset(0),
        length: ByteLength(length),
        modified: UnixMicros::from_seconds(1_789_999_000),
        edges: SegmentEdges::default(),
    };
    Provenance {
        agent,
        host: HostName::from_lossy("web-1"),
        source: "app".parse().unwrap(),
        format_hint: "".into(),
        read_at: UnixMicros::from_seconds(1_790_000_000),
        chain: with_chain.then_some(Chain { seq: ChunkSeq(3), previous: Some(ContentHash::of(b"before")) }),
        framing: rule.clone(),
        segments: vec![segment(1, length / 2), segment(2, length - length / 2)],
    }
}
