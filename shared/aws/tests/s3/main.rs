//! The object store in S3, held to the port's rules against a stand-in for S3.
#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]

#[path = "../dynamodb/stand_in.rs"]
#[expect(dead_code, reason = "the ledger's tests use the rest")]
mod stand_in;
#[path = "../dynamodb/wire.rs"]
#[expect(dead_code, reason = "the ledger's tests use the rest")]
mod wire;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use headrig_aws::{
    Calls,
    s3::{Bucket, S3Store},
};
use headrig_contract::{ByteLength, ContentHash, ObjectKey};
use headrig_store::{ObjectStore, StoreError, conformance};
use stand_in::StandIn;
use std::{
    cell::Cell,
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    thread,
};
use tokio::runtime::Handle;

/// Empty buckets, one after the other.
struct Buckets<'s> {
    stand_in: &'s StandIn,
    made: Cell<u32>,
}

impl Buckets<'_> {
    fn bucket(&self, name: &str) -> Bucket {
        bucket_at(&self.stand_in.endpoint(), self.stand_in.runtime(), name)
    }

    fn empty(&self) -> S3Store {
        self.made.set(self.made.get() + 1);
        let bucket = self.bucket(&format!("bucket-{}", self.made.get()));
        let request = bucket.client().create_bucket().bucket(bucket.name());
        bucket.calls().wait(request.send()).unwrap();
        S3Store::new(bucket, String::new())
    }
}

fn bucket_at(endpoint: &str, runtime: &Handle, name: &str) -> Bucket {
    let credentials = Credentials::new("test", "test", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Bucket::new(Calls::over(runtime.clone(), config), name.into(), true)
}

fn put(store: &S3Store, scratch: &Path, key: &str, bytes: &[u8]) {
    let file = scratch.join("object");
    fs::write(&file, bytes).unwrap();
    store.put_if_absent(&ObjectKey::parse(key).unwrap(), &file, ContentHash::of(bytes)).unwrap();
}

#[test]
fn a_bucket_is_an_object_store() {
    let Some(stand_in) = StandIn::start() else { return };
    let (buckets, scratch) =
        (Buckets { stand_in: &stand_in, made: Cell::new(0) }, tempfile::tempdir().unwrap());
    conformance::check(scratch.path(), || buckets.empty());
}

#[test]
fn only_keys_of_ours_under_the_prefix_are_objects() {
    let Some(stand_in) = StandIn::start() else { return };
    let (buckets, scratch) =
        (Buckets { stand_in: &stand_in, made: Cell::new(0) }, tempfile::tempdir().unwrap());
    let whole = buckets.empty();
    for key in ["a", "raw/1", "raw/2", "raw/a b+c%20", "rawer/3"] {
        put(&whole, scratch.path(), key, b"x");
    }
    let client = buckets.bucket("bucket-1");
    for odd in ["raw/", "raw/0//", "raw/folder/"] {
        let request = client.client().put_object().bucket("bucket-1").key(odd);
        client.calls().wait(request.send()).unwrap();
    }
    let store = S3Store::new(buckets.bucket("bucket-1"), "raw/".into());
    let listed = |after: Option<&str>, limit| {
        let after = after.map(|after| ObjectKey::parse(after).unwrap());
        let found = store.list(after.as_ref(), limit).unwrap();
        found.into_iter().map(|object| object.key.as_str().to_owned()).collect::<Vec<_>>()
    };
    let all = ["raw/1", "raw/2", "raw/a b+c%20"];
    assert_eq!(listed(None, usize::MAX), all);
    // The keys that are none of ours do not count to the limit.
    assert_eq!(listed(None, 1), all[..1]);
    assert_eq!(listed(Some("raw/1"), 2), all[1..]);
    let mut paths = Vec::new();
    store.each_under("", |path, _| paths.push(path.to_owned())).unwrap();
    assert_eq!(paths, ["", "0//", "1", "2", "a b+c%20", "folder/"]);
}

#[test]
fn pieces_of_an_object_are_read_and_its_length_is_told() {
    let Some(stand_in) = StandIn::start() else { return };
    let (buckets, scratch) =
        (Buckets { stand_in: &stand_in, made: Cell::new(0) }, tempfile::tempdir().unwrap());
    let store = buckets.empty();
    put(&store, scratch.path(), "ten", b"0123456789");
    put(&store, scratch.path(), "none", b"");
    for (key, offset, length, expect, whole) in [
        ("ten", 0, 100, "0123456789", 10),
        ("ten", 3, 4, "3456", 10),
        ("ten", 8, 8, "89", 10),
        ("none", 0, 5, "", 0),
    ] {
        let piece = store.piece(key, offset, length).unwrap();
        assert_eq!(
            (piece.bytes.as_slice(), piece.whole),
            (expect.as_bytes(), ByteLength(whole)),
            "{key} {offset}"
        );
    }
    assert!(matches!(store.piece("gone", 0, 1), Err(StoreError::NotFound { .. })));
    let nowhere = S3Store::new(buckets.bucket("no-such-bucket"), String::new());
    assert!(matches!(nowhere.list(None, 1), Err(StoreError::NoSuchStore { .. })));
    assert!(matches!(nowhere.piece("a", 0, 1), Err(StoreError::NoSuchStore { .. })));
}

/// Listings that end in no right way, by a server that answers every request alike.
#[test]
fn a_listing_that_breaks_off_or_begins_anew_is_an_error() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let object = |number: usize| format!("<Contents><Key>k{number:05}</Key><Size>1</Size></Contents>");
    let full: String = (0..1_000).map(object).collect();
    for (listing, expect) in [
        (object(1), "broke off"),
        (String::new(), "broke off"),
        (format!("<IsTruncated>false</IsTruncated>{full}"), "does not go on"),
        (format!("<IsTruncated>true</IsTruncated>{}", object(1)), "where it goes on"),
        (
            format!(
                "<IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken>{}",
                object(1)
            ),
            "too many pieces",
        ),
    ] {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", server.local_addr().unwrap());
        // It ends with the test.
        thread::spawn(move || server.incoming().try_for_each(|client| answer(client?, &listing)));
        let bucket = bucket_at(&endpoint, runtime.handle(), "logs");
        let found = S3Store::new(bucket, String::new()).each_under("", |_, _| {}).unwrap_err();
        assert!(found.is_retryable() && found.to_string().contains(expect), "{found}");
    }
}

fn answer(client: TcpStream, listing: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(&client).lines();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let body = format!("<?xml version=\"1.0\"?><ListBucketResult>{listing}</ListBucketResult>");
    let length = body.len();
    write!(&client, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}
