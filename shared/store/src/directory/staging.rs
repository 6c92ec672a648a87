//! Copies of files that cannot be linked into the store, until they can appear whole.
//!
//! They lie in `.staging` in the store's root, each locked by the process that writes it, so that a sweep
//! never takes the copy of a living one. A listing never sees them.

use super::Link;
use crate::{PutOutcome, StoreError, hashing::read_checked};
use headrig_contract::{ContentHash, ObjectKey};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Seek, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

/// The directory's name. The dot keeps it out of listings.
const STAGING: &str = ".staging";

/// How many names are tried for a copy. Names are taken only by leftovers of a process that had the same
/// number, and one that died within a put leaves one.
const NAMES_MAX: u64 = 1_000;

/// Where copies are made.
#[derive(Debug)]
pub(super) struct Staging {
    directory: PathBuf,
    copies: AtomicU64,
}

/// A durable copy that has no name in the store yet; removed when dropped.
#[derive(Debug)]
pub(super) struct Copy {
    path: PathBuf,
    /// Held open for its lock.
    _file: File,
}

/// Whether linking failed for a reason that a copy inside the store's own file system gets around.
pub(super) fn is_worth_copying(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::CrossesDevices
            | ErrorKind::PermissionDenied
            | ErrorKind::TooManyLinks
            | ErrorKind::Unsupported
    )
}

impl Staging {
    /// Sweeps what dead processes left in the staging directory of the store in `root`.
    pub(super) fn open(root: &Path) -> Result<Self, StoreError> {
        let staging = Self::unswept(root);
        let directory = &staging.directory;
        match fs::read_dir(directory) {
            Ok(entries) => {
                for entry in entries {
                    let path = entry.map_err(|error| StoreError::io("list", directory, error))?.path();
                    sweep(&path).map_err(|error| StoreError::io("sweep", &path, error))?;
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::io("list", directory, error)),
        }
        Ok(staging)
    }

    /// The staging directory of the store in `root`, left as it is.
    pub(super) fn unswept(root: &Path) -> Self {
        Self { directory: root.join(STAGING), copies: AtomicU64::new(0) }
    }

    /// A durable copy of `file` (at `path`).
    pub(super) fn copy(
        &self,
        key: &ObjectKey,
        (path, file): (&Path, &mut File),
        hash: ContentHash,
    ) -> Result<Copy, StoreError> {
        fs::create_dir_all(&self.directory)
            .map_err(|error| StoreError::io("make the directory", &self.directory, error))?;
        file.rewind().map_err(|error| StoreError::io("read", path, error))?;
        let copy = self.create()?;
        let failed = |error| StoreError::io("write", &copy.path, error);
        read_checked(key, path, file, hash, |piece| (&copy._file).write_all(piece).map_err(failed))?;
        copy._file.sync_all().map_err(failed)?;
        Ok(copy)
    }

    fn create(&self) -> Result<Copy, StoreError> {
        let mut tries = 0;
        loop {
            let number = self.copies.fetch_add(1, Ordering::Relaxed);
            let path = self.directory.join(format!("{}-{number}", process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    // Without locks on this file system nothing is swept either; see `sweep`.
                    let _ = file.try_lock();
                    return Ok(Copy { path, _file: file });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists && tries < NAMES_MAX => tries += 1,
                Err(error) => return Err(StoreError::io("make", &path, error)),
            }
        }
    }
}

impl Copy {
    /// Makes the copy appear as `target`, if that name is free.
    pub(super) fn publish(self, link: Link, target: &Path) -> Result<PutOutcome, StoreError> {
        let linked = match link(&self.path, target) {
            Err(error) if is_worth_copying(&error) => rename_if_absent(&self.path, target),
            linked => linked,
        };
        match linked {
            Ok(()) => Ok(PutOutcome::Created),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(PutOutcome::AlreadyPresent),
            Err(source) if matches!(source.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
                Err(StoreError::UnsuitableFileSystem { path: target.to_path_buf(), source })
            }
            Err(error) => Err(StoreError::io("make", target, error)),
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Gone already where it was renamed; and what stays is swept by the next open.
        let _ = fs::remove_file(&self.path);
    }
}

fn rename_if_absent(from: &Path, to: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

/// Removes a leftover, unless a living process holds it.
fn sweep(path: &Path) -> io::Result<()> {
    let gone = |result: io::Result<()>| match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    };
    match File::open(path) {
        Ok(file) if file.try_lock().is_ok() => gone(fs::remove_file(path)),
        Ok(_) => Ok(()),
        Err(error) => gone(Err(error)),
    }
}
