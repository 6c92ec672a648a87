//! What survives a crash: the port to the state database and the values that go through it.
//!
//! Invariant: [`StateStore::seal`] is one durable transaction. A chunk is recorded exactly when the offsets
//! of its strands have moved past its bytes; there is no moment in which one is true and not the other.

mod sqlite;

pub use sqlite::SqliteState;

use crate::identity::{FileId, Mark, StrandId};
use headrig_contract::{
    AgentId, ByteLength, ByteOffset, ChunkSeq, ContentHash, ObjectKey, SourceName, UnixMicros,
};
use std::{path::Path, path::PathBuf, sync::Arc};

/// All that a restart needs.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// The agent's id, drawn when the database was made.
    pub agent: AgentId,
    /// How many streams were ever opened: the number of the next one.
    pub streams_opened: u64,
    /// Every strand that something was sealed of.
    pub strands: Vec<StrandRecord>,
    /// Files whose identity need not be found out again.
    pub files: Vec<FileRecord>,
    /// The chains of chunks, one for each source that ever sealed one.
    pub chains: Vec<ChainRecord>,
    /// Sealed chunks that are not known to be stored, oldest first.
    pub unshipped: Vec<ChunkRecord>,
    /// Sources that were met at their files' end, whose files from then on are read from the beginning.
    pub met: Vec<SourceName>,
    /// What was there when they were met, and where no strand says yet where reading begins.
    pub old_files: Vec<OldFile>,
}

/// A strand as it was when something was last sealed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrandRecord {
    /// Which one.
    pub id: StrandId,
    /// How far it is sealed.
    pub mark: Mark,
    /// Where its file was then.
    pub path: Arc<Path>,
    /// Where reading began: what stands before it was there when its source was first met.
    pub began: ByteOffset,
}

/// A file that was there when its source was first met, to be read from its end on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldFile {
    /// The file.
    pub file: FileId,
    /// Its size on disk then.
    pub size: ByteLength,
    /// Its modification time then.
    pub modified: UnixMicros,
    /// Its bytes were gzip or zstd: it is left alone, whatever it becomes.
    pub compressed: bool,
}

/// One durable step: sources are met, and this is what they have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meeting {
    /// The sources.
    pub sources: Vec<SourceName>,
    /// Their files.
    pub files: Vec<OldFile>,
}

/// One durable step: it is known where reading begins in old files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anchoring {
    /// The old files, which need not be remembered as such any more.
    pub settled: Vec<FileId>,
    /// The strands that begin in them; one that is recorded already has gone on since, and stays as it is.
    pub strands: Vec<StrandRecord>,
    /// The files of those strands.
    pub files: Vec<FileRecord>,
    /// The number of the next stream.
    pub streams_opened: u64,
}

/// A file and the strand it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRecord {
    /// The file.
    pub file: FileId,
    /// Its strand.
    pub strand: StrandId,
    /// Its size when it had been read to the end, in the file's own (maybe compressed) bytes; zero before.
    pub size_done: ByteLength,
    /// Its modification time then.
    pub modified_done: UnixMicros,
}

/// The end of the chain of chunks of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainRecord {
    /// The source.
    pub source: SourceName,
    /// The next chunk's number.
    pub next_seq: ChunkSeq,
    /// The last chunk's hash.
    pub last: ContentHash,
}

/// A sealed chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkRecord {
    /// Its identity, which also names its spool file.
    pub hash: ContentHash,
    /// Where it is to be stored.
    pub key: ObjectKey,
    /// Its length.
    pub length: ByteLength,
    /// The length of the lines in it.
    pub raw_length: ByteLength,
    /// When it was sealed.
    pub sealed_at: UnixMicros,
}

/// One durable step: a chunk, and all that it moves.
#[derive(Clone, Debug)]
pub struct Seal {
    /// The chunk.
    pub chunk: ChunkRecord,
    /// The chain with the chunk at its end.
    pub chain: ChainRecord,
    /// The strands it holds bytes of, as they are after it.
    pub strands: Vec<StrandRecord>,
    /// The files of those strands.
    pub files: Vec<FileRecord>,
    /// The number of the next stream.
    pub streams_opened: u64,
}

/// Where the state is kept. All calls are durable when they return.
pub trait StateStore {
    /// Everything recorded so far.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    fn recover(&self) -> Result<Recovered, StateError>;

    /// Records a chunk and moves its strands, all or nothing.
    ///
    /// # Errors
    /// [`StateError`]; whether the step was taken is then unknown, and the caller recovers anew.
    fn seal(&mut self, seal: &Seal) -> Result<(), StateError>;

    /// Records that sources are met, before anything is read of their files.
    ///
    /// # Errors
    /// As [`StateStore::seal`].
    fn meet(&mut self, meeting: &Meeting) -> Result<(), StateError>;

    /// Records where reading begins in old files, all or nothing.
    ///
    /// # Errors
    /// As [`StateStore::seal`].
    fn anchor(&mut self, anchoring: &Anchoring) -> Result<(), StateError>;

    /// Remembers which strand each file belongs to.
    ///
    /// # Errors
    /// As [`StateStore::seal`].
    fn remember(&mut self, files: &[FileRecord]) -> Result<(), StateError>;

    /// Forgets a chunk that is stored.
    ///
    /// # Errors
    /// As [`StateStore::seal`].
    fn forget(&mut self, chunk: ContentHash) -> Result<(), StateError>;
}

impl StateError {
    /// Whether it goes away once somebody frees space, or the disk works again.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::DiskFull { .. } | Self::Disk { .. })
    }
}

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The disk is full.
    #[error("no space left for the state database {path}; free some and run again, nothing is lost")]
    DiskFull {
        /// The database's file.
        path: PathBuf,
    },
    /// The disk fails. SQLite also says so when there is no room for the files beside the database.
    #[error(
        "the disk fails under the state database {path}: {reason}; check it, and the space on it, nothing is lost"
    )]
    Disk {
        /// The database's file.
        path: PathBuf,
        /// What the database says.
        reason: String,
    },
    /// A newer version of the agent wrote it.
    #[error(
        "expected state version {expected} or older in {path}, found {found}; use the newer headrig that wrote it"
    )]
    Newer {
        /// The database's file.
        path: PathBuf,
        /// The version that this agent writes.
        expected: i64,
        /// The version that was found.
        found: i64,
    },
    /// It holds what no agent writes.
    #[error("the state database {path} is damaged: expected {expected}; restore it from a backup")]
    Damaged {
        /// The database's file.
        path: PathBuf,
        /// What should be there.
        expected: String,
    },
    /// The database failed otherwise.
    #[error("the state database {path} cannot be used: {reason}")]
    Database {
        /// The database's file.
        path: PathBuf,
        /// What the database says.
        reason: String,
    },
}
