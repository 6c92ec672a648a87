//! What the errors of S3, SNS and DynamoDB mean: only what can never succeed is not tried again.

use crate::stub::{Reply, Stub, answer};
use headrig_contract::{ByteLength, ContentHash, ObjectKey};
use headrig_sink::{
    CallError,
    aws::{S3Lake, S3Objects, SnsNotifier, TableNotes},
    ports::{Lake, NoteBook, Notifier, Objects},
};

const LIMIT: ByteLength = ByteLength(1_000);

/// How a failure was judged, in a word.
fn judged<T: std::fmt::Debug>(result: Result<T, CallError>) -> &'static str {
    match result {
        Ok(_) => "done",
        Err(CallError::Missing { .. }) => "missing",
        Err(CallError::Denied { .. }) => "denied",
        Err(CallError::Conflict { .. }) => "conflict",
        Err(CallError::Refused { .. }) => "refused",
        Err(CallError::Unavailable { .. }) => "unavailable",
    }
}

fn xml(status: u16, code: &str) -> Reply {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>as told</Message></Error>");
    Reply::Answer(answer(status, "application/xml", body))
}

fn key() -> ObjectKey {
    ObjectKey::parse("a/b.log").unwrap()
}

#[test]
fn what_s3_says_is_missing_or_denied_or_may_pass() {
    let cases = [
        (xml(404, "NoSuchKey"), "missing"),
        (xml(403, "AccessDenied"), "denied"),
        (xml(503, "SlowDown"), "unavailable"),
        (xml(500, "InternalError"), "unavailable"),
        (Reply::Cut, "unavailable"),
        (Reply::Silence, "unavailable"),
    ];
    for (reply, expect) in cases {
        let objects = || S3Objects::new(Stub::with([reply.clone()]).calls(), "logs".into(), true);
        assert_eq!(judged(objects().head(&key())), expect, "head, {reply:?}");
        assert_eq!(judged(objects().hash(&key(), LIMIT)), expect, "hash, {reply:?}");
        assert_eq!(judged(objects().list("", None, 10)), expect, "list, {reply:?}");
        let put = objects().put_if_absent(&key(), b"x".to_vec(), ContentHash::of(b"x"));
        assert_eq!(judged(put), expect, "put, {reply:?}");
        let lake = S3Lake::new(Stub::with([reply.clone()]).calls(), "lake".into(), String::new(), true);
        let batch = headrig_ledger::BatchId::from_bytes([1; 32]);
        assert_eq!(judged(lake.remove_batch(batch, None, 10)), expect, "lake, {reply:?}");
    }
}

#[test]
fn an_expired_token_is_known_by_its_code_which_the_answer_to_a_head_has_none_of() {
    let objects = || S3Objects::new(Stub::with([xml(400, "ExpiredToken")]).calls(), "logs".into(), true);
    assert_eq!(judged(objects().hash(&key(), LIMIT)), "denied");
    assert_eq!(judged(objects().head(&key())), "unavailable");
}

#[test]
fn an_object_whose_answer_is_torn_is_read_again_and_one_that_is_too_long_is_not() {
    let object = |bytes: Vec<u8>| answer(200, "binary/octet-stream", bytes);
    let hash =
        |reply: Reply| S3Objects::new(Stub::with([reply]).calls(), "logs".into(), true).hash(&key(), LIMIT);
    let whole = vec![7; 1_000];
    assert_eq!(
        hash(Reply::Answer(object(whole.clone()))).unwrap(),
        (ContentHash::of(&whole), ByteLength(1_000))
    );
    assert_eq!(judged(hash(Reply::Torn(object(whole), 1))), "unavailable");
    assert_eq!(judged(hash(Reply::Answer(object(vec![7; 1_001])))), "refused");
}

#[test]
fn a_key_that_is_taken_already_has_the_same_object() {
    let put = |reply: Reply| {
        let objects = S3Objects::new(Stub::with([reply]).calls(), "logs".into(), true);
        judged(objects.put_if_absent(&key(), b"x".to_vec(), ContentHash::of(b"x")))
    };
    assert_eq!(put(xml(412, "PreconditionFailed")), "done");
    assert_eq!(put(xml(409, "ConditionalRequestConflict")), "conflict");
}

#[test]
fn a_listing_that_is_no_xml_is_asked_for_again() {
    for reply in [
        Reply::Answer(answer(200, "application/xml", "<ListBucketResult><Contents>")),
        Reply::Torn(answer(200, "application/xml", "<ListBucketResult></ListBucketResult>"), 5),
    ] {
        let objects = S3Objects::new(Stub::with([reply]).calls(), "logs".into(), true);
        assert_eq!(judged(objects.list("", None, 10)), "unavailable");
    }
}

fn listing(keys: &[&str], goes_on: bool) -> Reply {
    let contents: String = keys
        .iter()
        .map(|key| format!("<Contents><Key>{key}</Key><Size>1</Size><LastModified>2026-09-21T00:00:00Z</LastModified></Contents>"))
        .collect();
    let body = format!(
        "<ListBucketResult><IsTruncated>{goes_on}</IsTruncated><NextContinuationToken>next</NextContinuationToken>{contents}</ListBucketResult>"
    );
    Reply::Answer(answer(200, "application/xml", body))
}

#[test]
fn a_page_that_is_shorter_than_was_asked_for_is_not_the_end() {
    let batch = headrig_ledger::BatchId::from_bytes([1; 32]);
    let theirs = format!("logs/{batch}-000.parquet");
    let removed = Reply::Answer(answer(204, "application/xml", ""));
    let stub =
        Stub::with([listing(&["logs/a"], true), listing(&[], true), listing(&[&theirs], false), removed]);
    let lake = S3Lake::new(stub.calls(), "lake".into(), String::new(), true);
    assert_eq!(lake.remove_batch(batch, None, 10), Ok(None));
    let requests = stub.requests();
    assert_eq!(requests.len(), 4, "{requests:?}");
    assert!(requests[1].start.contains("continuation-token=next"), "{}", requests[1].start);
    assert!(
        requests[3].start.starts_with("DELETE ") && requests[3].start.contains(&theirs),
        "{}",
        requests[3].start
    );
    let endless = Stub::with(std::iter::repeat_n(listing(&[], true), 40));
    let objects = S3Objects::new(endless.calls(), "logs".into(), true);
    assert_eq!(judged(objects.list("", None, 10)), "unavailable");
}

#[test]
fn what_sns_says_is_missing_or_denied_or_may_pass() {
    let said = |status: u16, code: &str| {
        let body = format!(
            "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type><Code>{code}</Code><Message>as told</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        );
        Reply::Answer(answer(status, "text/xml", body))
    };
    let cases = [
        (said(400, "Throttling"), "unavailable"),
        (said(403, "AuthorizationError"), "denied"),
        (said(403, "KMSAccessDenied"), "denied"),
        (said(404, "NotFound"), "missing"),
        (said(500, "InternalError"), "unavailable"),
        (Reply::Cut, "unavailable"),
        (Reply::Silence, "unavailable"),
    ];
    for (reply, expect) in cases {
        let topic = "arn:aws:sns:us-east-1:123456789012:headrig".to_owned();
        let people = SnsNotifier::new(Stub::with([reply.clone()]).calls(), topic);
        assert_eq!(judged(people.tell("subject", "text")), expect, "{reply:?}");
    }
}

#[test]
fn what_dynamodb_says_of_a_note_is_denied_or_a_conflict_or_may_pass() {
    let said = |status: u16, name: &str| {
        let body =
            format!("{{\"__type\":\"com.amazonaws.dynamodb.v20120810#{name}\",\"message\":\"as told\"}}");
        Reply::Answer(answer(status, "application/x-amz-json-1.0", body))
    };
    let cases = [
        (said(400, "ProvisionedThroughputExceededException"), "unavailable"),
        (said(400, "AccessDeniedException"), "denied"),
        (said(500, "InternalServerError"), "unavailable"),
        (Reply::Cut, "unavailable"),
        (Reply::Silence, "unavailable"),
    ];
    for (reply, expect) in cases {
        let notes = || TableNotes::new(Stub::with([reply.clone()]).calls(), "headrig".into());
        assert_eq!(judged(notes().read("walk")), expect, "read, {reply:?}");
        assert_eq!(judged(notes().write("walk", None, b"{}")), expect, "write, {reply:?}");
    }
    let conflict = said(400, "ConditionalCheckFailedException");
    let notes = TableNotes::new(Stub::with([conflict]).calls(), "headrig".into());
    assert_eq!(judged(notes.write("walk", Some(3), b"{}")), "conflict");
    let odd = answer(200, "application/x-amz-json-1.0", "{\"Item\":{\"version\":{\"S\":\"x\"}}}");
    let notes = TableNotes::new(Stub::with([Reply::Answer(odd)]).calls(), "headrig".into());
    assert_eq!(judged(notes.read("walk")), "refused");
}
