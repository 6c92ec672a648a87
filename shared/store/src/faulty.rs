//! A store that fails on chosen calls, for the tests of everything that stands on a store.
//!
//! It wraps any adapter and knows nothing of what the calls mean.

use crate::{ObjectInfo, ObjectStore, PutOutcome, StoreError};
use headrig_contract::{ByteLength, ContentHash, ObjectKey};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done.
    Before,
    /// The thing is done, but its answer is lost: a time-out after success.
    After,
}

/// `inner`, whose calls fail as planned.
#[derive(Debug)]
pub struct Faulty<S> {
    inner: S,
    faults: BTreeMap<u64, Fault>,
    calls: AtomicU64,
}

impl<S> Faulty<S> {
    /// `inner`, whose calls fail as `faults` says; the first call is number 1.
    pub fn new(inner: S, faults: impl IntoIterator<Item = (u64, Fault)>) -> Self {
        Self { inner, faults: faults.into_iter().collect(), calls: AtomicU64::new(0) }
    }

    /// How many calls there have been, failed ones included.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The store underneath.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn call<T>(
        &self,
        action: &'static str,
        act: impl FnOnce(&S) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let fault = self.faults.get(&number);
        let failed = || StoreError::Unavailable { action, reason: format!("call {number} fails as planned") };
        match fault {
            None => act(&self.inner),
            Some(Fault::Before) => Err(failed()),
            Some(Fault::After) => act(&self.inner).and_then(|_| Err(failed())),
        }
    }
}

impl<S: ObjectStore> ObjectStore for Faulty<S> {
    fn put_if_absent(
        &self,
        key: &ObjectKey,
        file: &Path,
        hash: ContentHash,
    ) -> Result<PutOutcome, StoreError> {
        self.call("put", |inner| inner.put_if_absent(key, file, hash))
    }

    fn read(&self, key: &ObjectKey, limit: ByteLength) -> Result<Vec<u8>, StoreError> {
        self.call("read", |inner| inner.read(key, limit))
    }

    fn list(&self, after: Option<&ObjectKey>, limit: usize) -> Result<Vec<ObjectInfo>, StoreError> {
        self.call("list", |inner| inner.list(after, limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    #[test]
    fn a_put_whose_answer_was_lost_is_found_present_by_the_retry() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sealed");
        std::fs::write(&file, b"line\n").unwrap();
        let store = Faulty::new(MemoryStore::new(), [(1, Fault::Before), (2, Fault::After)]);
        let key = ObjectKey::parse("a/b").unwrap();
        let put = || store.put_if_absent(&key, &file, ContentHash::of(b"line\n"));
        assert!(put().is_err_and(|error| error.is_retryable()));
        assert!(store.inner().list(None, 9).unwrap().is_empty());
        assert!(put().is_err_and(|error| error.is_retryable()));
        assert_eq!(put().unwrap(), PutOutcome::AlreadyPresent);
        assert_eq!(store.calls(), 3);
    }
}
