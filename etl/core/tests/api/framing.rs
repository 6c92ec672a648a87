//! Blocks that carry a rule of framing, and text in UTF-16.

use crate::support::{Part, Row, chunk_by, rows, run};
use headrig_contract::{
    chunk::{Codec, SegmentEdges},
    framing::{Encoding, FramingRule, Multiline, Pattern},
};
use headrig_etl::{BatchError, ObjectError, Settings};

fn pattern(text: &str) -> Pattern {
    Pattern::new(text).unwrap()
}

fn utf16(text: &str, encoding: Encoding) -> Vec<u8> {
    let bytes = if encoding == Encoding::Utf16Be { u16::to_be_bytes } else { u16::to_le_bytes };
    text.encode_utf16().flat_map(bytes).collect()
}

fn part(offset: u64, bytes: Vec<u8>) -> Part {
    Part { offset, bytes, ..Part::default() }
}

/// The rows of one block of these parts, by offset.
fn rows_of(encoding: Encoding, multiline: Multiline, parts: Vec<Part>) -> Vec<Row> {
    let rule = FramingRule { encoding, multiline };
    let object = chunk_by(&rule, Codec::Zstd, &[parts]);
    let outcome = run(&Settings { raw_always: true, ..Settings::default() }, &[("k", &object)]).unwrap();
    let mut rows = rows(&outcome.files, "logs/");
    rows.sort_by_key(|row| row["offset"].parse::<u64>().unwrap());
    rows
}

fn places(rows: &[Row]) -> Vec<(u64, u64, &str)> {
    let number = |row: &Row, name: &str| row[name].parse().unwrap();
    rows.iter().map(|row| (number(row, "offset"), number(row, "length"), row["raw"].as_str())).collect()
}

#[test]
fn a_blocks_rule_says_which_lines_are_one_event() {
    let text = b"[1] a\n2026-09-21 10:00:00 b\n[2] c\n".to_vec();
    let start = Multiline::Start(pattern(r"^\["));
    let rows = rows_of(Encoding::Utf8, start, vec![part(7, text.clone())]);
    assert_eq!(places(&rows), [(7, 28, "[1] a\n2026-09-21 10:00:00 b"), (35, 6, "[2] c")]);
    assert_eq!(rows_of(Encoding::Utf8, Multiline::Off, vec![part(0, text)]).len(), 3);
}

#[test]
fn utf_16_becomes_text_and_places_count_its_bytes() {
    for encoding in [Encoding::Utf16Le, Encoding::Utf16Be] {
        let text = "\u{feff}{\"level\": \"error\", \"message\": \"caf\u{e9} \u{1f600}\"}\r\n\u{a0a}\n";
        let bytes = utf16(text, encoding);
        let rows = rows_of(encoding, Multiline::Auto, vec![part(0, bytes.clone())]);
        let first = bytes.len() as u64 - 4;
        assert_eq!((rows[0]["message"].as_str(), rows[0]["level"].as_str()), ("café \u{1f600}", "error"));
        assert_eq!(places(&rows)[0].1, first);
        assert_eq!(places(&rows)[1], (first, 4, "\u{a0a}"));
    }
}

#[test]
fn a_line_of_utf_16_that_was_cut_goes_on_also_within_a_code_unit() {
    let bytes = utf16("first\r\nsecond\n", Encoding::Utf16Le);
    // Odd places are those where a file ended while it was being written. Where the terminator itself is torn,
    // nobody sees it, and the next line goes on with this one.
    for (at, last) in [(3, 14), (9, 14), (12, 14), (13, 13)] {
        let edges = SegmentEdges { ends_mid_line: true, ..SegmentEdges::default() };
        let front = Part { edges, ..part(0, bytes[..at].to_vec()) };
        let edges = SegmentEdges { starts_mid_line: true, ..SegmentEdges::default() };
        let back = Part { edges, ..part(at as u64, bytes[at..].to_vec()) };
        let rows = rows_of(Encoding::Utf16Le, Multiline::Auto, vec![front, back]);
        assert_eq!(places(&rows).last().unwrap(), &(last, 28 - last, "second"), "cut at {at}: {rows:?}");
    }
}

#[test]
fn a_pattern_that_cannot_be_applied_is_the_objects_fault() {
    for text in ["(", "(?:x{1000}){1000}"] {
        let rule = FramingRule { encoding: Encoding::Utf8, multiline: Multiline::Continue(pattern(text)) };
        let object = chunk_by(&rule, Codec::Gzip, &[vec![part(0, b"x\n".to_vec())]]);
        let error = run(&Settings::default(), &[("k", &object)]).unwrap_err();
        assert!(matches!(error, BatchError::Object { reason: ObjectError::Pattern(_), .. }), "{error}");
    }
}

#[test]
fn foreign_utf_16_is_known_by_its_mark() {
    let long = "y".repeat(300);
    let text: String = (0..4_000).map(|n| format!("2026-09-21T14:13:00Z INFO line {n} {long}\r\n")).collect();
    for encoding in [Encoding::Utf16Le, Encoding::Utf16Be] {
        let object = utf16(&format!("\u{feff}{text}"), encoding);
        let outcome = run(&Settings::default(), &[("host=h/source=s/app.log", &object)]).unwrap();
        let mut rows = rows(&outcome.files, "logs/");
        rows.sort_by_key(|row| row["offset"].parse::<u64>().unwrap());
        assert_eq!((rows.len(), outcome.batch.counts.bytes_raw), (4_000, object.len() as u64));
        assert!(
            rows.iter().all(|row| row["level"] == "info" && row["message"].contains(" y")),
            "{:?}",
            rows[0]
        );
        let mut at = 0;
        for row in &rows {
            assert_eq!(row["offset"].parse::<u64>().unwrap(), at);
            at += row["length"].parse::<u64>().unwrap();
        }
        assert_eq!(at, object.len() as u64);
    }
}
