//! The whole protocol on DynamoDB while calls fail for good: before they are done, or after, with the answer lost.

use crate::{
    stand_in::StandIn,
    wire::{Attempt, Loss, Wire},
};
use headrig_contract::{ByteLength, ContentHash, ObjectKey, UnixMicros};
use headrig_ledger::{
    Batch, BatchPhase, Claim, Counts, FileFacts, FilePhase, FileState, Ledger, LineCounts, Outcome, Policy,
    ProtocolError, RunId, batch::Release, protocol,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

/// How often a call is repeated; with three in ten lost, this many in a row are not to be seen.
const REPEATS_MAX: u32 = 60;
/// How many passes of the sweep settle everything.
const PASSES_MAX: u32 = 60;

const POLICY: Policy = Policy { failures_max: 2, ..Policy::local() };
const COUNTS: LineCounts = LineCounts { lines: 3, events: 3, rows: 2, dropped_by_rule: 1 };

pub(crate) fn facts(number: u32) -> FileFacts {
    let key = ObjectKey::parse(&format!("host=h/file-{number}.log")).unwrap();
    FileFacts { hash: ContentHash::of(key.as_str().as_bytes()), key, size: ByteLength(100) }
}

/// Loses one request in five, half of them after they were done; of queries only one in a hundred, since a listing
/// asks sixteen times and fails when one is lost.
fn losing(seed: u64) -> Wire {
    let drawn = AtomicU64::new(seed);
    Wire::losing(move |attempt: &Attempt| {
        let percent = if attempt.operation == "Query" { 1 } else { 20 };
        // SplitMix64: each draw is a scrambled step of a counter.
        let mut draw = drawn.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        draw = (draw ^ (draw >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        draw = (draw ^ (draw >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        draw ^= draw >> 31;
        match draw % 200 {
            low if low < percent => Some(Loss::RequestForGood),
            low if low < 2 * percent => Some(Loss::AnswerForGood),
            _ => None,
        }
    })
}

/// Calls again and again until it is done or refused.
fn insist<T>(mut call: impl FnMut() -> Result<T, ProtocolError>) -> Result<T, ProtocolError> {
    for _ in 0..REPEATS_MAX {
        match call() {
            Err(error) if error.is_retryable() => {}
            result => return result,
        }
    }
    panic!("{REPEATS_MAX} repeats did not suffice");
}

/// Runs a batch: a poisonous member kills the run, whoever is refused ends.
fn run<L: Ledger>(ledger: &L, batch: &Batch, run: &RunId, poison: ContentHash, now: UnixMicros) {
    let ticket = Claim { attempt: batch.attempt, run: run.clone() };
    let _ = insist(|| protocol::record_run(ledger, batch.id, &ticket, now));
    let Ok(batch) = insist(|| protocol::claim(ledger, batch.id, &ticket, now, &POLICY)) else { return };
    if batch.members.contains(&poison) {
        let failed = Release::Failed { reason: "it ran out of memory".into() };
        let attempt = (ticket.attempt, Some(run));
        let _ = insist(|| protocol::release(ledger, batch.id, attempt, &failed, now, &POLICY));
        return;
    }
    let outcomes: Vec<_> = batch.members.iter().map(|hash| (*hash, Outcome::Done(COUNTS))).collect();
    let _ = insist(|| protocol::commit(ledger, batch.id, &ticket, &outcomes, now));
}

/// Sweeps until nothing is open, and returns how many runs that took.
fn settle<L: Ledger>(ledger: &L, wire: &Wire, poison: ContentHash, mut now: UnixMicros) -> u32 {
    let mut runs = 0;
    for _ in 0..PASSES_MAX {
        insist(|| protocol::seal_ready(ledger, now, &POLICY, true)).unwrap();
        while let Ok(Some(batch)) = insist(|| protocol::start_next(ledger, now, &POLICY)) {
            runs += 1;
            run(ledger, &batch, &format!("jr_{runs}").parse().unwrap(), poison, now);
        }
        let done =
            insist(|| protocol::reconcile(ledger, now, &POLICY, |_| protocol::RunFate::Unknown)).unwrap();
        for batch in done.exhausted {
            // Refused where the answer of an earlier call was lost.
            let _ = insist(|| protocol::isolate(ledger, batch.id, now));
        }
        now = now.saturating_add_micros(i64::try_from(POLICY.lease.as_micros()).unwrap() + 1);
        // Counting asks more than a hundred times, of which one is always lost; it is not what is tested here.
        if wire.in_order(|| ledger.counts()).unwrap().is_drained() {
            return runs;
        }
    }
    panic!("{PASSES_MAX} sweeps did not settle everything: {:?}", ledger.counts());
}

/// Every file is done in exactly one committed batch, but the poisonous one, and the counts say so.
fn check_settled<L: Ledger>(ledger: &L, files: u32, poison: ContentHash) {
    let done = ledger.files(FilePhase::Done, None, 1_000).unwrap();
    let committed = ledger.batches(BatchPhase::Committed, None, 1_000).unwrap();
    let mut batch_of = BTreeMap::new();
    for batch in &committed {
        for member in &batch.members {
            assert_eq!(batch_of.insert(*member, batch.id), None, "{member} is in two committed batches");
        }
    }
    for file in &done {
        assert_eq!(file.state, FileState::Done { batch: batch_of[&file.hash], counts: COUNTS });
    }
    let expected: BTreeSet<_> =
        (0..files).map(|number| facts(number).hash).filter(|hash| *hash != poison).collect();
    assert_eq!(done.iter().map(|file| file.hash).collect::<BTreeSet<_>>(), expected);
    let state = ledger.file(poison).unwrap().unwrap().state;
    assert!(
        matches!(&state, FileState::Quarantined { reason, .. } if reason.contains("memory")),
        "{state:?}"
    );

    let Counts { done, quarantined, bytes, lines, committed: count, .. } = ledger.counts().unwrap();
    assert_eq!((done, quarantined), (u64::from(files) - 1, 1));
    assert_eq!((bytes, lines.rows), (ByteLength(100 * u64::from(files)), 2 * done));
    assert_eq!(count, committed.len() as u64);
}

#[test]
fn every_file_comes_to_exactly_one_batch_whatever_is_lost() {
    let Some(stand_in) = StandIn::start() else { return };
    for seed in 1..=2 {
        let (files, poison) = (23, facts(7).hash);
        let wire = losing(seed);
        let ledger = stand_in.ledger(&wire);
        let now = UnixMicros::from_seconds(1_000);
        for round in 0..2 {
            // Each is told of twice, the second time the other way round.
            for number in 0..files {
                let number = if round == 0 { number } else { files - 1 - number };
                insist(|| protocol::ingest(&ledger, &[facts(number)], now)).unwrap();
            }
        }
        let runs = settle(&ledger, &wire, poison, now);
        eprintln!("seed {seed}: {runs} runs, {} of {:?} lost", wire.losses(), wire.requests());
        assert!(wire.losses() > 30, "only {} were lost", wire.losses());
        wire.in_order(|| check_settled(&ledger, files, poison));
    }
}

#[test]
fn many_at_once_do_not_get_into_each_others_way() {
    let Some(stand_in) = StandIn::start() else { return };
    let wire = Wire::sound();
    let ledger = stand_in.ledger(&wire);
    let now = UnixMicros::from_seconds(1_000);
    let (files, poison) = (20_u32, facts(0).hash);
    thread::scope(|scope| {
        for stride in [3, 7, 9] {
            let ledger = stand_in.again(&wire);
            scope.spawn(move || {
                for number in 0..files {
                    // Everybody hears of everything, each in an order of his own: no stride divides the number of files.
                    let number = (number * stride) % files;
                    insist(|| protocol::ingest(&ledger, &[facts(number)], now)).unwrap();
                    insist(|| protocol::seal_ready(&ledger, now, &POLICY, false)).unwrap();
                    if let Some(batch) = insist(|| protocol::start_next(&ledger, now, &POLICY)).unwrap() {
                        let name = format!("jr_{stride}_{number}_{}", batch.attempt);
                        run(&ledger, &batch, &name.parse().unwrap(), poison, now);
                    }
                }
            });
        }
    });
    insist(|| protocol::ingest(&ledger, &(0..files).map(facts).collect::<Vec<_>>(), now)).unwrap();
    settle(&ledger, &wire, poison, now.saturating_add_micros(Duration::from_secs(3600).as_micros() as i64));
    check_settled(&ledger, files, poison);
}

/// An index that lags behind names files that are batched long since.
#[test]
fn an_old_index_only_names_candidates() {
    let Some(stand_in) = StandIn::start() else { return };
    let wire = Wire::sound();
    let ledger = stand_in.ledger(&wire);
    let old = Wire::losing(|attempt| (attempt.operation == "Query").then_some(Loss::OldAnswer));
    let lagging = stand_in.again(&old);
    let now = UnixMicros::from_seconds(1_000);
    let files: Vec<_> = (0..12).map(facts).collect();
    protocol::ingest(&ledger, &files, now).unwrap();
    assert_eq!(lagging.files(FilePhase::Pending, None, 5).unwrap().len(), 5);

    let first = protocol::seal_ready(&ledger, now, &POLICY, false).unwrap();
    assert_eq!(first.len(), 2);
    let left = ledger.files(FilePhase::Pending, None, 5).unwrap();
    assert_eq!(left.len(), 2);
    assert_eq!(lagging.files(FilePhase::Pending, None, 5).unwrap(), left, "what is batched is left out");
    assert_eq!(protocol::seal_ready(&lagging, now, &POLICY, true).unwrap()[0].members.len(), 2);
}

#[test]
fn an_index_that_names_a_file_twice_lists_it_once() {
    let Some(stand_in) = StandIn::start() else { return };
    stand_in.ledger(&Wire::sound());
    let ledger =
        stand_in.again(&Wire::losing(|attempt| (attempt.operation == "Query").then_some(Loss::Twice)));
    let now = UnixMicros::from_seconds(1_000);
    protocol::ingest(&ledger, &(0..7).map(facts).collect::<Vec<_>>(), now).unwrap();
    let listed: Vec<_> =
        ledger.files(FilePhase::Pending, None, 9).unwrap().iter().map(|file| file.hash).collect();
    assert_eq!((listed.len(), listed.iter().collect::<BTreeSet<_>>().len()), (7, 7));
    let sealed = protocol::seal_ready(&ledger, now, &POLICY, true).unwrap();
    assert_eq!(sealed.iter().map(|batch| batch.members.len()).collect::<Vec<_>>(), [5, 2]);
}
