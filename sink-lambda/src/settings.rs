//! What an operator sets, checked: inner code cannot see an invalid value.

use headrig_contract::{ByteLength, HostName};
use headrig_ledger::{Policy, admission::RunLimits, fleet::Patience};
use std::time::Duration;

/// The sink's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The upload bucket; what events tell of other buckets is not taken in.
    pub bucket: String,
    /// Only keys under this prefix are taken in; empty, or ending with a slash.
    pub prefix: String,
    /// Batches, leases and rests.
    pub policy: Policy,
    /// Runs at once.
    pub limits: RunLimits,
    /// The largest object that is taken in. The job holds an object in memory, and one that no agent made is
    /// read whole by the function to be hashed.
    pub object_bytes_max: ByteLength,
    /// How many objects a sweep compares with the ledger.
    pub listed_per_sweep: usize,
    /// How old an object is before a sweep looks for it in the ledger: its event may still be on its way.
    pub event_grace: Duration,
    /// How long a chunk may be missing before people are told.
    pub gap_grace: Duration,
    /// How long an agent may be silent.
    pub patience: Patience,
    /// The host under which collected log events are stored.
    pub collector_host: HostName,
}

impl Settings {
    /// The defaults for a bucket.
    pub fn for_bucket(bucket: &str) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: String::new(),
            policy: Policy::cloud(),
            limits: RunLimits { job_runs_max: 3, account_runs_max: 30 },
            object_bytes_max: ByteLength(1 << 30),
            listed_per_sweep: 2_000,
            event_grace: Duration::from_mins(5),
            gap_grace: Duration::from_mins(30),
            patience: Patience::default(),
            collector_host: HostName::from_lossy("cloudwatch"),
        }
    }
}
