//! What is read back from a file: the bytes its rows stand for.

use crate::support::{Part, chunk, rows, run, stream_id};
use bytes::Bytes;
use headrig_contract::{ContentHash, chunk::Codec};
use headrig_etl::{Settings, read_metric_lines, read_spans};

const LINES: &str = "2026-09-21T14:13:20Z INFO one\nno log\n\n2026-09-21T14:13:21Z ERROR two\n";

#[test]
fn spans_and_lines_read_back_are_those_of_the_object() {
    let bytes = chunk(Codec::Zstd, &[vec![Part::new(1, 1000, LINES)]]);
    let outcome = run(&Settings::default(), &[("k", &bytes)]).unwrap();
    let (mut spans, mut lines) = (Vec::new(), 0);
    for file in &outcome.files {
        let parquet = Bytes::from(file.bytes.clone());
        if file.path.starts_with("logs/") {
            read_spans(parquet, |row| {
                assert_eq!((row.chunk, row.generation), (ContentHash::of(&bytes).to_string().as_str(), 0));
                assert_eq!(row.stream, stream_id(1).to_string());
                spans.push((row.offset, row.length));
            })
            .unwrap();
        } else {
            lines += read_metric_lines(parquet).unwrap();
        }
    }
    spans.sort_unstable();
    assert_eq!(spans.len(), rows(&outcome.files, "logs/").len());
    let mut at = 1000;
    for (offset, length) in spans {
        assert_eq!(offset, at);
        at += length;
    }
    assert_eq!((at, lines), (1000 + LINES.len() as i64, 4));
}

#[test]
fn a_file_that_is_another_or_cut_short_is_refused() {
    let bytes = chunk(Codec::Zstd, &[vec![Part::new(1, 0, LINES)]]);
    let outcome = run(&Settings::default(), &[("k", &bytes)]).unwrap();
    let of =
        |table: &str| outcome.files.iter().find(|file| file.path.starts_with(table)).unwrap().bytes.clone();
    assert!(read_spans(Bytes::from(of("metrics/")), |_| {}).unwrap_err().to_string().contains("chunk"));
    assert!(read_metric_lines(Bytes::from(of("logs/"))).unwrap_err().to_string().contains("lines"));
    for keep in [0, 4, 100, of("logs/").len() - 1] {
        assert!(read_spans(Bytes::from(of("logs/")[..keep].to_vec()), |_| {}).is_err(), "{keep}");
    }
}
