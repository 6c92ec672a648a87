//! Five hundred objects through everything at once: events doubled and out of order, calls that fail, functions that
//! are killed, runs that die or come back. Each object ends in one batch, and its rows in the lake once.

use crate::{
    cloud::{BUCKET, Cloud, LAKE},
    job::Job,
    objects::{self, Object},
};
use anyhow::{Result, ensure};
use headrig_contract::{ContentHash, UnixMicros};
use headrig_ledger::{
    Batch, BatchCursor, BatchPhase, BatchState, FileState, Ledger, Policy, ProtocolError,
    protocol::{self, RunFate},
};
use headrig_tests::random::{self, Random};
use rustix::process::{Pid, Signal};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant, SystemTime},
};

/// The last batch is of two.
const OBJECTS: u64 = 502;
/// One of so many was made by no agent.
const FOREIGN_EVERY: u64 = 10;
/// One of so many is told of twice.
const TWICE_EVERY: usize = 3;
/// Calls of a thousand that fail.
const FAIL_PER_MILLE: u64 = 200;
/// How long a function lives at most before the next is killed.
const KILL_PAUSE_MAX: Duration = Duration::from_secs(6);
/// It takes a minute or two; a machine that is busy with other things takes longer.
const LIMIT: Duration = Duration::from_secs(560);
const SWEEP_PAUSE: Duration = Duration::from_secs(2);
const ROUND: Duration = Duration::from_millis(300);
/// How long after the last new run the leases of those that never came are looked at.
const QUIET: Duration = Duration::from_secs(5);
const BATCH: usize = 5;

#[test]
fn every_object_is_in_one_batch_whatever_fails() -> Result<()> {
    let seed = random::seed();
    println!("{}={seed}", random::SEED_VARIABLE);
    let Some(cloud) = Cloud::begin("the sink end to end", seed)? else { return Ok(()) };
    let mut random = Random::new(seed);
    let objects = objects()?;
    cloud.make_queue()?;
    store_and_tell(&cloud, &objects, &mut random)?;
    cloud.deploy()?;
    cloud.fail(FAIL_PER_MILLE);
    let lines = objects.iter().map(|object| (object.hash(), object.lines)).collect();
    let mut job = Job::new(&cloud, lines);
    let (is_over, kills) = (AtomicBool::new(false), AtomicUsize::new(0));
    let begun = Instant::now();
    let settled = thread::scope(|scope| {
        scope.spawn(|| kill_functions(&cloud, random, &is_over, &kills));
        scope.spawn(|| sweep_again_and_again(&cloud, &is_over));
        let settled = until_settled(&cloud, &mut job);
        is_over.store(true, Ordering::SeqCst);
        settled
    });
    let kills = kills.into_inner();
    let (calls, failed) = cloud.to_table.counts();
    let (starts, failed_starts) = cloud.to_glue.counts();
    println!(
        "{:?}: {kills} functions killed, {} runs died, {} came too late, {} batches shared a run; DynamoDB {calls} calls, {failed} failed; Glue {starts} calls, {failed_starts} failed",
        begun.elapsed(),
        job.died,
        job.refused,
        job.carried_along
    );
    settled?;
    ensure!(
        kills >= 5 && job.died >= 3 && job.refused >= 1 && job.carried_along > 0,
        "too little went wrong"
    );
    ensure!(failed * 6 > calls && failed_starts * 10 > starts, "too few calls failed");
    check_table(&cloud, &objects)?;
    check_lake(&cloud, &objects)
}

fn objects() -> Result<Vec<Object>> {
    let make = |number: u64| {
        if number.is_multiple_of(FOREIGN_EVERY) {
            Ok(objects::foreign(number))
        } else {
            objects::chunk(number)
        }
    };
    (0..OBJECTS).map(make).collect()
}

/// S3 tells of each; then the queue is as a queue is: out of order, and a third of it twice.
fn store_and_tell(cloud: &Cloud, objects: &[Object], random: &mut Random) -> Result<()> {
    for object in objects {
        cloud.store.put(BUCKET, &object.key, &object.bytes, object.is_summed)?;
    }
    let mut bodies = cloud.drain_queue(objects.len())?;
    bodies.extend(bodies.clone().into_iter().step_by(TWICE_EVERY));
    for place in (1..bodies.len()).rev() {
        bodies.swap(place, random.below(place as u64 + 1) as usize);
    }
    bodies.iter().try_for_each(|body| cloud.enqueue(body))
}

fn kill_functions(cloud: &Cloud, mut random: Random, is_over: &AtomicBool, kills: &AtomicUsize) {
    while !is_over.load(Ordering::SeqCst) {
        thread::sleep(random.duration_below(KILL_PAUSE_MAX));
        let alive = cloud.function_processes().unwrap();
        if alive.is_empty() {
            continue;
        }
        let id = Pid::from_raw(*random.pick(&alive)).unwrap();
        // It may have ended by itself meanwhile.
        if rustix::process::kill_process(id, Signal::KILL).is_ok() {
            kills.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// The schedule, in quick motion.
fn sweep_again_and_again(cloud: &Cloud, is_over: &AtomicBool) {
    while !is_over.load(Ordering::SeqCst) {
        // It may be killed half way; the next one does the rest.
        let _ = cloud.invoke(&json!({"headrig": "sweep"}));
        thread::sleep(SWEEP_PAUSE);
    }
}

/// Plays the job and the operator until every object is done and every late run has had its say.
fn until_settled(cloud: &Cloud, job: &mut Job<'_>) -> Result<()> {
    let ledger = cloud.ledger();
    let (begun, mut last_run, mut flushed) = (Instant::now(), Instant::now(), false);
    loop {
        let counts = ledger.counts()?;
        let queued = cloud.queued()?;
        ensure!(begun.elapsed() < LIMIT, "not settled in {LIMIT:?}: {counts:?}, {queued} messages");
        if counts.done == OBJECTS && job.asleep() == 0 && queued == 0 {
            ensure!(flushed, "the last batch was made by nobody's order");
            return Ok(());
        }
        if job.play_new()? > 0 {
            last_run = Instant::now();
        }
        wake_resting(&ledger)?;
        let all_taken_in = counts.pending + counts.batched + counts.done == OBJECTS && queued == 0;
        if all_taken_in && counts.pending > 0 && counts.pending < BATCH as u64 {
            let answer = cloud.invoke(&json!({"headrig": "flush"}));
            flushed |= answer.is_ok_and(|answer| answer["done"].is_string());
        }
        if last_run.elapsed() > QUIET {
            // In this order whoever goes on late comes too late, whatever the sweep has found out by then.
            expire_lost_starts(&ledger)?;
            job.awaken()?;
            last_run = Instant::now();
        }
        thread::sleep(ROUND);
    }
}

/// Ends the rests of sealed batches, as `headrig wake` does for somebody who does not want to wait.
fn wake_resting(ledger: &impl Ledger) -> Result<()> {
    let now = UnixMicros::from(SystemTime::now());
    for batch in all(ledger, BatchPhase::Sealed)?.into_iter().filter(|batch| batch.state.due() > now) {
        match protocol::wake(ledger, batch.id, now) {
            // It was started meanwhile, by a function whose clock is this one.
            Err(ProtocolError::Refused { .. }) => {}
            other => drop(other?),
        }
    }
    Ok(())
}

/// The sweep's first step at a later time: where the answer to a start was lost and there was no run, only the lease
/// tells, and it lasts longer than this test.
fn expire_lost_starts(ledger: &impl Ledger) -> Result<()> {
    let later = UnixMicros::from(SystemTime::now() + Duration::from_hours(2));
    let policy = Policy { failures_max: 20, ..Policy::cloud() };
    Ok(protocol::reconcile(ledger, later, &policy, |_| RunFate::Unknown).map(drop)?)
}

fn all(ledger: &impl Ledger, phase: BatchPhase) -> Result<Vec<Batch>> {
    let mut found: Vec<Batch> = Vec::new();
    loop {
        let after = found.last().map(|batch| BatchCursor { due: batch.state.due(), id: batch.id });
        let page = ledger.batches(phase, after, 200)?;
        if page.is_empty() {
            return Ok(found);
        }
        found.extend(page);
    }
}

fn check_table(cloud: &Cloud, objects: &[Object]) -> Result<()> {
    let ledger = cloud.ledger();
    let mut batches: BTreeMap<_, BTreeSet<ContentHash>> = BTreeMap::new();
    for object in objects {
        let file = ledger.file(object.hash())?;
        let Some(FileState::Done { batch, .. }) = file.as_ref().map(|file| &file.state) else {
            anyhow::bail!("{} is not done: {file:?}", object.key);
        };
        batches.entry(*batch).or_default().insert(object.hash());
    }
    let committed = all(&ledger, BatchPhase::Committed)?;
    ensure!(committed.len() == batches.len(), "{} committed, {} have files", committed.len(), batches.len());
    for batch in &committed {
        let members: BTreeSet<_> = batch.members.iter().copied().collect();
        ensure!(batches.get(&batch.id) == Some(&members), "{batch:?} has other members than files");
        ensure!(matches!(batch.state, BatchState::Committed { .. }), "{batch:?}");
    }
    let mut smaller = committed.iter().map(|batch| batch.members.len()).filter(|size| *size != BATCH);
    let last = objects.len() % BATCH;
    ensure!(smaller.next() == Some(last) && smaller.next().is_none(), "a batch is not of five");
    for phase in [
        BatchPhase::Sealed,
        BatchPhase::Starting,
        BatchPhase::Running,
        BatchPhase::Exhausted,
        BatchPhase::Split,
    ] {
        ensure!(all(&ledger, phase)?.is_empty(), "there are batches {phase:?}");
    }
    let (counts, rows) = (ledger.counts()?, objects.iter().map(|object| object.lines).sum::<u64>());
    ensure!(counts.lines.rows == rows && counts.quarantined == 0, "expected {rows} rows, found {counts:?}");
    Ok(())
}

/// Each row is there once, though runs died when they had written and came back when others had.
fn check_lake(cloud: &Cloud, objects: &[Object]) -> Result<()> {
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for key in cloud.store.keys(LAKE)? {
        let rows = String::from_utf8(cloud.store.object(LAKE, &key)?)?;
        rows.lines().for_each(|row| *found.entry(row.into()).or_default() += 1);
    }
    let expect: BTreeMap<String, u64> =
        objects.iter().map(|object| (object.hash().to_string(), object.lines)).collect();
    ensure!(found == expect, "rows are missing or doubled in the lake");
    Ok(())
}
