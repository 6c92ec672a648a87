//! An object store in a directory: each object is a regular file at its key's path.
//!
//! An object appears by `link(2)`, which makes a name only if it is free, so a put is atomic between any
//! number of processes. Where the spool cannot be linked (another file system, no permission, too many
//! links) the bytes are copied to `.staging` inside the store and linked from there, or renamed without
//! replacing. Files that were put into the directory by hand are objects too; symbolic links, FIFOs and
//! names beginning with a dot are not.

mod durable;
mod staging;
mod walk;

use crate::{ObjectInfo, ObjectStore, PutOutcome, StoreError, hashing::read_checked};
use durable::{DurableDirectories, sync_directory};
use headrig_contract::{ByteLength, ContentHash, ObjectKey, UnixMicros};
use rustix::fs::OFlags;
use staging::Staging;
use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, ErrorKind, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Makes a second name for a file, if that name is free. Tests put others in `link(2)`'s place.
type Link = fn(&Path, &Path) -> io::Result<()>;

/// Objects in a directory.
#[derive(Debug)]
pub struct DirectoryStore {
    root: PathBuf,
    durable: DurableDirectories,
    staging: Staging,
    link: Link,
}

impl DirectoryStore {
    /// The store in `root`, which is made if it is absent. Copies that a crash left half done are swept.
    ///
    /// # Errors
    /// When the directory cannot be made, read or written.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(root).map_err(|error| StoreError::io("make the directory", root, error))?;
        let staging = Staging::open(root)?;
        let durable = DurableDirectories::open(root)?;
        Ok(Self { root: root.to_path_buf(), durable, staging, link: |from, to| fs::hard_link(from, to) })
    }

    /// The store in `root` for reading: nothing is made, swept or synced, so it may be read beside a writer and by
    /// who may not write it. What is put through it all the same is as durable as the name of `root` is.
    pub fn open_to_read(root: &Path) -> Self {
        let (durable, staging) = (DurableDirectories::default(), Staging::unswept(root));
        Self { root: root.to_path_buf(), durable, staging, link: |from, to| fs::hard_link(from, to) }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the object at `key` lies, or will lie.
    ///
    /// # Errors
    /// [`StoreError::UnsupportedKey`] for a key with a segment that begins with a dot.
    pub fn path_of(&self, key: &ObjectKey) -> Result<PathBuf, StoreError> {
        if key.as_str().split('/').any(|segment| segment.starts_with('.')) {
            return Err(unsupported(key, "names beginning with '.' are not objects in a directory"));
        }
        Ok(self.root.join(key.as_str()))
    }

    /// Makes `target` a name of the bytes of `file`; [`ErrorKind::AlreadyExists`] when it is taken.
    fn place(
        &self,
        key: &ObjectKey,
        (path, file): (&Path, &mut File),
        hash: ContentHash,
        target: &Path,
    ) -> Result<PutOutcome, StoreError> {
        match (self.link)(path, target) {
            Err(error) if staging::is_worth_copying(&error) => {
                let copy = self.staging.copy(key, (path, file), hash)?;
                copy.publish(self.link, target)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(PutOutcome::AlreadyPresent),
            Err(error) => Err(key_error(key, "make", target, error)),
            Ok(()) => Ok(PutOutcome::Created),
        }
    }
}

impl ObjectStore for DirectoryStore {
    fn put_if_absent(
        &self,
        key: &ObjectKey,
        file: &Path,
        hash: ContentHash,
    ) -> Result<PutOutcome, StoreError> {
        let target = self.path_of(key)?;
        let mut opened = File::open(file).map_err(|error| StoreError::io("open", file, error))?;
        let size = read_checked(key, file, &opened, hash, |_| Ok(()))?;
        opened.sync_all().map_err(|error| StoreError::io("make durable", file, error))?;
        let parent = self.durable.make_parents(&self.root, key)?;
        let outcome = self.place(key, (file, &mut opened), hash, &target)?;
        if outcome == PutOutcome::AlreadyPresent {
            expect_size(key, &target, size)?;
        }
        // Also when it was present: who put it may have been killed before this.
        sync_directory(&parent)?;
        Ok(outcome)
    }

    fn read(&self, key: &ObjectKey, limit: ByteLength) -> Result<Vec<u8>, StoreError> {
        let path = self.path_of(key)?;
        let (file, metadata) = open_object(key, &path)?;
        let too_large = |found| StoreError::TooLarge { key: key.clone(), expected: limit, found };
        let size = ByteLength(metadata.len());
        if size > limit {
            return Err(too_large(size));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size.0).unwrap_or(0));
        // A file put by hand may still grow, so the limit is kept in reading too.
        let mut bounded = file.take(limit.0.saturating_add(1));
        bounded.read_to_end(&mut bytes).map_err(|error| StoreError::io("read", &path, error))?;
        match ByteLength(bytes.len() as u64) {
            found if found > limit => Err(too_large(found)),
            _ => Ok(bytes),
        }
    }

    fn list(&self, after: Option<&ObjectKey>, limit: usize) -> Result<Vec<ObjectInfo>, StoreError> {
        walk::list(&self.root, after.map(ObjectKey::as_str), limit)
    }
}

fn expect_size(key: &ObjectKey, target: &Path, expected: ByteLength) -> Result<(), StoreError> {
    let metadata = fs::symlink_metadata(target).map_err(|error| key_error(key, "look at", target, error))?;
    match ByteLength(metadata.len()) {
        _ if !metadata.is_file() => Err(unsupported(key, "something that is no regular file has its path")),
        found if found != expected => Err(StoreError::Conflict { key: key.clone(), expected, found }),
        _ => Ok(()),
    }
}

/// Opens without following a link at the end of the path and without waiting for a FIFO's writer.
fn open_object(key: &ObjectKey, path: &Path) -> Result<(File, Metadata), StoreError> {
    let absent = || StoreError::NotFound { key: key.clone() };
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if is_absence(error.kind()) => return Err(absent()),
        Err(error) => return Err(StoreError::io("open", path, error)),
    };
    let metadata = file.metadata().map_err(|error| StoreError::io("look at", path, error))?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(absent()) }
}

fn is_absence(kind: ErrorKind) -> bool {
    // The last two: a link at the end of the path, and a name longer than the file system takes.
    let is_link = kind == io::Error::from(rustix::io::Errno::LOOP).kind();
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename) || is_link
}

fn key_error(key: &ObjectKey, action: &'static str, path: &Path, error: io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::InvalidFilename => unsupported(key, "a segment is longer than this file system takes"),
        ErrorKind::NotADirectory => unsupported(key, "another object's path is a folder of it"),
        _ => StoreError::io(action, path, error),
    }
}

fn unsupported(key: &ObjectKey, reason: &'static str) -> StoreError {
    StoreError::UnsupportedKey { key: key.clone(), reason }
}

fn modified(metadata: &Metadata) -> UnixMicros {
    UnixMicros::from_seconds(metadata.mtime()).saturating_add_micros(metadata.mtime_nsec() / 1_000)
}

#[cfg(test)]
mod tests;
