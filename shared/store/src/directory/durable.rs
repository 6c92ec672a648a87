//! Makes directories so that their names outlive a power cut.
//!
//! A directory's name is durable once the directory above it was synced. A process killed between making
//! and syncing leaves a name that is not, so each directory's name is synced once in the life of a store,
//! whoever made it.

use super::{key_error, unsupported};
use crate::StoreError;
use headrig_contract::ObjectKey;
use std::{
    collections::HashSet,
    fs::{self, File},
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// How many directories are remembered as synced. Past that all are forgotten, which costs syncs only.
const REMEMBERED_MAX: usize = 10_000;

/// The directories whose names are known to be durable.
#[derive(Debug, Default)]
pub(super) struct DurableDirectories {
    known: Mutex<HashSet<PathBuf>>,
}

impl DurableDirectories {
    /// None but `root`, whose name is made durable.
    pub(super) fn open(root: &Path) -> Result<Self, StoreError> {
        let failed = |error| StoreError::io("look at", root, error);
        let absolute = fs::canonicalize(root).map_err(failed)?;
        let device = fs::metadata(&absolute).map_err(failed)?.dev();
        // `root` may have been made together with directories above it, by this process or a killed one.
        // None is above the mount point, and those that may not be opened are not headrig's.
        for above in absolute.ancestors().skip(1) {
            if fs::metadata(above).map_err(failed)?.dev() != device {
                break;
            }
            match sync_directory(above) {
                Ok(()) => {}
                Err(StoreError::Denied { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(Self { known: Mutex::new(HashSet::new()) })
    }

    /// Makes the directories that the object at `key` lies in, durably, and returns the last one.
    pub(super) fn make_parents(&self, root: &Path, key: &ObjectKey) -> Result<PathBuf, StoreError> {
        let mut path = root.to_path_buf();
        let parents = key.as_str().rsplit_once('/').map_or("", |(parents, _)| parents);
        for segment in parents.split('/').filter(|segment| !segment.is_empty()) {
            let above = path.clone();
            path.push(segment);
            let is_new = make_directory(key, &path)?;
            if is_new || !self.is_known(&path) {
                sync_directory(&above)?;
                self.remember(path.clone());
            }
        }
        Ok(path)
    }

    fn is_known(&self, path: &Path) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }

    fn remember(&self, path: PathBuf) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(path);
    }
}

/// Makes the names in the directory `path` outlive a power cut.
pub(super) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    match File::open(path).and_then(|directory| directory.sync_all()) {
        // What file systems say that have no such call (some network and FUSE ones): there is no more to do.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        synced => synced.map_err(|error| StoreError::io("make durable the directory", path, error)),
    }
}

/// Makes the directory at `path`, unless it is there; says whether it was made.
fn make_directory(key: &ObjectKey, path: &Path) -> Result<bool, StoreError> {
    match fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let metadata =
                fs::symlink_metadata(path).map_err(|error| StoreError::io("look at", path, error))?;
            if metadata.is_dir() {
                Ok(false)
            } else {
                Err(unsupported(key, "something that is no directory has the path of a folder of it"))
            }
        }
        Err(error) => Err(key_error(key, "make the directory", path, error)),
    }
}
