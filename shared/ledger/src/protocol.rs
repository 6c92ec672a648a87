//! What the sink and the job call: the state machine's transitions, made durable through a port.
//!
//! Every function reads, decides with the pure machine and writes conditionally; when another writer was
//! quicker it reads and decides again. All may be repeated after an error, also when the call had been
//! done and only its answer was lost. Nothing here knows how a run is started or what it writes.

mod compaction;
mod starting;

pub use compaction::{begin_compaction, switch_layout};
pub use starting::{postpone, record_run, start_next, start_together};

use crate::{
    LedgerError,
    admission::runs_of,
    batch::{Batch, BatchPhase, Claim, Isolation, Refusal, Release},
    file::{FileFacts, FilePhase, FileRecord, FileState, Outcome},
    ids::{Attempt, BatchId, RunId},
    layout::Placed,
    plan::{Policy, plan_seal},
    port::{BatchCursor, Ledger, PutOutcome},
};
use headrig_contract::{ContentHash, UnixMicros};

/// How often a transition is decided anew because another writer was quicker. Every conflict means that
/// somebody got ahead, and a batch has few steps, so more would mean a defect.
pub const CONFLICTS_MAX: usize = 16;

/// The most batches that one [`seal_ready`] makes, so that a Lambda call stays short.
pub const SEALS_MAX: usize = 1_000;

/// How many batches [`reconcile`] reads at once.
const RECONCILE_PAGE: usize = 100;

/// Why a protocol step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The state machine does not allow it.
    #[error("batch {batch}")]
    Refused {
        /// The batch.
        batch: BatchId,
        /// Why.
        #[source]
        refusal: Refusal,
    },
    /// The ledger does not know the batch.
    #[error("the ledger has no batch {batch}; check the id, and that this is the ledger it was made in")]
    UnknownBatch {
        /// The batch.
        batch: BatchId,
    },
    /// The ledger does not know the file.
    #[error("the ledger has no file {file}; check the hash, and that this is the ledger it was taken into")]
    UnknownFile {
        /// The file.
        file: ContentHash,
    },
    /// Only quarantined files can be replayed.
    #[error("file {file}: expected one that is quarantined, found one that is {}", found.as_str())]
    NotQuarantined {
        /// The file.
        file: ContentHash,
        /// Its state.
        found: FilePhase,
    },
    /// The ledger itself failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl ProtocolError {
    /// Whether the same call may succeed later without the caller's help.
    pub fn is_retryable(&self) -> bool {
        // A conflict that outlasted CONFLICTS_MAX was a crowd, and crowds disperse.
        matches!(self, Self::Ledger(error) if error.is_retryable() || is_conflict(error))
    }
}

/// What the engine knows of the run of a batch that is starting or running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunFate {
    /// Alive, or not known: only the lease counts.
    Unknown,
    /// Certainly ended without committing, and it counts as a failure of the batch.
    Failed {
        /// Why, in words for the operator.
        reason: String,
    },
    /// Certainly ended, but not by the batch's fault (the machine was stopped): no failure.
    Interrupted,
}

/// What [`reconcile`] did, and what it left to the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// The batches that were taken from dead runs, as they are now.
    pub released: Vec<Batch>,
    /// The batches that wait for [`isolate`]; the caller must first remove what their runs wrote.
    pub exhausted: Vec<Batch>,
}

/// Records objects that were seen. Only then may the event that told of them be acknowledged.
///
/// # Errors
/// What kept the ledger from it; then some may be recorded.
pub fn ingest<L: Ledger>(
    ledger: &L,
    files: &[FileFacts],
    now: UnixMicros,
) -> Result<Vec<PutOutcome>, ProtocolError> {
    let records: Vec<_> = files.iter().map(|facts| FileRecord::pending(facts.clone(), now)).collect();
    Ok(ledger.put_files_if_absent(&records)?)
}

/// Seals as many batches as are ready, oldest files first, at most [`SEALS_MAX`], and returns them.
///
/// # Errors
/// What kept the ledger from it; then some may be sealed.
pub fn seal_ready<L: Ledger>(
    ledger: &L,
    now: UnixMicros,
    policy: &Policy,
    flush: bool,
) -> Result<Vec<Batch>, ProtocolError> {
    let mut sealed = Vec::new();
    while sealed.len() < SEALS_MAX {
        match seal_next(ledger, now, policy, flush)? {
            Some(batch) => sealed.push(batch),
            None => break,
        }
    }
    Ok(sealed)
}

/// Makes the run the owner of the batch. Whoever gets an error must end, having done nothing.
///
/// # Errors
/// Refused when another attempt counts or another run owns the batch.
pub fn claim<L: Ledger>(
    ledger: &L,
    id: BatchId,
    claim: &Claim,
    now: UnixMicros,
    policy: &Policy,
) -> Result<Batch, ProtocolError> {
    change(ledger, id, |batch| {
        if batch.is_owned_by(claim) {
            return Ok(batch);
        }
        swap(ledger, &batch, batch.claim(claim, now, policy))
    })
}

/// Gives the owner another lease.
///
/// # Errors
/// Refused when the run does not own the batch (any more); then it must end.
pub fn renew<L: Ledger>(
    ledger: &L,
    id: BatchId,
    claim: &Claim,
    now: UnixMicros,
    policy: &Policy,
) -> Result<Batch, ProtocolError> {
    change(ledger, id, |batch| swap(ledger, &batch, batch.renew(claim, now, policy)))
}

/// Ends the batch: its rows are written and registered, and `outcomes` tells of each member. This is for lakes that are
/// never compacted by a layout.
///
/// # Errors
/// Refused when the run does not own the batch, or the outcomes do not add up.
pub fn commit<L: Ledger>(
    ledger: &L,
    id: BatchId,
    claim: &Claim,
    outcomes: &[(ContentHash, Outcome)],
    now: UnixMicros,
) -> Result<Batch, ProtocolError> {
    commit_placed(ledger, id, claim, outcomes, &Placed::default(), now)
}

/// [`commit`] of rows that were written where a layout had them, which was read after the claim.
///
/// # Errors
/// As there; [`LedgerError::Overtaken`] when the layout is another by now. Then the caller gives the batch back, and
/// the next attempt writes where the new layout says.
pub fn commit_placed<L: Ledger>(
    ledger: &L,
    id: BatchId,
    claim: &Claim,
    outcomes: &[(ContentHash, Outcome)],
    placed: &Placed,
    now: UnixMicros,
) -> Result<Batch, ProtocolError> {
    change(ledger, id, |batch| {
        if batch.is_committed_by(claim) {
            return Ok(batch);
        }
        let next = batch.commit(claim, outcomes, now).map_err(|refusal| refused(id, refusal))?;
        ledger.commit_placed(batch.version, &next, outcomes, placed)?;
        Ok(next)
    })
}

/// Gives an attempt up.
///
/// # Errors
/// Refused when the attempt counts no more, or belongs to another run.
pub fn release<L: Ledger>(
    ledger: &L,
    id: BatchId,
    (attempt, run): (Attempt, Option<&RunId>),
    release: &Release,
    now: UnixMicros,
    policy: &Policy,
) -> Result<Batch, ProtocolError> {
    change(ledger, id, |batch| swap(ledger, &batch, batch.release(attempt, run, release, now, policy)))
}

/// Takes batches from runs that are dead, by their lease or by what `fate` knows of them, and lists those
/// that have failed too often.
///
/// # Errors
/// What kept the ledger from it; then some may be released.
pub fn reconcile<L: Ledger>(
    ledger: &L,
    now: UnixMicros,
    policy: &Policy,
    fate: impl Fn(&Batch) -> RunFate,
) -> Result<Reconciled, ProtocolError> {
    let mut done = Reconciled::default();
    for phase in [BatchPhase::Starting, BatchPhase::Running] {
        for batch in all_batches(ledger, phase)? {
            let Some(next) = taken_from_dead(&batch, now, policy, fate(&batch)) else { continue };
            match ledger.swap_batch(batch.version, &next) {
                Ok(()) => done.released.push(next),
                // It has come on by itself.
                Err(error) if is_conflict(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    done.exhausted = all_batches(ledger, BatchPhase::Exhausted)?;
    Ok(done)
}

/// How many runs the ledger knows to be under way, for [`crate::admission::plan_starts`].
///
/// # Errors
/// What kept the ledger from reading.
pub fn runs_under_way<L: Ledger>(ledger: &L) -> Result<usize, ProtocolError> {
    let mut open = all_batches(ledger, BatchPhase::Starting)?;
    open.extend(all_batches(ledger, BatchPhase::Running)?);
    Ok(runs_of(&open))
}

/// Ends the rest of a sealed batch, which was set by a clock that ran ahead, or is longer than somebody wants
/// to wait. One that does not rest stays as it is.
///
/// # Errors
/// Refused unless the batch is sealed.
pub fn wake<L: Ledger>(ledger: &L, id: BatchId, now: UnixMicros) -> Result<Batch, ProtocolError> {
    change(ledger, id, |batch| {
        if batch.state.due() <= now {
            return Ok(batch);
        }
        swap(ledger, &batch, batch.wake(now))
    })
}

/// Splits an exhausted batch into batches of one, or quarantines its only member.
///
/// The caller knows that every run in [`Ledger::batch_history`] has ended, and has removed from the lake
/// what they wrote; see [`Batch::isolate`].
///
/// # Errors
/// Refused unless the batch is exhausted.
pub fn isolate<L: Ledger>(ledger: &L, id: BatchId, now: UnixMicros) -> Result<Batch, ProtocolError> {
    change(ledger, id, |batch| {
        let rounds: Result<Vec<_>, _> =
            batch.members.iter().map(|member| round_of(ledger, *member)).collect();
        match batch.isolate(&rounds?, now).map_err(|refusal| refused(id, refusal))? {
            Isolation::Split(next, parts) => {
                ledger.split(batch.version, &next, &parts)?;
                Ok(next)
            }
            Isolation::Condemned(next, outcome) => {
                ledger.commit(batch.version, &next, &[outcome])?;
                Ok(next)
            }
        }
    })
}

/// Puts a quarantined file back to `Pending`, once its cause is mended.
///
/// # Errors
/// [`ProtocolError::NotQuarantined`] and [`ProtocolError::UnknownFile`], or what kept the ledger from it.
pub fn replay<L: Ledger>(ledger: &L, file: ContentHash, now: UnixMicros) -> Result<(), ProtocolError> {
    let record = ledger.file(file)?.ok_or(ProtocolError::UnknownFile { file })?;
    match record.state {
        FileState::Quarantined { .. } => Ok(ledger.requeue(file, record.round, now)?),
        other => Err(ProtocolError::NotQuarantined { file, found: other.phase() }),
    }
}

fn seal_next<L: Ledger>(
    ledger: &L,
    now: UnixMicros,
    policy: &Policy,
    flush: bool,
) -> Result<Option<Batch>, ProtocolError> {
    retry_conflicts(|| {
        let pending = ledger.files(FilePhase::Pending, None, policy.batch_size.files())?;
        let Some(files) = plan_seal(&pending, now, policy, flush) else { return Ok(None) };
        let batch = Batch::seal(files, now);
        ledger.seal(&batch)?;
        Ok(Some(batch))
    })
}

fn taken_from_dead(batch: &Batch, now: UnixMicros, policy: &Policy, fate: RunFate) -> Option<Batch> {
    let release = match fate {
        RunFate::Unknown => return batch.expire(now, policy).ok(),
        RunFate::Failed { reason } => Release::Failed { reason },
        RunFate::Interrupted => Release::Postponed { not_before: now },
    };
    batch.release(batch.attempt, batch.state.run(), &release, now, policy).ok()
}

fn all_batches<L: Ledger>(ledger: &L, phase: BatchPhase) -> Result<Vec<Batch>, LedgerError> {
    let mut all: Vec<Batch> = Vec::new();
    loop {
        let after = all.last().map(|batch| BatchCursor { due: batch.state.due(), id: batch.id });
        let page = ledger.batches(phase, after, RECONCILE_PAGE)?;
        let is_last = page.len() < RECONCILE_PAGE;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

fn round_of<L: Ledger>(ledger: &L, file: ContentHash) -> Result<crate::ids::Round, ProtocolError> {
    Ok(ledger.file(file)?.ok_or(ProtocolError::UnknownFile { file })?.round)
}

/// Reads the batch and lets `step` decide and write, again and again while others are quicker.
fn change<L: Ledger>(
    ledger: &L,
    id: BatchId,
    step: impl Fn(Batch) -> Result<Batch, ProtocolError>,
) -> Result<Batch, ProtocolError> {
    retry_conflicts(|| step(ledger.batch(id)?.ok_or(ProtocolError::UnknownBatch { batch: id })?))
}

fn swap<L: Ledger>(ledger: &L, batch: &Batch, next: Result<Batch, Refusal>) -> Result<Batch, ProtocolError> {
    let next = next.map_err(|refusal| refused(batch.id, refusal))?;
    ledger.swap_batch(batch.version, &next)?;
    Ok(next)
}

fn retry_conflicts<T>(mut step: impl FnMut() -> Result<T, ProtocolError>) -> Result<T, ProtocolError> {
    let mut conflicts = 1;
    loop {
        match step() {
            Err(ProtocolError::Ledger(error)) if is_conflict(&error) && conflicts < CONFLICTS_MAX => {
                conflicts += 1;
            }
            result => return result,
        }
    }
}

fn refused(batch: BatchId, refusal: Refusal) -> ProtocolError {
    ProtocolError::Refused { batch, refusal }
}

fn is_conflict(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Conflict { .. })
}
