use super::*;
use flate2::{Compression, write::GzEncoder};
use headrig_contract::{ByteLength, ContentHash, ObjectKey};
use proptest::prelude::*;
use serde_json::json;
use std::io::Write;

fn parse(value: &Value) -> Result<Event, EventError> {
    Event::parse(value.to_string().as_bytes())
}

fn record(name: &str, key: &str, size: u64) -> Value {
    json!({
        "eventVersion": "2.3", "eventSource": "aws:s3", "eventName": name, "awsRegion": "eu-central-1",
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": "logs", "arn": "arn:aws:s3:::logs"},
            "object": {"key": key, "size": size, "eTag": "x", "sequencer": "0A"}},
    })
}

fn stored(key: &str, size: u64) -> Notice {
    Notice::Stored(StoredObject {
        bucket: "logs".into(),
        key: ObjectKey::parse(key).unwrap(),
        size: Some(ByteLength(size)),
    })
}

fn notices_of(value: &Value) -> Vec<Notice> {
    match parse(value).unwrap() {
        Event::Objects(notices) => notices,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_s3_says_is_the_same_however_it_comes() {
    let direct = json!({"Records": [record("ObjectCreated:Put", "host%3Dweb/a+b%2B.log", 3)]});
    let in_topic = json!({"Type": "Notification", "Message": direct.to_string()});
    let topic_record =
        json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": direct.to_string()}}]});
    let bridged = json!({
        "version": "0", "source": "aws.s3", "detail-type": "Object Created",
        "detail": {"bucket": {"name": "logs"}, "object": {"key": "host=web/a b+.log", "size": 3}},
    });
    for event in [&direct, &in_topic, &topic_record, &bridged] {
        assert_eq!(notices_of(event), [stored("host=web/a b+.log", 3)], "{event}");
    }
    for body in [&direct, &in_topic, &bridged] {
        let message = json!({"eventSource": "aws:sqs", "messageId": "m1", "body": body.to_string()});
        let Ok(Event::Queue(messages)) = parse(&json!({"Records": [message]})) else { panic!("{body}") };
        let expect = Message { id: Some("m1".into()), content: Ok(vec![stored("host=web/a b+.log", 3)]) };
        assert_eq!(messages, [expect]);
    }
}

#[test]
fn a_bad_part_stands_beside_the_good_ones() {
    let good = json!({"Records": [record("ObjectCreated:Copy", "a", 1)]}).to_string();
    let queued = |id: &str, body: &str| json!({"eventSource": "aws:sqs", "messageId": id, "body": body});
    let event = json!({"Records": [queued("1", "no json"), queued("2", &good), queued("3", "[]")]});
    let Ok(Event::Queue(messages)) = parse(&event) else { panic!() };
    let understood: Vec<bool> = messages.iter().map(|message| message.content.is_ok()).collect();
    assert_eq!(understood, [false, true, false]);

    let mixed =
        json!({"Records": [7, record("ObjectCreated:Put", "a", 1), {"eventName": "ObjectCreated:Put"}]});
    let found = notices_of(&mixed);
    assert!(matches!(&found[..], [Notice::Malformed { .. }, Notice::Stored(_), Notice::Malformed { .. }]));
}

#[test]
fn what_does_not_concern_headrig_is_ignored_and_what_it_cannot_name_is_said() {
    let test_event = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "logs"});
    assert!(matches!(&notices_of(&test_event)[..], [Notice::Ignored { .. }]));
    let of = |name: &str, key: &str, size: u64| {
        notices_of(&json!({"Records": [record(name, key, size)]})).remove(0)
    };
    for name in ["ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated", "ObjectTagging:Put"] {
        assert!(matches!(of(name, "a", 1), Notice::Ignored { .. }), "{name}");
    }
    assert!(matches!(of("ObjectCreated:Put", "folder/", 0), Notice::Ignored { .. }));
    assert!(matches!(of("s3:ObjectCreated:Put", "a", 1), Notice::Stored(_)));
    for key in ["%ff.log", "a%2", "a%zz", "a//b", "../a", "folder/"] {
        assert!(matches!(of("ObjectCreated:Put", key, 1), Notice::Unusable { .. }), "{key}");
    }
    let mut newer = record("ObjectCreated:Put", "a", 1);
    newer["eventVersion"] = json!("3.0");
    assert!(matches!(notices_of(&json!({"Records": [newer]})).remove(0), Notice::Malformed { .. }));
}

#[test]
fn runs_schedules_and_commands_are_told_apart() {
    let glue = json!({
        "source": "aws.glue", "detail-type": "Glue Job State Change",
        "detail": {"jobName": "etl", "jobRunId": "jr_1", "state": "FAILED", "severity": "ERROR"},
    });
    let change = RunChange { job: "etl".into(), run: "jr_1".into(), state: "FAILED".into() };
    let hash = ContentHash::of(b"x");
    let cases = [
        (glue, Event::RunChanged(change)),
        (json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}), Event::Sweep),
        (json!({"headrig": "sweep"}), Event::Sweep),
        (json!({"headrig": "flush"}), Event::Command(Command::Flush)),
        (json!({"headrig": {"replay": hash.to_string()}}), Event::Command(Command::Replay(hash))),
        (json!({"headrig": {"retire": "web-1"}}), Event::Command(Command::Retire("web-1".parse().unwrap()))),
    ];
    for (value, expect) in cases {
        assert_eq!(parse(&value), Ok(expect), "{value}");
    }
    for wrong in [json!({"headrig": "fly"}), json!({"headrig": {"replay": "x"}}), json!({"headrig": null})] {
        assert!(matches!(parse(&wrong), Err(EventError::Command(_))), "{wrong}");
    }
    for wrong in [json!({}), json!([]), json!(null), json!({"Records": {}}), json!({"detail-type": "x"})] {
        assert!(matches!(parse(&wrong), Err(EventError::Shape { .. })), "{wrong}");
    }
}

fn subscription(content: &Value) -> Value {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content.to_string().as_bytes()).unwrap();
    json!({"awslogs": {"data": aws_smithy_types::base64::encode(encoder.finish().unwrap())}})
}

#[test]
fn log_subscriptions_are_unpacked() {
    let data = json!({
        "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/aws/lambda/shop",
        "logStream": "2026/09/21/[$LATEST]ab", "subscriptionFilters": ["all"],
        "logEvents": [{"id": "3", "timestamp": 1_790_000_000_123_i64, "message": "GET /\n", "new": {}}],
    });
    let Ok(Event::Logs(batch)) = parse(&subscription(&data)) else { panic!() };
    assert_eq!((batch.group.as_str(), batch.events.len()), ("/aws/lambda/shop", 1));
    assert_eq!((batch.events[0].id.as_str(), batch.events[0].at_millis), ("3", 1_790_000_000_123));

    let control =
        json!({"messageType": "CONTROL_MESSAGE", "logEvents": [{"id": "", "timestamp": 0, "message": "x"}]});
    let Ok(Event::Logs(batch)) = parse(&subscription(&control)) else { panic!() };
    assert!(batch.events.is_empty());
    for data in [json!("!"), json!("AAAA"), json!(7)] {
        let wrong = json!({"awslogs": {"data": data}});
        assert!(matches!(parse(&wrong), Err(EventError::Logs { .. })), "{wrong}");
    }
}

/// JSON that often has the fields somebody looks at.
fn any_json() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        Just("Records"),
        Just("body"),
        Just("eventSource"),
        Just("s3"),
        Just("bucket"),
        Just("object"),
        Just("key"),
        Just("name"),
        Just("size"),
        Just("eventName"),
        Just("detail"),
        Just("detail-type"),
        Just("source"),
        Just("awslogs"),
        Just("data"),
        Just("headrig"),
        Just("Message"),
        Just("messageId"),
        Just("Sns"),
        Just("Event"),
        Just("replay"),
    ];
    let words = prop_oneof![
        Just("aws:sqs"),
        Just("aws:s3"),
        Just("aws.s3"),
        Just("aws.glue"),
        Just("ObjectCreated:Put"),
        Just("%f"),
        Just("%c3%28"),
        Just("a/b"),
        Just("{}"),
        Just("{\"Records\":[]}"),
        Just("H4sIAAAA"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        words.prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((names.clone().prop_map(String::from), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_json_makes_it_panic(value in any_json()) {
        let _ = parse(&value);
        let queued = json!({"eventSource": "aws:sqs", "messageId": "m", "body": value.to_string()});
        let around = json!({"Records": [queued, {"eventSource": "aws:sqs", "messageId": "n", "body": "{}"}]});
        let Ok(Event::Queue(messages)) = parse(&around) else { panic!("one message hides the others") };
        prop_assert_eq!(messages.len(), 2);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Event::parse(&bytes);
    }

    #[test]
    fn keys_come_back_from_their_encoding(key in ".{1,40}") {
        let encoded: String = key.bytes().map(|byte| match byte {
            b' ' => "+".into(),
            b'a'..=b'z' | b'/' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        }).collect();
        prop_assert_eq!(decode_key(&encoded), Ok(key));
    }

    #[test]
    fn decoding_any_text_never_panics(text in ".{0,40}") {
        let _ = decode_key(&text);
    }
}
