//! Checks a sealed file's bytes against the hash they were announced with.

use crate::StoreError;
use headrig_contract::{ByteLength, ContentHash, ObjectKey};
use sha2::{Digest, Sha256};
use std::{fs::File, io::Read, path::Path};

/// How much is read at once: enough to make system calls rare, little enough to stay in the cache.
const READ_BYTES: usize = 64 * 1024;

/// Passes the bytes of `file` (at `path`) to `each`, piece by piece, and returns how many there were.
///
/// # Errors
/// [`StoreError::WrongHash`] when they are not those of `hash`; by then `each` has seen them all.
pub(crate) fn read_checked(
    key: &ObjectKey,
    path: &Path,
    mut file: &File,
    hash: ContentHash,
    mut each: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<ByteLength, StoreError> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut size = 0;
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(StoreError::io("read", path, error)),
        };
        digest.update(&buffer[..count]);
        each(&buffer[..count])?;
        size += count as u64;
    }
    let found = ContentHash::from_bytes(digest.finalize().into());
    if found == hash {
        Ok(ByteLength(size))
    } else {
        Err(StoreError::WrongHash { key: key.clone(), path: path.into(), expected: hash, found })
    }
}
