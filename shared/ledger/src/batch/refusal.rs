//! Why a batch does not take a transition.

use crate::{
    batch::{BatchPhase, Claim},
    file::LineCounts,
    ids::{Attempt, RunId},
};
use headrig_contract::{ContentHash, UnixMicros};

/// Why a batch does not take a transition. Asking again with the same batch is no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The batch is in another state.
    #[error("expected a batch that is {expected}, found one that is {}", found.as_str())]
    Phase {
        /// The states in which it would have been possible.
        expected: &'static str,
        /// The batch's state.
        found: BatchPhase,
    },
    /// Another attempt counts by now: the caller is a zombie, or too early.
    #[error(
        "expected attempt {expected} of the batch, found attempt {found}; this run counts no more and must end"
    )]
    Attempt {
        /// The attempt that counts.
        expected: Attempt,
        /// The caller's.
        found: Attempt,
    },
    /// Another run has the batch.
    #[error(
        "the batch belongs to run {expected}, found {}; this run must end", found.as_ref().map_or("none", RunId::as_str)
    )]
    Owned {
        /// The run that has it.
        expected: RunId,
        /// The run that asked.
        found: Option<RunId>,
    },
    /// A time has not come yet.
    #[error("expected a time after {} us, found {} us", expected.0, found.0)]
    TooEarly {
        /// When it will be possible.
        expected: UnixMicros,
        /// The caller's now.
        found: UnixMicros,
    },
    /// What was told of the members does not tell of each of them once.
    #[error("expected one outcome for each of {expected} members, found {found} outcomes or other files")]
    Members {
        /// How many members the batch has.
        expected: usize,
        /// How many were told of.
        found: usize,
    },
    /// Rows were lost or made up.
    #[error(
        "file {file}: expected rows + dropped = {} events, found {} + {}; the writer has a defect, keep its log",
        found.events, found.rows, found.dropped_by_rule
    )]
    RowsLost {
        /// The member.
        file: ContentHash,
        /// Its figures.
        found: LineCounts,
    },
}

impl Refusal {
    pub(super) fn owned(claim: &Claim, owner: &RunId) -> Self {
        Self::Owned { expected: owner.clone(), found: Some(claim.run.clone()) }
    }
}
