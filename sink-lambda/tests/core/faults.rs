//! Whatever call fails, before or after it was done: in the end every object is in one committed batch.

use crate::world::{World, message};
use headrig_ledger::{BatchPhase, Fault, Ledger};
use headrig_sink::{Reply, ports::RunState};
use serde_json::json;
use std::collections::BTreeSet;

const CHUNKS: u64 = 7;
/// Sweeps after which everything must have settled: two leases and a rest.
const MINUTES: usize = 60;
/// Deliveries of a message.
const TRIES_MAX: usize = 9;

/// Objects come in, messages that failed come again, runs run, sweeps sweep.
fn live(world: &World) {
    let keys: Vec<String> = (0..CHUNKS).map(|seq| world.store_chunk(seq)).collect();
    let mut waiting: Vec<(String, usize)> =
        (0..keys.len()).map(|number| (number.to_string(), number)).collect();
    let mut tries = 0;
    while !waiting.is_empty() {
        assert!(tries < TRIES_MAX, "{waiting:?}");
        tries += 1;
        let messages: Vec<_> = waiting.iter().map(|(id, number)| message(id, &[&keys[*number]])).collect();
        let Ok(Reply::Queue { failed }) = world.handle(&json!({"Records": messages})) else { panic!() };
        waiting.retain(|(id, _)| failed.contains(id));
    }
    for _ in 0..MINUTES {
        let runs = world.runs.borrow().len();
        for number in 0..runs {
            if world.runs.borrow()[number].state == RunState::UnderWay {
                world.finish(number);
            }
        }
        let _ = world.handle(&json!({"headrig": "sweep"}));
        world.wait(60);
    }
}

fn check(world: &World, what: &str) {
    let ledger = world.ledger.inner();
    let counts = ledger.counts().unwrap();
    assert_eq!(
        (counts.done, counts.quarantined, counts.is_drained()),
        (CHUNKS, 0, true),
        "{what}: {counts:?}"
    );
    let mut members = BTreeSet::new();
    for batch in ledger.batches(BatchPhase::Committed, None, 99).unwrap() {
        for member in batch.members {
            assert!(members.insert(member), "{what}: {member} is in two batches");
        }
    }
    assert_eq!(members.len() as u64, CHUNKS, "{what}");
}

#[test]
fn each_call_of_the_ports_may_fail() {
    let world = World::new();
    live(&world);
    check(&world, "nothing fails");
    // The first minutes have calls of every kind.
    let calls = world.calls().min(140);
    for call in 1..=calls {
        for fault in [Fault::Before, Fault::After] {
            let world = World::new();
            world.failing.set(Some((call, fault)));
            live(&world);
            check(&world, &format!("call {call} of the ports fails {fault:?}"));
        }
    }
}

#[test]
fn each_call_of_the_ledger_may_fail() {
    let world = World::new();
    live(&world);
    let calls = world.ledger.calls().min(140);
    for call in 1..=calls {
        for fault in [Fault::Before, Fault::After] {
            let world = World::failing_ledger([(call, fault)]);
            live(&world);
            check(&world, &format!("call {call} of the ledger fails {fault:?}"));
        }
    }
}

#[test]
fn every_fifth_call_may_fail() {
    let world = World::failing_ledger((1..).step_by(5).take(60).map(|call| (call, Fault::Before)));
    live(&world);
    check(&world, "every fifth call of the ledger fails");
}
