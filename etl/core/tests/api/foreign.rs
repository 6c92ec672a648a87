//! Objects that no agent made.

use crate::support::{rows, run};
use headrig_contract::{
    ContentHash, StreamId,
    chunk::{BLOCK_BYTES_MAX, Codec},
};
use headrig_etl::{BatchError, ForeignLimits, ObjectError, Settings};
use std::{collections::BTreeSet, io::Write};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(1));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn compressed(codec: Codec, bytes: &[u8]) -> Vec<u8> {
    match codec {
        Codec::Gzip => gzip(bytes),
        Codec::Zstd => zstd::bulk::compress(bytes, 1).unwrap(),
    }
}

/// Lines that end inside, at and behind the edges of the reader's windows.
fn long_log() -> Vec<u8> {
    (0..25_000)
        .flat_map(|n| {
            format!("2026-09-21T14:13:{:02}Z INFO line {n} {}\n", n % 60, "y".repeat(n % 97)).into_bytes()
        })
        .collect()
}

#[test]
fn plain_gzip_and_zstd_give_the_same_rows() {
    let log = long_log();
    assert!(log.len() > 2 * BLOCK_BYTES_MAX);
    let places = |object: &[u8]| -> BTreeSet<(u64, u64, String)> {
        let outcome = run(&Settings::default(), &[("host=h/source=s/app.log", object)]).unwrap();
        assert_eq!(outcome.batch.counts.bytes_raw, log.len() as u64);
        let rows = rows(&outcome.files, "logs/");
        let stream = StreamId::of_foreign_object(ContentHash::of(object)).to_string();
        assert!(rows.iter().all(|row| row["stream"] == stream && row["host"] == "h" && row["source"] == "s"));
        assert!(rows.iter().all(|row| row["path"] == "host=h/source=s/app.log" && row["generation"] == "0"));
        rows.iter()
            .map(|row| {
                (row["offset"].parse().unwrap(), row["length"].parse().unwrap(), row["message"].clone())
            })
            .collect()
    };
    let plain = places(&log);
    assert_eq!(plain.len(), 25_000);
    for codec in [Codec::Gzip, Codec::Zstd] {
        assert_eq!(places(&compressed(codec, &log)), plain, "{codec:?}");
    }
}

#[test]
fn a_key_without_labels_is_of_an_unknown_host() {
    let outcome = run(&Settings::default(), &[("old/app.log", b"x\n")]).unwrap();
    let row = &rows(&outcome.files, "logs/")[0];
    assert_eq!([&row["host"], &row["source"], &row["path"]], ["unknown", "unknown", "old/app.log"]);
}

#[test]
fn a_line_longer_than_the_window_is_cut_and_goes_on() {
    let window = BLOCK_BYTES_MAX;
    let log = ["short\n".into(), "z".repeat(2 * window + 100), "\nend".into()].concat();
    let outcome = run(&Settings::default(), &[("k", log.as_bytes())]).unwrap();
    let mut parts: Vec<(usize, usize, Option<String>)> = rows(&outcome.files, "logs/")
        .into_iter()
        .map(|row| {
            (row["offset"].parse().unwrap(), row["length"].parse().unwrap(), row.get("attributes").cloned())
        })
        .collect();
    parts.sort();
    let expect = [
        (0, 6, None),
        (6, window, Some("line_part=cut".into())),
        (6 + window, window, Some("line_part=continued".into())),
        (6 + 2 * window, 101, Some("line_part=continued".into())),
        (107 + 2 * window, 3, None),
    ];
    assert_eq!(parts, expect);
    assert_eq!(outcome.batch.counts.lines, 3);
}

#[test]
fn an_empty_object_has_no_rows() {
    let outcome = run(&Settings::default(), &[("k", b"")]).unwrap();
    assert_eq!((outcome.files.len(), outcome.batch.counts.rows), (0, 0));
}

#[test]
fn a_bomb_is_the_objects_fault() {
    let bytes = vec![b'a'; 8 << 20];
    let limits = [
        ForeignLimits { ratio_from_bytes: 1 << 20, ..ForeignLimits::default() },
        ForeignLimits { raw_bytes_max: 4 << 20, ..ForeignLimits::default() },
    ];
    for (codec, foreign) in [(Codec::Zstd, limits[0]), (Codec::Gzip, limits[1])] {
        let settings = Settings { foreign, ..Settings::default() };
        let error = run(&settings, &[("k", &compressed(codec, &bytes))]).unwrap_err();
        assert!(matches!(error, BatchError::Object { reason: ObjectError::Bomb { .. }, .. }), "{error}");
    }
}

#[test]
fn a_truncated_object_is_its_own_fault() {
    for codec in [Codec::Gzip, Codec::Zstd] {
        let bytes = compressed(codec, &long_log());
        let error = run(&Settings::default(), &[("k", &bytes[..bytes.len() - 100])]).unwrap_err();
        assert!(
            matches!(error, BatchError::Object { reason: ObjectError::Decompress { .. }, .. }),
            "{error}"
        );
    }
}
