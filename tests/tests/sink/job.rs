//! The Glue job, played by the test over the same ledger and a lake of the same kind: files with keys of the batch's
//! making, so that who writes late writes the same.
//!
//! Every fifth run dies with a batch in its hands, and every seventh is taken for dead and goes on later.

use crate::cloud::{Cloud, JOB, LAKE};
use anyhow::{Context, Result, bail, ensure};
use headrig_aws::DynamoLedger;
use headrig_contract::{ContentHash, UnixMicros};
use headrig_ledger::{Attempt, Batch, BatchId, Claim, LineCounts, Outcome, Policy, ProtocolError, protocol};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

/// How long a run may be silent before its batch is taken from it.
const LEASE: Duration = Duration::from_secs(20);
/// How often a call is repeated that failed for no reason of its own.
const TRIES_MAX: usize = 20;

/// The job, over all its runs.
pub(crate) struct Job<'a> {
    cloud: &'a Cloud,
    ledger: DynamoLedger,
    policy: Policy,
    /// How many lines each object has.
    lines: BTreeMap<ContentHash, u64>,
    known: BTreeSet<String>,
    zombies: Vec<(Batch, Claim)>,
    /// Runs that died with a batch in their hands.
    pub(crate) died: usize,
    /// Runs that came to commit after their batch was taken from them.
    pub(crate) refused: usize,
    /// Batches that runs carried beside their first.
    pub(crate) carried_along: usize,
}

impl<'a> Job<'a> {
    pub(crate) fn new(cloud: &'a Cloud, lines: BTreeMap<ContentHash, u64>) -> Self {
        Self {
            cloud,
            ledger: cloud.faulty_ledger(),
            policy: Policy { lease: LEASE, ..Policy::cloud() },
            lines,
            known: BTreeSet::new(),
            zombies: Vec::new(),
            died: 0,
            refused: 0,
            carried_along: 0,
        }
    }

    /// Plays the runs that Glue has taken since, and returns how many they are.
    pub(crate) fn play_new(&mut self) -> Result<usize> {
        let mut played = 0;
        for run in self.cloud.glue.runs(JOB)? {
            if self.known.insert(run.id.clone()) {
                let batches: Result<Vec<_>> = run.batches.split(',').map(ticket).collect();
                self.play(&run.id, &batches.with_context(|| format!("{run:?}"))?)?;
                played += 1;
            }
        }
        Ok(played)
    }

    /// Lets those go on that were taken for dead.
    pub(crate) fn awaken(&mut self) -> Result<()> {
        for (batch, claim) in std::mem::take(&mut self.zombies) {
            match self.write_and_commit(&batch, &claim) {
                Err(ProtocolError::Refused { .. }) => self.refused += 1,
                // Nobody had taken the batch from it yet, so it was in time.
                other => drop(other?),
            }
        }
        Ok(())
    }

    /// How many wait to go on.
    pub(crate) fn asleep(&self) -> usize {
        self.zombies.len()
    }

    fn play(&mut self, run: &str, batches: &[(BatchId, Attempt)]) -> Result<()> {
        let number = self.known.len();
        self.carried_along += batches.len() - 1;
        for (batch, attempt) in batches {
            let claim = Claim { attempt: *attempt, run: run.parse()? };
            let now = || UnixMicros::from(SystemTime::now());
            let claimed = again(|| protocol::claim(&self.ledger, *batch, &claim, now(), &self.policy));
            let batch = match claimed {
                // Another attempt counts by now: this run does nothing to the batch.
                Err(ProtocolError::Refused { .. }) => continue,
                other => other?,
            };
            if number.is_multiple_of(5) {
                self.write(&batch)?;
                self.died += 1;
                return Ok(());
            }
            if number.is_multiple_of(7) {
                self.zombies.push((batch, claim));
                return Ok(());
            }
            match self.write_and_commit(&batch, &claim) {
                Err(ProtocolError::Refused { .. }) => self.refused += 1,
                other => drop(other?),
            }
        }
        Ok(())
    }

    fn write_and_commit(&self, batch: &Batch, claim: &Claim) -> Result<Batch, ProtocolError> {
        self.write(batch).expect("MiniStack's S3 does not fail here");
        let outcome = |member: &ContentHash| {
            let lines = self.lines[member];
            (*member, Outcome::Done(LineCounts { lines, events: lines, rows: lines, dropped_by_rule: 0 }))
        };
        let outcomes: Vec<_> = batch.members.iter().map(outcome).collect();
        again(|| protocol::commit(&self.ledger, batch.id, claim, &outcomes, SystemTime::now().into()))
    }

    /// One file for the batch, with a line for each row: the hash of the object that it is from.
    fn write(&self, batch: &Batch) -> Result<()> {
        let rows: String = batch
            .members
            .iter()
            .map(|member| format!("{member}\n").repeat(self.lines[member] as usize))
            .collect();
        self.cloud.store.put(LAKE, &format!("logs/{}-000.rows", batch.id), rows.as_bytes(), false)
    }
}

/// Repeats a call until it is done or refused: what the faulty network does to it is none of its doing.
fn again<T>(call: impl Fn() -> Result<T, ProtocolError>) -> Result<T, ProtocolError> {
    let mut tries = 1;
    loop {
        match call() {
            Err(error) if error.is_retryable() && tries < TRIES_MAX => tries += 1,
            result => return result,
        }
    }
}

/// One of `--batches`: `<id>:<attempt>`.
fn ticket(text: &str) -> Result<(BatchId, Attempt)> {
    let Some((id, attempt)) = text.split_once(':') else { bail!("no attempt in {text:?}") };
    ensure!(attempt != "0", "no attempt has the number 0");
    Ok((id.parse()?, Attempt(attempt.parse()?)))
}
