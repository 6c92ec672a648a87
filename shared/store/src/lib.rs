//! The object store port: where chunks go and where the ETL reads them from.
//!
//! The port is the small part of S3 that headrig needs: put if absent, read, list in key order.
//! This crate knows nothing of chunks, ledgers or agents; an object is a key and bytes.
//!
//! Invariants, which [`conformance`] holds every adapter to:
//! - An object that was put is durable when `put_if_absent` returns, and is never overwritten.
//! - No reader and no listing ever sees a part of an object.
//! - Bytes that do not have the hash they were announced with are never stored.

pub mod conformance;
pub mod directory;
mod error;
pub mod faulty;
mod hashing;
pub mod memory;

pub use directory::DirectoryStore;
pub use error::StoreError;
pub use faulty::{Fault, Faulty};
pub use memory::MemoryStore;

use headrig_contract::{ByteLength, ContentHash, ObjectKey, UnixMicros};
use std::path::Path;

/// Objects by key. Every adapter passes [`conformance::check`].
pub trait ObjectStore {
    /// Stores the bytes of `file`, whose SHA-256 is `hash`, under `key`, unless the key is taken.
    ///
    /// This is PutObject with `If-None-Match: *` and `x-amz-checksum-sha256`. `file` is sealed: nobody
    /// writes to it any more, and an adapter may go on sharing its storage. When the call returns the
    /// object is durable, also when it was [`PutOutcome::AlreadyPresent`]. After an error the object may
    /// be there or not; the same call may be made again.
    ///
    /// # Errors
    /// [`StoreError::WrongHash`] when the file does not have the hash; [`StoreError::Conflict`] when the
    /// present object has another size and the adapter may look at it (S3 needs a read permission for
    /// that, so there the hash in the key has to do); otherwise what kept the adapter from storing it.
    fn put_if_absent(
        &self,
        key: &ObjectKey,
        file: &Path,
        hash: ContentHash,
    ) -> Result<PutOutcome, StoreError>;

    /// The bytes of the object at `key`, if it is no longer than `limit`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] and [`StoreError::TooLarge`], or what kept the adapter from reading.
    fn read(&self, key: &ObjectKey, limit: ByteLength) -> Result<Vec<u8>, StoreError>;

    /// The first `limit` objects whose keys are greater than `after`, ordered by the UTF-8 bytes of the
    /// whole key. Fewer than `limit` means that there are no more.
    ///
    /// # Errors
    /// What kept the adapter from listing; a listing is never silently short.
    fn list(&self, after: Option<&ObjectKey>, limit: usize) -> Result<Vec<ObjectInfo>, StoreError>;
}

/// What [`ObjectStore::put_if_absent`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// The key was free; the object is there now.
    Created,
    /// The key was taken by an object that was put before: also a success.
    AlreadyPresent,
}

/// What a listing tells of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its key.
    pub key: ObjectKey,
    /// How many bytes it has.
    pub size: ByteLength,
    /// When its bytes were last written.
    pub modified: UnixMicros,
}

/// An object in a listing whose key is as the store has it, which need not be one that headrig can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key.
    pub key: String,
    /// How many bytes it has.
    pub size: ByteLength,
    /// When it was stored.
    pub modified: UnixMicros,
}

impl<S: ObjectStore + ?Sized> ObjectStore for &S {
    fn put_if_absent(
        &self,
        key: &ObjectKey,
        file: &Path,
        hash: ContentHash,
    ) -> Result<PutOutcome, StoreError> {
        (**self).put_if_absent(key, file, hash)
    }

    fn read(&self, key: &ObjectKey, limit: ByteLength) -> Result<Vec<u8>, StoreError> {
        (**self).read(key, limit)
    }

    fn list(&self, after: Option<&ObjectKey>, limit: usize) -> Result<Vec<ObjectInfo>, StoreError> {
        (**self).list(after, limit)
    }
}
