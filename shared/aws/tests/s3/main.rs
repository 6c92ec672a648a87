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
use std::{cell::Cell, fs, path::Path};

/// Empty buckets, one after the other.
struct Buckets<'s> {
    stand_in: &'s StandIn,
    made: Cell<u32>,
}

impl Buckets<'_> {
    fn bucket(&self, name: &str) -> Bucket {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(self.stand_in.endpoint())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Bucket::new(Calls::over(self.stand_in.runtime().clone(), config), name.into(), true)
    }

    fn empty(&self) -> S3Store {
        self.made.set(self.made.get() + 1);
        let bucket = self.bucket(&format!("bucket-{}", self.made.get()));
        let request = bucket.client().create_bucket().bucket(bucket.name());
        bucket.calls().wait(request.send()).unwrap();
        S3Store::new(bucket, String::new())
    }
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
