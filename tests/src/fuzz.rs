//! The bodies of the fuzz targets. Each takes any bytes whatever and panics where a promise is broken;
//! `fuzz/` runs them under libFuzzer, this crate's tests over `corpus/` and damage to it.

use crate::{
    bucket::{Bucket, Stream},
    exactness, lake,
};
use headrig_contract::{
    ByteLength, ByteOffset, ContentHash, Generation, ObjectKey, StreamId, UnixMicros,
    chunk::{BLOCK_BYTES_MAX, ChunkReader, ForeignReader, Layout, Provenance},
    framing::{Encoding, Framing, FramingRule, Multiline, Pattern},
};
use headrig_etl::{
    BatchError, BatchRun, Event, EventType, ForeignLimits, LakeFile, LakeSink, Level, Member, Settings,
    parse::{Context, PARSERS, StreamFormat},
};
use jiff::tz::TimeZone;
use std::{
    io::{self, Read},
    ops::Range,
};

/// A fuzz target.
pub type Body = fn(&[u8]);

/// Every target: its name, its body, and how many damaged inputs its plain test tries.
pub const TARGETS: [(&str, Body, u32); 5] = [
    ("chunk_reader", chunk_reader, 4_000),
    ("provenance", provenance, 20_000),
    ("framing", framing, 4_000),
    ("parse_event", parse_event, 8_000),
    ("object_to_rows", object_to_rows, 1_000),
];

/// Cuts of one input that [`framing`] tries: their number times the input's length is the work.
const CUTS_MAX: usize = 16;
/// A written time further after the reading cannot be right.
const FUTURE_MICROS_MAX: i64 = 86_400_000_000;
/// Plain bytes that [`object_to_rows`] lets an object have, so that one input stays quick.
const PLAIN_BYTES_MAX: u64 = 4 << 20;

/// Whatever the bytes: no panic, blocks within their bound and as long as their segments say, and nothing
/// more after an error.
pub fn chunk_reader(bytes: &[u8]) {
    let (mut reader, mut raw) = (ChunkReader::new(bytes), Vec::new());
    loop {
        match reader.next_block(&mut raw) {
            Ok(Some(provenance)) => {
                assert_eq!(provenance.raw_length(), ByteLength(raw.len() as u64));
                assert!(raw.len() <= BLOCK_BYTES_MAX && raw.capacity() <= 2 * BLOCK_BYTES_MAX);
            }
            Ok(None) => return,
            Err(_) => {
                assert!(
                    matches!(reader.next_block(&mut raw), Ok(None)),
                    "a chunk was read on after an error"
                );
                return;
            }
        }
    }
}

/// Whatever the bytes: no panic, and what is decoded encodes to the same bytes.
pub fn provenance(bytes: &[u8]) {
    if let Ok(value) = Provenance::decode(bytes) {
        let mut again = Vec::new();
        value.encode(&mut again).expect("what was decoded fits in a block");
        assert_eq!(again, bytes);
    }
}

/// Whatever the bytes: the events tile them, the last begins where both sides say, and a cut between two
/// events changes neither part's events.
pub fn framing(bytes: &[u8]) {
    let pattern = |text| Pattern::new(text).expect("it is short");
    let rules = [
        (Encoding::Utf8, Multiline::Auto),
        (Encoding::Utf16Be, Multiline::Auto),
        (Encoding::Utf8, Multiline::Start(pattern(r"^\S"))),
        (Encoding::Utf16Le, Multiline::Continue(pattern(r"^\s|^$"))),
    ];
    for (encoding, multiline) in rules {
        let framing = Framing::new(FramingRule { encoding, multiline }).expect("the patterns are sound");
        framed(&framing, bytes);
    }
}

fn framed(framing: &Framing, bytes: &[u8]) {
    let start = ByteOffset(0);
    let events: Vec<Range<usize>> = framing.events(bytes, start).collect();
    let mut at = 0;
    for event in &events {
        assert!(event.start == at && event.end > at, "{event:?} does not begin at {at}");
        at = event.end;
    }
    assert_eq!(at, bytes.len());
    let last = events.last().map_or(0, |event| event.start);
    let found = framing.last_event_start(bytes, start);
    assert_eq!(found, last, "{framing:?} of {:?}", bytes.escape_ascii().to_string());
    let step = events.len().div_ceil(CUTS_MAX).max(1);
    for (number, event) in events.iter().enumerate().step_by(step) {
        let (head, tail) = bytes.split_at(event.end);
        let head: Vec<_> = framing.events(head, start).collect();
        let tail = framing.events(tail, start.plus(ByteLength(event.end as u64)));
        let tail: Vec<_> = tail.map(|range| range.start + event.end..range.end + event.end).collect();
        assert_eq!([head, tail].concat(), events, "{framing:?} cut after event {number}");
    }
}

/// Whatever the text: no panic, an event whose fields agree, and a time that can be right.
pub fn parse_event(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (read_at, zone) = (UnixMicros::from_seconds(1_790_000_000), TimeZone::UTC);
    let context = Context::new(read_at, read_at, &zone);
    let mut event = Event::default();
    for hint in [""].into_iter().chain(PARSERS.iter().map(|parser| parser.name)) {
        StreamFormat::detect(text.lines(), hint).parse(&text, &context, &mut event);
        assert_eq!(event.level, Level::of_severity(event.severity_number), "{text:?}");
        assert_eq!(event.format.is_empty(), event.event_type == EventType::Unparsed, "{text:?}");
        assert!(event.ts.micros_since(read_at) <= FUTURE_MICROS_MAX, "{:?} from {text:?}", event.ts);
    }
}

/// Whatever the object: rows for each of its bytes once, or an error that blames the object.
pub fn object_to_rows(bytes: &[u8]) {
    let foreign =
        ForeignLimits { raw_bytes_max: PLAIN_BYTES_MAX, ratio_max: 500, ratio_from_bytes: PLAIN_BYTES_MAX };
    let settings = Settings { foreign, ..Settings::default() };
    let key = ObjectKey::parse("host=web-1/source=app/fuzz.log").expect("it is a key");
    let member =
        Member { key, hash: ContentHash::of(bytes), modified: UnixMicros::from_seconds(1_790_000_000) };
    let (mut run, mut files) = (BatchRun::new("00", &settings), Files::default());
    match run.object(&member, bytes, &mut files) {
        Ok(report) => {
            run.finish(&mut files).expect("nothing can fail in memory");
            let spans = files.spans();
            assert_eq!(
                (spans.len() as u64, report.counts.rows),
                (report.counts.events, report.counts.events)
            );
            if let Some(bucket) = plain(bytes, member.hash) {
                exactness::check_spans(&bucket, &spans).expect("each byte has one row");
            }
        }
        Err(error) => assert!(matches!(error, BatchError::Object { .. }), "blames no object: {error}"),
    }
}

#[derive(Default)]
struct Files(Vec<LakeFile>);

impl LakeSink for Files {
    fn write(&mut self, file: LakeFile) -> io::Result<()> {
        self.0.push(file);
        Ok(())
    }
}

impl Files {
    fn spans(self) -> Vec<lake::Span> {
        let logs = self.0.into_iter().filter(|file| file.path.starts_with("logs/"));
        logs.flat_map(|file| lake::spans_in(file.bytes).expect("the lake's files are Parquet")).collect()
    }
}

/// The object's plain bytes; none where its provenance contradicts itself, as only a fuzzer's does.
fn plain(bytes: &[u8], hash: ContentHash) -> Option<Bucket> {
    match Layout::of(bytes) {
        Layout::ChunkGzip | Layout::ChunkZstd => Bucket::of_chunk(bytes).ok(),
        layout => {
            let mut stream = Stream::default();
            ForeignReader::new(layout, bytes).ok()?.read_to_end(&mut stream.bytes).ok()?;
            let key = (StreamId::of_foreign_object(hash), Generation(0));
            let mut bucket = Bucket::default();
            bucket.chunks.insert(hash);
            bucket.streams.insert(key, stream);
            Some(bucket)
        }
    }
}

#[cfg(test)]
mod tests;
