//! The state machine, transition by transition: who is let through and who is refused.

use super::*;
use crate::file::{FileFacts, LineCounts};
use headrig_contract::{ByteLength, ObjectKey};
use std::time::Duration;

const SECOND: i64 = 1_000_000;
const POLICY: Policy = Policy { lease: Duration::from_secs(60), ..Policy::local() };
const COUNTS: LineCounts = LineCounts { lines: 4, events: 3, rows: 2, dropped_by_rule: 1 };

fn at(second: i64) -> UnixMicros {
    UnixMicros(second * SECOND)
}

fn claim(attempt: u32, run: &str) -> Claim {
    Claim { attempt: Attempt(attempt), run: run.parse().unwrap() }
}

fn files(count: u8) -> Vec<FileRecord> {
    let facts = |number: u8| FileFacts {
        hash: ContentHash::of(&[number]),
        key: ObjectKey::parse(&number.to_string()).unwrap(),
        size: ByteLength(1),
    };
    (0..count).map(|number| FileRecord::pending(facts(number), at(0))).collect()
}

fn sealed(count: u8) -> Batch {
    Batch::seal(&files(count), at(0))
}

fn starting() -> Batch {
    sealed(2).start(at(1), &POLICY).unwrap()
}

fn running() -> Batch {
    starting().claim(&claim(1, "a"), at(2), &POLICY).unwrap()
}

fn all_done(batch: &Batch) -> Vec<(ContentHash, Outcome)> {
    batch.members.iter().map(|hash| (*hash, Outcome::Done(COUNTS))).collect()
}

fn failed() -> Release {
    Release::Failed { reason: "out of memory".into() }
}

#[test]
fn a_batch_goes_from_sealed_to_committed() {
    let batch = running();
    let committed = batch.commit(&claim(1, "a"), &all_done(&batch), at(3)).unwrap();
    let mut lines = COUNTS;
    lines += COUNTS;
    let summary = Summary { done: 2, quarantined: 0, lines };
    assert_eq!(committed.state, BatchState::Committed { owner: Some(claim(1, "a").run), at: at(3), summary });
    assert_eq!(committed.version, Version(3));
    assert!(committed.is_committed_by(&claim(1, "a")));
    assert!(!committed.is_committed_by(&claim(1, "b")));
}

#[test]
fn only_one_run_of_an_attempt_gets_the_batch() {
    let owner = claim(1, "a").run;
    let refusal = running().claim(&claim(1, "b"), at(2), &POLICY).unwrap_err();
    assert_eq!(refusal, Refusal::Owned { expected: owner, found: Some(claim(1, "b").run) });
}

#[test]
fn a_double_start_may_be_won_by_the_run_that_was_not_noted() {
    let noted = starting().record_run(&claim(1, "a"), at(1)).unwrap();
    assert!(noted.claim(&claim(1, "b"), at(2), &POLICY).unwrap().is_owned_by(&claim(1, "b")));
}

#[test]
fn a_zombie_of_an_older_attempt_is_refused_everywhere() {
    let second = running().expire(at(100), &POLICY).unwrap().start(at(200), &POLICY).unwrap();
    let zombie = claim(1, "a");
    let stale = Refusal::Attempt { expected: Attempt(2), found: Attempt(1) };
    for batch in [second.clone(), second.claim(&claim(2, "b"), at(201), &POLICY).unwrap()] {
        assert_eq!(batch.record_run(&zombie, at(202)), Err(stale.clone()));
        assert_eq!(batch.claim(&zombie, at(202), &POLICY), Err(stale.clone()));
        assert_eq!(batch.renew(&zombie, at(202), &POLICY), Err(stale.clone()));
        assert_eq!(batch.commit(&zombie, &all_done(&batch), at(202)), Err(stale.clone()));
        let released = batch.release(zombie.attempt, Some(&zombie.run), &failed(), at(202), &POLICY);
        assert_eq!(released, Err(stale.clone()));
    }
}

#[test]
fn a_run_that_lost_its_batch_cannot_commit_it_before_the_next_start_either() {
    let sealed = running().expire(at(100), &POLICY).unwrap();
    let refusal = sealed.commit(&claim(1, "a"), &all_done(&sealed), at(101)).unwrap_err();
    assert_eq!(refusal, Refusal::Phase { expected: "running", found: BatchPhase::Sealed });
}

#[test]
fn an_owner_may_commit_late_while_nobody_has_acted_on_it() {
    let batch = running();
    assert!(batch.commit(&claim(1, "a"), &all_done(&batch), at(9_999)).is_ok());
}

#[test]
fn a_lease_holds_until_its_end_and_renewing_moves_it() {
    let batch = running();
    assert!(matches!(batch.expire(at(62), &POLICY), Err(Refusal::TooEarly { .. })));
    assert!(batch.expire(UnixMicros(62 * SECOND + 1), &POLICY).is_ok());
    let renewed = batch.renew(&claim(1, "a"), at(50), &POLICY).unwrap();
    assert!(renewed.expire(at(110), &POLICY).is_err());
    assert!(batch.renew(&claim(1, "b"), at(50), &POLICY).is_err());
}

#[test]
fn being_throttled_or_interrupted_is_no_failure() {
    let postponed = Release::Postponed { not_before: at(30) };
    let owner = claim(1, "a").run;
    let throttled = starting().release(Attempt(1), None, &postponed, at(2), &POLICY).unwrap();
    let interrupted = running().release(Attempt(1), Some(&owner), &postponed, at(2), &POLICY).unwrap();
    for batch in [throttled, interrupted] {
        assert_eq!((batch.failures, batch.failure.as_deref()), (0, None));
        assert!(matches!(batch.start(at(29), &POLICY), Err(Refusal::TooEarly { .. })));
        assert_eq!(batch.start(at(30), &POLICY).unwrap().attempt, Attempt(2));
    }
}

#[test]
fn what_fails_before_a_claim_is_told_but_not_held_against_the_members() {
    let mut batch = sealed(2);
    for round in 1..10 {
        let now = at(round * 1_000);
        batch = batch.start(now, &POLICY).unwrap();
        batch = batch.expire(at(round * 1_000 + 61), &POLICY).unwrap();
    }
    assert_eq!((batch.failures, batch.state.phase()), (0, BatchPhase::Sealed));
    assert!(batch.failure.unwrap().contains("no run claimed the batch"));
}

#[test]
fn only_the_owner_or_its_undertaker_releases_a_running_batch() {
    for run in [None, Some(claim(1, "b").run)] {
        let refusal = running().release(Attempt(1), run.as_ref(), &failed(), at(3), &POLICY).unwrap_err();
        assert!(matches!(refusal, Refusal::Owned { .. }), "{refusal}");
    }
    // The loser of a double start died; the run that was noted may well live.
    let noted = starting().record_run(&claim(1, "a"), at(1)).unwrap();
    assert!(noted.release(Attempt(1), Some(&claim(1, "b").run), &failed(), at(3), &POLICY).is_err());
}

fn exhausted(count: u8) -> Batch {
    let mut batch = sealed(count);
    for attempt in 1..=POLICY.failures_max {
        let now = at(i64::from(attempt) * 1_000);
        let claim = claim(attempt, "a");
        batch = batch.start(now, &POLICY).unwrap().claim(&claim, now, &POLICY).unwrap();
        batch = batch.release(claim.attempt, Some(&claim.run), &failed(), now, &POLICY).unwrap();
    }
    batch
}

#[test]
fn a_batch_that_fails_too_often_is_started_no_more() {
    let batch = exhausted(2);
    assert_eq!((batch.failures, batch.state.phase()), (3, BatchPhase::Exhausted));
    assert!(batch.start(at(9_999_999), &POLICY).is_err());
}

#[test]
fn an_exhausted_batch_splits_until_the_poisonous_file_is_alone() {
    let Ok(Isolation::Split(parent, parts)) = exhausted(2).isolate(&[Round(0); 2], at(5_000)) else {
        panic!("two members are split");
    };
    assert_eq!(parent.state.phase(), BatchPhase::Split);
    let members: Vec<_> = parts.iter().map(|part| part.members.clone()).collect();
    assert_eq!(members, parent.members.iter().map(|member| vec![*member]).collect::<Vec<_>>());
    assert!(parts.iter().all(|part| part.failures == 0 && part.start(at(5_000), &POLICY).is_ok()));

    let Ok(Isolation::Condemned(batch, (_, outcome))) = exhausted(1).isolate(&[Round(0)], at(5_000)) else {
        panic!("one member is condemned");
    };
    assert_eq!(batch.state.phase(), BatchPhase::Committed);
    assert_eq!(outcome, Outcome::Quarantined { reason: "out of memory".into() });
    assert!(running().isolate(&[Round(0); 2], at(5_000)).is_err());
}

#[test]
fn a_commit_tells_of_each_member_once_and_loses_no_row() {
    let batch = running();
    let good = all_done(&batch);
    let lost = LineCounts { rows: 1, ..COUNTS };
    let cases = [
        vec![],
        good[..1].to_vec(),
        vec![good[0].clone(), good[0].clone()],
        vec![good[0].clone(), (ContentHash::of(b"stranger"), Outcome::Done(COUNTS))],
        [good.clone(), vec![good[0].clone()]].concat(),
        vec![good[0].clone(), (good[1].0, Outcome::Done(lost))],
    ];
    for outcomes in cases {
        let refusal = batch.commit(&claim(1, "a"), &outcomes, at(3)).unwrap_err();
        assert!(matches!(refusal, Refusal::Members { .. } | Refusal::RowsLost { .. }), "{refusal}");
    }
}
