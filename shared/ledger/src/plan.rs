//! When to seal a batch and out of which files; how long things may take. Pure settings and arithmetic.

use crate::file::FileRecord;
use headrig_contract::UnixMicros;
use std::time::Duration;

/// The most files a batch may have: DynamoDB takes 100 writes in a transaction, and committing is one for
/// each member, one for the batch and one for the tally of what is done.
pub const BATCH_SIZE_MAX: usize = 98;

/// How many files make a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchSize(usize);

/// A batch size out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a batch size of 1 to {BATCH_SIZE_MAX} files, found {found}")]
pub struct BatchSizeError {
    /// The size that was given.
    pub found: usize,
}

impl BatchSize {
    /// Checks `files`.
    ///
    /// # Errors
    /// [`BatchSizeError`] unless it is 1 to [`BATCH_SIZE_MAX`].
    pub const fn new(files: usize) -> Result<Self, BatchSizeError> {
        if files >= 1 && files <= BATCH_SIZE_MAX {
            Ok(Self(files))
        } else {
            Err(BatchSizeError { found: files })
        }
    }

    /// The number of files.
    pub const fn files(self) -> usize {
        self.0
    }
}

impl Default for BatchSize {
    fn default() -> Self {
        Self(5)
    }
}

/// The ledger's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How many files make a batch.
    pub batch_size: BatchSize,
    /// How long the oldest pending file waits for others before a smaller batch is sealed.
    pub max_wait: Duration,
    /// How long a started run may take to claim its batch, and an owner to renew or commit it.
    pub lease: Duration,
    /// How many failed attempts exhaust a batch, so that its members are run singly.
    pub failures_max: u32,
    /// How long a batch rests after its first failure; the rest doubles with each further one.
    pub retry_delay: Duration,
    /// The longest rest.
    pub retry_delay_max: Duration,
    /// How many sealed batches one run may carry when there are more than runs for them.
    pub batches_per_run_max: usize,
}

impl Policy {
    /// For one machine: the run is a function call, so nothing takes long.
    pub const fn local() -> Self {
        Self {
            batch_size: BatchSize(5),
            max_wait: Duration::from_secs(30),
            lease: Duration::from_secs(10 * 60),
            failures_max: 3,
            retry_delay: Duration::from_secs(1),
            retry_delay_max: Duration::from_secs(60),
            batches_per_run_max: 1,
        }
    }

    /// For Glue: starting a run takes a minute and costs money.
    pub const fn cloud() -> Self {
        Self {
            max_wait: Duration::from_secs(5 * 60),
            lease: Duration::from_secs(15 * 60),
            retry_delay: Duration::from_secs(30),
            retry_delay_max: Duration::from_secs(15 * 60),
            batches_per_run_max: 20,
            ..Self::local()
        }
    }

    /// The policy for the batch that a run comes to after `before` others: it is claimed that much later.
    pub(crate) fn for_place(&self, before: usize) -> Self {
        let leases = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1);
        Self { lease: self.lease.saturating_mul(leases), ..*self }
    }

    /// How long a batch rests that has failed `failures` times.
    pub fn rest_after(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.retry_delay.saturating_mul(1 << doublings).min(self.retry_delay_max)
    }
}

/// The members of the next batch: a beginning of `pending` (oldest first), or none when it is better to
/// wait.
///
/// They are exactly `batch_size` files, or fewer when the oldest has waited longer than `max_wait`, or
/// when the caller says `flush`.
pub fn plan_seal<'a>(
    pending: &'a [FileRecord],
    now: UnixMicros,
    policy: &Policy,
    flush: bool,
) -> Option<&'a [FileRecord]> {
    let oldest = pending.first()?;
    let size = policy.batch_size.files();
    let is_full = pending.len() >= size;
    let is_overdue = now > later(oldest.since, policy.max_wait);
    (is_full || is_overdue || flush).then(|| &pending[..size.min(pending.len())])
}

/// `now` plus `span`, saturating at the end of time.
pub(crate) fn later(now: UnixMicros, span: Duration) -> UnixMicros {
    now.saturating_add_micros(i64::try_from(span.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::FileFacts;
    use headrig_contract::{ByteLength, ContentHash, ObjectKey};

    const SECOND: i64 = 1_000_000;

    /// How many of `waiting` files, the oldest of which came at 0, are sealed at `now`.
    fn check(waiting: usize, now: i64, flush: bool, expect: Option<usize>) {
        let pending: Vec<FileRecord> = (0..waiting)
            .map(|number| {
                let key = ObjectKey::parse(&number.to_string()).unwrap();
                let hash = ContentHash::of(key.as_str().as_bytes());
                FileRecord::pending(FileFacts { hash, key, size: ByteLength(1) }, UnixMicros(number as i64))
            })
            .collect();
        let planned = plan_seal(&pending, UnixMicros(now), &Policy::local(), flush);
        assert_eq!(planned.map(<[_]>::len), expect, "{waiting} files at {now}, flush {flush}");
    }

    #[test]
    fn a_batch_is_full_or_overdue_or_flushed() {
        let cases = [
            (0, 99 * SECOND, true, None),
            (4, 30 * SECOND, false, None),
            (4, 30 * SECOND + 1, false, Some(4)),
            (4, 0, true, Some(4)),
            (5, 0, false, Some(5)),
            (6, 99 * SECOND, true, Some(5)),
        ];
        for (waiting, now, flush, expect) in cases {
            check(waiting, now, flush, expect);
        }
    }

    #[test]
    fn batch_sizes_fit_one_transaction() {
        assert_eq!(BatchSize::default().files(), 5);
        assert!(BatchSize::new(1).is_ok() && BatchSize::new(BATCH_SIZE_MAX).is_ok());
        assert_eq!(BatchSize::new(0), Err(BatchSizeError { found: 0 }));
        assert!(BatchSize::new(BATCH_SIZE_MAX + 1).is_err());
    }

    #[test]
    fn rests_double_up_to_their_limit() {
        let rests = [0, 1, 2, 3, 7, 99].map(|failures| Policy::local().rest_after(failures).as_secs());
        assert_eq!(rests, [1, 1, 2, 4, 60, 60]);
    }
}
