//! From what S3 says to the ledger.

use crate::world::{BUCKET, World, chunk_key, message, record, stored};
use headrig_contract::{ByteLength, ContentHash, ObjectKey};
use headrig_ledger::{Fault, FilePhase, FileState, Ledger};
use headrig_sink::{Figure, SinkError};
use serde_json::json;

fn phase(world: &World, bytes: &[u8]) -> Option<FilePhase> {
    world.ledger.file(ContentHash::of(bytes)).unwrap().map(|file| file.state.phase())
}

#[test]
fn five_objects_make_a_batch_and_a_run_however_often_they_are_told_of() {
    let world = World::new();
    let keys: Vec<String> = (0..5).map(|seq| world.store_chunk(seq)).collect();
    for _ in 0..2 {
        for (number, key) in keys.iter().enumerate() {
            assert!(world.deliver(&[message(&number.to_string(), &[key])]).is_empty());
        }
    }
    let counts = world.ledger.counts().unwrap();
    assert_eq!((counts.pending, counts.batched, counts.starting), (0, 5, 1));
    assert_eq!((world.runs.borrow().len(), world.hashed_bytes.get()), (1, 0));
    assert_eq!((world.sum(Figure::FilesTakenIn), world.sum(Figure::FilesKnown)), (5.0, 5.0));
    world.finish(0);
    assert_eq!(world.ledger.counts().unwrap().done, 5);
}

#[test]
fn only_the_messages_that_failed_come_again() {
    let world = World::new();
    let keys: Vec<String> = (0..3).map(|seq| world.store_chunk(seq)).collect();
    world.locked.borrow_mut().insert(keys[1].clone());
    let poison = json!({"eventSource": "aws:sqs", "messageId": "poison", "body": "{\"Records\": 7}"});
    let nameless = json!({"eventSource": "aws:sqs", "body": "no json"});
    let messages =
        [message("a", &[&keys[0]]), poison, message("b", &[&keys[1], &keys[2]]), nameless, message("c", &[])];
    assert_eq!(world.deliver(&messages), ["poison", "b"]);
    // What else the failed message told of is taken in nevertheless.
    assert_eq!(world.ledger.counts().unwrap().pending, 2);
    assert_eq!(world.sum(Figure::EventsMalformed), 2.0);
    world.locked.borrow_mut().clear();
    assert!(world.deliver(&[message("b", &[&keys[1], &keys[2]])]).is_empty());
    assert_eq!(world.ledger.counts().unwrap().pending, 3);
}

#[test]
fn a_message_is_acknowledged_only_when_the_ledger_has_its_object() {
    // The first call is for all three; then each is tried by itself.
    let world = World::failing_ledger([(1, Fault::Before), (3, Fault::Before)]);
    let keys: Vec<String> = (0..3).map(|seq| world.store_chunk(seq)).collect();
    let messages = [message("a", &[&keys[0]]), message("b", &[&keys[1]]), message("c", &[&keys[2]])];
    assert_eq!(world.deliver(&messages), ["b"]);
    let phases = [b"chunk 0", b"chunk 1", b"chunk 2"].map(|bytes| phase(&world, bytes).is_some());
    assert_eq!(phases, [true, false, true]);
}

#[test]
fn an_event_that_comes_directly_fails_when_an_object_cannot_be_looked_at() {
    let world = World::new();
    let keys: Vec<String> = (0..2).map(|seq| world.store_chunk(seq)).collect();
    world.locked.borrow_mut().insert(keys[0].clone());
    let failed = world.handle(&stored(&[&keys[0], &keys[1]]));
    assert!(matches!(failed, Err(SinkError::Objects { failed: 1, all: 2 })), "{failed:?}");
    assert_eq!(phase(&world, b"chunk 1"), Some(FilePhase::Pending));
}

#[test]
fn an_object_is_known_by_its_bytes_and_they_are_read_only_where_nobody_has_summed_them() {
    let world = World::new();
    world.store("old/app.log", b"summed by S3");
    world.store_unsummed("old/other.log", b"not summed");
    world.store_unsummed(&chunk_key(1, ContentHash::of(b"true")), b"true");
    let keys = world.keys();
    world.handle(&stored(&keys.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
    for bytes in [b"summed by S3".as_slice(), b"not summed", b"true"] {
        assert_eq!(phase(&world, bytes), Some(FilePhase::Pending));
    }
    assert_eq!(world.hashed_bytes.get(), ("not summed".len() + "true".len()) as u64);
}

#[test]
fn bytes_that_do_not_match_their_key_are_set_aside_and_told_of_once_and_can_be_replayed() {
    for is_summed in [true, false] {
        let world = World::new();
        let key = chunk_key(1, ContentHash::of(b"the right ones"));
        if is_summed {
            world.store(&key, b"wrong")
        } else {
            world.store_unsummed(&key, b"wrong")
        }
        assert!(world.deliver(&[message("a", &[&key])]).is_empty());
        let hash = ContentHash::of(b"wrong");
        let file = world.ledger.file(hash).unwrap().unwrap();
        let FileState::Quarantined { reason, .. } = &file.state else { panic!("{file:?}") };
        assert!(reason.contains(&ContentHash::of(b"the right ones").to_string()), "{reason}");
        for _ in 0..20 {
            world.sweep();
            world.wait(60);
        }
        let told = world.told.borrow();
        assert_eq!(told.len(), 1, "{told:?}");
        let replay = format!("headrig replay {hash}");
        assert!(told[0].1.contains(&key) && told[0].1.contains(reason) && told[0].1.contains(&replay));
        world.handle(&json!({"headrig": {"replay": hash.to_string()}})).unwrap();
        assert_eq!(phase(&world, b"wrong"), Some(FilePhase::Pending));
        assert!(world.handle(&json!({"headrig": {"replay": hash.to_string()}})).is_err());
    }
}

#[test]
fn a_file_that_is_set_aside_again_is_told_of_again() {
    let world = World::new();
    let key = chunk_key(1, ContentHash::of(b"right"));
    world.store(&key, b"wrong");
    world.handle(&stored(&[&key])).unwrap();
    world.sweep();
    let hash = ContentHash::of(b"wrong");
    world.wait(1);
    let file = world.ledger.file(hash).unwrap().unwrap();
    world.handle(&json!({"headrig": {"replay": hash.to_string()}})).unwrap();
    assert_eq!(file.state.phase(), FilePhase::Quarantined);
    world.handle(&json!({"headrig": "flush"})).unwrap();
    world.claim_only(0);
    let batch = world.runs.borrow()[0].batches[0];
    let claim = headrig_ledger::Claim { attempt: batch.1, run: world.runs.borrow()[0].id.clone() };
    let outcome = headrig_ledger::Outcome::Quarantined { reason: "no log".into() };
    let outcomes = [(hash, outcome)];
    headrig_ledger::protocol::commit(&world.ledger, batch.0, &claim, &outcomes, world.now.get()).unwrap();
    world.sweep();
    assert_eq!(world.told.borrow().len(), 2);
    assert!(world.told.borrow()[1].1.contains("no log"));
}

#[test]
fn what_cannot_be_taken_in_is_said_and_holds_nothing_up() {
    let mut world = World::new();
    world.settings.object_bytes_max = ByteLength(10);
    world.settings.prefix = "in/".into();
    let chunk = format!("in/{}", chunk_key(1, ContentHash::of(b"a chunk that is too large")));
    world.store(&chunk, b"a chunk that is too large");
    world.store_unsummed("in/large.log", b"a foreign object that is too large");
    world.store("in/empty.log", b"");
    world.store("in/good.log", b"good");
    world.store("elsewhere.log", b"elsewhere");
    let keys =
        ["in/gone.log", "in/%ff.log", &chunk, "in/large.log", "in/empty.log", "elsewhere.log", "in/good.log"];
    let mut foreign = record("in/good.log");
    foreign["s3"]["bucket"]["name"] = json!("another");
    let messages = [
        message("a", &keys),
        json!({"eventSource": "aws:sqs", "messageId": "b", "body": json!({"Records": [foreign]}).to_string()}),
    ];
    for _ in 0..2 {
        assert!(world.deliver(&messages).is_empty());
    }
    let counts = world.ledger.counts().unwrap();
    assert_eq!((counts.pending, counts.quarantined), (1, 1));
    assert_eq!(phase(&world, b"a chunk that is too large"), Some(FilePhase::Quarantined));
    let figures =
        [Figure::ObjectsGone, Figure::ObjectsEmpty, Figure::ObjectsRefused].map(|figure| world.sum(figure));
    assert_eq!(figures, [2.0, 2.0, 4.0]);
    // Once, both in one message, though they came twice.
    let told = world.told.borrow();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].1.contains("in/%ff.log") && told[0].1.contains("in/large.log"));
    assert_eq!(world.hashed_bytes.get(), 0);
    let key = ObjectKey::parse("elsewhere.log").unwrap();
    assert!(world.ledger.files_at(&key).unwrap().is_empty());
}

#[test]
fn an_object_that_nobody_could_be_told_of_comes_again() {
    let world = World::new();
    // Read the note, then tell.
    world.failing.set(Some((2, Fault::Before)));
    assert_eq!(world.deliver(&[message("a", &["%ff"])]), ["a"]);
    assert!(world.deliver(&[message("a", &["%ff"])]).is_empty());
    assert_eq!(world.told.borrow().len(), 1);
}

#[test]
fn collected_log_events_join_the_bucket_once() {
    use std::io::Write;
    let data = json!({"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "/aws/lambda/shop", "logStream": "s",
        "logEvents": [{"id": "1", "timestamp": 1_790_000_000_000_i64, "message": "hello"}]});
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(data.to_string().as_bytes()).unwrap();
    let data = aws_smithy_types::base64::encode(packed.finish().unwrap());
    let world = World::new();
    for _ in 0..2 {
        world.handle(&json!({"awslogs": {"data": data}})).unwrap();
    }
    let keys = world.keys();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(keys[0].starts_with("host=cloudwatch/source=aws-lambda-shop/2026/09/21/"), "{keys:?}");
    world.handle(&stored(&[&keys[0]])).unwrap();
    assert_eq!((world.ledger.counts().unwrap().pending, world.hashed_bytes.get()), (1, 0));
    assert_eq!(BUCKET, world.settings.bucket);
}
