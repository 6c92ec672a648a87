//! What happened to a file or a batch, in order: the answer to "explain this hash".
//!
//! Adapters write an entry in the same transaction as the change it tells of.

use crate::{
    batch::{Batch, BatchPhase, BatchState},
    file::{FilePhase, FileRecord, FileState},
    ids::{Attempt, BatchId, RunId},
};
use headrig_contract::UnixMicros;

/// A file came into a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEvent {
    /// When.
    pub at: UnixMicros,
    /// Into which.
    pub phase: FilePhase,
    /// The batch it then belonged to.
    pub batch: Option<BatchId>,
    /// Why, where it was quarantined.
    pub reason: Option<String>,
}

/// A batch came into a phase. Renewed leases leave no entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchEvent {
    /// When.
    pub at: UnixMicros,
    /// Into which.
    pub phase: BatchPhase,
    /// The attempt that then counted.
    pub attempt: Attempt,
    /// How many attempts had failed by then.
    pub failures: u32,
    /// The run that owned or had committed it.
    pub run: Option<RunId>,
    /// Why the last attempt had failed.
    pub failure: Option<String>,
}

impl FileEvent {
    /// The event of `file` having come into its state.
    pub fn of(file: &FileRecord) -> Self {
        let reason = match &file.state {
            FileState::Quarantined { reason, .. } => Some(reason.clone()),
            FileState::Pending | FileState::Batched { .. } | FileState::Done { .. } => None,
        };
        Self { at: file.since, phase: file.state.phase(), batch: file.state.batch(), reason }
    }
}

impl BatchEvent {
    /// The event of `batch` having come into its state.
    pub fn of(batch: &Batch) -> Self {
        Self {
            at: batch.changed,
            phase: batch.state.phase(),
            attempt: batch.attempt,
            failures: batch.failures,
            run: batch.state.run().cloned(),
            failure: batch.failure.clone(),
        }
    }

    /// Whether going from `before` to `after` is worth an entry.
    pub fn is_due(before: &BatchState, after: &BatchState) -> bool {
        before.phase() != after.phase() || before.run() != after.run()
    }
}
