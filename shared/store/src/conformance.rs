//! What every object store must do, as one suite that each adapter runs in its tests.
//!
//! Failures are panics that name the claim. `make` gives an empty store each time; `scratch` is an empty
//! directory for the sealed files, on any file system.

use crate::{ObjectStore, PutOutcome, StoreError};
use headrig_contract::{ByteLength, ContentHash, ObjectKey};
use std::{fs, path::Path};

/// Larger than any object here.
const NO_LIMIT: ByteLength = ByteLength(1 << 20);

/// Keys in the order of their bytes, which is not the order of a walk through folders.
const ORDERED: [&str; 9] =
    ["a", "b-c", "b.log", "b/-", "b/a/z", "b/a0", "b0/x", "host=é/1", "host=\u{1F332}/1"];

/// Holds a store to the port's rules.
pub fn check<S: ObjectStore>(scratch: &Path, make: impl Fn() -> S) {
    what_is_put_can_be_read(&Put::into(make(), scratch));
    a_second_put_changes_nothing(&Put::into(make(), scratch));
    wrong_bytes_are_refused(&Put::into(make(), scratch));
    what_is_absent_is_not_found(&make());
    reading_keeps_its_limit(&Put::into(make(), scratch));
    listings_are_in_key_order(&Put::into(make(), scratch));
    listings_can_be_resumed_anywhere(&Put::into(make(), scratch));
    an_empty_store_lists_nothing(&make());
    the_spool_file_may_go_after_the_put(&Put::into(make(), scratch));
}

/// Holds a store that looks at present objects to telling other ones apart.
pub fn check_conflicts<S: ObjectStore>(scratch: &Path, make: impl Fn() -> S) {
    let store = Put::into(make(), scratch);
    store.put("a", b"first").expect("an empty store takes an object");
    let error =
        store.put("a", b"longer than the first").expect_err("an object of another size is a conflict");
    assert!(!error.is_retryable(), "a conflict does not heal by waiting: {error}");
    match error {
        StoreError::Conflict { expected, found, .. } => {
            assert_eq!((expected, found), (ByteLength(21), ByteLength(5)), "a conflict tells both sizes");
        }
        other => panic!("expected a conflict, found {other}"),
    }
    assert_eq!(
        store.store.read(&key("a"), NO_LIMIT).expect("it is there"),
        b"first",
        "nothing is overwritten"
    );
}

/// A store, and a directory in which to seal files for it.
struct Put<'a, S> {
    store: S,
    scratch: &'a Path,
}

impl<'a, S: ObjectStore> Put<'a, S> {
    fn into(store: S, scratch: &'a Path) -> Self {
        Self { store, scratch }
    }

    fn put(&self, key_text: &str, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        self.put_as(key_text, bytes, ContentHash::of(bytes))
    }

    fn put_as(&self, key_text: &str, bytes: &[u8], hash: ContentHash) -> Result<PutOutcome, StoreError> {
        let file = self.scratch.join(ContentHash::of(bytes).to_string());
        fs::write(&file, bytes).expect("the scratch directory is writable");
        let outcome = self.store.put_if_absent(&key(key_text), &file, hash);
        fs::remove_file(&file).expect("the store leaves the sealed file alone");
        outcome
    }

    fn put_all(&self, keys: &[&str]) {
        for key_text in keys {
            let outcome = self.put(key_text, key_text.as_bytes());
            assert_eq!(outcome.expect("an absent object can be put"), PutOutcome::Created, "{key_text}");
        }
    }

    fn keys(&self, after: Option<&str>, limit: usize) -> Vec<String> {
        let after = after.map(key);
        let infos = self.store.list(after.as_ref(), limit).expect("a store can be listed");
        infos.into_iter().map(|info| info.key.as_str().to_owned()).collect()
    }
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).expect("the suite's keys are keys")
}

fn what_is_put_can_be_read<S: ObjectStore>(store: &Put<'_, S>) {
    for (name, bytes) in [("empty", &b""[..]), ("deep/er/still", b"two\nlines\n"), ("zero", &[0; 100_000])] {
        assert_eq!(store.put(name, bytes).expect("an object can be put"), PutOutcome::Created, "{name}");
        let read = store.store.read(&key(name), NO_LIMIT).expect("what was put is there");
        assert!(read == bytes, "{name} comes back byte for byte");
        let info = &store.store.list(None, usize::MAX).expect("a store can be listed");
        let info = info.iter().find(|info| info.key == key(name)).expect("what was put is listed");
        assert_eq!(info.size, ByteLength(bytes.len() as u64), "{name}");
    }
}

fn a_second_put_changes_nothing<S: ObjectStore>(store: &Put<'_, S>) {
    assert_eq!(store.put("a/b", b"one").expect("first put"), PutOutcome::Created);
    let before = store.store.list(None, 9).expect("a store can be listed");
    assert_eq!(store.put("a/b", b"one").expect("second put"), PutOutcome::AlreadyPresent);
    assert_eq!(store.store.list(None, 9).expect("a store can be listed"), before);
}

fn wrong_bytes_are_refused<S: ObjectStore>(store: &Put<'_, S>) {
    let error =
        store.put_as("a", b"damaged", ContentHash::of(b"whole")).expect_err("wrong bytes are refused");
    assert!(matches!(error, StoreError::WrongHash { .. }), "expected WrongHash, found {error}");
    assert!(store.keys(None, 9).is_empty(), "refused bytes leave no object");
}

fn what_is_absent_is_not_found<S: ObjectStore>(store: &S) {
    for name in ["a", "a/b/c"] {
        let error = store.read(&key(name), NO_LIMIT).expect_err("an absent object cannot be read");
        assert!(matches!(error, StoreError::NotFound { .. }), "expected NotFound, found {error}");
    }
}

fn reading_keeps_its_limit<S: ObjectStore>(store: &Put<'_, S>) {
    store.put("a", b"12345").expect("an object can be put");
    assert_eq!(store.store.read(&key("a"), ByteLength(5)).expect("it fits"), b"12345");
    match store.store.read(&key("a"), ByteLength(4)) {
        Err(StoreError::TooLarge { expected: ByteLength(4), found: ByteLength(5), .. }) => {}
        other => panic!("expected TooLarge with both sizes, found {other:?}"),
    }
}

fn listings_are_in_key_order<S: ObjectStore>(store: &Put<'_, S>) {
    let mut shuffled = ORDERED;
    shuffled.reverse();
    shuffled.swap(1, 5);
    store.put_all(&shuffled);
    assert_eq!(store.keys(None, usize::MAX), ORDERED);
    assert_eq!(store.keys(None, 0), [""; 0]);
}

fn listings_can_be_resumed_anywhere<S: ObjectStore>(store: &Put<'_, S>) {
    store.put_all(&ORDERED);
    for limit in 1..=ORDERED.len() {
        let mut listed: Vec<String> = Vec::new();
        loop {
            let page = store.keys(listed.last().map(String::as_str), limit);
            let is_last = page.len() < limit;
            listed.extend(page);
            if is_last {
                break;
            }
        }
        assert_eq!(listed, ORDERED, "in pages of {limit}");
    }
    // Keys that are not there: between two objects, a folder's name, before all, behind all.
    for (after, expect) in [("b/a", 4), ("b", 1), ("b/a/zz", 5), ("A", 0), ("z", 9)] {
        assert_eq!(store.keys(Some(after), usize::MAX), ORDERED[expect..], "after {after}");
    }
}

fn an_empty_store_lists_nothing<S: ObjectStore>(store: &S) {
    assert_eq!(store.list(None, 9).expect("an empty store can be listed"), []);
}

fn the_spool_file_may_go_after_the_put<S: ObjectStore>(store: &Put<'_, S>) {
    // `Put::put` removes the file as soon as the put has returned.
    store.put("a", b"kept").expect("an object can be put");
    assert_eq!(store.store.read(&key("a"), NO_LIMIT).expect("it is still there"), b"kept");
}
