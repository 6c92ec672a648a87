//! Lines cut at the ends of segments.

use crate::support::{Part, Row, chunk, rows, run};
use headrig_contract::chunk::Codec;
use headrig_etl::Settings;

fn brief(row: &Row) -> (u64, u64, Option<&str>) {
    let number = |column: &str| row[column].parse().unwrap();
    (number("offset"), number("length"), row.get("attributes").map(String::as_str))
}

#[track_caller]
fn check(parts: Vec<Part>, lines: u64, expect: &[(u64, u64, Option<&str>)]) {
    let outcome = run(&Settings::default(), &[("k", &chunk(Codec::Zstd, &[parts]))]).unwrap();
    let mut rows = rows(&outcome.files, "logs/");
    rows.sort_by_key(|row| row["offset"].parse::<u64>().unwrap());
    assert_eq!(rows.iter().map(brief).collect::<Vec<_>>(), expect);
    assert_eq!(outcome.batch.counts.lines, lines);
}

#[test]
fn the_newline_of_a_line_taken_before_makes_no_row() {
    let parts =
        vec![Part::new(1, 0, "late").edges(false, true), Part::new(1, 4, "\nnext\n").edges(true, false)];
    check(parts, 2, &[(0, 4, None), (5, 5, None)]);
}

#[test]
fn the_rest_of_a_cut_line_is_a_row_of_its_own() {
    let parts = vec![Part::new(1, 0, "head").cut(), Part::new(1, 4, "tail\nnext\n").edges(true, false)];
    let expect = [(0, 4, Some("line_part=cut")), (4, 5, Some("line_part=continued")), (9, 5, None)];
    check(parts, 2, &expect);
}

#[test]
fn the_middle_of_a_cut_line_goes_on_with_it() {
    check(vec![Part::new(1, 9, "middle").edges(true, true)], 0, &[(9, 6, Some("line_part=continued"))]);
}

#[test]
fn a_last_line_without_newline_is_a_line_like_any_other() {
    check(vec![Part::new(1, 0, "a\nb").edges(false, true)], 2, &[(0, 2, None), (2, 1, None)]);
}

#[test]
fn nul_bytes_are_kept_and_other_than_utf8_is_replaced() {
    let outcome =
        run(&Settings::default(), &[("k", &chunk(Codec::Zstd, &[vec![Part::new(1, 0, b"a\0b\n\xffc\n")]]))])
            .unwrap();
    let texts: Vec<_> = rows(&outcome.files, "logs/").into_iter().map(|row| row["raw"].clone()).collect();
    assert_eq!(texts, ["a\0b", "\u{fffd}c"]);
}

#[test]
fn times_that_no_partition_is_made_for_fall_back_to_the_reading() {
    let lines = "0001-01-01T00:00:00Z INFO too early\n1969-12-31T23:59:59Z INFO before the epoch\n";
    let outcome =
        run(&Settings::default(), &[("k", &chunk(Codec::Zstd, &[vec![Part::new(1, 0, lines)]]))]).unwrap();
    for row in rows(&outcome.files, "logs/") {
        assert_eq!((row["year"].as_str(), row["ts_source"] == "event"), ("2026", false), "{row:?}");
    }
}
