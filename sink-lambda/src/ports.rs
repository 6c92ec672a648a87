//! What the sink needs of the world besides the ledger: objects, the job, people, figures, and a memory.
//!
//! The traits are small and blocking: an adapter waits where it must. Each failure says whether the same call may
//! succeed later. Nothing here knows AWS.

use headrig_contract::{ByteLength, ContentHash, HostName, ObjectKey, UnixMicros};
use headrig_ledger::{Attempt, BatchId, RunId, fleet::Sighting};
pub use headrig_notices::{CallError, NoteBook, Notifier};
pub use headrig_store::ListedObject;

/// The upload bucket.
pub trait Objects {
    /// What is known of an object without reading it.
    ///
    /// # Errors
    /// [`CallError::Missing`] where there is none, or what kept the adapter from looking.
    fn head(&self, key: &ObjectKey) -> Result<ObjectHead, CallError>;

    /// The SHA-256 and the size of an object's bytes, read as a stream: memory does not grow with it.
    ///
    /// # Errors
    /// [`CallError::Missing`]; [`CallError::Refused`] when there are more than `limit` bytes; or what kept the
    /// adapter from reading.
    fn hash(&self, key: &ObjectKey, limit: ByteLength) -> Result<(ContentHash, ByteLength), CallError>;

    /// The first `limit` objects under `prefix` and behind `after`, in the order of keys; at most 1,000.
    ///
    /// # Errors
    /// What kept the adapter from listing.
    fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ListedObject>, CallError>;

    /// Stores `bytes`, whose SHA-256 is `hash`, unless the key is taken; either way is a success.
    ///
    /// # Errors
    /// What kept the adapter from storing; it may have been stored or not.
    fn put_if_absent(&self, key: &ObjectKey, bytes: Vec<u8>, hash: ContentHash) -> Result<(), CallError>;
}

/// What is known of an object without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectHead {
    /// How many bytes it has.
    pub size: ByteLength,
    /// The SHA-256 of all its bytes, where the store has computed one when it was put.
    pub hash: Option<ContentHash>,
}

/// The lake, as far as the sink touches it: what a batch's runs wrote must be gone before it is taken apart.
pub trait Lake {
    /// Removes what batch `batch` wrote, among the `limit` objects behind `after` in the order of keys; returns
    /// where to go on, or nothing when there are no more.
    ///
    /// # Errors
    /// What kept the adapter from it; some may be removed.
    fn remove_batch(
        &self,
        batch: BatchId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<String>, CallError>;
}

/// The engine that runs the job.
pub trait JobStarter {
    /// Asks for a run that carries these batches, in this order.
    ///
    /// # Errors
    /// [`StartError`]; only after [`StartError::AnswerLost`] there may be a run.
    fn start(&self, batches: &[(BatchId, Attempt)]) -> Result<RunId, StartError>;

    /// How a run stands.
    ///
    /// # Errors
    /// What kept the adapter from asking.
    fn state(&self, run: &RunId) -> Result<RunState, CallError>;

    /// How many runs of the job are under way, as the engine sees it.
    ///
    /// # Errors
    /// What kept the adapter from asking.
    fn under_way(&self) -> Result<usize, CallError>;
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It waits, starts, runs or is being stopped.
    UnderWay,
    /// It ended by itself and says that all went well.
    Succeeded,
    /// It ended with an error, or took too long.
    Failed {
        /// What the engine says of it.
        reason: String,
    },
    /// Somebody stopped it.
    Stopped,
    /// The engine knows no such run (any more).
    Unknown,
}

/// Why no run was started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// As many runs as there may be are under way, or too many calls are made: later.
    #[error("the job engine is busy: {reason}; the batches wait and are tried again")]
    Throttled {
        /// What the engine said.
        reason: String,
    },
    /// There is no such job.
    #[error("the job {job} does not exist; create it, or set HEADRIG_JOB to its name")]
    NoSuchJob {
        /// Its name.
        job: String,
    },
    /// The function's role does not allow it.
    #[error("not allowed to start the job: {reason}; allow the function's role glue:StartJobRun on it")]
    Denied {
        /// What the engine said.
        reason: String,
    },
    /// The engine does not take the call as it is.
    #[error("the job engine refused the run: {reason}; mend the job's definition")]
    Refused {
        /// What the engine said.
        reason: String,
    },
    /// Nobody knows whether there is a run: the batches' leases decide.
    #[error("the job engine's answer was lost: {reason}; if no run claims the batches, they are tried again")]
    AnswerLost {
        /// What is known of the cause.
        reason: String,
    },
}

/// Takes figures. It cannot fail: nothing is held up for them.
pub trait Metrics {
    /// Publishes these figures, as of now.
    fn publish(&self, figures: &[(Figure, f64)]);
}

/// Hears the agents' heartbeats.
pub trait Heartbeats {
    /// What was heard last of each host in the time from `from` to `until`, be it that it lives or that it ends on
    /// purpose, and when.
    ///
    /// # Errors
    /// What kept the adapter from listening; then nobody is to be taken for silent.
    fn heard(&self, from: UnixMicros, until: UnixMicros) -> Result<Vec<Beat>, CallError>;
}

/// What was heard of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The host.
    pub host: HostName,
    /// When.
    pub at: UnixMicros,
    /// What.
    pub sighting: Sighting,
}

/// What the sink counts. The names are those of the CloudWatch metrics, in the namespace of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    /// Files that wait for a batch.
    Pending,
    /// Files in a batch that is not finished.
    Batched,
    /// Files set aside.
    Quarantined,
    /// How long the oldest pending file has waited, in seconds.
    OldestPendingSeconds,
    /// Batches that wait for a run.
    BatchesSealed,
    /// Batches whose run was started, or owns them.
    BatchesRunning,
    /// Batches that failed too often and are to be taken apart.
    BatchesExhausted,
    /// Chains of chunks with a gap that has lasted.
    Gaps,
    /// Agents that ought to be heard and are not.
    MissingAgents,
    /// One for every sweep in which each step that moves batches on was done.
    SweepHeartbeat,
    /// Steps of a sweep that failed.
    SweepStepsFailed,
    /// Files that were new to the ledger.
    FilesTakenIn,
    /// Files that it knew.
    FilesKnown,
    /// Objects that were gone before they were read.
    ObjectsGone,
    /// Empty objects.
    ObjectsEmpty,
    /// Objects that cannot be taken in: too large, or under a key that has no name here.
    ObjectsRefused,
    /// Objects that the bucket had and the ledger lacked.
    ObjectsFound,
    /// Events, messages or records that could not be understood.
    EventsMalformed,
    /// Messages or records that failed and come again.
    EventsFailed,
    /// Runs started.
    RunsStarted,
    /// Runs that the engine did not take.
    RunsRefused,
    /// Log events written as chunks.
    LogEventsCollected,
}

impl Figure {
    /// The metric's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Batched => "Batched",
            Self::Quarantined => "Quarantined",
            Self::OldestPendingSeconds => "OldestPendingSeconds",
            Self::BatchesSealed => "BatchesSealed",
            Self::BatchesRunning => "BatchesRunning",
            Self::BatchesExhausted => "BatchesExhausted",
            Self::Gaps => "Gaps",
            Self::MissingAgents => "MissingAgents",
            Self::SweepHeartbeat => "SweepHeartbeat",
            Self::SweepStepsFailed => "SweepStepsFailed",
            Self::FilesTakenIn => "FilesTakenIn",
            Self::FilesKnown => "FilesKnown",
            Self::ObjectsGone => "ObjectsGone",
            Self::ObjectsEmpty => "ObjectsEmpty",
            Self::ObjectsRefused => "ObjectsRefused",
            Self::ObjectsFound => "ObjectsFound",
            Self::EventsMalformed => "EventsMalformed",
            Self::EventsFailed => "EventsFailed",
            Self::RunsStarted => "RunsStarted",
            Self::RunsRefused => "RunsRefused",
            Self::LogEventsCollected => "LogEventsCollected",
        }
    }

    /// The metric's unit, as CloudWatch names it.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::OldestPendingSeconds => "Seconds",
            _ => "Count",
        }
    }
}
