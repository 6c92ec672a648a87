//! The spool: chunks on disk from their first block until they are stored.
//!
//! Invariants: a file named after a hash holds exactly the bytes of that hash, synced; all else in the
//! folder is a chunk that was never sealed, and goes when the agent starts.

use crate::disk::{Disk, DiskFile, SystemDisk};
use headrig_contract::ContentHash;
use rustix::io::Errno;
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why the spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The disk is full.
    #[error("no space left for the spool at {path}; free some and run again, nothing is lost")]
    DiskFull {
        /// The file that could not be written.
        path: PathBuf,
    },
    /// A recorded chunk is not there, or not whole.
    #[error(
        "expected the sealed chunk {path} of {expected} bytes, found {found}; restore the spool from a backup"
    )]
    Damaged {
        /// The spool file.
        path: PathBuf,
        /// Its recorded length.
        expected: u64,
        /// What is there.
        found: String,
    },
    /// Anything else.
    #[error("the spool at {path} cannot be used: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The spool's folder.
pub struct Spool<D: Disk = SystemDisk> {
    disk: D,
    folder: PathBuf,
    parts: Vec<Option<D::File>>,
}

impl Spool {
    /// As [`Spool::open_on`], on this machine's disk.
    ///
    /// # Errors
    /// As there.
    pub fn open(folder: &Path, sources: usize, sealed: &[(ContentHash, u64)]) -> Result<Self, SpoolError> {
        Self::open_on(SystemDisk, folder, sources, sealed)
    }
}

impl<D: Disk> Spool<D> {
    /// Opens the folder, made if need be, for this many sources, and clears it of all but the chunks in
    /// `sealed`, given with their lengths.
    ///
    /// # Errors
    /// [`SpoolError::Damaged`] when one of those is not there whole.
    pub fn open_on(
        disk: D,
        folder: &Path,
        sources: usize,
        sealed: &[(ContentHash, u64)],
    ) -> Result<Self, SpoolError> {
        let spool = Self { disk, folder: folder.into(), parts: (0..sources).map(|_| None).collect() };
        let failed = |source| spool_error(folder, source);
        spool.disk.create_folder(folder).map_err(failed)?;
        // The folder's own name must outlast a power cut as its files do.
        let parent =
            folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        spool.disk.sync_folder(parent).map_err(failed)?;
        for path in spool.disk.list(folder).map_err(failed)? {
            let name = path.file_name().and_then(|name| name.to_str());
            let hash = name.and_then(|name| name.parse::<ContentHash>().ok());
            if !sealed.iter().any(|(known, _)| Some(*known) == hash) {
                spool.disk.remove(&path).map_err(|source| spool_error(&path, source))?;
            }
        }
        for (hash, length) in sealed {
            spool.check(*hash, *length)?;
        }
        Ok(spool)
    }

    /// Where the sealed chunk is.
    pub fn path(&self, hash: ContentHash) -> PathBuf {
        self.folder.join(hash.to_string())
    }

    /// Appends a block to the source's open chunk, which begins anew with `begins`.
    ///
    /// # Errors
    /// [`SpoolError`]; the open chunk is then of no use.
    pub fn append(&mut self, source: usize, begins: bool, block: &[u8]) -> Result<(), SpoolError> {
        let path = self.part_path(source);
        let failed = |error| spool_error(&path, error);
        if begins {
            self.parts[source] = Some(self.disk.create(&path).map_err(failed)?);
        }
        let missing = || io::Error::other("no chunk is open for the source");
        self.parts[source].as_mut().ok_or_else(missing).and_then(|part| part.append(block)).map_err(failed)
    }

    /// Makes the source's open chunk durable under its hash.
    ///
    /// # Errors
    /// [`SpoolError`]; whether it is there is then unknown.
    pub fn seal(&mut self, source: usize, hash: ContentHash) -> Result<(), SpoolError> {
        let path = self.part_path(source);
        let missing = || io::Error::other("no chunk is open for the source");
        let part = self.parts[source].take();
        let seal = || {
            part.ok_or_else(missing)?.sync()?;
            self.disk.rename(&path, &self.path(hash))?;
            self.disk.sync_folder(&self.folder)
        };
        seal().map_err(|error| spool_error(&path, error))
    }

    /// Removes a chunk that is stored and no longer recorded. One that stays behind goes at the next start.
    pub fn remove(&self, hash: ContentHash) {
        let _ = self.disk.remove(&self.path(hash));
    }

    fn part_path(&self, source: usize) -> PathBuf {
        self.folder.join(format!("source-{source}.part"))
    }

    fn check(&self, hash: ContentHash, expected: u64) -> Result<(), SpoolError> {
        let path = self.path(hash);
        let found = match self.disk.stat(&path) {
            Ok(stat) if stat.size.0 == expected => return Ok(()),
            Ok(stat) => format!("{} bytes", stat.size.0),
            Err(error) => error.to_string(),
        };
        Err(SpoolError::Damaged { path, expected, found })
    }
}

fn spool_error(path: &Path, source: io::Error) -> SpoolError {
    let path = path.to_path_buf();
    match Errno::from_io_error(&source) {
        Some(Errno::NOSPC | Errno::DQUOT) => SpoolError::DiskFull { path },
        _ => SpoolError::Io { path, source },
    }
}
