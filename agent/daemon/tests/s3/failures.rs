//! What the uploader makes of failures: each is told apart, tried once, and none but a bad spool file is final.

use crate::{
    bench::{Bench, KEY, wait_for},
    standin::Reply,
};
use headrig_agentd::{
    aws::Connections,
    s3::{PutOutcome, S3Settings, S3Uploader, UploadError},
};
use headrig_contract::ByteLength;
use std::{fs, net::TcpListener, time::Duration};

#[test]
fn every_answer_is_told_apart_tried_once_and_recovered_from() {
    let eu = vec![("x-amz-bucket-region", "eu-west-1")];
    let cases = [
        (Reply::error(403, "AccessDenied"), "access_denied"),
        (Reply::error(403, ""), "access_denied"),
        (Reply::error(400, "KMS.DisabledException"), "refused"),
        (Reply::error(404, "NoSuchBucket"), "no_such_bucket"),
        (Reply::Answer(301, "PermanentRedirect", eu.clone()), "wrong_region"),
        (Reply::Answer(307, "TemporaryRedirect", eu.clone()), "wrong_region"),
        (Reply::Answer(400, "AuthorizationHeaderMalformed", eu), "wrong_region"),
        (Reply::error(400, "ExpiredToken"), "credentials"),
        (Reply::error(403, "InvalidAccessKeyId"), "credentials"),
        (Reply::error(403, "SignatureDoesNotMatch"), "credentials"),
        (Reply::error(403, "RequestTimeTooSkewed"), "clock"),
        (Reply::error(400, "BadDigest"), "corrupted"),
        (Reply::error(400, "IncompleteBody"), "connection"),
        (Reply::error(400, "RequestTimeout"), "timeout"),
        (Reply::error(400, "InvalidRequest"), "refused"),
        (Reply::error(409, "ConditionalRequestConflict"), "conflict"),
        (Reply::error(429, ""), "throttled"),
        (Reply::error(500, "InternalError"), "server"),
        (Reply::error(501, "NotImplemented"), "refused"),
        (Reply::error(502, ""), "server"),
        (Reply::error(503, "SlowDown"), "throttled"),
        (Reply::error(503, "ServiceUnavailable"), "server"),
        (Reply::Cut(0), "connection"),
        (Reply::Cut(3), "connection"),
    ];
    for (reply, expect) in cases {
        let bench = Bench::with(b"a line\n");
        let uploader = bench.uploader();
        bench.standin.will([reply.clone()]);
        let error = bench.put(&uploader).unwrap_err();
        assert_eq!(error.kind(), expect, "{reply:?}: {error}");
        assert!(error.is_retryable(), "{reply:?}: {error}");
        assert_eq!(bench.standin.requests().len(), 1, "{reply:?}: how often is the core's business");
        assert_eq!(bench.put(&uploader).unwrap(), PutOutcome::Created, "{reply:?}");
    }
}

#[test]
fn an_answer_without_a_body_to_a_precondition_is_a_success_too() {
    let bench = Bench::with(b"a line\n");
    bench.standin.will([Reply::error(412, "")]);
    assert_eq!(bench.put(&bench.uploader()).unwrap(), PutOutcome::AlreadyPresent);
}

#[test]
fn an_answer_that_comes_before_the_body_was_read_is_heard() {
    let bench = Bench::with(&[7; 8 << 20]);
    bench.standin.will([Reply::AnswerEarly(403, "AccessDenied")]);
    assert_eq!(bench.put(&bench.uploader()).unwrap_err().kind(), "access_denied");
}

#[test]
fn messages_say_what_to_do_and_give_nothing_away() {
    let bench = Bench::with(b"a line\n");
    let uploader = bench.uploader();
    let cases = [
        (
            Reply::error(403, "AccessDenied"),
            vec!["s3:PutObject", KEY, "403 AccessDenied: As told", "4442587F"],
        ),
        (
            Reply::Answer(301, "PermanentRedirect", vec![("x-amz-bucket-region", "eu-west-1")]),
            vec!["eu-west-1"],
        ),
        (Reply::error(403, "InvalidAccessKeyId"), vec!["renew them"]),
    ];
    for (reply, expect) in cases {
        bench.standin.will([reply]);
        let error = bench.put(&uploader).unwrap_err();
        let message = error.to_string();
        expect.iter().for_each(|part| assert!(message.contains(part), "{message}"));
        let everything = format!("{message} {error:?} {uploader:?}");
        assert!(!everything.contains("hush-hush") && !everything.contains("AKIAFIRST"), "{everything}");
    }
}

#[test]
fn a_spool_file_that_was_damaged_is_named_and_not_tried_again() {
    let bench = Bench::with(b"a line\n");
    fs::write(bench.file(), b"A LINE\n").unwrap();
    let error = bench.put(&bench.uploader()).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), ("spool_damaged", false));
    assert!(error.to_string().contains(bench.file().to_str().unwrap()), "{error}");
    assert!(error.to_string().contains(&bench.chunk.hash.to_string()), "{error}");
    assert_eq!(bench.standin.object(&format!("/logs/{KEY}")), None);
}

#[test]
fn a_spool_file_of_another_length_or_none_at_all_is_not_sent() {
    let bench = Bench::with(b"a line\n");
    for text in ["a line", "a line\n\n", ""] {
        fs::write(bench.file(), text).unwrap();
        let error = bench.put(&bench.uploader()).unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), ("spool_damaged", false), "{error}");
    }
    fs::remove_file(bench.file()).unwrap();
    let error = bench.put(&bench.uploader()).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), ("spool_missing", false), "{error}");
    assert!(bench.standin.requests().is_empty());
}

#[test]
fn a_spool_file_that_cannot_be_read_is_tried_again() {
    let mut bench = Bench::with(b"a line\n");
    fs::remove_file(bench.file()).unwrap();
    fs::create_dir(bench.file()).unwrap();
    bench.chunk.length = ByteLength(fs::metadata(bench.file()).unwrap().len());
    let error = bench.put(&bench.uploader()).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), ("spool_unreadable", true), "{error}");
}

#[test]
fn a_server_that_says_nothing_runs_into_the_time_out() {
    let bench = Bench::with(b"a line\n");
    bench.standin.will([Reply::Silence]);
    let settings = S3Settings { attempt_timeout: Duration::from_millis(300), ..bench.settings() };
    let error = bench.put(&S3Uploader::new(settings, Connections::default())).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), ("timeout", true), "{error}");
}

#[test]
fn a_host_that_is_away_or_unknown_is_a_lost_connection() {
    let bench = Bench::with(b"a line\n");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for endpoint in [format!("http://{closed}"), "http://s3.headrig.invalid".into()] {
        let settings = S3Settings { endpoint: Some(endpoint.parse().unwrap()), ..bench.settings() };
        let uploader = S3Uploader::new(settings, Connections::default());
        let error = wait_for(uploader.put(&bench.chunk, &bench.file())).unwrap_err();
        assert!(matches!(error, UploadError::Connection { .. }), "{endpoint}: {error}");
    }
}
