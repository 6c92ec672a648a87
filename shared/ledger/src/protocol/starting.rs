//! How batches are started: one, or several that one run shall carry one after the other.
//!
//! What it does not know: whether there is room for a run ([`crate::admission`] tells), and how one is started.

use super::{ProtocolError, change, is_conflict, release, swap};
use crate::{
    batch::{Batch, BatchPhase, Claim, Release},
    ids::{Attempt, BatchId},
    plan::{Policy, later},
    port::Ledger,
};
use headrig_contract::UnixMicros;

/// How many sealed batches are looked at besides those wanted, in case others start the first ones meanwhile.
const START_CANDIDATES: usize = 8;

/// Starts the next attempt of the sealed batch that is longest due, if any, and returns it.
///
/// The caller then starts a run with the batch's id and attempt, and calls [`record_run`]; or, when the
/// engine does not take it, [`release`](super::release).
///
/// # Errors
/// What kept the ledger from it.
pub fn start_next<L: Ledger>(
    ledger: &L,
    now: UnixMicros,
    policy: &Policy,
) -> Result<Option<Batch>, ProtocolError> {
    Ok(start_together(ledger, now, policy, 1)?.pop())
}

/// The same for up to `batches_max` batches that one run shall carry, in the order in which it shall do so.
///
/// The run claims each batch only when it comes to it, so that it is blamed for no batch that it has not read;
/// the later ones have a longer lease to be claimed in. A caller that dies half way leaves batches that nobody
/// was started for: their leases end, and they are sealed again.
///
/// # Errors
/// What kept the ledger from starting the first; should it fail later, the run carries what is started.
pub fn start_together<L: Ledger>(
    ledger: &L,
    now: UnixMicros,
    policy: &Policy,
    batches_max: usize,
) -> Result<Vec<Batch>, ProtocolError> {
    let mut started = Vec::new();
    let candidates = batches_max.saturating_add(START_CANDIDATES);
    for batch in ledger.batches(BatchPhase::Sealed, None, candidates)? {
        if started.len() == batches_max {
            break;
        }
        let Ok(next) = batch.start(now, &policy.for_place(started.len())) else { break };
        match ledger.swap_batch(batch.version, &next) {
            Ok(()) => started.push(next),
            Err(error) if is_conflict(&error) => {}
            Err(error) if started.is_empty() => return Err(error.into()),
            Err(_) => break,
        }
    }
    Ok(started)
}

/// Puts a batch back that the engine did not take a run for, because it is throttled or full: no failure. It
/// rests the longer the more attempts it has had.
///
/// # Errors
/// Refused when the attempt counts no more, or a run has claimed the batch after all: both are harmless.
pub fn postpone<L: Ledger>(
    ledger: &L,
    id: BatchId,
    attempt: Attempt,
    now: UnixMicros,
    policy: &Policy,
) -> Result<Batch, ProtocolError> {
    let postponed = Release::Postponed { not_before: later(now, policy.rest_after(attempt.0)) };
    release(ledger, id, (attempt, None), &postponed, now, policy)
}

/// Notes which run the engine started for an attempt.
///
/// # Errors
/// Refused when the attempt counts no more or the batch is claimed already: both are harmless.
pub fn record_run<L: Ledger>(
    ledger: &L,
    id: BatchId,
    claim: &Claim,
    now: UnixMicros,
) -> Result<Batch, ProtocolError> {
    let is_recorded = |batch: &Batch| batch.attempt == claim.attempt && batch.state.run() == Some(&claim.run);
    change(ledger, id, |batch| {
        if is_recorded(&batch) {
            return Ok(batch);
        }
        swap(ledger, &batch, batch.record_run(claim, now))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, Faulty, FileFacts, MemoryLedger, plan::BatchSize, protocol};
    use headrig_contract::{ByteLength, ContentHash, ObjectKey};

    const NOW: UnixMicros = UnixMicros(0);

    fn policy() -> Policy {
        Policy { batch_size: BatchSize::new(1).unwrap(), ..Policy::cloud() }
    }

    /// A ledger with so many sealed batches of one.
    fn sealed(batches: u8) -> MemoryLedger {
        let ledger = MemoryLedger::new();
        let files: Vec<_> = (0..batches)
            .map(|number| FileFacts {
                hash: ContentHash::of(&[number]),
                key: ObjectKey::parse(&number.to_string()).unwrap(),
                size: ByteLength(1),
            })
            .collect();
        protocol::ingest(&ledger, &files, NOW).unwrap();
        protocol::seal_ready(&ledger, NOW, &policy(), true).unwrap();
        ledger
    }

    #[test]
    fn batches_that_are_started_together_have_the_longer_leases_the_later_they_come() {
        let ledger = sealed(5);
        let started = start_together(&ledger, NOW, &policy(), 3).unwrap();
        let leases: Vec<_> = started.iter().map(|batch| batch.state.due()).collect();
        let expect = [1, 2, 3].map(|leases| later(NOW, policy().lease * leases));
        assert_eq!(leases, expect);
        assert_eq!(ledger.counts().unwrap().sealed, 2);
    }

    #[test]
    fn a_ledger_that_fails_half_way_leaves_a_smaller_run() {
        for (call, expect) in [(1, None), (2, None), (3, Some(1)), (4, Some(2))] {
            let ledger = Faulty::new(sealed(3), [(call, Fault::Before)]);
            let started = start_together(&ledger, NOW, &policy(), 3);
            assert_eq!(started.ok().map(|batches| batches.len()), expect, "call {call} fails");
        }
    }

    #[test]
    fn a_batch_that_is_postponed_rests_and_is_not_blamed() {
        let ledger = sealed(1);
        let mut now = NOW;
        for attempt in 1..4 {
            let batch = start_next(&ledger, now, &policy()).unwrap().unwrap();
            let batch = postpone(&ledger, batch.id, batch.attempt, now, &policy()).unwrap();
            assert_eq!((batch.failures, batch.state.due()), (0, later(now, policy().rest_after(attempt))));
            assert_eq!(start_next(&ledger, now, &policy()).unwrap(), None);
            now = batch.state.due();
        }
    }
}
