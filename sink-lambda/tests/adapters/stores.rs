//! The notes in the table, the lake and the listing of a bucket, against MiniStack.

use crate::stub::calls;
use headrig_aws::{Calls, DynamoLedger};
use headrig_contract::ByteLength;
use headrig_ledger::{BatchId, Ledger};
use headrig_sink::{
    CallError,
    aws::{S3Lake, S3Objects, TableNotes},
    ports::{Lake, NoteBook, Objects},
};
use headrig_tests::ministack::{Ministack, Policies};

struct Store {
    ministack: Ministack,
}

impl Store {
    fn start(what: &str) -> Option<Self> {
        let ministack = Ministack::start(what, Policies::Ignored).unwrap()?;
        Some(Self { ministack })
    }

    fn calls(&self) -> Calls {
        calls(self.ministack.address())
    }

    fn ledger(&self, table: &str) -> DynamoLedger {
        let ledger = self.calls().ledger(table);
        ledger.create_table().unwrap();
        ledger
    }
}

#[test]
fn a_note_is_written_only_over_the_version_that_was_read() {
    let Some(store) = Store::start("notes in the table") else { return };
    let ledger = store.ledger("headrig");
    let notes = TableNotes::new(store.calls(), "headrig".into());
    assert_eq!(notes.read("walk"), Ok(None));
    notes.write("walk", None, b"first").unwrap();
    assert_eq!(notes.read("walk"), Ok(Some((0, b"first".to_vec()))));
    let conflict = Err(CallError::Conflict { action: "write a note" });
    assert_eq!(notes.write("walk", None, b"another first"), conflict);
    notes.write("walk", Some(0), b"second").unwrap();
    assert_eq!(notes.write("walk", Some(0), b"late"), conflict);
    assert_eq!(notes.write("walk", Some(7), b"early"), conflict);
    assert_eq!(notes.read("walk"), Ok(Some((1, b"second".to_vec()))));
    assert_eq!(notes.read("fleet"), Ok(None), "notes do not touch one another");
    let longest = vec![7; 380_000];
    notes.write("fleet", None, &longest).unwrap();
    assert_eq!(notes.read("fleet"), Ok(Some((0, longest))));
    let counts = ledger.counts().unwrap();
    assert_eq!((counts.pending, counts.sealed), (0, 0), "notes are in no index of the ledger's");
}

#[test]
fn what_a_batch_wrote_is_removed_and_nothing_else() {
    let Some(store) = Store::start("removing a batch from the lake") else { return };
    let (batch, other) = (BatchId::from_bytes([0xab; 32]), BatchId::from_bytes([0xac; 32]));
    store.ministack.make_bucket("lake").unwrap();
    let of_batch = [
        format!("lake/logs/day=1/{batch}-000.parquet"),
        format!("lake/logs/day=2/{batch}-000.parquet"),
        format!("lake/logs/day=2/{batch}-001.parquet"),
        format!("lake/metrics/host=a b+c/{batch}-000.parquet"),
        format!("lake/batches/{batch}.json"),
        format!("lake/batches/{batch}-plan-000001.json"),
        format!("lake/figures/{batch}.json"),
    ];
    let mut others = vec![
        format!("lake/logs/day=1/{other}-000.parquet"),
        format!("lake/logs/{batch}-000/{other}-000.parquet"),
        format!("lake/logs/day=1/{batch}"),
        format!("lake/logs/day=1/x{batch}-000.parquet"),
        format!("lake/batches/{other}.json"),
        // Another lake in the same bucket.
        format!("lake2/logs/day=1/{batch}-000.parquet"),
    ];
    for key in of_batch.iter().chain(&others) {
        store.ministack.put("lake", key, b"rows", false).unwrap();
    }
    let lake = S3Lake::new(store.calls(), "lake".into(), "lake/".into(), true);
    let (mut after, mut pages) = (None, 0);
    loop {
        after = lake.remove_batch(batch, after.as_deref(), 2).unwrap();
        pages += 1;
        assert!(pages < 20, "the listing does not end: {after:?}");
        if after.is_none() {
            break;
        }
    }
    assert!(pages >= 4, "so few objects were looked at once that there were {pages} pages");
    others.sort();
    assert_eq!(store.ministack.keys("lake").unwrap(), others);
    assert_eq!(lake.remove_batch(batch, None, 1_000), Ok(None), "once more does no harm");
}

#[test]
fn a_bucket_is_listed_in_order_with_its_keys_as_they_are() {
    let Some(store) = Store::start("listing a bucket") else { return };
    store.ministack.make_bucket("logs").unwrap();
    let mut keys = ["a b.log", "a+b.log", "a%20b.log", "ä/ö.log", "z.log"];
    keys.sort_unstable();
    for key in keys {
        store.ministack.put("logs", key, key.as_bytes(), false).unwrap();
    }
    let objects = S3Objects::new(store.calls(), "logs".into(), true);
    let all = objects.list("", None, 1_000).unwrap();
    assert_eq!(all.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), keys);
    assert!(
        all.iter().all(|object| object.size == ByteLength(object.key.len() as u64) && object.modified.0 > 0)
    );
    let mut one_by_one = Vec::new();
    while let Some(next) = objects.list("", one_by_one.last().map(String::as_str), 1).unwrap().pop() {
        one_by_one.push(next.key);
    }
    assert_eq!(one_by_one, keys);
    assert_eq!(objects.list("ä/", None, 10).unwrap().len(), 1);
}
