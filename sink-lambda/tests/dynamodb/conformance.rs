//! The suite that every ledger passes, over a sound network and over bad ones.

use crate::{
    stand_in::StandIn,
    wire::{Loss, Wire, is_write},
};
use headrig_ledger::conformance;

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
