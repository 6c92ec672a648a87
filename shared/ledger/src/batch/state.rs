//! What states a batch can be in, and what each tells: its name, its run, and when somebody should look
//! at it again. How one follows from the other is not known here.

use crate::{file::LineCounts, ids::RunId};
use headrig_contract::UnixMicros;

/// How far a batch has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BatchState {
    /// Waits for a run.
    Sealed {
        /// No run is started before.
        not_before: UnixMicros,
    },
    /// A run was started, or is just being started.
    Starting {
        /// The run, once the engine has named it and that could be recorded.
        run: Option<RunId>,
        /// The attempt has failed if no run has claimed the batch by then.
        lease_until: UnixMicros,
    },
    /// A run owns the batch and writes its rows.
    Running {
        /// The run.
        owner: RunId,
        /// The attempt has failed if the run has neither renewed nor committed by then.
        lease_until: UnixMicros,
    },
    /// Failed too often; waits for [`isolate`](super::Batch::isolate).
    Exhausted {
        /// Since when.
        since: UnixMicros,
    },
    /// Finished: its rows are the lake's.
    Committed {
        /// The run that did it; none where the only member was quarantined without one.
        owner: Option<RunId>,
        /// When.
        at: UnixMicros,
        /// What came of it.
        summary: Summary,
    },
    /// Finished: its members went on in batches of one.
    Split {
        /// When.
        at: UnixMicros,
    },
}

/// A [`BatchState`] without what it carries, for asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BatchPhase {
    /// See [`BatchState::Sealed`].
    Sealed,
    /// See [`BatchState::Starting`].
    Starting,
    /// See [`BatchState::Running`].
    Running,
    /// See [`BatchState::Exhausted`].
    Exhausted,
    /// See [`BatchState::Committed`].
    Committed,
    /// See [`BatchState::Split`].
    Split,
}

/// What came of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Summary {
    /// Members whose rows are in the lake.
    pub done: u32,
    /// Members set aside.
    pub quarantined: u32,
    /// What came of the lines of the former.
    pub lines: LineCounts,
}

impl BatchState {
    /// The state's name.
    pub const fn phase(&self) -> BatchPhase {
        match self {
            Self::Sealed { .. } => BatchPhase::Sealed,
            Self::Starting { .. } => BatchPhase::Starting,
            Self::Running { .. } => BatchPhase::Running,
            Self::Exhausted { .. } => BatchPhase::Exhausted,
            Self::Committed { .. } => BatchPhase::Committed,
            Self::Split { .. } => BatchPhase::Split,
        }
    }

    /// The run that was started for the batch, owns it, or has committed it.
    pub const fn run(&self) -> Option<&RunId> {
        match self {
            Self::Starting { run, .. } => run.as_ref(),
            Self::Running { owner, .. } => Some(owner),
            Self::Committed { owner, .. } => owner.as_ref(),
            Self::Sealed { .. } | Self::Exhausted { .. } | Self::Split { .. } => None,
        }
    }

    /// When somebody should look at it again; for a finished batch, when it was finished. Listings of one
    /// phase are in this order, so that what is due comes first.
    pub const fn due(&self) -> UnixMicros {
        match self {
            Self::Sealed { not_before: due }
            | Self::Starting { lease_until: due, .. }
            | Self::Running { lease_until: due, .. }
            | Self::Exhausted { since: due }
            | Self::Committed { at: due, .. }
            | Self::Split { at: due } => *due,
        }
    }
}

impl BatchPhase {
    /// Every phase, in the order in which a batch goes through them.
    pub const ALL: [Self; 6] =
        [Self::Sealed, Self::Starting, Self::Running, Self::Exhausted, Self::Committed, Self::Split];

    /// The name under which databases and reports know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Exhausted => "exhausted",
            Self::Committed => "committed",
            Self::Split => "split",
        }
    }

    /// The phase of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == name)
    }
}
