//! A batch and its way: `Sealed -> Starting -> Running -> Committed`, or back to `Sealed`.
//!
//! Each transition is a method that takes the batch as it was read and returns the batch as it shall be
//! written, or a [`Refusal`]. Nothing here does I/O or asks the time. The safety of the whole rests on two
//! of them: [`Batch::claim`] gives a batch to one run and no other, and [`Batch::commit`] takes the end
//! from that run only. Whoever writes a transition does so conditionally on [`Batch::version`].

mod refusal;
mod state;
#[cfg(test)]
mod tests;

pub use refusal::Refusal;
pub use state::{BatchPhase, BatchState, Summary};

use crate::{
    file::{FileRecord, Outcome},
    ids::{Attempt, BatchId, Round, RunId, Version, batch_id},
    plan::{Policy, later},
};
use headrig_contract::{ContentHash, UnixMicros};
use std::collections::BTreeSet;

/// Files that are written to the lake together, by one run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Batch {
    /// The hash of the members.
    pub id: BatchId,
    /// How often the batch has changed.
    pub version: Version,
    /// The members' hashes, ascending. They never change.
    pub members: Vec<ContentHash>,
    /// When the batch was made.
    pub sealed_at: UnixMicros,
    /// When the batch last changed.
    pub changed: UnixMicros,
    /// The last attempt that was started; 0 before the first.
    pub attempt: Attempt,
    /// How many attempts have failed after a run had claimed the batch. What goes wrong before that, or
    /// by throttling or interruption, cannot be the members' fault and does not count against them.
    pub failures: u32,
    /// Why the last attempt that failed did so, counted or not.
    pub failure: Option<String>,
    /// How far it has come.
    pub state: BatchState,
}

/// A run's ticket: it was started as this attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The attempt that the run was started as.
    pub attempt: Attempt,
    /// The run.
    pub run: RunId,
}

/// Why an attempt is given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Release {
    /// Throttled or interrupted: nothing is wrong with the batch, so it is no failure.
    Postponed {
        /// When to try again.
        not_before: UnixMicros,
    },
    /// The run failed or died, or could not be started.
    Failed {
        /// Why, in words for the operator.
        reason: String,
    },
}

/// What [`Batch::isolate`] makes of an exhausted batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// The batch gives way to one batch for each member, so that the poisonous one shows.
    Split(Batch, Vec<Batch>),
    /// The only member is the poisonous one; it is quarantined.
    Condemned(Batch, (ContentHash, Outcome)),
}

impl Batch {
    /// The batch of `files`.
    pub fn seal(files: &[FileRecord], now: UnixMicros) -> Self {
        let members: Vec<_> = files.iter().map(|file| (file.hash, file.round)).collect();
        Self::of(members, now)
    }

    fn of(mut members: Vec<(ContentHash, Round)>, now: UnixMicros) -> Self {
        members.sort_unstable();
        Self {
            id: batch_id(&members),
            version: Version::default(),
            members: members.into_iter().map(|(hash, _)| hash).collect(),
            sealed_at: now,
            changed: now,
            attempt: Attempt::default(),
            failures: 0,
            failure: None,
            state: BatchState::Sealed { not_before: now },
        }
    }

    /// Starts the next attempt; then, and only then, the engine is asked for a run.
    ///
    /// # Errors
    /// Refused unless the batch is sealed and may be started by now.
    pub fn start(&self, now: UnixMicros, policy: &Policy) -> Result<Self, Refusal> {
        match self.state {
            BatchState::Sealed { not_before } if not_before > now => {
                Err(Refusal::TooEarly { expected: not_before, found: now })
            }
            BatchState::Sealed { .. } => {
                let state = BatchState::Starting { run: None, lease_until: later(now, policy.lease) };
                Ok(Self { attempt: self.attempt.next(), ..self.moved(state, now) })
            }
            _ => Err(self.wrong_phase("sealed")),
        }
    }

    /// Ends the batch's rest.
    ///
    /// # Errors
    /// Refused unless the batch is sealed.
    pub fn wake(&self, now: UnixMicros) -> Result<Self, Refusal> {
        match self.state {
            BatchState::Sealed { .. } => Ok(self.moved(BatchState::Sealed { not_before: now }, now)),
            _ => Err(self.wrong_phase("sealed")),
        }
    }

    /// Notes which run the engine has started for `attempt`, so that its death can be noticed.
    ///
    /// # Errors
    /// Refused unless the batch is still starting that attempt and no run is noted.
    pub fn record_run(&self, claim: &Claim, now: UnixMicros) -> Result<Self, Refusal> {
        self.expect_attempt(claim.attempt)?;
        match &self.state {
            BatchState::Starting { run: None, lease_until } => {
                let state = BatchState::Starting { run: Some(claim.run.clone()), lease_until: *lease_until };
                Ok(self.moved(state, now))
            }
            BatchState::Starting { run: Some(run), .. } => Err(Refusal::owned(claim, run)),
            _ => Err(self.wrong_phase("starting")),
        }
    }

    /// Gives the batch to the run. Whoever is refused must end, having done nothing.
    ///
    /// An attempt may be started twice, so the run need not be the one that was noted.
    ///
    /// # Errors
    /// Refused unless the batch is starting that attempt.
    pub fn claim(&self, claim: &Claim, now: UnixMicros, policy: &Policy) -> Result<Self, Refusal> {
        self.expect_attempt(claim.attempt)?;
        match &self.state {
            BatchState::Starting { .. } => {
                let lease_until = later(now, policy.lease);
                Ok(self.moved(BatchState::Running { owner: claim.run.clone(), lease_until }, now))
            }
            BatchState::Running { owner, .. } => Err(Refusal::owned(claim, owner)),
            _ => Err(self.wrong_phase("starting")),
        }
    }

    /// Gives the owner another lease from `now`.
    ///
    /// # Errors
    /// Refused unless the run owns the batch.
    pub fn renew(&self, claim: &Claim, now: UnixMicros, policy: &Policy) -> Result<Self, Refusal> {
        self.expect_owner(claim)?;
        let lease_until = later(now, policy.lease);
        Ok(self.moved(BatchState::Running { owner: claim.run.clone(), lease_until }, now))
    }

    /// Ends the batch: every row is written and registered. The lease may have run out meanwhile; while
    /// nobody has acted on that, the owner is still the owner.
    ///
    /// # Errors
    /// Refused unless the run owns the batch, and `outcomes` tells of each member once and conserves rows.
    pub fn commit(
        &self,
        claim: &Claim,
        outcomes: &[(ContentHash, Outcome)],
        now: UnixMicros,
    ) -> Result<Self, Refusal> {
        self.expect_owner(claim)?;
        let summary = self.summary(outcomes)?;
        Ok(self.moved(BatchState::Committed { owner: Some(claim.run.clone()), at: now, summary }, now))
    }

    /// Gives the attempt up: throttled, interrupted, failed, or found dead.
    ///
    /// # Errors
    /// Refused unless the batch is in that attempt, and, where a run is known, `run` is that run.
    pub fn release(
        &self,
        attempt: Attempt,
        run: Option<&RunId>,
        release: &Release,
        now: UnixMicros,
        policy: &Policy,
    ) -> Result<Self, Refusal> {
        self.expect_attempt(attempt)?;
        match (&self.state, run) {
            (BatchState::Starting { run: Some(known), .. }, Some(run)) if known != run => {
                Err(Refusal::owned(&Claim { attempt, run: run.clone() }, known))
            }
            (BatchState::Running { owner, .. }, run) if run != Some(owner) => {
                Err(Refusal::Owned { expected: owner.clone(), found: run.cloned() })
            }
            (BatchState::Starting { .. } | BatchState::Running { .. }, _) => {
                Ok(self.released(release, now, policy))
            }
            _ => Err(self.wrong_phase("starting or running")),
        }
    }

    /// Takes the batch from an attempt whose lease has run out.
    ///
    /// # Errors
    /// Refused unless there is a lease and it ended before `now`.
    pub fn expire(&self, now: UnixMicros, policy: &Policy) -> Result<Self, Refusal> {
        let (lease_until, what) = match &self.state {
            BatchState::Starting { lease_until, .. } => (*lease_until, "no run claimed the batch"),
            BatchState::Running { lease_until, .. } => {
                (*lease_until, "the run neither renewed nor committed")
            }
            _ => return Err(self.wrong_phase("starting or running")),
        };
        if lease_until >= now {
            return Err(Refusal::TooEarly { expected: lease_until, found: now });
        }
        Ok(self.released(&Release::Failed { reason: format!("{what} before its lease ended") }, now, policy))
    }

    /// Splits an exhausted batch into batches of one, or quarantines its only member.
    ///
    /// This is the one transition after which a run of this batch that lives on unnoticed could do harm:
    /// the rows are written again under other names. So before it is durable the caller must know that
    /// every run that ever claimed the batch has ended, and must have removed what they wrote to the lake.
    ///
    /// `rounds` are the members' rounds, in their order.
    ///
    /// # Errors
    /// Refused unless the batch is exhausted.
    pub fn isolate(&self, rounds: &[Round], now: UnixMicros) -> Result<Isolation, Refusal> {
        if self.state.phase() != BatchPhase::Exhausted {
            return Err(self.wrong_phase("exhausted"));
        }
        if let [only] = self.members[..] {
            let reason = self.failure.clone().unwrap_or_else(|| "every attempt failed".into());
            let summary = Summary { quarantined: 1, ..Summary::default() };
            let next = self.moved(BatchState::Committed { owner: None, at: now, summary }, now);
            return Ok(Isolation::Condemned(next, (only, Outcome::Quarantined { reason })));
        }
        if rounds.len() != self.members.len() {
            return Err(Refusal::Members { expected: self.members.len(), found: rounds.len() });
        }
        let members = self.members.iter().copied().zip(rounds.iter().copied());
        let parts = members.map(|member| Self::of(vec![member], now)).collect();
        Ok(Isolation::Split(self.moved(BatchState::Split { at: now }, now), parts))
    }

    /// Whether the run owns the batch already: its claim succeeded, though it may not have heard so.
    pub fn is_owned_by(&self, claim: &Claim) -> bool {
        self.expect_owner(claim).is_ok()
    }

    /// Whether the run has committed the batch already.
    pub fn is_committed_by(&self, claim: &Claim) -> bool {
        let by_run =
            matches!(&self.state, BatchState::Committed { owner, .. } if owner.as_ref() == Some(&claim.run));
        by_run && self.attempt == claim.attempt
    }

    fn moved(&self, state: BatchState, now: UnixMicros) -> Self {
        Self { version: self.version.next(), changed: now, state, ..self.clone() }
    }

    fn released(&self, release: &Release, now: UnixMicros, policy: &Policy) -> Self {
        let reason = match release {
            Release::Postponed { not_before } => {
                return self.moved(BatchState::Sealed { not_before: *not_before }, now);
            }
            Release::Failed { reason } => reason.clone(),
        };
        let was_claimed = self.state.phase() == BatchPhase::Running;
        let failures = self.failures.saturating_add(u32::from(was_claimed));
        let state = if failures >= policy.failures_max {
            BatchState::Exhausted { since: now }
        } else {
            let rest = policy.rest_after(if was_claimed { failures } else { self.attempt.0 });
            BatchState::Sealed { not_before: later(now, rest) }
        };
        Self { failures, failure: Some(reason), ..self.moved(state, now) }
    }

    fn summary(&self, outcomes: &[(ContentHash, Outcome)]) -> Result<Summary, Refusal> {
        let told: BTreeSet<_> = outcomes.iter().map(|(hash, _)| *hash).collect();
        if outcomes.len() != self.members.len() || !self.members.iter().all(|member| told.contains(member)) {
            return Err(Refusal::Members { expected: self.members.len(), found: outcomes.len() });
        }
        let mut summary = Summary::default();
        for (hash, outcome) in outcomes {
            match outcome {
                Outcome::Quarantined { .. } => summary.quarantined += 1,
                Outcome::Done(counts) if counts.is_conserved() => {
                    summary.done += 1;
                    summary.lines += *counts;
                }
                Outcome::Done(counts) => return Err(Refusal::RowsLost { file: *hash, found: *counts }),
            }
        }
        Ok(summary)
    }

    fn expect_attempt(&self, found: Attempt) -> Result<(), Refusal> {
        if found == self.attempt { Ok(()) } else { Err(Refusal::Attempt { expected: self.attempt, found }) }
    }

    fn expect_owner(&self, claim: &Claim) -> Result<(), Refusal> {
        self.expect_attempt(claim.attempt)?;
        match &self.state {
            BatchState::Running { owner, .. } if *owner == claim.run => Ok(()),
            BatchState::Running { owner, .. } => Err(Refusal::owned(claim, owner)),
            _ => Err(self.wrong_phase("running")),
        }
    }

    fn wrong_phase(&self, expected: &'static str) -> Refusal {
        Refusal::Phase { expected, found: self.state.phase() }
    }
}
