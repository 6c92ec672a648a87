//! Where credentials come from, and that new ones need no restart.

use crate::{
    bench::{Bench, wait_for},
    standin::Reply,
};
use headrig_agentd::{
    aws::{AssumeRole, Connections},
    s3::{PutOutcome, S3Settings, S3Uploader},
};
use std::fs;

#[test]
fn credentials_that_come_later_are_found() {
    let bench = Bench::with(b"a line\n");
    let uploader = bench.uploader();
    fs::remove_file(bench.credentials_file()).unwrap();
    for _ in 0..2 {
        let error = bench.put(&uploader).unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), ("credentials", true), "{error}");
    }
    assert!(bench.standin.requests().is_empty());
    bench.write_credentials("AKIASECOND");
    assert_eq!(bench.put(&uploader).unwrap(), PutOutcome::Created);
}

#[test]
fn credentials_that_expired_are_read_anew() {
    let bench = Bench::with(b"a line\n");
    bench.standin.will([Reply::error(400, "ExpiredToken")]);
    let uploader = bench.uploader();
    assert_eq!(bench.put(&uploader).unwrap_err().kind(), "credentials");
    bench.write_credentials("AKIASECOND");
    assert_eq!(bench.put(&uploader).unwrap(), PutOutcome::Created);
    let signed_by =
        |index: usize| bench.standin.requests()[index].header("authorization").unwrap().to_owned();
    assert!(signed_by(0).contains("Credential=AKIAFIRST/"), "{}", signed_by(0));
    assert!(signed_by(1).contains("Credential=AKIASECOND/"), "{}", signed_by(1));
    assert!(signed_by(1).contains("/eu-central-1/s3/"), "{}", signed_by(1));
}

#[test]
fn a_clock_that_is_off_is_made_up_for_by_that_of_s3() {
    let bench = Bench::with(b"a line\n");
    let date = vec![("Date", "Mon, 01 Jan 2035 00:00:00 GMT")];
    bench.standin.will([Reply::Answer(403, "RequestTimeTooSkewed", date)]);
    let uploader = bench.uploader();
    assert_eq!(bench.put(&uploader).unwrap_err().kind(), "clock");
    assert_eq!(bench.put(&uploader).unwrap(), PutOutcome::Created);
    let dates: Vec<_> = bench
        .standin
        .requests()
        .iter()
        .map(|request| request.header("x-amz-date").unwrap().to_owned())
        .collect();
    assert!(!dates[0].starts_with("2035") && dates[1].starts_with("20350101T0000"), "{dates:?}");
}

#[test]
fn a_role_is_assumed_once_and_used() {
    let bench = Bench::with(b"a line\n");
    let mut settings = bench.settings();
    settings.access.assume_role = Some(AssumeRole {
        arn: "arn:aws:iam::123456789012:role/agent".parse().unwrap(),
        session_name: "web-1".parse().unwrap(),
        external_id: Some("partner".into()),
    });
    let uploader = S3Uploader::new(settings, Connections::default());
    assert!(!format!("{uploader:?}").contains("partner"), "{uploader:?}");
    wait_for(async {
        for _ in 0..2 {
            uploader.put(&bench.chunk, &bench.file()).await.unwrap();
        }
    });
    let [assume, first, second] = &bench.standin.requests()[..] else { panic!("expected three requests") };
    let asked = String::from_utf8(assume.body.clone()).unwrap();
    for part in ["Action=AssumeRole", "role%2Fagent", "RoleSessionName=web-1", "ExternalId=partner"] {
        assert!(asked.contains(part), "{asked}");
    }
    for request in [first, second] {
        assert!(request.header("authorization").unwrap().contains("Credential=ASIAASSUMED/"));
        assert_eq!(request.header("x-amz-security-token"), Some("assumed-token"));
    }
}

#[test]
fn without_a_region_an_endpoint_is_signed_for_as_its_likes_expect() {
    let bench = Bench::with(b"a line\n");
    let mut settings: S3Settings = bench.settings();
    // The environment of the tests may name a region; then that is the one.
    let region = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| std::env::var(name).ok());
    settings.access.region = None;
    bench.put(&S3Uploader::new(settings, Connections::default())).unwrap();
    let signed = bench.standin.requests()[0].header("authorization").unwrap().to_owned();
    assert!(signed.contains(&format!("/{}/s3/", region.as_deref().unwrap_or("us-east-1"))), "{signed}");
}
