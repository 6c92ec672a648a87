//! From sealed batches to runs, as many as there may be, and back from runs that died.
//!
//! What it does not know: how a run is started. Invariant: a run is asked for only after its batches are written as
//! starting; where nobody knows whether there is one, their leases decide.

use crate::{
    ports::{Figure, RunState, StartError},
    sink::Sink,
    telling::News,
};
use headrig_ledger::{
    Batch, BatchPhase, Claim, Ledger, ProtocolError, RunId,
    admission::{UnderWay, plan_starts},
    batch::Release,
    protocol::{self, Reconciled, RunFate},
};
use std::{cell::RefCell, collections::BTreeMap};

/// The most sealed batches that are looked at when runs are planned.
const DUE_MAX: usize = 1_000;
/// The most runs whose state is asked for at once: Glue takes some ten calls a second.
const RUN_STATES_MAX: usize = 100;

impl<L: Ledger> Sink<'_, L> {
    /// Starts as many runs as the limits allow, and returns how many.
    ///
    /// # Errors
    /// What kept the ledger from it.
    pub(crate) fn start_due(&self) -> Result<usize, ProtocolError> {
        let due = self.due()?;
        if due == 0 {
            return Ok(0);
        }
        let under_way = UnderWay { job_runs: self.runs_under_way()?, other_runs: 0 };
        let policy = &self.settings.policy;
        let mut started = 0;
        for carried in plan_starts(due, under_way, self.settings.limits, policy) {
            let batches = protocol::start_together(self.ledger, self.now(), policy, carried)?;
            if batches.is_empty() || !self.start_run(&batches) {
                break;
            }
            started += 1;
        }
        self.count(Figure::RunsStarted, started);
        Ok(started)
    }

    /// Takes batches from runs that are dead: from `only` that run, or from all.
    ///
    /// # Errors
    /// What kept the ledger from it.
    pub(crate) fn take_from_dead(&self, only: Option<&RunId>) -> Result<Reconciled, ProtocolError> {
        let asked: RefCell<BTreeMap<RunId, RunFate>> = RefCell::default();
        let fate = |batch: &Batch| match batch.state.run() {
            Some(run) if only.is_none_or(|only| only == run) => {
                let mut asked = asked.borrow_mut();
                if !asked.contains_key(run) && asked.len() < RUN_STATES_MAX {
                    asked.insert(run.clone(), self.fate(run));
                }
                asked.get(run).cloned().unwrap_or(RunFate::Unknown)
            }
            _ => RunFate::Unknown,
        };
        let done = protocol::reconcile(self.ledger, self.now(), &self.settings.policy, fate)?;
        for batch in &done.released {
            let failure = batch.failure.as_deref().unwrap_or("the run was stopped");
            tracing::warn!(batch = %batch.id, attempt = %batch.attempt, failures = batch.failures, failure,
                "took a batch from a dead run");
        }
        Ok(done)
    }

    fn due(&self) -> Result<usize, ProtocolError> {
        let now = self.now();
        let sealed = self.ledger.batches(BatchPhase::Sealed, None, DUE_MAX)?;
        Ok(sealed.iter().take_while(|batch| batch.state.due() <= now).count())
    }

    /// As many as either the ledger or the engine knows: a zombie is a run, too.
    fn runs_under_way(&self) -> Result<usize, ProtocolError> {
        let known = protocol::runs_under_way(self.ledger)?;
        Ok(match self.ports.jobs.under_way() {
            Ok(seen) => known.max(seen),
            Err(error) => {
                tracing::warn!(%error, "counting only the runs that the ledger knows");
                known
            }
        })
    }

    /// Whether there is a run and more may be asked for.
    fn start_run(&self, batches: &[Batch]) -> bool {
        let tickets: Vec<_> = batches.iter().map(|batch| (batch.id, batch.attempt)).collect();
        match self.ports.jobs.start(&tickets) {
            Ok(run) => {
                tracing::info!(%run, batches = batches.len(), "started a run");
                batches.iter().for_each(|batch| self.note_run(batch, &run));
                true
            }
            Err(error) => {
                tracing::warn!(%error, batches = batches.len(), "started no run");
                self.count(Figure::RunsRefused, 1);
                self.put_back(batches, &error);
                false
            }
        }
    }

    fn note_run(&self, batch: &Batch, run: &RunId) {
        let claim = Claim { attempt: batch.attempt, run: run.clone() };
        match protocol::record_run(self.ledger, batch.id, &claim, self.now()) {
            Ok(_) => {}
            // The run was quicker and has claimed it, or is done with it.
            Err(ProtocolError::Refused { .. }) => {}
            Err(error) => {
                tracing::warn!(batch = %batch.id, %run, %error, "only the lease tells when the run dies")
            }
        }
    }

    fn put_back(&self, batches: &[Batch], error: &StartError) {
        let (policy, now) = (&self.settings.policy, self.now());
        let mut news = Vec::new();
        for batch in batches {
            let done = match error {
                StartError::AnswerLost { .. } => continue,
                StartError::Throttled { .. } => {
                    protocol::postpone(self.ledger, batch.id, batch.attempt, now, policy)
                }
                StartError::NoSuchJob { .. } | StartError::Denied { .. } | StartError::Refused { .. } => {
                    news = vec![News::of_job(error.to_string())];
                    let release = Release::Failed { reason: error.to_string() };
                    protocol::release(self.ledger, batch.id, (batch.attempt, None), &release, now, policy)
                }
            };
            if let Err(error) = done {
                tracing::warn!(batch = %batch.id, %error, "a batch waits for its lease to end");
            }
        }
        if let Err(error) = self.tell_once("headrig: runs cannot be started", &news) {
            tracing::error!(%error, "nobody could be told that runs cannot be started");
        }
    }

    fn fate(&self, run: &RunId) -> RunFate {
        match self.ports.jobs.state(run) {
            Ok(RunState::UnderWay | RunState::Unknown) => RunFate::Unknown,
            Ok(RunState::Succeeded) => {
                RunFate::Failed { reason: format!("run {run} ended without committing the batch") }
            }
            Ok(RunState::Failed { reason }) => {
                RunFate::Failed { reason: format!("run {run} failed: {reason}") }
            }
            Ok(RunState::Stopped) => RunFate::Interrupted,
            Err(error) => {
                tracing::warn!(%run, %error, "only the lease tells whether the run lives");
                RunFate::Unknown
            }
        }
    }
}
