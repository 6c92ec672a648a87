//! How batches are started: one, or several that one run shall carry one after the other.
//!
//! What it does not know: whether there is room for a run, and how one is started.

use super::{ProtocolError, change, is_conflict, swap};
use crate::{
    batch::{Batch, BatchPhase, Claim},
    ids::BatchId,
    plan::Policy,
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
