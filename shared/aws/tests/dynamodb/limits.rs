//! What DynamoDB bounds and the port does not: transactions, items, the time things are kept, and what is allowed.

use crate::{
    protocol::facts,
    stand_in::StandIn,
    wire::{Loss, Wire},
};
use headrig_contract::UnixMicros;
use headrig_ledger::{
    Attempt, Batch, BatchPhase, Claim, FilePhase, FileRecord, FileState, Ledger, LedgerError, LineCounts,
    Outcome, Policy, PutOutcome, Round,
    batch::{Isolation, Release},
    plan::BATCH_SIZE_MAX,
};
use std::time::Duration;

const POLICY: Policy = Policy { failures_max: 1, ..Policy::local() };
const NOW: UnixMicros = UnixMicros::from_seconds(1_000);

fn ticket() -> Claim {
    Claim { attempt: Attempt(1), run: "jr_1".parse().unwrap() }
}

/// A sealed batch of so many files.
fn sealed<L: Ledger>(ledger: &L, files: usize) -> Batch {
    let files: Vec<_> = (0..files as u32).map(|number| FileRecord::pending(facts(number), NOW)).collect();
    ledger.put_files_if_absent(&files).unwrap();
    let batch = Batch::seal(&files, NOW);
    ledger.seal(&batch).unwrap();
    batch
}

fn swapped<L: Ledger>(ledger: &L, from: &Batch, to: Batch) -> Batch {
    ledger.swap_batch(from.version, &to).unwrap();
    to
}

fn running<L: Ledger>(ledger: &L, files: usize) -> Batch {
    let batch = sealed(ledger, files);
    let starting = swapped(ledger, &batch, batch.start(NOW, &POLICY).unwrap());
    swapped(ledger, &starting, starting.claim(&ticket(), NOW, &POLICY).unwrap())
}

fn done(batch: &Batch) -> Vec<(headrig_contract::ContentHash, Outcome)> {
    batch.members.iter().map(|hash| (*hash, Outcome::Done(LineCounts::default()))).collect()
}

#[test]
fn the_largest_batch_is_sealed_and_committed_in_one_transaction_each() {
    let Some(stand_in) = StandIn::start() else { return };
    let wire = Wire::sound();
    let ledger = stand_in.ledger(&wire);
    let running = running(&ledger, BATCH_SIZE_MAX);
    let next = running.commit(&ticket(), &done(&running), NOW).unwrap();
    ledger.commit(running.version, &next, &done(&running)).unwrap();
    assert_eq!(wire.requests()["TransactWriteItems"], 2);
    assert_eq!(ledger.counts().unwrap().done, BATCH_SIZE_MAX as u64);
}

/// The largest batch needs more writes than a transaction may have, so its split can stop half way.
#[test]
fn a_large_batch_that_was_split_half_way_is_split_to_the_end() {
    let Some(stand_in) = StandIn::start() else { return };
    let sound = Wire::sound();
    let ledger = stand_in.ledger(&sound);
    let running = running(&ledger, BATCH_SIZE_MAX);
    let failed = Release::Failed { reason: "it broke".into() };
    let run = ticket().run;
    let exhausted = running.release(Attempt(1), Some(&run), &failed, NOW, &POLICY).unwrap();
    let exhausted = swapped(&ledger, &running, exhausted);
    let rounds = [Round(0); BATCH_SIZE_MAX];
    let Isolation::Split(next, parts) = exhausted.isolate(&rounds, NOW).unwrap() else {
        panic!("it is split")
    };

    // The second transaction never arrives.
    let writes = std::sync::atomic::AtomicU32::new(0);
    let broken = Wire::losing(move |attempt| {
        let is_second = attempt.operation == "TransactWriteItems"
            && writes.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1;
        is_second.then_some(Loss::RequestForGood)
    });
    let error = stand_in.again(&broken).split(exhausted.version, &next, &parts).unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert_eq!(ledger.batch(exhausted.id).unwrap().as_ref(), Some(&exhausted), "it is still to be isolated");
    let made = ledger.batches(BatchPhase::Sealed, None, 1_000).unwrap();
    assert!(!made.is_empty() && made.len() < BATCH_SIZE_MAX, "{} parts", made.len());

    // Meanwhile a part is finished.
    let part = &made[0];
    let starting = swapped(&ledger, part, part.start(NOW, &POLICY).unwrap());
    let claimed = swapped(&ledger, &starting, starting.claim(&ticket(), NOW, &POLICY).unwrap());
    let committed = claimed.commit(&ticket(), &done(part), NOW).unwrap();
    ledger.commit(claimed.version, &committed, &done(part)).unwrap();

    ledger.split(exhausted.version, &next, &parts).unwrap();
    assert_eq!(ledger.batch(next.id).unwrap(), Some(next));
    for part in &parts {
        let state = ledger.file(part.members[0]).unwrap().unwrap().state;
        assert_eq!(state.batch(), Some(part.id), "{state:?}");
    }
    let counts = ledger.counts().unwrap();
    assert_eq!((counts.split, counts.done, counts.batched), (1, 1, BATCH_SIZE_MAX as u64 - 1));
}

/// DynamoDB deletes what has expired days later, so the conditions look at the time themselves.
#[test]
fn what_has_expired_is_gone_though_it_is_still_there() {
    let Some(stand_in) = StandIn::start() else { return };
    let wire = Wire::sound();
    let ledger = stand_in.ledger(&wire).forgetting_after(Duration::from_secs(3600));
    let running = running(&ledger, 2);
    let next = running.commit(&ticket(), &done(&running), NOW).unwrap();
    ledger.commit(running.version, &next, &done(&running)).unwrap();

    let again = |seconds: i64| FileRecord::pending(facts(0), UnixMicros::from_seconds(1_000 + seconds));
    assert_eq!(ledger.put_file_if_absent(&again(3_599)).unwrap(), PutOutcome::AlreadyPresent);
    assert_eq!(ledger.file(facts(0).hash).unwrap().unwrap().state.phase(), FilePhase::Done);
    assert_eq!(ledger.put_file_if_absent(&again(3_600)).unwrap(), PutOutcome::Created);
    assert_eq!(ledger.file(facts(0).hash).unwrap().unwrap().state, FileState::Pending);
    let other = FileRecord::pending(facts(1), UnixMicros::from_seconds(9_000));
    assert_eq!(ledger.put_file_if_absent(&other).unwrap(), PutOutcome::Created);
    // The same members make a batch of the same id.
    let batch = Batch::seal(&[again(3_600), other], UnixMicros::from_seconds(9_000));
    assert_eq!(batch.id, next.id);
    ledger.seal(&batch).unwrap();
    assert_eq!(ledger.batch(batch.id).unwrap(), Some(batch));
}

#[test]
fn a_table_that_is_not_there_is_refused_for_good() {
    let Some(stand_in) = StandIn::start() else { return };
    let ledger = stand_in.reach(&Wire::sound(), "nowhere");
    let writes = ledger.put_file_if_absent(&FileRecord::pending(facts(0), NOW)).map(|_| ());
    let transaction = ledger.seal(&Batch::seal(&[FileRecord::pending(facts(0), NOW)], NOW));
    for result in [writes, transaction, ledger.counts().map(|_| ()), ledger.file(facts(0).hash).map(|_| ())] {
        let error = result.unwrap_err();
        assert!(matches!(error, LedgerError::Refused { .. }) && !error.is_retryable(), "{error:?}");
    }
}

/// An engine that throttles for weeks, with long reasons, must not fill the item up.
#[test]
fn a_batch_that_was_tried_hundreds_of_times_still_fits_and_knows_its_runs() {
    let Some(stand_in) = StandIn::start() else { return };
    let wire = Wire::sound();
    let ledger = stand_in.ledger(&wire);
    let policy = Policy { retry_delay: Duration::ZERO, retry_delay_max: Duration::ZERO, ..POLICY };
    let mut batch = sealed(&ledger, BATCH_SIZE_MAX);
    for attempt in 1..=200_u32 {
        batch = swapped(&ledger, &batch, batch.start(NOW, &policy).unwrap());
        if attempt == 3 {
            let known = Claim { attempt: Attempt(3), run: "jr_first".parse().unwrap() };
            batch = swapped(&ledger, &batch, batch.record_run(&known, NOW).unwrap());
        }
        // Before a claim it is no failure, however often it happens; each has a long reason of its own.
        let failed = Release::Failed { reason: format!("{attempt}: {}", "x".repeat(10_000)) };
        batch =
            swapped(&ledger, &batch, batch.release(Attempt(attempt), None, &failed, NOW, &policy).unwrap());
        batch = ledger.batch(batch.id).unwrap().unwrap();
    }
    let history = ledger.batch_history(batch.id).unwrap();
    assert!(history.len() <= 300, "{} entries", history.len());
    assert_eq!(history[0].phase, BatchPhase::Sealed);
    assert!(history.iter().any(|event| event.run.as_ref().is_some_and(|run| run.as_str() == "jr_first")));
    let last = history.last().unwrap().failure.as_deref().unwrap();
    assert!(last.starts_with("200: x"), "{}", &last[..10]);
}

/// As the Lambda does: one thread drives everything, and the ledger is called from one that may wait.
#[test]
fn it_works_beside_a_runtime_of_one_thread() {
    let Some(stand_in) = StandIn::start() else { return };
    let wire = Wire::sound();
    stand_in.ledger(&wire);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ledger = stand_in.reach_on(runtime.handle(), &wire, "ledger-1");
    let counts = runtime.block_on(async {
        let called = tokio::task::spawn_blocking(move || {
            sealed(&ledger, 20);
            ledger.counts().unwrap()
        });
        called.await.unwrap()
    });
    assert_eq!((counts.batched, counts.sealed), (20, 1));
}
