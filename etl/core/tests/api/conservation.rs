//! Every byte is in exactly one row, whatever the bytes are.

use crate::support::{Part, Row, chunk, rows, run, stream_id};
use headrig_contract::chunk::{Codec, SegmentEdges};
use headrig_etl::{BatchReport, Settings};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Bytes that logs are made of, and bytes that no log should have.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"2026-09-21T14:13:20Z ERROR it broke\n".to_vec()),
        Just(b"    at some.Frame(File.java:1)\n".to_vec()),
        Just(b"192.0.2.8 - - [21/Sep/2026:14:13:20 +0000] \"GET / HTTP/1.1\" 200 20\n".to_vec()),
        Just(b"1 Jan 0001 or 99999-01-01T00:00:00Z\n".to_vec()),
        Just("grüße \u{1F980}".as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(piece, 1..12)
        .prop_map(|pieces| pieces.concat())
        .prop_filter("a segment has at least one byte", |bytes| !bytes.is_empty())
}

/// Blocks of segments of three streams, each stream without gaps.
pub(crate) fn blocks() -> impl Strategy<Value = Vec<Vec<Part>>> {
    let part = (0..3_u64, content(), any::<bool>(), any::<bool>())
        .prop_map(|(stream, bytes, starts, ends)| Part::new(stream, 0, bytes).edges(starts, ends));
    proptest::collection::vec(proptest::collection::vec(part, 1..5), 1..4).prop_map(|mut blocks| {
        let mut ends = [0; 3];
        for part in blocks.iter_mut().flatten() {
            part.offset = ends[part.stream as usize];
            ends[part.stream as usize] += part.bytes.len() as u64;
        }
        blocks
    })
}

/// The bytes that no row covers, as (stream, offset); panics where two rows cover one.
fn uncovered(blocks: &[Vec<Part>], rows: &[Row]) -> Vec<(u64, u64)> {
    let mut covered: BTreeMap<(String, u64), u32> = BTreeMap::new();
    for row in rows {
        let (offset, length): (u64, u64) = (row["offset"].parse().unwrap(), row["length"].parse().unwrap());
        for at in offset..offset + length {
            let times = covered.entry((row["stream"].clone(), at)).or_default();
            *times += 1;
            assert_eq!(*times, 1, "byte {at} of {} is in two rows", row["stream"]);
        }
    }
    let bytes = blocks
        .iter()
        .flatten()
        .flat_map(|part| (part.offset..part.offset + part.bytes.len() as u64).map(|at| (part.stream, at)));
    let all: Vec<_> = bytes.collect();
    assert!(covered.len() <= all.len());
    all.into_iter()
        .filter(|(stream, at)| !covered.contains_key(&(stream_id(*stream).to_string(), *at)))
        .collect()
}

/// The bytes that have a right to be in no row: terminators of lines that another segment begins.
fn lone_terminators(blocks: &[Vec<Part>]) -> Vec<(u64, u64)> {
    let of_part = |part: &Part| {
        let SegmentEdges { starts_mid_line, .. } = part.edges;
        let length = [&b"\n"[..], b"\r\n"]
            .iter()
            .find(|line| part.bytes.starts_with(line))
            .map_or(0, |line| line.len());
        let length = if starts_mid_line { length as u64 } else { 0 };
        part.offset..part.offset + length
    };
    blocks.iter().flatten().flat_map(|part| of_part(part).map(|at| (part.stream, at))).collect()
}

proptest! {
    // Each case writes dozens of files; unoptimised, more cases would take minutes.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_byte_is_in_exactly_one_row(blocks in blocks(), gzip in any::<bool>(), arrow_bytes_max in 0..20_000_usize) {
        let codec = if gzip { Codec::Gzip } else { Codec::Zstd };
        let settings = Settings { raw_always: true, arrow_bytes_max, ..Settings::default() };
        let outcome = run(&settings, &[("k", &chunk(codec, &blocks))]).unwrap();
        let rows = rows(&outcome.files, "logs/");
        prop_assert_eq!(uncovered(&blocks, &rows), lone_terminators(&blocks));
        let raw: u64 = blocks.iter().flatten().map(|part| part.bytes.len() as u64).sum();
        let BatchReport { counts, tally, .. } = outcome.batch;
        prop_assert_eq!((counts.bytes_raw, counts.rows, tally.rows()), (raw, rows.len() as u64, rows.len() as u64));
    }

    #[test]
    fn raw_is_the_text_of_the_rows_bytes(blocks in blocks()) {
        let settings = Settings { raw_always: true, ..Settings::default() };
        let outcome = run(&settings, &[("k", &chunk(Codec::Zstd, &blocks))]).unwrap();
        let mut streams: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for part in blocks.iter().flatten() {
            streams.entry(stream_id(part.stream).to_string()).or_default().extend(&part.bytes);
        }
        for row in rows(&outcome.files, "logs/") {
            let (offset, length): (usize, usize) = (row["offset"].parse().unwrap(), row["length"].parse().unwrap());
            let text = String::from_utf8_lossy(&streams[&row["stream"]][offset..offset + length]).into_owned();
            let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
            prop_assert_eq!(&row["raw"], line);
        }
    }

    #[test]
    fn a_foreign_object_of_any_bytes_is_covered(bytes in content()) {
        // A second leading byte that no compression has: these bytes are for the plain reader.
        let bytes = [b"x".to_vec(), bytes].concat();
        let outcome = run(&Settings::default(), &[("k", &bytes)]).unwrap();
        let mut places: Vec<(u64, u64)> = rows(&outcome.files, "logs/")
            .iter()
            .map(|row| (row["offset"].parse().unwrap(), row["length"].parse().unwrap()))
            .collect();
        places.sort_unstable();
        let end = places.iter().fold(0, |end, (offset, length)| { assert_eq!(end, *offset); end + length });
        prop_assert_eq!(end, bytes.len() as u64);
    }
}
