//! Every minute: whatever was lost, died, waited too long or fell silent is found here.
//!
//! Each step is bounded, and goes on by itself whatever the others do. Invariant: `SweepHeartbeat` is published only
//! when every step that moves batches on was done; an alarm on its absence therefore covers the sweep itself.

mod agents;
mod isolation;
mod listing;
mod quarantine;

use crate::{
    ports::Figure,
    sink::{Reply, Sink, SinkError, done},
};
use headrig_ledger::Ledger;

/// One step, and whether batches stand still without it.
type Step<'a> = (&'static str, bool, &'a dyn Fn() -> Result<(), SinkError>);

impl<L: Ledger> Sink<'_, L> {
    pub(crate) fn sweep(&self) -> Result<Reply, SinkError> {
        let steps: [Step<'_>; 8] = [
            ("take batches from dead runs", true, &|| Ok(self.take_from_dead(None).map(drop)?)),
            ("take exhausted batches apart", true, &|| self.isolate_exhausted()),
            ("compare the bucket with the ledger", false, &|| self.walk_bucket()),
            ("make batches", true, &|| Ok(self.seal(false).map(drop)?)),
            ("start runs", true, &|| Ok(self.start_due().map(drop)?)),
            ("tell of what was set aside", false, &|| self.tell_quarantined()),
            ("listen for agents", false, &|| self.listen()),
            ("count", true, &|| self.publish_counts()),
        ];
        let mut failed = Vec::new();
        let mut is_moving = true;
        for (name, is_vital, step) in steps {
            if let Err(error) = step() {
                tracing::error!(step = name, %error, "a step of the sweep failed");
                failed.push(name);
                is_moving &= !is_vital;
            }
        }
        self.count(Figure::SweepStepsFailed, failed.len());
        if !is_moving {
            return Err(SinkError::Sweep { failed: failed.len(), names: failed });
        }
        self.ports.metrics.publish(&[(Figure::SweepHeartbeat, 1.0)]);
        Ok(done(format!("swept; {} steps failed", failed.len())))
    }

    fn publish_counts(&self) -> Result<(), SinkError> {
        let counts = self.ledger.counts()?;
        let now = self.now();
        let oldest_micros = counts.oldest_pending.map_or(0, |since| now.micros_since(since)).max(0);
        self.ports.metrics.publish(&[
            (Figure::Pending, counts.pending as f64),
            (Figure::Batched, counts.batched as f64),
            (Figure::Quarantined, counts.quarantined as f64),
            (Figure::OldestPendingSeconds, oldest_micros as f64 / 1e6),
            (Figure::BatchesSealed, counts.sealed as f64),
            (Figure::BatchesRunning, (counts.starting + counts.running) as f64),
            (Figure::BatchesExhausted, counts.exhausted as f64),
        ]);
        Ok(())
    }
}
