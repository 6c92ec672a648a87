//! What the sweep finds: objects nobody told of, chunks that never came, agents gone silent.

use crate::world::{World, stored};
use headrig_contract::{ByteLength, ContentHash, HostName};
use headrig_ledger::{Fault, Ledger, fleet::Sighting};
use headrig_sink::{Figure, ports::Beat};
use serde_json::json;

#[test]
fn objects_that_nobody_told_of_are_found_a_stretch_at_a_time() {
    let mut world = World::new();
    world.settings.listed_per_sweep = 4;
    (0..9).for_each(|seq| drop(world.store_chunk(seq)));
    world.store("old/app.log", b"foreign");
    world.store("zzz//bad", b"no key of ours");
    world.sweep();
    assert_eq!(world.sum(Figure::ObjectsFound), 0.0, "their events may be on their way");
    world.wait(301);
    // Three stretches from wherever the first sweep stopped, and one more to come round.
    for expect in [4.0, 8.0, 10.0] {
        world.sweep();
        assert!(world.sum(Figure::ObjectsFound) <= expect);
    }
    world.sweep();
    assert_eq!(world.sum(Figure::ObjectsFound), 10.0);
    for _ in 0..9 {
        world.sweep();
    }
    assert_eq!((world.sum(Figure::ObjectsFound), world.sum(Figure::FilesTakenIn)), (10.0, 10.0));
    let told = world.told.borrow();
    assert!(told.len() == 1 && told[0].1.contains("zzz//bad"), "{told:?}");
}

#[test]
fn an_object_that_was_overwritten_unnoticed_is_found() {
    let world = World::new();
    world.store("app.log", b"first");
    world.handle(&stored(&["app.log"])).unwrap();
    world.wait(60);
    world.store("app.log", b"second");
    world.wait(301);
    world.sweep();
    assert!(world.ledger.file(ContentHash::of(b"second")).unwrap().is_some());
    assert_eq!(world.sum(Figure::ObjectsFound), 1.0);
}

#[test]
fn an_object_that_cannot_be_looked_at_holds_up_nobody() {
    let world = World::new();
    let keys: Vec<String> = (0..3).map(|seq| world.store_chunk(seq)).collect();
    world.locked.borrow_mut().insert(keys[0].clone());
    world.wait(301);
    world.sweep();
    let taken = || {
        (0..3)
            .filter(|seq| {
                world.ledger.file(ContentHash::of(format!("chunk {seq}").as_bytes())).unwrap().is_some()
            })
            .count()
    };
    assert_eq!(taken(), 2);
    world.locked.borrow_mut().clear();
    world.sweep();
    assert_eq!(taken(), 3);
}

#[test]
fn foreign_objects_are_read_only_so_much_in_a_sweep() {
    let mut world = World::new();
    world.settings.object_bytes_max = ByteLength(10);
    (0..6).for_each(|number| {
        world.store_unsummed(&format!("{number}.log"), format!("foreign {number}").as_bytes())
    });
    world.wait(301);
    for expect in [2, 4, 6] {
        let before = world.hashed_bytes.get();
        world.sweep();
        assert!(world.hashed_bytes.get() - before <= 2 * 10);
        assert_eq!(world.sum(Figure::FilesTakenIn), f64::from(expect));
    }
}

#[test]
fn a_chunk_that_never_came_is_told_of_once_and_so_is_its_coming() {
    for listed_per_sweep in [2, 1_000] {
        let mut world = World::new();
        world.settings.listed_per_sweep = listed_per_sweep;
        // The chain is followed from 3 on: a lifecycle rule may have removed what was before.
        for seq in [3, 4, 7, 8] {
            world.store_chunk(seq);
        }
        let minutes = |count: usize| {
            for _ in 0..count {
                world.sweep();
                world.wait(60);
            }
        };
        minutes(25);
        assert!(world.told.borrow().is_empty(), "it may be on its way");
        minutes(40);
        let told = world.told.borrow().clone();
        assert_eq!((told.len(), world.latest.borrow()[&Figure::Gaps]), (1, 1.0), "{told:?}");
        assert!(told[0].1.contains("web-1") && told[0].1.contains("chunks 5 to 6 never came"), "{told:?}");
        for seq in [5, 6] {
            world.store_chunk(seq);
        }
        minutes(40);
        let told = world.told.borrow().clone();
        assert_eq!((told.len(), world.latest.borrow()[&Figure::Gaps]), (2, 0.0), "{told:?}");
        assert!(told[1].1.contains("nothing is missing any more"), "{told:?}");
    }
}

#[test]
fn nobody_to_be_told_does_not_stop_the_walk_and_loses_no_news() {
    let mut world = World::new();
    world.settings.listed_per_sweep = 2;
    for seq in [0, 1, 3] {
        world.store_chunk(seq);
    }
    world.is_mute.set(true);
    for _ in 0..60 {
        let _ = world.handle(&json!({"headrig": "sweep"}));
        world.wait(60);
    }
    assert_eq!(world.sum(Figure::ObjectsFound), 3.0);
    assert_eq!(world.ledger.counts().unwrap().pending, 0);
    world.is_mute.set(false);
    for _ in 0..3 {
        world.sweep();
    }
    assert_eq!(world.told.borrow().len(), 1, "{:?}", world.told.borrow());
}

#[test]
fn agents_that_fall_silent_together_are_one_message_and_so_is_their_return() {
    let world = World::new();
    let hosts = ["db-1", "web-1", "web-2"].map(HostName::from_lossy);
    let minutes = |count: usize, heard: &[HostName]| {
        for _ in 0..count {
            heard.iter().for_each(|host| beat(&world, host, Sighting::Heard));
            world.sweep();
            world.wait(60);
        }
    };
    minutes(30, &hosts);
    assert!(world.told.borrow().is_empty());
    minutes(30, &hosts[..1]);
    let told = world.told.borrow().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].0.contains("2 agents silent") && told[0].1.contains("web-2 has gone silent"), "{told:?}");
    assert_eq!(world.latest.borrow()[&Figure::MissingAgents], 2.0);
    world.handle(&json!({"headrig": {"retire": "web-2"}})).unwrap();
    minutes(10, &hosts[..2]);
    assert_eq!((world.told.borrow().len(), world.latest.borrow()[&Figure::MissingAgents]), (2, 0.0));
    assert!(world.told.borrow()[1].1.contains("web-1 is heard again"));
}

fn beat(world: &World, host: &HostName, sighting: Sighting) {
    world.beats.borrow_mut().push(Beat { host: host.clone(), at: world.now.get(), sighting });
}

#[test]
fn an_agent_that_ends_on_purpose_is_not_missed_until_it_is_heard_again_and_crashes() {
    let world = World::new();
    let host = HostName::from_lossy("web-1");
    let minutes = |count: usize, is_up: bool| {
        for _ in 0..count {
            if is_up {
                beat(&world, &host, Sighting::Heard);
            }
            world.sweep();
            world.wait(60);
        }
    };
    minutes(20, true);
    beat(&world, &host, Sighting::Farewell);
    minutes(600, false);
    assert!(world.told.borrow().is_empty(), "{:?}", world.told.borrow());
    assert_eq!(world.latest.borrow()[&Figure::MissingAgents], 0.0);
    minutes(3, true);
    minutes(30, false);
    let told = world.told.borrow().clone();
    assert!(told.len() == 1 && told[0].1.contains("web-1 has gone silent"), "{told:?}");
    assert_eq!(world.latest.borrow()[&Figure::MissingAgents], 1.0);
}

#[test]
fn news_that_could_not_be_told_are_told_by_the_next_sweep() {
    let world = World::new();
    for seq in [0, 2] {
        world.store_chunk(seq);
    }
    for _ in 0..30 {
        world.sweep();
        world.wait(60);
    }
    assert!(world.told.borrow().is_empty());
    world.wait(600);
    let calls_before = world.calls();
    // Whichever call of this sweep tells of the gap: let each of them fail in turn.
    for call in 1..=12 {
        world.failing.set(Some((world.calls() + call, Fault::Before)));
        let _ = world.handle(&json!({"headrig": "sweep"}));
    }
    world.failing.set(None);
    world.sweep();
    world.sweep();
    let told = world.told.borrow().iter().filter(|(subject, _)| subject.contains("gaps")).count();
    assert!((1..=2).contains(&told), "told {told} times, in {} calls", world.calls() - calls_before);
}

#[test]
fn counts_are_published_and_the_heartbeat_only_when_batches_move() {
    let world = World::new();
    let key = world.store_chunk(0);
    world.handle(&stored(&[&key])).unwrap();
    world.wait(30);
    world.sweep();
    let latest = world.latest.borrow().clone();
    assert_eq!((latest[&Figure::Pending], latest[&Figure::OldestPendingSeconds]), (1.0, 30.0));
    assert_eq!(latest[&Figure::SweepHeartbeat], 1.0);

    let broken = World::failing_ledger((1..100).map(|call| (call, Fault::Before)));
    assert!(broken.handle(&json!({"headrig": "sweep"})).is_err());
    assert_eq!(broken.sum(Figure::SweepHeartbeat), 0.0);
    assert!(broken.sum(Figure::SweepStepsFailed) >= 4.0);
}
