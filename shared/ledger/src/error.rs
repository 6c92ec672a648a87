//! What can go wrong with a ledger, and whether waiting can heal it.

use crate::{
    file::{FilePhase, FileRecord},
    ids::{BatchId, Version},
    layout::{Epoch, Layout, Reading},
};
use headrig_contract::ContentHash;
use std::{error::Error, path::PathBuf};

/// Why a call on a ledger failed.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The condition of a write did not hold: somebody else was quicker. Read again, then decide again.
    #[error("{subject}: expected {expected}, found {found}; another writer was quicker, read it again")]
    Conflict {
        /// The file or batch.
        subject: String,
        /// What the write was conditional on.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A compaction came between a commit and the layout that its files were written under.
    #[error(
        "the files were written under the lake's layout of epoch {expected}, and a compaction has changed it to {}; what was written counts for nothing, run the batch again",
        found.map_or_else(|| "another".into(), |found| found.to_string())
    )]
    Overtaken {
        /// The epoch that was read.
        expected: Epoch,
        /// The epoch now, where it is known.
        found: Option<Epoch>,
    },
    /// The disk or the quota is full.
    #[error("the ledger {} cannot grow: the disk or quota is full; make room, then run again", path.display())]
    Full {
        /// The database file.
        path: PathBuf,
    },
    /// Another process holds the database.
    #[error("the ledger {} is held by another process; wait for it to end, or stop it", path.display())]
    Busy {
        /// The database file.
        path: PathBuf,
    },
    /// The database cannot be opened or written.
    #[error("the ledger {} cannot be written: {reason}; check that its folder exists and is writable", path.display())]
    Unwritable {
        /// The database file.
        path: PathBuf,
        /// What the database said.
        reason: String,
    },
    /// The database cannot be read.
    #[error("the ledger {} cannot be read: {reason}; check that it is there and that you may read it and its folder", path.display())]
    Unreadable {
        /// The database file.
        path: PathBuf,
        /// What the database said.
        reason: String,
    },
    /// A newer headrig has written the database.
    #[error(
        "the ledger {} has schema {found}, expected at most {expected}; a newer headrig made it, use that one",
        path.display()
    )]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// The newest schema that this program knows.
        expected: u32,
        /// The schema found.
        found: u32,
    },
    /// The file is another program's database.
    #[error(
        "{} is not a headrig ledger: expected application id {expected:#x}, found {found:#x}; give another path",
        path.display()
    )]
    NotALedger {
        /// The file.
        path: PathBuf,
        /// The ledger's application id.
        expected: u32,
        /// The one found.
        found: u32,
    },
    /// The database is damaged, or holds what headrig never writes.
    #[error(
        "the ledger {} is damaged: {reason}; restore it from a backup, or move it away together with the lake's tables and run again",
        path.display()
    )]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The database did not answer; what was asked for may have been done or not.
    #[error("the ledger did not answer to {action}; it will do no harm to ask again")]
    Unavailable {
        /// What was being done.
        action: &'static str,
        /// What is known of the cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database will not do it, however often it is asked.
    #[error(
        "the ledger refuses to {action}; check the name and region of its table, and what the role may do"
    )]
    Refused {
        /// What was being done.
        action: &'static str,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl LedgerError {
    /// Whether the same call may succeed later without the caller's help. A conflict is not: the caller
    /// must read and decide again.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Full { .. } | Self::Busy { .. } | Self::Unwritable { .. } | Self::Unavailable { .. } => {
                true
            }
            Self::Conflict { .. }
            | Self::Overtaken { .. }
            | Self::Unreadable { .. }
            | Self::NewerSchema { .. }
            | Self::NotALedger { .. }
            | Self::Corrupt { .. }
            | Self::Refused { .. } => false,
        }
    }
    /// The conflict of a write that wanted the file in `expected`.
    pub fn file_conflict(hash: ContentHash, expected: FilePhase, found: Option<&FileRecord>) -> Self {
        let found = found.map_or_else(
            || "none".into(),
            |file| match file.state.batch() {
                Some(batch) => format!("{} in batch {batch}", file.state.phase().as_str()),
                None => format!("{} in round {}", file.state.phase().as_str(), file.round.0),
            },
        );
        Self::Conflict { subject: format!("file {hash}"), expected: expected.as_str().into(), found }
    }

    /// The conflict of a write that wanted the batch in version `expected`.
    pub fn batch_conflict(id: BatchId, expected: Version, found: Option<Version>) -> Self {
        let found = found.map_or_else(|| "none".into(), |version| format!("version {version}"));
        Self::Conflict { subject: format!("batch {id}"), expected: format!("version {expected}"), found }
    }

    /// The conflict of a write that wanted the layout as it was read.
    pub fn layout_conflict(expected: Reading, found: Option<&Layout>) -> Self {
        let told = |epoch: Epoch, late: u64| format!("epoch {epoch} and {late} late commits");
        Self::Conflict {
            subject: "the lake's layout".into(),
            expected: told(expected.epoch, expected.late),
            found: found.map_or_else(|| "another".into(), |found| told(found.epoch, found.late)),
        }
    }

    /// The conflict of a write that wanted no such batch.
    pub fn batch_taken(id: BatchId) -> Self {
        Self::Conflict { subject: format!("batch {id}"), expected: "none".into(), found: "one".into() }
    }
}
