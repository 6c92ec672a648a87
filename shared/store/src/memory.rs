//! An object store in memory: the directory adapter's twin for tests.
//!
//! It has no clock: an object's `modified` is the number of the put that made it, in microseconds.

use crate::{ObjectInfo, ObjectStore, PutOutcome, StoreError, hashing::read_checked};
use headrig_contract::{ByteLength, ContentHash, ObjectKey, UnixMicros};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs::File,
    ops::Bound,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Objects in a map.
#[derive(Debug, Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<ObjectKey, Object>>,
}

#[derive(Debug)]
struct Object {
    bytes: Vec<u8>,
    modified: UnixMicros,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<ObjectKey, Object>> {
        // Each change is one insertion, so a panic of another holder has left nothing half done.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ObjectStore for MemoryStore {
    fn put_if_absent(
        &self,
        key: &ObjectKey,
        file: &Path,
        hash: ContentHash,
    ) -> Result<PutOutcome, StoreError> {
        let opened = File::open(file).map_err(|error| StoreError::io("open", file, error))?;
        let mut bytes = Vec::new();
        let size = read_checked(key, file, &opened, hash, |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        let mut objects = self.objects();
        let modified = UnixMicros(objects.len() as i64 + 1);
        match objects.entry(key.clone()) {
            Entry::Vacant(place) => {
                place.insert(Object { bytes, modified });
                Ok(PutOutcome::Created)
            }
            Entry::Occupied(present) => match ByteLength(present.get().bytes.len() as u64) {
                found if found == size => Ok(PutOutcome::AlreadyPresent),
                found => Err(StoreError::Conflict { key: key.clone(), expected: size, found }),
            },
        }
    }

    fn read(&self, key: &ObjectKey, limit: ByteLength) -> Result<Vec<u8>, StoreError> {
        let objects = self.objects();
        let object = objects.get(key).ok_or_else(|| StoreError::NotFound { key: key.clone() })?;
        match ByteLength(object.bytes.len() as u64) {
            found if found > limit => Err(StoreError::TooLarge { key: key.clone(), expected: limit, found }),
            _ => Ok(object.bytes.clone()),
        }
    }

    fn list(&self, after: Option<&ObjectKey>, limit: usize) -> Result<Vec<ObjectInfo>, StoreError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let objects = self.objects();
        let infos = objects.range((from, Bound::Unbounded)).take(limit).map(|(key, object)| ObjectInfo {
            key: key.clone(),
            size: ByteLength(object.bytes.len() as u64),
            modified: object.modified,
        });
        Ok(infos.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance;

    #[test]
    fn the_memory_store_conforms() {
        let scratch = tempfile::tempdir().unwrap();
        conformance::check(scratch.path(), MemoryStore::new);
        conformance::check_conflicts(scratch.path(), MemoryStore::new);
    }
}
