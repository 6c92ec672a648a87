//! The protocol under everything that goes wrong: duplicates, double starts, crashes between any two
//! calls, answers that are lost, leases that run out, and zombies that write and commit late.
//!
//! Random interleavings run against the real protocol over both adapters, on paper time. After every step
//! no file may be in two committed batches; once the faults stop, everything must come to its end, with
//! the rows of every file that is done in the lake exactly once, and those of no other.
//!
//! `tests/model` looks at every state, but takes each call of the protocol as one step and stays small. Here
//! others come between the reading and the writing of a call, eight files go long ways, and SQLite is tried.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, but does not see helpers as such")]

mod intruder;
mod world;

use headrig_ledger::{
    BatchPhase, Fault, Faulty, Ledger, MemoryLedger, ProtocolError, SqliteLedger,
    protocol::{self, RunFate},
};
use intruder::{Intruder, Intrusion};
use proptest::{
    collection::{btree_map, btree_set, vec},
    prelude::*,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};
use world::{FILES, Step, World, check_invariants};

/// What is tried: the steps of one process, which fails as planned and is come between as planned.
#[derive(Clone, Debug)]
struct Case {
    batch_size: usize,
    poison: BTreeSet<u8>,
    steps: Vec<Step>,
    faults: BTreeMap<u64, Fault>,
    intrusions: BTreeMap<u64, Intrusion>,
}

fn check<L: Ledger + 'static>(ledger: L, case: Case) {
    let mut world = World::new(case.batch_size, &case.poison);
    let intruder = Intruder::new(Rc::clone(&world.outside), world.policy, case.poison.clone());
    let faulty = Faulty::interleaved(ledger, case.faults, move |ledger, call| {
        if let Some(intrusion) = case.intrusions.get(&call) {
            intruder.intrude(ledger, call, *intrusion);
        }
    });
    for step in &case.steps {
        match world.step(&faulty, step) {
            Ok(()) | Err(ProtocolError::Refused { .. } | ProtocolError::Ledger(_)) => {}
            Err(ProtocolError::UnknownFile { .. } | ProtocolError::NotQuarantined { .. }) => {}
            Err(error) => panic!("{step:?}: {error}"),
        }
        check_invariants(faulty.inner());
    }
    world.drain(faulty.inner());
    world.check_lake(faulty.inner());
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..FILES).prop_map(Step::Ingest),
        2 => any::<bool>().prop_map(|flush| Step::Seal { flush }),
        4 => (0_u8..3).prop_map(|runs| Step::Start { runs }),
        1 => Just(Step::StartThrottled),
        10 => any::<usize>().prop_map(Step::Run),
        1 => any::<usize>().prop_map(Step::Renew),
        1 => any::<usize>().prop_map(Step::Die),
        3 => (1_i64..200).prop_map(|seconds| Step::Wait { seconds }),
        3 => any::<bool>().prop_map(|asks_engine| Step::Reconcile { asks_engine }),
        1 => (0..FILES).prop_map(Step::Replay),
    ]
}

fn any_case() -> impl Strategy<Value = Case> {
    let fault = prop_oneof![Just(Fault::Before), Just(Fault::After)];
    let intrusion = proptest::sample::select(Intrusion::ALL.to_vec());
    let parts = (
        1_usize..6,
        btree_set(0..FILES, 0..3),
        vec(any_step(), 0..120),
        btree_map(1_u64..500, fault, 0..60),
        btree_map(1_u64..500, intrusion, 0..200),
    );
    parts.prop_map(|(batch_size, poison, steps, faults, intrusions)| Case {
        batch_size,
        poison,
        steps,
        faults,
        intrusions,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_file_ends_in_one_committed_batch_in_memory(case in any_case()) {
        check(MemoryLedger::new(), case);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_file_ends_in_one_committed_batch_in_sqlite(case in any_case()) {
        check(SqliteLedger::in_memory().unwrap(), case);
    }
}

/// A ledger in which each file came, was batched, run and committed without trouble.
fn undisturbed<L: Ledger>(ledger: L, files: u8, batch_size: usize) -> (L, World) {
    let mut world = World::new(batch_size, &BTreeSet::new());
    for number in 0..files {
        world.step(&ledger, &Step::Ingest(number)).unwrap();
        world.step(&ledger, &Step::Wait { seconds: 1 }).unwrap();
    }
    world.drain(&ledger);
    (ledger, world)
}

#[test]
fn without_trouble_every_batch_but_the_flushed_last_is_full() {
    let (ledger, world) = undisturbed(MemoryLedger::new(), 23, 5);
    let batches = ledger.batches(BatchPhase::Committed, None, usize::MAX).unwrap();
    let mut sizes: Vec<_> = batches.iter().map(|batch| batch.members.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [3, 5, 5, 5, 5]);
    assert!(batches.iter().all(|batch| batch.attempt.0 == 1));
    world.check_lake(&ledger);
}

#[test]
fn a_run_whose_answers_are_lost_knows_its_own_work_again() {
    // Claiming is a reading and a write; committing is that too, after a reading of its own.
    let faulty = Faulty::new(MemoryLedger::new(), [(2, Fault::After), (5, Fault::After)]);
    let ledger = faulty.inner();
    let mut world = World::new(1, &BTreeSet::new());
    for step in [Step::Ingest(0), Step::Seal { flush: true }, Step::Start { runs: 1 }] {
        world.step(ledger, &step).unwrap();
    }
    for calls in [2, 5] {
        assert!(matches!(world.step(&faulty, &Step::Run(0)), Err(ProtocolError::Ledger(_))));
        assert_eq!(faulty.calls(), calls, "the write is the call that fails");
        world.step(ledger, &Step::Run(0)).unwrap();
        world.step(ledger, &Step::Run(0)).unwrap();
    }
    assert_eq!((ledger.counts().unwrap().done, world.runs.len()), (1, 0));
    assert_eq!(ledger.batches(BatchPhase::Committed, None, 9).unwrap()[0].attempt.0, 1);
}

#[test]
fn files_that_were_condemned_and_mended_are_run_again() {
    let poison = BTreeSet::from([0, 1]);
    let ledger = SqliteLedger::in_memory().unwrap();
    let mut world = World::new(2, &poison);
    for round in 0..2 {
        for number in &poison {
            world.step(&ledger, &Step::Ingest(*number)).unwrap();
        }
        world.drain(&ledger);
        world.check_lake(&ledger);
        let counts = ledger.counts().unwrap();
        assert_eq!((counts.quarantined, counts.done), if round == 0 { (2, 0) } else { (0, 2) });
        for number in poison.iter().filter(|_| round == 0) {
            world.step(&ledger, &Step::Replay(*number)).unwrap();
        }
    }
}

#[test]
fn interruptions_never_condemn_a_file() {
    let ledger = MemoryLedger::new();
    let mut world = World::new(1, &BTreeSet::new());
    world.step(&ledger, &Step::Ingest(0)).unwrap();
    world.step(&ledger, &Step::Seal { flush: true }).unwrap();
    for _ in 0..20 {
        world.step(&ledger, &Step::Start { runs: 1 }).unwrap();
        world.step(&ledger, &Step::Run(0)).unwrap();
        world.runs.clear();
        let released =
            protocol::reconcile(&ledger, world.outside.now(), &world.policy, |_| RunFate::Interrupted)
                .unwrap();
        assert_eq!((released.released.len(), released.released[0].failures), (1, 0));
    }
    world.drain(&ledger);
    world.check_lake(&ledger);
    assert_eq!(ledger.counts().unwrap().done, 1);
}
