//! From batches to runs, and back from runs that died.

use crate::world::{World, failed, stored};
use headrig_contract::ContentHash;
use headrig_ledger::{BatchPhase, BatchSize, Claim, FilePhase, Ledger, protocol};
use headrig_sink::{
    Figure,
    ports::{RunState, StartError},
};
use serde_json::json;

/// A world with so many batches of one, sealed or already starting.
fn world_with(chunks: u64, job_runs_max: usize) -> World {
    let mut world = World::new();
    world.settings.policy.batch_size = BatchSize::new(1).unwrap();
    world.settings.policy.batches_per_run_max = 2;
    world.settings.limits.job_runs_max = job_runs_max;
    let keys: Vec<String> = (0..chunks).map(|seq| world.store_chunk(seq)).collect();
    world.handle(&stored(&keys.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
    world
}

fn carried(world: &World) -> Vec<usize> {
    world.runs.borrow().iter().map(|run| run.batches.len()).collect()
}

#[test]
fn no_more_runs_than_there_may_be_and_each_carries_what_it_can() {
    let world = world_with(5, 2);
    assert_eq!(carried(&world), [2, 2]);
    world.sweep();
    assert_eq!(carried(&world), [2, 2]);
    world.finish(0);
    let ended = json!({"source": "aws.glue", "detail-type": "Glue Job State Change",
        "detail": {"jobName": "etl", "jobRunId": "jr_0", "state": "SUCCEEDED"}});
    world.handle(&ended).unwrap();
    assert_eq!(carried(&world), [2, 2, 1]);
    for run in [1, 2] {
        world.finish(run);
    }
    world.sweep();
    assert_eq!(world.ledger.counts().unwrap().done, 5);
}

#[test]
fn a_run_that_only_the_engine_knows_counts() {
    let world = world_with(1, 1);
    let (batch, attempt) = world.runs.borrow()[0].batches[0];
    let stopped = headrig_ledger::batch::Release::Postponed { not_before: world.now.get() };
    let run = world.runs.borrow()[0].id.clone();
    let policy = world.policy();
    protocol::release(&world.ledger, batch, (attempt, Some(&run)), &stopped, world.now.get(), policy)
        .unwrap();
    world.sweep();
    assert_eq!(carried(&world), [1]);
    world.end(0, RunState::Stopped);
    world.sweep();
    assert_eq!(carried(&world), [1, 1]);
}

#[test]
fn throttled_starts_wait_and_are_no_failure() {
    let world = World::new();
    *world.engine_says.borrow_mut() =
        Some(StartError::Throttled { reason: "concurrent runs exceeded".into() });
    let keys: Vec<String> = (0..5).map(|seq| world.store_chunk(seq)).collect();
    world.handle(&stored(&keys.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
    let sealed = world.ledger.batches(BatchPhase::Sealed, None, 9).unwrap();
    assert_eq!((sealed.len(), sealed[0].failures, sealed[0].failure.clone()), (1, 0, None));
    assert!(sealed[0].state.due() > world.now.get());
    *world.engine_says.borrow_mut() = None;
    world.sweep();
    assert_eq!(carried(&world), [0; 0]);
    world.wait(60);
    world.sweep();
    assert_eq!(carried(&world), [1]);
    assert!(world.told.borrow().is_empty());
}

#[test]
fn a_job_that_is_missing_or_forbidden_is_told_of_once_a_day_and_loses_nothing() {
    let says = [
        StartError::NoSuchJob { job: "etl".into() },
        StartError::Denied { reason: "no glue:StartJobRun".into() },
        StartError::Refused { reason: "no such worker type".into() },
    ];
    for said in says {
        let world = World::new();
        *world.engine_says.borrow_mut() = Some(said.clone());
        let key = world.store_chunk(0);
        world.handle(&stored(&[&key])).unwrap();
        world.handle(&json!({"headrig": "flush"})).unwrap();
        for _ in 0..120 {
            world.wait(60);
            world.sweep();
        }
        let told = world.told.borrow().clone();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].1.contains(&said.to_string()), "{told:?}");
        let sealed = world.ledger.batches(BatchPhase::Sealed, None, 9).unwrap();
        assert_eq!((sealed[0].failures, sealed[0].failure.clone()), (0, Some(said.to_string())));
        *world.engine_says.borrow_mut() = None;
        world.handle(&json!({"headrig": {"wake": sealed[0].id.to_string()}})).unwrap();
        world.sweep();
        world.finish(0);
        assert_eq!(world.ledger.counts().unwrap().done, 1);
    }
}

#[test]
fn where_the_answer_was_lost_the_lease_decides() {
    for claims in [true, false] {
        let world = World::new();
        *world.engine_says.borrow_mut() = Some(StartError::AnswerLost { reason: "time-out".into() });
        let keys: Vec<String> = (0..5).map(|seq| world.store_chunk(seq)).collect();
        world.handle(&stored(&keys.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
        *world.engine_says.borrow_mut() = None;
        world.wait(60);
        world.sweep();
        assert_eq!(carried(&world), [1], "the run may be there");
        if claims {
            world.finish(0);
        } else {
            world.end(0, RunState::Stopped);
        }
        // The lease, and the rest behind it.
        for _ in 0..20 {
            world.wait(60);
            world.sweep();
        }
        assert_eq!(carried(&world).len(), if claims { 1 } else { 2 });
    }
}

#[test]
fn what_waits_longer_than_it_may_is_made_a_smaller_batch() {
    let world = World::new();
    let keys: Vec<String> = (0..3).map(|seq| world.store_chunk(seq)).collect();
    world.handle(&stored(&keys.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
    world.wait(300);
    world.sweep();
    assert_eq!(world.ledger.counts().unwrap().pending, 3);
    world.wait(1);
    world.sweep();
    assert_eq!((world.ledger.counts().unwrap().pending, carried(&world)), (0, vec![1]));
}

#[test]
fn dead_runs_give_their_batches_back_each_for_its_reason() {
    let cases = [
        (RunState::Failed { reason: "out of memory".into() }, 1, true),
        (RunState::Succeeded, 1, true),
        (RunState::Stopped, 0, true),
        (RunState::UnderWay, 0, false),
        (RunState::Unknown, 0, false),
    ];
    for (state, failures, is_taken) in cases {
        let world = world_with(1, 1);
        world.claim_only(0);
        world.end(0, state.clone());
        world.engine_says.replace(Some(StartError::Throttled { reason: "full".into() }));
        let id = world.runs.borrow()[0].batches[0].0;
        world.sweep();
        let batch = world.ledger.batch(id).unwrap().unwrap();
        assert_eq!(batch.state.phase() == BatchPhase::Sealed, is_taken, "{state:?}");
        assert_eq!(batch.failures, failures, "{state:?}");
    }
}

/// Runs every batch; those with the poisonous file fail after they have written something.
fn run_all(world: &World, poison: ContentHash) {
    let runs = world.runs.borrow().len();
    for number in 0..runs {
        if world.runs.borrow()[number].state != RunState::UnderWay {
            continue;
        }
        let (id, attempt) = world.runs.borrow()[number].batches[0];
        if world.ledger.batch(id).unwrap().unwrap().members.contains(&poison) {
            world.claim_only(number);
            let claim = Claim { attempt, run: world.runs.borrow()[number].id.clone() };
            let release = failed("the parser panicked");
            protocol::release(
                &world.ledger,
                id,
                (attempt, Some(&claim.run)),
                &release,
                world.now.get(),
                world.policy(),
            )
            .unwrap();
            world.end(number, RunState::Failed { reason: "exit 1".into() });
        } else {
            world.finish(number);
        }
    }
}

#[test]
fn a_poisonous_file_is_found_set_aside_and_told_of_and_the_others_are_loaded() {
    let mut world = World::new();
    world.settings.policy.batches_per_run_max = 1;
    let keys: Vec<String> = (0..5).map(|seq| world.store_chunk(seq)).collect();
    world.handle(&stored(&keys.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
    let poison = ContentHash::of(b"chunk 3");
    for _ in 0..200 {
        run_all(&world, poison);
        world.wait(60);
        world.sweep();
    }
    let counts = world.ledger.counts().unwrap();
    assert_eq!((counts.done, counts.quarantined, counts.split), (4, 1, 1));
    assert_eq!(world.ledger.file(poison).unwrap().unwrap().state.phase(), FilePhase::Quarantined);
    assert!(world.lake.borrow().is_empty(), "what failed runs wrote is gone: {:?}", world.lake.borrow());
    let told = world.told.borrow();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].1.contains("the parser panicked") && told[0].1.contains(&format!("headrig replay {poison}"))
    );
    // Three attempts together, three alone.
    let with_poison = world.sum(Figure::RunsStarted) - 4.0;
    assert_eq!(with_poison, 6.0);
}

#[test]
fn a_batch_is_not_taken_apart_while_one_of_its_runs_lives() {
    let mut world = World::new();
    world.settings.policy.failures_max = 1;
    let keys: Vec<String> = (0..5).map(|seq| world.store_chunk(seq)).collect();
    world.handle(&stored(&keys.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
    world.claim_only(0);
    world.wait(16 * 60);
    world.sweep();
    assert_eq!(world.ledger.counts().unwrap().exhausted, 1, "the lease has ended, the run has not");
    world.wait(60);
    world.sweep();
    assert_eq!((world.ledger.counts().unwrap().exhausted, world.lake.borrow().len()), (1, 2));
    world.end(0, RunState::Failed { reason: "timed out".into() });
    world.sweep();
    assert_eq!((world.ledger.counts().unwrap().split, world.lake.borrow().len()), (1, 0));
}
