//! The program as Lambda runs it, over a Runtime API and an S3 of the loopback interface.
#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]

mod services;

use headrig_contract::ContentHash;
use headrig_ledger::{Ledger, SqliteLedger};
use serde_json::{Value, json};
use services::{Lambda, Store};
use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The running function; ended when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The example is built beside the tests; it is the program, but for its ledger.
fn start(lambda: &Lambda, store: &Store, ledger: &Path) -> Running {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().unwrap().parent().unwrap().join("examples/function_over_sqlite");
    let child = Command::new(program)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", lambda.address())
        .env("AWS_LAMBDA_FUNCTION_NAME", "headrig-sink")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "AKIATEST")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_ENDPOINT_URL", store.url())
        .env("HEADRIG_BUCKET", "logs")
        .env("HEADRIG_TABLE", ledger)
        .env("HEADRIG_JOB", "etl")
        .env("HEADRIG_LAKE_BUCKET", "lake")
        .env("HEADRIG_TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:headrig")
        .env("HEADRIG_S3_PATH_STYLE", "true")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Running(child)
}

fn message(id: &str, key: &str) -> Value {
    let event = json!({"Records": [{"eventVersion": "2.1", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "logs"}, "object": {"key": key, "size": 3}}}]});
    json!({"eventSource": "aws:sqs", "messageId": id, "body": event.to_string()})
}

#[test]
fn one_poisonous_message_comes_back_and_the_others_are_taken_in() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("ledger");
    let store = Store::start(&[("summed/a+b.log", "one", true), ("not summed.log", "two", false)]);
    let poison = json!({"eventSource": "aws:sqs", "messageId": "poison", "body": "{\"Records\": 7}"});
    let lambda = Lambda::start(vec![
        json!({"Records": [message("1", "summed/a%2Bb.log"), poison, message("2", "not+summed.log"), message("3", "gone.log")]}),
        json!({"what": "nobody knows"}),
        json!({"Service": "Amazon S3", "Event": "s3:TestEvent"}),
    ]);
    let begun = Instant::now();
    let running = start(&lambda, &store, &path);
    let answers = lambda.answers(3, Duration::from_secs(60));
    println!("from process start to the first poll: {:?}", lambda.first_poll().unwrap() - begun);
    drop(running);
    assert_eq!(answers[0], ("response".into(), json!({"batchItemFailures": [{"itemIdentifier": "poison"}]})));
    assert_eq!((answers[1].0.as_str(), &answers[1].1["errorType"]), ("error", &json!("Event")));
    assert_eq!(answers[2].0, "response");
    let ledger = SqliteLedger::open(&path).unwrap();
    assert_eq!(ledger.counts().unwrap().pending, 2);
    for bytes in ["one", "two"] {
        assert!(ledger.file(ContentHash::of(bytes.as_bytes())).unwrap().is_some(), "{bytes}");
    }
}

#[test]
fn a_wrong_environment_ends_the_process_and_says_all_that_is_wrong() {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().unwrap().parent().unwrap().join("examples/function_over_sqlite");
    let output = Command::new(program).env_clear().env("HEADRIG_BUCKT", "logs").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        said.contains("HEADRIG_BUCKET is missing") && said.contains("HEADRIG_BUCKT is not known"),
        "{said}"
    );
}
