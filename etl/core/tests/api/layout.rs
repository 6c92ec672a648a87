//! The files themselves: how they are encoded, and what their footers say. docs/formats/lake.md is the contract.

use crate::support::{Outcome, Part, chunk, rows_of, run};
use bytes::Bytes;
use headrig_contract::chunk::Codec;
use headrig_etl::{LakeFile, Settings};
use parquet::{
    basic::{Compression, Encoding},
    file::{
        metadata::{ColumnChunkMetaData, ParquetMetaData},
        reader::{FileReader, SerializedFileReader},
        serialized_reader::ReadOptionsBuilder,
    },
};
use std::collections::BTreeMap;

const LINES: u64 = 30_000;

/// An access log whose lines come out of order, and a few lines of an application with a stack trace.
fn outcome() -> Outcome {
    let mut blocks = Vec::new();
    let (mut offset, mut n) = (0, 0);
    while n < LINES {
        let mut text = String::new();
        while text.len() < 900_000 && n < LINES {
            let (minute, second) = (n / 600 % 60, (n * 7919) % 60);
            text += &format!(
                "10.0.{}.{} - - [21/Sep/2026:14:{minute:02}:{second:02} +0000] \"GET /item/{} HTTP/1.1\" 200 {} \"-\" \"curl/8.{}\"\n",
                n % 7,
                n % 200,
                n * 104_729 % 1_000_003,
                n * 31 % 90_000,
                n % 5
            );
            n += 1;
        }
        blocks.push(vec![Part::new(1, offset, &text)]);
        offset += text.len() as u64;
    }
    let trace = "2026-09-21T14:13:20Z ERROR broke\n  at one\n  at two\n2026-09-21T14:13:21Z ERROR again\n";
    blocks.push(vec![Part::new(2, 0, trace)]);
    run(&Settings::default(), &[("k", &chunk(Codec::Zstd, &blocks))]).unwrap()
}

fn metadata(file: &LakeFile) -> ParquetMetaData {
    let options = ReadOptionsBuilder::new().with_page_index().build();
    let reader = SerializedFileReader::new_with_options(Bytes::from(file.bytes.clone()), options).unwrap();
    reader.metadata().clone()
}

fn footer(file: &LakeFile) -> BTreeMap<String, String> {
    let metadata = metadata(file);
    let entries = metadata.file_metadata().key_value_metadata().unwrap();
    entries.iter().map(|entry| (entry.key.clone(), entry.value.clone().unwrap_or_default())).collect()
}

fn access_file(outcome: &Outcome) -> &LakeFile {
    outcome.files.iter().find(|file| file.path.contains("event_type=http_access")).unwrap()
}

fn column<'m>(metadata: &'m ParquetMetaData, path: &str) -> &'m ColumnChunkMetaData {
    let columns = metadata.row_group(0).columns().iter();
    columns.into_iter().find(|column| column.column_path().string() == path).unwrap()
}

#[test]
fn times_and_offsets_are_delta_encoded_and_repeating_text_has_a_dictionary() {
    let outcome = outcome();
    let metadata = metadata(access_file(&outcome));
    let has =
        |path: &str, encoding: Encoding| column(&metadata, path).encodings().any(|found| found == encoding);
    for path in ["ts", "offset", "http_bytes"] {
        assert!(has(path, Encoding::DELTA_BINARY_PACKED), "{path}");
        assert_eq!(column(&metadata, path).dictionary_page_offset(), None, "{path}");
    }
    for path in ["host", "path", "chunk", "stream", "src_ip", "http_method", "http_user_agent", "http_status"]
    {
        assert!(column(&metadata, path).dictionary_page_offset().is_some(), "{path}");
    }
    // Nearly every request is another: a dictionary would be as long as the column.
    for path in ["message", "http_path"] {
        assert_eq!(column(&metadata, path).dictionary_page_offset(), None, "{path}");
    }
    for path in ["message", "http_path", "src_ip", "offset", "ts"] {
        assert!(matches!(column(&metadata, path).compression(), Compression::ZSTD(_)), "{path}");
    }
}

#[test]
fn every_column_has_statistics_and_the_time_of_every_page_is_known() {
    let outcome = outcome();
    let file = access_file(&outcome);
    let metadata = metadata(file);
    assert_eq!(metadata.num_row_groups(), 1);
    let times: Vec<i64> = rows_of(file).iter().map(|row| row["ts"].parse().unwrap()).collect();
    assert!(times.is_sorted());
    for column in metadata.row_group(0).columns() {
        let statistics = column.statistics().unwrap();
        let nulls = statistics.null_count_opt().unwrap();
        let all_null = nulls as i64 == column.num_values();
        assert!(all_null || statistics.min_bytes_opt().is_some(), "{}", column.column_path());
    }
    let index = metadata.page_index_for_row_group(0);
    let pages = index.page_locations(0).unwrap();
    assert!(pages.len() >= 2, "{LINES} rows are more than a page holds");
    let sorting = metadata.row_group(0).sorting_columns().unwrap();
    assert_eq!((sorting[0].column_idx, sorting[0].descending), (0, false));
}

#[test]
fn the_footers_say_batch_version_and_counts_and_add_up_to_the_batch() {
    let outcome = outcome();
    let mut sums = BTreeMap::new();
    for file in &outcome.files {
        let footer = footer(file);
        assert_eq!(footer["headrig.batch"], "b0");
        assert_eq!(footer["headrig.version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(footer["headrig.rows"], file.rows.to_string());
        let table = file.path.split('/').next().unwrap();
        for key in ["headrig.rows", "headrig.lines", "headrig.raw_bytes"] {
            *sums.entry((table, key)).or_insert(0) += footer[key].parse::<u64>().unwrap();
        }
    }
    let counts = &outcome.batch.counts;
    assert_eq!((counts.lines, counts.rows), (LINES + 4, LINES + 2));
    assert_eq!(sums[&("logs", "headrig.rows")], counts.rows);
    for table in ["logs", "metrics"] {
        assert_eq!(sums[&(table, "headrig.lines")], counts.lines, "{table}");
        assert_eq!(sums[&(table, "headrig.raw_bytes")], counts.bytes_raw, "{table}");
    }
}

#[test]
fn the_same_batch_gives_the_same_bytes() {
    let (one, other) = (outcome(), outcome());
    assert!(one.files == other.files);
}
