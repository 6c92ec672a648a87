//! Another process that comes between two calls of the first one: between its reading and its writing.

use crate::world::{Outside, facts, good_outcomes};
use headrig_contract::ContentHash;
use headrig_ledger::{
    Batch, BatchPhase, Claim, Ledger, Policy,
    protocol::{self, RunFate},
};
use std::{collections::BTreeSet, rc::Rc};

/// What the other process does, as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intrusion {
    Seal,
    Start,
    /// A run of its own claims the first batch that is starting.
    Claim,
    /// That run, or one like it, writes and commits.
    Commit,
    /// It takes batches from runs whose lease has ended.
    Expire,
}

impl Intrusion {
    pub(crate) const ALL: [Self; 5] = [Self::Seal, Self::Start, Self::Claim, Self::Commit, Self::Expire];
}

#[derive(Debug)]
pub(crate) struct Intruder {
    outside: Rc<Outside>,
    policy: Policy,
    poison: BTreeSet<ContentHash>,
}

impl Intruder {
    pub(crate) fn new(outside: Rc<Outside>, policy: Policy, poison: BTreeSet<u8>) -> Self {
        let poison = poison.into_iter().map(|number| facts(number).hash).collect();
        Self { outside, policy, poison }
    }

    /// Does it, before the other process's call of that number.
    pub(crate) fn intrude<L: Ledger>(&self, ledger: &L, call: u64, intrusion: Intrusion) {
        let now = self.outside.now();
        match intrusion {
            Intrusion::Seal => drop(protocol::seal_ready(ledger, now, &self.policy, true).unwrap()),
            Intrusion::Start => drop(protocol::start_next(ledger, now, &self.policy).unwrap()),
            Intrusion::Claim => self.claim(ledger, call),
            Intrusion::Commit => self.commit(ledger),
            Intrusion::Expire => {
                protocol::reconcile(ledger, now, &self.policy, |_| RunFate::Unknown).unwrap();
            }
        }
    }

    fn claim<L: Ledger>(&self, ledger: &L, call: u64) {
        let starting = ledger.batches(BatchPhase::Starting, None, 1).unwrap();
        if let Some(batch) = starting.first() {
            let run = format!("intruder-{call}").parse().unwrap();
            let claim = Claim { attempt: batch.attempt, run };
            let now = self.outside.now();
            let batch = protocol::claim(ledger, batch.id, &claim, now, &self.policy).unwrap();
            self.outside.claimed(&batch, &claim);
        }
    }

    fn commit<L: Ledger>(&self, ledger: &L) {
        let running = ledger.batches(BatchPhase::Running, None, usize::MAX).unwrap();
        let is_own = |batch: &&Batch| {
            batch.state.run().is_some_and(|run| run.as_str().starts_with("intruder"))
                && !batch.members.iter().any(|member| self.poison.contains(member))
        };
        if let Some(batch) = running.iter().find(is_own) {
            let run = batch.state.run().unwrap().clone();
            let claim = Claim { attempt: batch.attempt, run };
            self.outside.wrote(batch);
            protocol::commit(ledger, batch.id, &claim, &good_outcomes(batch), self.outside.now()).unwrap();
            self.outside.committed(batch, &claim);
        }
    }
}
