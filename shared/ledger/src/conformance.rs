//! What every ledger must do, as one suite that each adapter runs in its tests.
//!
//! Failures are panics that name the claim. `make` gives an empty ledger each time. The suite speaks to
//! the port alone; that the protocol holds on top of it is the business of the tests in `tests/`.

mod layout;

use crate::{
    batch::{Batch, BatchPhase, Claim, Isolation, Release},
    error::LedgerError,
    file::{FileFacts, FilePhase, FileRecord, FileState, LineCounts, Outcome},
    ids::{Attempt, Round, Version},
    plan::Policy,
    port::{BatchCursor, FileCursor, Ledger, PutOutcome},
};
use headrig_contract::{ByteLength, ContentHash, ObjectKey, UnixMicros};

const POLICY: Policy = Policy { failures_max: 1, ..Policy::local() };
const COUNTS: LineCounts = LineCounts { lines: 9, events: 7, rows: 5, dropped_by_rule: 2 };

/// Holds a ledger to the port's rules.
pub fn check<L: Ledger>(make: impl Fn() -> L) {
    a_file_is_recorded_once(&make());
    many_files_are_recorded_as_one_by_one(&make());
    files_are_listed_oldest_first_from_anywhere(&make());
    files_are_found_by_key(&make());
    a_batch_is_sealed_as_a_whole_or_not_at_all(&make());
    a_sealed_batch_is_not_sealed_again(&make());
    a_swap_holds_its_version(&make());
    every_state_of_a_batch_comes_back(&make());
    batches_are_listed_by_due_from_anywhere(&make());
    a_commit_moves_the_batch_and_its_files_as_one(&make());
    a_commit_of_other_files_changes_nothing(&make());
    a_split_moves_each_member_into_its_own_batch(&make());
    a_quarantined_file_is_put_back_once_a_round(&make());
    history_is_in_order_without_renewals(&make());
    counts_add_up(&make());
    layout::check(make);
}

/// The file number `number`, first seen at that microsecond.
fn file(number: u8) -> FileRecord {
    FileRecord::pending(facts(number), UnixMicros(number.into()))
}

fn facts(number: u8) -> FileFacts {
    let key = ObjectKey::parse(&format!("host=h/file-{number}")).expect("a plain key");
    FileFacts { hash: ContentHash::of(&[number]), key, size: ByteLength(100 + u64::from(number)) }
}

fn claim(attempt: u32) -> Claim {
    Claim { attempt: Attempt(attempt), run: "run-1".parse().expect("a plain run id") }
}

/// A sealed batch of these files, which are put first.
fn sealed<L: Ledger>(ledger: &L, numbers: &[u8]) -> Batch {
    let files: Vec<_> = numbers.iter().map(|number| file(*number)).collect();
    ledger.put_files_if_absent(&files).expect("files can be put");
    let batch = Batch::seal(&files, UnixMicros(1_000));
    ledger.seal(&batch).expect("pending files can be sealed");
    batch
}

fn swapped<L: Ledger>(ledger: &L, from: &Batch, to: Batch) -> Batch {
    ledger.swap_batch(from.version, &to).expect("a swap from the present version succeeds");
    let read = ledger.batch(to.id).expect("a batch can be read");
    assert_eq!(read.as_ref(), Some(&to), "a batch comes back as it was written");
    to
}

fn running<L: Ledger>(ledger: &L, sealed: &Batch) -> Batch {
    let now = UnixMicros(2_000);
    let starting = swapped(ledger, sealed, sealed.start(now, &POLICY).expect("it is sealed"));
    let claimed = starting.claim(&claim(1), now, &POLICY).expect("it is starting");
    swapped(ledger, &starting, claimed)
}

fn exhausted<L: Ledger>(ledger: &L, sealed: &Batch) -> Batch {
    let running = running(ledger, sealed);
    let failed = Release::Failed { reason: "it broke".into() };
    let run = claim(1).run;
    let next = running.release(Attempt(1), Some(&run), &failed, UnixMicros(3_000), &POLICY);
    swapped(ledger, &running, next.expect("its owner may release it"))
}

fn outcomes(batch: &Batch) -> Vec<(ContentHash, Outcome)> {
    let outcome = |number| match number {
        0 => Outcome::Quarantined { reason: "damaged".into() },
        _ => Outcome::Done(COUNTS),
    };
    batch.members.iter().enumerate().map(|(number, hash)| (*hash, outcome(number))).collect()
}

fn expect_conflict(result: Result<(), LedgerError>, claim: &str) {
    match result {
        Err(LedgerError::Conflict { .. }) => {}
        other => panic!("{claim}: expected a conflict, found {other:?}"),
    }
}

fn state<L: Ledger>(ledger: &L, hash: ContentHash) -> FileState {
    ledger.file(hash).expect("a file can be read").expect("the file is known").state
}

fn a_file_is_recorded_once<L: Ledger>(ledger: &L) {
    let first = file(1);
    assert_eq!(ledger.file(first.hash).expect("reading"), None);
    assert_eq!(ledger.put_file_if_absent(&first).expect("putting"), PutOutcome::Created);
    let again = FileRecord::quarantined(facts(1), "seen later", UnixMicros(99));
    assert_eq!(ledger.put_file_if_absent(&again).expect("putting"), PutOutcome::AlreadyPresent);
    assert_eq!(ledger.file(first.hash).expect("reading"), Some(first), "the first record stays");
    let bad = FileRecord::quarantined(facts(2), "wrong hash", UnixMicros(99));
    assert_eq!(ledger.put_file_if_absent(&bad).expect("putting"), PutOutcome::Created);
    assert_eq!(ledger.file(bad.hash).expect("reading"), Some(bad), "a file may be quarantined at once");
}

fn many_files_are_recorded_as_one_by_one<L: Ledger>(ledger: &L) {
    let outcome = ledger.put_files_if_absent(&[file(1), file(2), file(1)]).expect("putting");
    assert_eq!(outcome, [PutOutcome::Created, PutOutcome::Created, PutOutcome::AlreadyPresent]);
    assert_eq!(ledger.put_files_if_absent(&[]).expect("putting none"), []);
}

fn files_are_listed_oldest_first_from_anywhere<L: Ledger>(ledger: &L) {
    // Two times with two files each, so that the hash decides too.
    let mut files: Vec<_> = (0..4).map(|number| FileRecord::pending(facts(number), UnixMicros(-5))).collect();
    for late in &mut files[2..] {
        *late = late.moved(FileState::Pending, UnixMicros(7));
        late.first_seen = UnixMicros(7);
    }
    ledger.put_files_if_absent(&files).expect("putting");
    files.sort_by_key(|file| (file.since, file.hash));
    for limit in 1..=5 {
        let mut listed: Vec<FileRecord> = Vec::new();
        loop {
            let after = listed.last().map(|file| FileCursor { since: file.since, hash: file.hash });
            let page = ledger.files(FilePhase::Pending, after, limit).expect("listing");
            let is_last = page.len() < limit;
            listed.extend(page);
            if is_last {
                break;
            }
        }
        assert_eq!(listed, files, "in pages of {limit}");
    }
    assert_eq!(ledger.files(FilePhase::Done, None, 9).expect("listing"), []);
}

fn files_are_found_by_key<L: Ledger>(ledger: &L) {
    let overwritten = FileRecord { key: file(1).key, ..file(2) };
    ledger.put_files_if_absent(&[overwritten.clone(), file(1), file(3)]).expect("putting");
    assert_eq!(ledger.files_at(&file(1).key).expect("reading"), [file(1), overwritten]);
    assert_eq!(ledger.files_at(&file(9).key).expect("reading"), []);
}

fn a_batch_is_sealed_as_a_whole_or_not_at_all<L: Ledger>(ledger: &L) {
    let first = sealed(ledger, &[1, 2]);
    assert_eq!(ledger.batch(first.id).expect("reading"), Some(first.clone()));
    for hash in &first.members {
        assert_eq!(state(ledger, *hash), FileState::Batched { batch: first.id });
    }
    ledger.put_file_if_absent(&file(3)).expect("putting");
    for other in [file(1), file(9)] {
        let second = Batch::seal(&[file(3), other], UnixMicros(1_001));
        expect_conflict(ledger.seal(&second), "a member that is batched or unknown");
        assert_eq!(ledger.batch(second.id).expect("reading"), None, "the batch is not there");
        assert_eq!(state(ledger, file(3).hash), FileState::Pending, "the other member is as it was");
    }
}

fn a_sealed_batch_is_not_sealed_again<L: Ledger>(ledger: &L) {
    let batch = sealed(ledger, &[1, 2]);
    let running = running(ledger, &batch);
    expect_conflict(ledger.seal(&batch), "a batch that is there");
    assert_eq!(ledger.batch(batch.id).expect("reading"), Some(running));
}

fn a_swap_holds_its_version<L: Ledger>(ledger: &L) {
    let batch = sealed(ledger, &[1]);
    let next = batch.start(UnixMicros(2_000), &POLICY).expect("it is sealed");
    expect_conflict(ledger.swap_batch(Version(7), &next), "a version that is not there");
    assert_eq!(ledger.batch(batch.id).expect("reading"), Some(batch.clone()));
    swapped(ledger, &batch, next.clone());
    expect_conflict(ledger.swap_batch(batch.version, &next), "a swap that was done");
    let unknown = Batch::seal(&[file(9)], UnixMicros(1));
    expect_conflict(ledger.swap_batch(unknown.version, &unknown), "a batch that is not there");
}

fn every_state_of_a_batch_comes_back<L: Ledger>(ledger: &L) {
    let batch = sealed(ledger, &[1, 2]);
    let now = UnixMicros(-3);
    let starting = swapped(ledger, &batch, batch.start(UnixMicros(2_000), &POLICY).expect("it is sealed"));
    let noted = swapped(ledger, &starting, starting.record_run(&claim(1), now).expect("it is starting"));
    let running = swapped(ledger, &noted, noted.claim(&claim(1), now, &POLICY).expect("it is starting"));
    let postponed = Release::Postponed { not_before: UnixMicros(-1) };
    let run = claim(1).run;
    let back = running.release(Attempt(1), Some(&run), &postponed, now, &POLICY);
    swapped(ledger, &running, back.expect("its owner may release it"));
    exhausted(ledger, &sealed(ledger, &[3]));
}

fn batches_are_listed_by_due_from_anywhere<L: Ledger>(ledger: &L) {
    let mut batches: Vec<_> = (0..5).map(|number| sealed(ledger, &[number])).collect();
    let late = batches[0].start(UnixMicros(1_000), &POLICY).expect("it is sealed");
    let late = swapped(ledger, &batches[0], late);
    let postponed = Release::Postponed { not_before: UnixMicros(5_000) };
    let late_again = late.release(Attempt(1), None, &postponed, UnixMicros(1_001), &POLICY);
    batches[0] = swapped(ledger, &late, late_again.expect("nobody owns it"));
    batches.sort_by_key(|batch| (batch.state.due(), batch.id));
    assert_eq!(ledger.batches(BatchPhase::Sealed, None, 99).expect("listing"), batches);
    for (number, batch) in batches.iter().enumerate() {
        let after = Some(BatchCursor { due: batch.state.due(), id: batch.id });
        let page = ledger.batches(BatchPhase::Sealed, after, 2).expect("listing");
        assert_eq!(page, batches[number + 1..].iter().take(2).cloned().collect::<Vec<_>>());
    }
    assert_eq!(ledger.batches(BatchPhase::Running, None, 99).expect("listing"), []);
}

fn a_commit_moves_the_batch_and_its_files_as_one<L: Ledger>(ledger: &L) {
    let running = running(ledger, &sealed(ledger, &[1, 2, 3]));
    let outcomes = outcomes(&running);
    let next = running.commit(&claim(1), &outcomes, UnixMicros(4_000)).expect("its owner may commit");
    expect_conflict(ledger.commit(Version(0), &next, &outcomes), "a version that is gone");
    assert_eq!(state(ledger, running.members[1]), FileState::Batched { batch: running.id });
    ledger.commit(running.version, &next, &outcomes).expect("a commit from the present version succeeds");
    assert_eq!(ledger.batch(next.id).expect("reading"), Some(next.clone()));
    for (hash, outcome) in &outcomes {
        assert_eq!(state(ledger, *hash), FileState::after(outcome, next.id));
    }
    expect_conflict(ledger.commit(running.version, &next, &outcomes), "a commit that was done");
}

fn a_commit_of_other_files_changes_nothing<L: Ledger>(ledger: &L) {
    let running = running(ledger, &sealed(ledger, &[1, 2]));
    ledger.put_file_if_absent(&file(3)).expect("putting");
    let next =
        running.commit(&claim(1), &outcomes(&running), UnixMicros(4_000)).expect("its owner may commit");
    let mut others = outcomes(&running);
    others[1].0 = file(3).hash;
    expect_conflict(ledger.commit(running.version, &next, &others), "a file that is not in the batch");
    assert_eq!(ledger.batch(running.id).expect("reading"), Some(running.clone()));
    assert_eq!(state(ledger, running.members[0]), FileState::Batched { batch: running.id });
    assert_eq!(state(ledger, file(3).hash), FileState::Pending);
}

fn a_split_moves_each_member_into_its_own_batch<L: Ledger>(ledger: &L) {
    let exhausted = exhausted(ledger, &sealed(ledger, &[1, 2]));
    let isolation = exhausted.isolate(&[Round(0); 2], UnixMicros(5_000)).expect("it is exhausted");
    let Isolation::Split(next, parts) = isolation else { panic!("two members are split") };
    ledger.split(exhausted.version, &next, &parts).expect("a split from the present version succeeds");
    assert_eq!(ledger.batch(next.id).expect("reading"), Some(next.clone()));
    for part in &parts {
        assert_eq!(ledger.batch(part.id).expect("reading").as_ref(), Some(part));
        assert_eq!(state(ledger, part.members[0]), FileState::Batched { batch: part.id });
    }
    expect_conflict(ledger.split(exhausted.version, &next, &parts), "a split that was done");
}

fn a_quarantined_file_is_put_back_once_a_round<L: Ledger>(ledger: &L) {
    let bad = FileRecord::quarantined(facts(1), "wrong hash", UnixMicros(5));
    ledger.put_file_if_absent(&bad).expect("putting");
    expect_conflict(ledger.requeue(bad.hash, Round(1), UnixMicros(6)), "another round");
    ledger.requeue(bad.hash, Round(0), UnixMicros(6)).expect("it is quarantined in that round");
    assert_eq!(ledger.file(bad.hash).expect("reading"), Some(bad.requeued(UnixMicros(6))));
    expect_conflict(ledger.requeue(bad.hash, Round(0), UnixMicros(7)), "a round that is over");
    expect_conflict(ledger.requeue(file(9).hash, Round(0), UnixMicros(7)), "a file that is not there");
}

fn history_is_in_order_without_renewals<L: Ledger>(ledger: &L) {
    let running = running(ledger, &sealed(ledger, &[1]));
    let renewed = running.renew(&claim(1), UnixMicros(2_500), &POLICY).expect("its owner may renew");
    let renewed = swapped(ledger, &running, renewed);
    let outcomes = [(renewed.members[0], Outcome::Done(COUNTS))];
    let next = renewed.commit(&claim(1), &outcomes, UnixMicros(4_000)).expect("its owner may commit");
    ledger.commit(renewed.version, &next, &outcomes).expect("a commit from the present version succeeds");

    let events = ledger.file_history(file(1).hash).expect("reading");
    let told: Vec<_> = events.iter().map(|event| (event.at.0, event.phase, event.batch)).collect();
    let batch = Some(next.id);
    let expect =
        [(1, FilePhase::Pending, None), (1_000, FilePhase::Batched, batch), (4_000, FilePhase::Done, batch)];
    assert_eq!(told, expect);

    let events = ledger.batch_history(next.id).expect("reading");
    let told: Vec<_> = events.iter().map(|event| (event.at.0, event.phase, event.attempt.0)).collect();
    let expect = [
        (1_000, BatchPhase::Sealed, 0),
        (2_000, BatchPhase::Starting, 1),
        (2_000, BatchPhase::Running, 1),
        (4_000, BatchPhase::Committed, 1),
    ];
    assert_eq!(told, expect);
    assert_eq!(events[2].run, Some(claim(1).run));
}

fn counts_add_up<L: Ledger>(ledger: &L) {
    assert_eq!(ledger.counts().expect("counting"), crate::port::Counts::default());
    let batch = running(ledger, &sealed(ledger, &[1, 2, 3]));
    let outcomes = outcomes(&batch);
    let next = batch.commit(&claim(1), &outcomes, UnixMicros(4_000)).expect("its owner may commit");
    ledger.commit(batch.version, &next, &outcomes).expect("a commit from the present version succeeds");
    sealed(ledger, &[4, 5]);
    ledger.put_files_if_absent(&[file(7), file(6)]).expect("putting");
    let counts = ledger.counts().expect("counting");
    assert_eq!((counts.pending, counts.batched, counts.done, counts.quarantined), (2, 2, 2, 1));
    assert_eq!((counts.sealed, counts.running, counts.committed), (1, 0, 1));
    assert_eq!(counts.oldest_pending, Some(UnixMicros(6)));
    assert_eq!(counts.bytes, ByteLength(7 * 100 + 28));
    assert_eq!(counts.lines.rows, 2 * COUNTS.rows);
    assert!(!counts.is_drained());
}
