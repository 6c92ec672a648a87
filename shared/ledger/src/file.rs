//! A file (one object of the upload bucket) and its way: `Pending -> Batched -> Done | Quarantined`.
//!
//! Files change state only as members of a batch; [`crate::batch`] decides, this module only names.
//! It knows neither the bytes of the object nor what they mean.

use crate::ids::{BatchId, Round};
use headrig_contract::{ByteLength, ContentHash, ObjectKey, UnixMicros};
use std::ops::AddAssign;

/// What is known of an object before the ledger has seen it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// SHA-256 of its bytes: the file's identity.
    pub hash: ContentHash,
    /// Where it lies. The same bytes under a second key are the same file.
    pub key: ObjectKey,
    /// How many bytes it has.
    pub size: ByteLength,
}

/// All that the ledger knows of a file now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileRecord {
    /// SHA-256 of its bytes.
    pub hash: ContentHash,
    /// The key under which it was first seen.
    pub key: ObjectKey,
    /// How many bytes it has.
    pub size: ByteLength,
    /// When the ledger first saw it.
    pub first_seen: UnixMicros,
    /// How often it was put back after a quarantine.
    pub round: Round,
    /// When it came into `state`.
    pub since: UnixMicros,
    /// How far it has come.
    pub state: FileState,
}

/// How far a file has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FileState {
    /// Waits to be put into a batch.
    Pending,
    /// Belongs to a batch that is not finished.
    Batched {
        /// The batch.
        batch: BatchId,
    },
    /// Its rows are in the lake, once.
    Done {
        /// The batch that wrote them.
        batch: BatchId,
        /// What came of its lines.
        counts: LineCounts,
    },
    /// Set aside: no row of it is in the lake, until an operator has it replayed.
    Quarantined {
        /// The batch in which that was found; none when it was found before batching.
        batch: Option<BatchId>,
        /// Why, in words for the operator.
        reason: String,
    },
}

/// A [`FileState`] without what it carries, for asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FilePhase {
    /// See [`FileState::Pending`].
    Pending,
    /// See [`FileState::Batched`].
    Batched,
    /// See [`FileState::Done`].
    Done,
    /// See [`FileState::Quarantined`].
    Quarantined,
}

/// What came of the lines of a file or a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LineCounts {
    /// Lines read.
    pub lines: u64,
    /// Events that the lines made: fewer where an event spans lines, more where a long line is split.
    pub events: u64,
    /// Rows written, one an event that no rule dropped.
    pub rows: u64,
    /// Events that a rule of the configuration dropped.
    pub dropped_by_rule: u64,
}

/// How a batch ended for one of its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its rows are written.
    Done(LineCounts),
    /// It could not be read; nothing of it is written.
    Quarantined {
        /// Why, in words for the operator.
        reason: String,
    },
}

impl FileRecord {
    /// A file that nobody has seen before.
    pub fn pending(facts: FileFacts, now: UnixMicros) -> Self {
        Self::first_seen(facts, now, FileState::Pending)
    }

    /// A file that is set aside as soon as it is seen (its bytes do not match its key, say).
    pub fn quarantined(facts: FileFacts, reason: impl Into<String>, now: UnixMicros) -> Self {
        Self::first_seen(facts, now, FileState::Quarantined { batch: None, reason: reason.into() })
    }

    /// This file in another state from `now` on.
    #[must_use]
    pub fn moved(&self, state: FileState, now: UnixMicros) -> Self {
        Self { state, since: now, ..self.clone() }
    }

    /// This file, put back to `Pending` for another round.
    #[must_use]
    pub fn requeued(&self, now: UnixMicros) -> Self {
        Self { round: self.round.next(), ..self.moved(FileState::Pending, now) }
    }

    fn first_seen(facts: FileFacts, now: UnixMicros, state: FileState) -> Self {
        let FileFacts { hash, key, size } = facts;
        Self { hash, key, size, first_seen: now, round: Round::default(), since: now, state }
    }
}

impl FileState {
    /// The state's name.
    pub const fn phase(&self) -> FilePhase {
        match self {
            Self::Pending => FilePhase::Pending,
            Self::Batched { .. } => FilePhase::Batched,
            Self::Done { .. } => FilePhase::Done,
            Self::Quarantined { .. } => FilePhase::Quarantined,
        }
    }

    /// The batch that the file belongs or belonged to last.
    pub const fn batch(&self) -> Option<BatchId> {
        match self {
            Self::Pending => None,
            Self::Batched { batch } | Self::Done { batch, .. } => Some(*batch),
            Self::Quarantined { batch, .. } => *batch,
        }
    }

    /// Where `outcome` of `batch` leaves a member.
    pub fn after(outcome: &Outcome, batch: BatchId) -> Self {
        match outcome {
            Outcome::Done(counts) => Self::Done { batch, counts: *counts },
            Outcome::Quarantined { reason } => {
                Self::Quarantined { batch: Some(batch), reason: reason.clone() }
            }
        }
    }
}

impl FilePhase {
    /// Every phase, in the order in which a file goes through them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Batched, Self::Done, Self::Quarantined];

    /// The name under which databases and reports know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Batched => "batched",
            Self::Done => "done",
            Self::Quarantined => "quarantined",
        }
    }

    /// The phase of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == name)
    }
}

impl LineCounts {
    /// Whether every event became a row or was dropped by a rule.
    pub const fn is_conserved(&self) -> bool {
        self.rows.saturating_add(self.dropped_by_rule) == self.events
    }
}

impl AddAssign for LineCounts {
    fn add_assign(&mut self, other: Self) {
        self.lines += other.lines;
        self.events += other.events;
        self.rows += other.rows;
        self.dropped_by_rule += other.dropped_by_rule;
    }
}
