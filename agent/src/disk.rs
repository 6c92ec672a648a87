//! The port to the file system: what the shell does to files, and no more.
//!
//! It knows neither chunks nor logs. Invariant, which the spool builds on: bytes are durable once
//! [`DiskFile::sync`] has returned, a name once [`Disk::sync_folder`] has returned for the folder it is in; before
//! that a power cut may undo either, or half of it.

use crate::identity::FileId;
use headrig_contract::{ByteLength, UnixMicros};
use rustix::fs::{Mode, OFlags};
use std::{
    fs::{self, File, Metadata},
    io::{self, Write},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// A file system.
pub trait Disk {
    /// An open file.
    type File: DiskFile;

    /// Opens a file to read it, without waiting for anybody (a FIFO might stand there by now).
    ///
    /// # Errors
    /// As the system has them, here and below.
    fn open(&self, path: &Path) -> io::Result<Self::File>;

    /// Makes an empty file to append to, in the place of any that is there.
    ///
    /// # Errors
    /// See [`Disk::open`].
    fn create(&self, path: &Path) -> io::Result<Self::File>;

    /// What stands at the path.
    ///
    /// # Errors
    /// See [`Disk::open`].
    fn stat(&self, path: &Path) -> io::Result<Stat>;

    /// Makes a folder and those it lies in, where they are not there yet.
    ///
    /// # Errors
    /// See [`Disk::open`].
    fn create_folder(&self, folder: &Path) -> io::Result<()>;

    /// The paths of all that is in a folder.
    ///
    /// # Errors
    /// See [`Disk::open`].
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;

    /// Gives a file another name, in the place of any that has it.
    ///
    /// # Errors
    /// See [`Disk::open`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file's name.
    ///
    /// # Errors
    /// See [`Disk::open`].
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// See [`Disk::open`].
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: 'static {
    /// What is known of it, though it may have no name any more.
    ///
    /// # Errors
    /// See [`Disk::open`].
    fn stat(&self) -> io::Result<Stat>;

    /// Reads from `offset` on, and says how many bytes; none at the end.
    ///
    /// # Errors
    /// See [`Disk::open`].
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Appends all of `bytes`, or an unknown part of them when it fails.
    ///
    /// # Errors
    /// See [`Disk::open`].
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes the bytes durable.
    ///
    /// # Errors
    /// See [`Disk::open`].
    fn sync(&self) -> io::Result<()>;
}

/// What a file system knows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Which one it is.
    pub file: FileId,
    /// Its length.
    pub size: ByteLength,
    /// When it was written last.
    pub modified: UnixMicros,
    /// It is a regular file.
    pub is_file: bool,
}

impl From<&Metadata> for Stat {
    fn from(metadata: &Metadata) -> Self {
        let born = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let born = born.and_then(|time| i64::try_from(time.as_micros()).ok()).unwrap_or(0);
        Self {
            file: FileId { device: metadata.dev(), inode: metadata.ino(), born: UnixMicros(born) },
            size: ByteLength(metadata.len()),
            modified: UnixMicros::from_seconds(metadata.mtime())
                .saturating_add_micros(metadata.mtime_nsec() / 1_000),
            is_file: metadata.is_file(),
        }
    }
}

/// This machine's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    type File = File;

    fn open(&self, path: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        File::create(path)
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        Ok(Stat::from(&fs::metadata(path)?))
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

impl DiskFile for File {
    fn stat(&self) -> io::Result<Stat> {
        Ok(Stat::from(&self.metadata()?))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }
}
