//! How many runs may be started now, and how many sealed batches each carries. Pure arithmetic.
//!
//! It knows no engine: what runs, and what the limits are, is passed in. Invariant: with what is under way, the
//! runs it plans keep to both limits.

use crate::{batch::Batch, ids::RunId, plan::Policy};
use std::collections::BTreeSet;

/// What the engine takes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLimits {
    /// Runs of our job at once (Glue: the job's MaxConcurrentRuns).
    pub job_runs_max: usize,
    /// Runs of all jobs of the account at once.
    pub account_runs_max: usize,
}

/// What is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnderWay {
    /// Runs of our job, as far as the ledger knows; see [`runs_of`].
    pub job_runs: usize,
    /// Runs of other jobs, and of ours that the ledger counts no more (zombies).
    pub other_runs: usize,
}

/// How many runs these batches, which are starting or running, keep busy. A batch whose run is not known counts
/// as a run of its own: too many is waited for, too few is throttled.
pub fn runs_of<'a>(open: impl IntoIterator<Item = &'a Batch>) -> usize {
    let mut known: BTreeSet<&RunId> = BTreeSet::new();
    let mut unknown = 0;
    for batch in open {
        match batch.state.run() {
            Some(run) => drop(known.insert(run)),
            None => unknown += 1,
        }
    }
    known.len() + unknown
}

/// For each run to start now, how many of the `due` batches it carries: one, unless there are more batches than
/// runs for them. Then they are spread evenly, each run with at most `batches_per_run_max`.
pub fn plan_starts(due: usize, under_way: UnderWay, limits: RunLimits, policy: &Policy) -> Vec<usize> {
    let of_job = limits.job_runs_max.saturating_sub(under_way.job_runs);
    let of_account =
        limits.account_runs_max.saturating_sub(under_way.job_runs.saturating_add(under_way.other_runs));
    let runs = of_job.min(of_account).min(due);
    if runs == 0 {
        return Vec::new();
    }
    let carried = due.min(runs.saturating_mul(policy.batches_per_run_max.max(1)));
    (0..runs).map(|run| carried / runs + usize::from(run < carried % runs)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::Claim,
        file::{FileFacts, FileRecord},
    };
    use headrig_contract::{ByteLength, ContentHash, ObjectKey, UnixMicros};

    const NOW: UnixMicros = UnixMicros(0);

    fn check(
        due: usize,
        (job_runs, other_runs): (usize, usize),
        (job, account): (usize, usize),
        expect: &[usize],
    ) {
        let policy = Policy { batches_per_run_max: 4, ..Policy::cloud() };
        let limits = RunLimits { job_runs_max: job, account_runs_max: account };
        let planned = plan_starts(due, UnderWay { job_runs, other_runs }, limits, &policy);
        assert_eq!(planned, expect, "{due} batches, {job_runs} + {other_runs} runs of {job} and {account}");
    }

    #[test]
    fn runs_carry_more_only_when_there_are_too_few_of_them() {
        check(0, (0, 0), (3, 9), &[]);
        check(2, (0, 0), (3, 9), &[1, 1]);
        check(3, (0, 0), (3, 9), &[1, 1, 1]);
        check(5, (1, 0), (3, 9), &[3, 2]);
        check(99, (0, 0), (3, 9), &[4, 4, 4]);
    }

    #[test]
    fn neither_limit_is_passed() {
        check(5, (3, 0), (3, 9), &[]);
        check(5, (4, 0), (3, 9), &[]);
        check(5, (1, 7), (3, 9), &[4]);
        check(5, (1, 8), (3, 9), &[]);
        check(5, (1, 50), (3, 9), &[]);
    }

    fn sealed(number: u8) -> Batch {
        let key = ObjectKey::parse(&number.to_string()).unwrap();
        let facts = FileFacts { hash: ContentHash::of(&[number]), key, size: ByteLength(1) };
        Batch::seal(&[FileRecord::pending(facts, NOW)], NOW)
    }

    #[test]
    fn batches_of_one_run_count_once_and_those_of_an_unknown_run_each() {
        let policy = Policy::cloud();
        let started: Vec<_> = (0..4).map(|number| sealed(number).start(NOW, &policy).unwrap()).collect();
        assert_eq!(runs_of(&started), 4);
        let claim = Claim { attempt: started[0].attempt, run: "jr_1".parse().unwrap() };
        let claimed = [
            started[0].claim(&claim, NOW, &policy).unwrap(),
            started[1].record_run(&claim, NOW).unwrap(),
            started[2].clone(),
        ];
        assert_eq!(runs_of(&claimed), 2);
    }
}
