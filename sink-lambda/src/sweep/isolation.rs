//! Batches that failed too often are taken apart, so that the poisonous file shows.
//!
//! Invariant: a batch is taken apart only after every run that ever claimed it has ended, and what they wrote is gone
//! from the lake. Removing that is a listing of the whole lake, bounded and resumed between sweeps, one batch at a
//! time: files are named by their partition first.

use crate::{
    ports::RunState,
    sink::{Sink, SinkError},
};
use headrig_ledger::{Batch, BatchPhase, Ledger, explain::runs_ever, protocol};
use serde::{Deserialize, Serialize};

/// Objects of the lake looked at in a sweep.
const LAKE_OBJECTS_MAX: usize = 50_000;
/// Objects looked at in one call of the port.
const LAKE_PAGE: usize = 1_000;
/// Exhausted batches considered in a sweep: one whose runs live on must not hold up those behind it.
const CANDIDATES_MAX: usize = 10;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Removal {
    /// The batch whose files are being removed.
    batch: String,
    /// The last object that was looked at.
    after: Option<String>,
}

impl<L: Ledger> Sink<'_, L> {
    pub(super) fn isolate_exhausted(&self) -> Result<(), SinkError> {
        let mut budget = LAKE_OBJECTS_MAX;
        for batch in self.ledger.batches(BatchPhase::Exhausted, None, CANDIDATES_MAX)? {
            if !self.have_runs_ended(&batch)? {
                continue;
            }
            if !self.remove_from_lake(&batch, &mut budget)? {
                return Ok(());
            }
            let next = protocol::isolate(self.ledger, batch.id, self.now())?;
            tracing::warn!(batch = %batch.id, files = batch.members.len(), now = next.state.phase().as_str(),
                failure = batch.failure, "took an exhausted batch apart");
        }
        Ok(())
    }

    fn have_runs_ended(&self, batch: &Batch) -> Result<bool, SinkError> {
        for run in runs_ever(self.ledger, batch.id)? {
            if self.ports.jobs.state(&run)? == RunState::UnderWay {
                tracing::warn!(batch = %batch.id, %run, "an exhausted batch waits for its run to end; stop the run to go on at once");
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether nothing of the batch is left in the lake.
    fn remove_from_lake(&self, batch: &Batch, budget: &mut usize) -> Result<bool, SinkError> {
        let mut note = self.recall::<Removal>("removal")?;
        let id = batch.id.to_string();
        if note.content.batch != id {
            note.content = Removal { batch: id, after: None };
        }
        while *budget > 0 {
            *budget = budget.saturating_sub(LAKE_PAGE);
            let after = note.content.after.as_deref();
            match self.ports.lake.remove_batch(batch.id, after, LAKE_PAGE)? {
                None => return Ok(true),
                next => note.content.after = next,
            }
        }
        self.keep(&note)?;
        tracing::info!(batch = %batch.id, after = note.content.after, "the next sweep goes on removing its files");
        Ok(false)
    }
}
