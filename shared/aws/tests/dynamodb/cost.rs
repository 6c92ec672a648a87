//! What the steady state asks of DynamoDB.

use crate::{protocol::facts, stand_in::StandIn, wire::Wire};
use headrig_contract::UnixMicros;
use headrig_ledger::{Claim, Day, Ledger, LineCounts, Outcome, Policy, protocol};

/// One call of the Lambda for each object, and one run for each batch that this fills.
#[test]
fn an_object_costs_at_most_two_write_calls() {
    let Some(stand_in) = StandIn::start() else { return };
    let wire = Wire::sound();
    let ledger = stand_in.ledger(&wire);
    let policy = Policy::cloud();
    let now = UnixMicros::from_seconds(1_000);
    let objects = 50_u32;
    let mut committed = 0;
    for number in 0..objects {
        protocol::ingest(&ledger, &[facts(number)], now).unwrap();
        protocol::seal_ready(&ledger, now, &policy, false).unwrap();
        let Some(batch) = protocol::start_next(&ledger, now, &policy).unwrap() else { continue };
        let ticket = Claim { attempt: batch.attempt, run: format!("jr_{number}").parse().unwrap() };
        protocol::record_run(&ledger, batch.id, &ticket, now).unwrap();
        protocol::claim(&ledger, batch.id, &ticket, now, &policy).unwrap();
        let outcomes: Vec<_> =
            batch.members.iter().map(|hash| (*hash, Outcome::Done(LineCounts::default()))).collect();
        // As the job does: the layout is read, and the commit held to it.
        let placed = ledger.layout().unwrap().placed([Day(20_000)]);
        protocol::commit_placed(&ledger, batch.id, &ticket, &outcomes, &placed, now).unwrap();
        committed += outcomes.len();
    }
    assert_eq!(committed, objects as usize, "everything is committed");
    let per_object = wire.writes() as f64 / f64::from(objects);
    println!("{per_object} write calls for each object; all requests: {:?}", wire.requests());
    assert!(per_object <= 2.0, "{per_object} write calls for each object");
}
