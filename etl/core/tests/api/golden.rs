//! A small batch, row by row; and that its bytes are always the same.

use crate::support::{Part, Row, chunk, rows, rows_of, run, stream_id};
use arrow_schema::{DataType, TimeUnit};
use bytes::Bytes;
use headrig_contract::{ContentHash, chunk::Codec};
use headrig_etl::{EventType, Level, Settings};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const ACCESS: &str = concat!(
    "192.0.2.7 - alice [21/Sep/2026:14:13:21 +0000] \"GET /late HTTP/1.1\" 200 10 \"-\" \"curl/8\" 0.250\n",
    "192.0.2.8 - - [21/Sep/2026:14:13:20 +0000] \"GET /early HTTP/1.1\" 200 20 \"https://a.example/\" \"curl/8\" 0.500\r\n",
    "192.0.2.9 - - [21/Sep/2026:14:13:22 +0000] \"GET /broken HTTP/1.1\" 502 0 \"-\" \"-\"\n",
    "\n",
    "no log at all",
);

fn small_batch() -> Vec<u8> {
    chunk(Codec::Zstd, &[vec![Part::new(1, 1000, ACCESS)]])
}

fn expect(pairs: &[(&str, &str)]) -> Row {
    pairs.iter().map(|(column, value)| ((*column).into(), (*value).into())).collect()
}

#[test]
fn a_small_batch_is_read_back_row_by_row() {
    let bytes = small_batch();
    let outcome = run(&Settings::default(), &[("k", &bytes)]).unwrap();
    let paths: Vec<&str> = outcome.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "logs/year=2026/month=09/day=21/level=info/event_type=http_access/b0-000.parquet",
            "logs/year=2026/month=09/day=21/level=error/event_type=http_access/b0-000.parquet",
            "logs/year=2026/month=09/day=21/level=unknown/event_type=unparsed/b0-000.parquet",
            "metrics/year=2026/month=09/day=21/b0-000.parquet",
        ]
    );
    let (chunk, stream) = (ContentHash::of(&bytes).to_string(), stream_id(1).to_string());
    let place = [
        ("host", "web-1"),
        ("source", "nginx"),
        ("path", "/var/log/1.log"),
        ("chunk", chunk.as_str()),
        ("stream", stream.as_str()),
        ("generation", "0"),
        ("year", "2026"),
        ("month", "09"),
        ("day", "21"),
    ];
    let early = expect(&[
        ("ts", "1790000000000000"),
        ("ts_source", "event"),
        ("severity_number", "9"),
        ("format", "access"),
        ("message", "GET /early HTTP/1.1"),
        ("src_ip", "192.0.2.8"),
        ("http_method", "GET"),
        ("http_path", "/early"),
        ("http_status", "200"),
        ("http_bytes", "20"),
        ("http_duration_ms", "500"),
        ("http_user_agent", "curl/8"),
        ("http_referrer", "https://a.example/"),
        ("offset", "1094"),
        ("length", "109"),
        ("level", "info"),
        ("event_type", "http_access"),
    ]);
    let all = rows(&outcome.files, "logs/");
    assert_eq!(all.len(), 5);
    assert_eq!(all[0], early.into_iter().chain(expect(&place)).collect::<Row>());
    let blank = expect(&[
        ("ts", "1790000000000000"),
        ("ts_source", "file"),
        ("severity_number", "0"),
        ("raw", ""),
        ("offset", "1283"),
        ("length", "1"),
        ("level", "unknown"),
        ("event_type", "unparsed"),
    ]);
    assert_eq!(all[3], blank.into_iter().chain(expect(&place)).collect::<Row>());
    let brief: Vec<_> = all
        .iter()
        .map(|row| (row["offset"].as_str(), row["length"].as_str(), row["level"].as_str()))
        .collect();
    let places = [
        ("1094", "109", "info"),
        ("1000", "94", "info"),
        ("1203", "80", "error"),
        ("1283", "1", "unknown"),
        ("1284", "13", "unknown"),
    ];
    assert_eq!(brief, places);
    assert_eq!(all[4]["raw"], "no log at all");
}

#[test]
fn the_reports_count_what_the_files_hold() {
    let bytes = small_batch();
    let outcome = run(&Settings::default(), &[("k", &bytes)]).unwrap();
    let [object] = outcome.objects.as_slice() else { panic!("one report an object") };
    assert_eq!(object.bytes_in, bytes.len() as u64);
    assert_eq!(object.counts, outcome.batch.counts);
    let counts = object.counts;
    assert_eq!(
        (counts.bytes_raw, counts.lines, counts.events, counts.rows, counts.unparsed),
        (ACCESS.len() as u64, 5, 5, 5, 2)
    );
    assert_eq!(object.tally.of_level(Level::Error), 1);
    assert_eq!(object.tally.of_event_type(EventType::HttpAccess), 3);
    assert_eq!((object.streams.len(), &*object.streams[0].path), (1, "/var/log/1.log"));
    let batch = &outcome.batch;
    assert_eq!((batch.objects, batch.streams, batch.files, batch.metrics_rows), (1, 1, 4, 3));
    assert_eq!(batch.bytes_out, outcome.files.iter().map(|file| file.bytes.len() as u64).sum::<u64>());
}

#[test]
fn metrics_stand_by_minute_and_kind() {
    let outcome = run(&Settings::default(), &[("k", &small_batch())]).unwrap();
    let rows = rows(&outcome.files, "metrics/");
    let access = &rows[0];
    let counts = ["minute", "level", "lines", "bytes", "errors", "auth_failures", "http_4xx", "http_5xx"];
    assert_eq!(
        counts.map(|column| access[column].as_str()),
        ["1789999980000000", "info", "2", "203", "0", "0", "0", "0"]
    );
    let median: f64 = access["duration_p50_ms"].parse().unwrap();
    assert!((median / 250.0 - 1.0).abs() < 0.02, "{median}");
    assert_eq!(counts.map(|column| rows[1][column].as_str())[3..], ["80", "1", "0", "0", "1"]);
    assert!(!rows[1].contains_key("duration_p50_ms"));
}

#[test]
fn columns_are_those_of_the_contract() {
    let outcome = run(&Settings::default(), &[("k", &small_batch())]).unwrap();
    let file = Bytes::from(outcome.files[0].bytes.clone());
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let names: Vec<_> = builder.schema().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(
        names.join(" "),
        "ts ts_source severity_number host source path format service pid message src_ip user_name http_method \
         http_path http_status http_bytes http_duration_ms http_user_agent http_referrer trace_id span_id \
         attributes raw chunk stream generation offset length"
    );
    let data_type = |name: &str| builder.schema().field_with_name(name).unwrap().data_type().clone();
    assert_eq!(data_type("ts"), DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    assert_eq!(data_type("severity_number"), DataType::Int32);
    assert_eq!(data_type("offset"), DataType::Int64);
    let metadata = builder.metadata();
    assert!(metadata.file_metadata().created_by().unwrap().starts_with("headrig version"));
    let entries = metadata.file_metadata().key_value_metadata().unwrap();
    let pairs: Vec<_> = entries.iter().map(|entry| (entry.key.as_str(), entry.value.as_deref())).collect();
    assert_eq!(pairs[0], ("headrig.batch", Some("b0")));
    assert_eq!(pairs[2], ("headrig.rows", Some("2")));
    assert_eq!(metadata.row_group(0).sorting_columns().unwrap()[0].column_idx, 0);
}

#[test]
fn the_same_batch_gives_the_same_bytes() {
    let lines: String = (0..5000)
        .map(|n| {
            format!(
                "192.0.2.{} - - [21/Sep/2026:14:{:02}:21 +0000] \"GET /{n} HTTP/1.1\" 200 {n} \"-\" \"a\"\n",
                n % 250,
                n % 60
            )
        })
        .collect();
    let bytes = chunk(Codec::Gzip, &[vec![Part::new(1, 0, &lines)], vec![Part::new(2, 7, ACCESS)]]);
    let settings = Settings { arrow_bytes_max: 300, ..Settings::default() };
    let first = run(&settings, &[("a", &bytes), ("b", ACCESS.as_bytes())]).unwrap();
    assert!(first.files.len() > 5, "{:?}", first.files);
    assert_eq!(first, run(&settings, &[("a", &bytes), ("b", ACCESS.as_bytes())]).unwrap());
}

#[test]
fn rows_of_the_same_time_keep_their_order() {
    let bytes = chunk(Codec::Zstd, &[vec![Part::new(1, 0, ACCESS), Part::new(2, 0, ACCESS)]]);
    let outcome = run(&Settings::default(), &[("k", &bytes)]).unwrap();
    let streams: Vec<_> = rows_of(&outcome.files[0])
        .into_iter()
        .map(|row| (row["offset"].clone(), row["stream"].clone()))
        .collect();
    let expect = [("94", 1), ("94", 2), ("0", 1), ("0", 2)]
        .map(|(offset, stream)| (offset.to_owned(), stream_id(stream).to_string()));
    assert_eq!(streams, expect);
}
