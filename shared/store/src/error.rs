//! What can go wrong with an object store, and whether waiting can heal it.

use headrig_contract::{ByteLength, ContentHash, ObjectKey};
use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// Why a call on an object store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no object at the key.
    #[error("no object at {key}; it was deleted, or never put into this store")]
    NotFound {
        /// The key that was asked for.
        key: ObjectKey,
    },
    /// The object is longer than the caller takes.
    #[error("object {key}: expected at most {expected} bytes, found {found}; split it, or raise the limit")]
    TooLarge {
        /// The object.
        key: ObjectKey,
        /// The caller's limit.
        expected: ByteLength,
        /// The object's size.
        found: ByteLength,
    },
    /// Another object has the key already.
    #[error(
        "object {key}: expected {expected} bytes, found another object of {found} bytes there; move that one away"
    )]
    Conflict {
        /// The key.
        key: ObjectKey,
        /// The size of the file that was to be put.
        expected: ByteLength,
        /// The size of the object that is there.
        found: ByteLength,
    },
    /// The file's bytes are not those that were announced.
    #[error(
        "{}: expected SHA-256 {expected} for object {key}, found {found}; the file was damaged after it was sealed",
        path.display()
    )]
    WrongHash {
        /// The key it was to be put under.
        key: ObjectKey,
        /// The file.
        path: PathBuf,
        /// The announced hash.
        expected: ContentHash,
        /// The hash of the file's bytes.
        found: ContentHash,
    },
    /// This store cannot hold an object of that name, although S3 could.
    #[error("object {key}: {reason}; choose another prefix, host or source name")]
    UnsupportedKey {
        /// The key.
        key: ObjectKey,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The file system can make no file appear whole, which the store's guarantees rest on.
    #[error(
        "{}: this file system has neither hard links nor renaming without replacing; keep the bucket on another one",
        path.display()
    )]
    UnsuitableFileSystem {
        /// The file that was to appear.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The disk or the quota is full.
    #[error("could not {action} {}: the disk or quota is full; make room, then the same call goes on", path.display())]
    Full {
        /// What was being done.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The process may not do this.
    #[error("could not {action} {}: permission is missing; grant it to the user that runs headrig", path.display())]
    Denied {
        /// What was being done.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Any other failure of the file system.
    #[error("could not {action} {}; check the disk and the path", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no such store.
    #[error("there is no bucket {store}; check its name, the region and the account")]
    NoSuchStore {
        /// Its name.
        store: String,
    },
    /// The store will not do it before something is changed: a permission, the region, the request.
    #[error("the object store refuses to {action}: {reason}")]
    Refused {
        /// What was being done.
        action: &'static str,
        /// What the store said, and what to do where that is known.
        reason: String,
    },
    /// The store did not answer; what was asked for may have been done or not.
    #[error("the object store did not answer to {action}: {reason}; it will do no harm to ask again")]
    Unavailable {
        /// What was being done.
        action: &'static str,
        /// What is known of the cause.
        reason: String,
    },
}

impl StoreError {
    /// Whether the same call may succeed later: time or an operator can heal it without the caller's help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Full { .. }
            | Self::Denied { .. }
            | Self::Io { .. }
            | Self::NoSuchStore { .. }
            | Self::Refused { .. }
            | Self::Unavailable { .. } => true,
            Self::NotFound { .. }
            | Self::TooLarge { .. }
            | Self::Conflict { .. }
            | Self::WrongHash { .. }
            | Self::UnsupportedKey { .. }
            | Self::UnsuitableFileSystem { .. } => false,
        }
    }

    /// The error for `source`, met while doing `action` (a verb that fits "could not ...") to `path`.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full { action, path, source },
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Self::Denied { action, path, source }
            }
            _ => Self::Io { action, path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_and_worth_waiting_for() {
        for errno in [rustix::io::Errno::NOSPC, rustix::io::Errno::DQUOT] {
            let error = StoreError::io("write", Path::new("/bucket/x"), errno.into());
            assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
            assert!(error.is_retryable());
            assert!(error.to_string().starts_with("could not write /bucket/x: the disk or quota is full"));
        }
    }

    #[test]
    fn a_wrong_hash_is_not_worth_waiting_for() {
        let error = StoreError::WrongHash {
            key: ObjectKey::parse("a").unwrap(),
            path: "/spool/a".into(),
            expected: ContentHash::of(b"a"),
            found: ContentHash::of(b"b"),
        };
        assert!(!error.is_retryable());
    }
}
