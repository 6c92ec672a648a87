//! The protocol under a model checker: every state that can be reached within the named bounds is looked at.
//!
//! The steps are the real protocol over the real in-memory ledger; the model adds the lake, the engine's runs
//! and what goes wrong: events lost, doubled and reordered, crashes between any two writes, answers that are
//! lost, leases that end too early, double starts, zombies, throttling, poisonous and damaged files. What
//! comes between the reading and the writing of one protocol call is the business of `tests/interleavings`.
//!
//! The last tests break the protocol in one point each and expect the checker to notice.
#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]

mod claims;
mod graph;
mod moves;
mod world;

use claims::{ALWAYS, SOMETIMES};
use graph::Graph;
use moves::Action;
use stateright::{Checker, HasDiscoveries, Model, Property};
use std::time::Instant;
use world::{Bounds, Protocol, State};

/// What the checker explores.
#[derive(Debug)]
struct Pipeline {
    bounds: Bounds,
    /// Whether to keep the graph, and to ask for what must be seen in some state.
    is_thorough: bool,
    graph: Graph,
}

impl Model for Pipeline {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::of(self.bounds.world())]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.graph.reach(state.digest, state.world.is_settled(self.bounds.files));
        actions.extend(moves::possible(&self.bounds, &state.world));
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let after = moves::after(&self.bounds, before, &action)?;
        if self.is_thorough
            && !action.is_fault(&self.bounds, &before.world)
            && !matches!(action, Action::Replay(_))
        {
            self.graph.lead(before.digest, after.digest);
        }
        Some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        claims::properties(self.is_thorough)
    }
}

const BOUNDS: Bounds = Bounds {
    protocol: Protocol::Real,
    files: 2,
    batch_size: 2,
    batches_per_run: 1,
    runs_max: 2,
    failures_max: 2,
    faults_max: 2,
    replays_max: 0,
    poison: &[],
    damaged: &[],
};

fn check(name: &str, bounds: Bounds, expect_seen: &[usize]) {
    let started = Instant::now();
    let pipeline = Pipeline { bounds, is_thorough: true, graph: Graph::default() };
    let checker = pipeline.checker().threads(2).spawn_bfs().join();
    for (claim, _) in ALWAYS {
        checker.assert_no_discovery(claim);
    }
    for index in expect_seen {
        checker.assert_any_discovery(SOMETIMES[*index].0);
    }
    let ends = checker.model().graph.assert_everything_settles();
    println!(
        "{name}: {} states, {} steps, depth {}, {ends} ends, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        started.elapsed().as_secs_f64()
    );
}

#[test]
fn good_files_and_four_faults() {
    check("two files, batches of two", Bounds { faults_max: 4, ..BOUNDS }, &[0, 1, 2, 3]);
}

#[test]
fn a_poisonous_and_a_damaged_file_in_batches_of_two() {
    let bounds = Bounds { files: 3, poison: &[0], damaged: &[1], runs_max: 1, ..BOUNDS };
    check("three files, batches of two, one kills its readers, one is damaged", bounds, &[0, 1, 2, 3]);
}

#[test]
fn files_that_are_put_back() {
    let bounds = Bounds { poison: &[0], damaged: &[1], replays_max: 2, faults_max: 2, ..BOUNDS };
    check("two files, poisonous and damaged, two replays", bounds, &[0, 1, 2, 3]);
}

#[test]
fn two_batches_in_one_run() {
    let bounds = Bounds { files: 3, batches_per_run: 2, poison: &[0], faults_max: 1, ..BOUNDS };
    check("three files, two batches of two in one run", bounds, &[0, 1, 2, 3]);
}

#[test]
fn a_batch_of_five_with_a_poisonous_file() {
    let bounds = Bounds { files: 5, batch_size: 5, poison: &[2], faults_max: 1, ..BOUNDS };
    check("five files, a batch of five, one poisonous", bounds, &[0, 1, 2, 3]);
}

/// The bounds under which each broken protocol is tried: those under which the real one holds.
const BROKEN: Bounds = Bounds { poison: &[0], ..BOUNDS };

/// Expects the checker to find a way to each of the claims that the broken protocol does not keep.
fn check_broken(protocol: Protocol, bounds: Bounds, claims: &[&'static str]) {
    let bounds = Bounds { protocol, ..bounds };
    let pipeline = Pipeline { bounds, is_thorough: false, graph: Graph::default() };
    let all = HasDiscoveries::AllOf(claims.iter().copied().collect());
    let checker = pipeline.checker().threads(2).finish_when(all).spawn_bfs().join();
    for claim in claims {
        let path = checker.assert_any_discovery(claim);
        println!("{protocol:?}: not so any more, that {claim}, after {} steps", path.into_actions().len());
    }
}

#[test]
fn the_real_protocol_holds_where_the_broken_ones_fail() {
    check("two files, one kills its readers", BROKEN, &[0, 1, 2, 3]);
}

#[test]
fn runs_that_go_on_without_owning_write_rows_twice() {
    let claims = ["one run owns a batch", "no row is in the lake twice"];
    check_broken(Protocol::ClaimDropped, BROKEN, &claims);
}

#[test]
fn appending_instead_of_overwriting_writes_rows_twice() {
    check_broken(Protocol::Appending, BOUNDS, &["no row is in the lake twice"]);
}

#[test]
fn taking_a_batch_apart_beside_a_living_run_writes_rows_twice() {
    check_broken(Protocol::HastyIsolation, BROKEN, &["no row is in the lake twice"]);
}

#[test]
fn outcomes_that_depend_on_more_than_the_bytes_leave_rows_of_quarantined_files() {
    let bounds = Bounds { damaged: &[1], ..BOUNDS };
    check_broken(Protocol::WhimsicalOutcomes, bounds, &["no row of a quarantined file is in the lake"]);
}

#[test]
#[should_panic(expected = "nothing is left to do and not all is done")]
fn without_a_sweep_something_waits_for_ever() {
    let bounds = Bounds { protocol: Protocol::Sweepless, ..BOUNDS };
    check("two files, no sweep", bounds, &[]);
}
