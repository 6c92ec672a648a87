//! The whole agent in a simulation that one number determines: the real core and shell over a fake disk, state
//! database, bucket and clock. Files are written, rotated, copied, truncated and compressed between any two
//! actions; the power fails, the disk fills, uploads end in any order. Every line that could be read is in
//! the bucket once, byte for byte.
//!
//! `cargo xtask sim --seeds N` runs more seeds, `cargo xtask sim --seed S` one of them with its trace.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]

mod agent;
mod bucket;
mod disk;
mod logs;
mod oracle;
mod power;
mod random;
mod state;
mod telling;
mod world;

use power::{Crash, Cut, Lie, Moment};
use telling::{report, tell, tell_all, tell_as_asked};
use world::Telling;

/// The seeds of a test of random stories.
const SEEDS: u64 = 400;
/// The stories that are told again with a crash at each of their durable actions.
const CALM_SEEDS: u64 = 6;
/// The seeds in which every lie has to be found out.
const LIE_SEEDS: u64 = 200;

#[test]
fn every_line_is_shipped_once_whatever_happens_1() {
    tell_all(0..SEEDS, 1);
}

#[test]
fn every_line_is_shipped_once_whatever_happens_2() {
    tell_all(SEEDS..2 * SEEDS, 1);
}

#[test]
fn every_line_is_shipped_once_whatever_happens_3() {
    tell_all(2 * SEEDS..3 * SEEDS, 1);
}

#[test]
fn every_line_is_shipped_once_whatever_happens_4() {
    tell_all(3 * SEEDS..4 * SEEDS, 1);
}

#[test]
fn a_process_killed_at_any_action_goes_on_where_it_was() {
    crash_everywhere(Crash::Kill);
}

#[test]
fn a_machine_without_power_at_any_action_goes_on_where_it_was() {
    crash_everywhere(Crash::Power);
}

/// A few stories, each told once to count its durable actions, and once more for every action and every place
/// in it where all can stop.
fn crash_everywhere(crash: Crash) {
    for seed in 0..CALM_SEEDS {
        let calm = Telling { seed, calm: true, ..Telling::default() };
        let Ok(told) = tell(&calm) else { return report(&calm) };
        assert_eq!(told.crashes, 1, "the story has no crash but the one before its last run");
        for at in 0..told.actions {
            for moment in [Moment::Before, Moment::Middle, Moment::After] {
                let telling = Telling { cut: Some(Cut { at, moment, crash }), ..calm };
                if tell(&telling).is_err() {
                    report(&telling);
                }
            }
        }
    }
}

#[test]
fn a_seed_determines_a_story() {
    for seed in 0..50 {
        let telling = Telling { seed, ..Telling::default() };
        assert_eq!(tell(&telling).ok(), tell(&telling).ok(), "seed {seed}");
    }
}

/// A simulation that cannot fail shows nothing: whatever promise the machine breaks, a story shows it.
fn finds(lie: Lie) {
    let found = (0..LIE_SEEDS)
        .find(|seed| tell(&Telling { seed: *seed, lie: Some(lie), ..Telling::default() }).is_err());
    println!("{lie:?} is found out by seed {found:?}");
    assert!(found.is_some(), "{lie:?} is not found out by any of {LIE_SEEDS} seeds");
}

#[test]
fn a_sync_of_files_that_does_nothing_is_found_out() {
    finds(Lie::FileSync);
}

#[test]
fn a_sync_of_folders_that_does_nothing_is_found_out() {
    finds(Lie::FolderSync);
}

#[test]
fn a_transaction_that_is_not_durable_is_found_out() {
    finds(Lie::StateCommit);
}

#[test]
fn offsets_that_move_before_their_chunk_is_recorded_are_found_out() {
    finds(Lie::TornSeal);
}

#[test]
fn a_chunk_that_goes_before_the_store_has_it_is_found_out() {
    finds(Lie::EarlyAck);
}

#[test]
fn an_object_taken_for_a_failure_since_it_is_there_already_is_found_out() {
    finds(Lie::PresentIsFailure);
}

#[test]
fn a_store_that_keeps_not_all_it_takes_is_found_out() {
    finds(Lie::Unstored);
}

#[test]
fn bytes_read_from_another_place_are_found_out() {
    finds(Lie::ShiftedRead);
}

#[test]
#[ignore = "cargo xtask sim asks for it"]
fn as_many_seeds_as_are_asked_for() {
    tell_as_asked();
}
