//! The suite that every ledger passes, over a sound network and over bad ones.

use crate::{
    stand_in::StandIn,
    wire::{Loss, Wire, is_write},
};
use headrig_ledger::conformance;
use std::sync::atomic::{AtomicU64, Ordering};

/// Runs the whole suite over that network and returns how much of it was lost.
fn check(wire: Wire) -> Option<u64> {
    let stand_in = StandIn::start()?;
    conformance::check(|| stand_in.ledger(&wire));
    Some(wire.losses())
}

#[test]
fn the_dynamodb_ledger_conforms() {
    check(Wire::sound());
}

/// What was done is not done twice, and not taken for another's work.
#[test]
fn it_conforms_when_the_first_answer_to_every_write_is_lost() {
    let lost =
        check(Wire::losing(|attempt| (is_write(attempt) && attempt.number == 1).then_some(Loss::Answer)));
    assert!(lost.is_none_or(|lost| lost > 50), "{lost:?} answers were lost");
}

#[test]
fn it_conforms_when_every_fifth_request_is_lost_the_first_time() {
    let lost = check(Wire::losing(|attempt| {
        let is_fifth = attempt.requests_before % 5 == 4;
        (is_fifth && attempt.number == 1).then_some(Loss::Request)
    }));
    assert!(lost.is_none_or(|lost| lost > 50), "{lost:?} requests were lost");
}

#[test]
fn it_conforms_when_transactions_of_others_are_in_the_way_of_every_other_write() {
    let asked = AtomicU64::new(0);
    let hindered = check(Wire::losing(move |attempt| {
        let is_other = is_write(attempt) && asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        is_other.then_some(Loss::InTheWay)
    }));
    assert!(hindered.is_none_or(|hindered| hindered > 50), "{hindered:?} writes were hindered");
}

#[test]
fn it_conforms_when_every_third_request_is_throttled_the_first_time() {
    let throttled = check(Wire::losing(|attempt| {
        (attempt.requests_before % 3 == 2 && attempt.number == 1).then_some(Loss::Throttled)
    }));
    assert!(throttled.is_none_or(|throttled| throttled > 50), "{throttled:?} requests were throttled");
}
