//! What items promise besides coming back, which the ledger's conformance suite sees to: their sizes, their bounds,
//! and that nothing is guessed.

use super::*;
use crate::dynamodb::places::text;
use aws_sdk_dynamodb::types::AttributeValue;
use headrig_contract::{ByteLength, ContentHash, ObjectKey, UnixMicros};
use headrig_ledger::{
    Attempt, Batch, BatchEvent, BatchId, BatchPhase, FileEvent, FileFacts, FileRecord, FileState,
};

/// The bytes that DynamoDB counts, by its documented rules: names, texts and bytes as they are, a number a byte for
/// two digits and one more, three for a list or map and one for each of its entries.
fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + size_of(value)).sum()
}

fn size_of(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::L(list) => 3 + list.iter().map(|entry| 1 + size_of(entry)).sum::<usize>(),
        AttributeValue::M(map) => 3 + map.len() + size(map),
        AttributeValue::Null(_) => 1,
        other => panic!("headrig writes no {other:?}"),
    }
}

fn file(state: FileState) -> FileRecord {
    let hash = ContentHash::of(b"chunk");
    let name = format!(
        "logs/host=web-0123.example/source=nginx-access/2026/11/23/{:032x}-000000012345-{hash}.log.zst",
        7
    );
    let facts = FileFacts { hash, key: ObjectKey::parse(&name).unwrap(), size: ByteLength(8 << 20) };
    FileRecord::pending(facts, UnixMicros(1_795_000_000_000_000))
        .moved(state, UnixMicros(1_795_000_300_000_000))
}

fn batch(members: u8) -> Batch {
    let files: Vec<_> = (0..members)
        .map(|number| FileRecord { hash: ContentHash::of(&[number]), ..file(FileState::Pending) })
        .collect();
    Batch::seal(&files, UnixMicros(1_795_000_000_000_000))
}

fn event(number: usize, run: Option<&str>, failure: &str) -> BatchEvent {
    BatchEvent {
        at: UnixMicros(1_795_000_000_000_000 + number as i64),
        phase: BatchPhase::Running,
        attempt: Attempt(number as u32),
        failures: 0,
        run: run.map(|run| run.parse().unwrap()),
        failure: Some(format!("{number} {failure}")),
    }
}

#[test]
fn texts_are_cut_between_characters() {
    assert_eq!(cut("abc", 3), "abc");
    assert_eq!(cut("aä", 2), "a");
}

#[test]
fn histories_keep_their_first_entry_and_what_matters_longest() {
    let long: Vec<usize> = (0..EVENTS_MAX + 2).collect();
    let kept = bounded(long.clone(), |event| event % 2 == 0);
    assert_eq!((kept.len(), &kept[..4]), (EVENTS_MAX, &[0, 2, 4, 5][..]));
    assert_eq!(bounded(long, |_| true)[..3], [0, 3, 4]);
}

/// A write unit is a kilobyte, so an item that is larger costs twice as much with every change.
#[test]
fn a_chunk_s_file_and_a_batch_of_five_cost_one_write_unit() {
    let id = BatchId::from_bytes([7; 32]);
    let done = file(FileState::Done {
        batch: id,
        counts: LineCounts { lines: 70_000, events: 70_000, rows: 70_000, dropped_by_rule: 0 },
    });
    let history = [FileState::Pending, FileState::Batched { batch: id }, done.state.clone()];
    let history = history.map(|state| FileEvent::of(&file(state))).to_vec();
    let found = size(&file_item(&done, history)) + Stamp::NAME.len() + 16;
    assert!(found <= 1024, "a file that is done has {found} bytes");

    let run = format!("jr_{}", "0".repeat(64));
    let history =
        (0..5).map(|number| BatchEvent { failure: None, ..event(number, (number > 1).then_some(&run), "") });
    let found = size(&batch_item(&batch(5), history.collect())) + Stamp::NAME.len() + 16;
    assert!(found <= 1024, "a batch has {found} bytes");
}

#[test]
fn the_longest_history_of_the_largest_batch_fits_an_item() {
    let (run, failure) = ("r".repeat(255), "x".repeat(100_000));
    let history = (0..2_000).map(|number| event(number, Some(&run), &failure)).collect();
    let largest = Batch { failure: Some(failure.clone()), ..batch(98) };
    let found = size(&batch_item(&largest, history));
    assert!(found < 400_000, "{found} bytes");
}

#[test]
fn a_failure_that_is_told_once_is_known_in_every_later_entry() {
    let failures = [None, Some("a"), Some("a"), Some("b"), Some("a"), None];
    let history = failures
        .map(|failure| BatchEvent { failure: failure.map(Into::into), ..event(1, None, "") })
        .to_vec();
    let item = batch_item(&batch(1), history.clone());
    assert_eq!(batch_of(&item).unwrap().history, history);
}

/// What comes of a file's item in which one attribute is another.
fn check_malformed(name: &str, value: Option<AttributeValue>) {
    let mut item = file_item(&file(FileState::Pending), Vec::new());
    match value {
        Some(value) => item.insert(name.into(), value),
        None => item.remove(name),
    };
    let error = file_of(&item).unwrap_err().to_string();
    assert!(error.starts_with(&format!("attribute {name}: expected")), "{error}");
}

#[test]
fn what_headrig_never_writes_is_an_error_that_names_the_attribute() {
    check_malformed("pk", Some(text("file#abc")));
    check_malformed("state", Some(text("gone")));
    check_malformed("state", None);
    check_malformed("since_us", Some(text("yesterday")));
    check_malformed("history", Some(text("long")));
    check_malformed("key", Some(AttributeValue::Bool(true)));
    // A state that wants more than is there.
    let mut item = file_item(&file(FileState::Pending), Vec::new());
    item.insert("state".into(), text("batched"));
    assert!(file_of(&item).unwrap_err().to_string().starts_with("attribute batch: expected"));
}
