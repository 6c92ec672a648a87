//! What must hold in every state, and what must be seen in some.

use crate::{
    Pipeline,
    world::{Stage, State, World},
};
use headrig_contract::ContentHash;
use headrig_ledger::{Batch, BatchPhase, FileRecord, FileState};
use stateright::Property;

/// Something said of a state.
type Claim = (&'static str, fn(&World) -> bool);

/// Everything that must hold in every state.
pub(crate) const ALWAYS: [Claim; 6] = [
    ("no file is in two committed batches", no_file_is_committed_twice),
    ("no row is in the lake twice", no_row_is_twice_in_the_lake),
    ("the rows of a file are in the lake once it is done", done_files_are_in_the_lake),
    ("no row of a quarantined file is in the lake", quarantined_files_are_not_in_the_lake),
    (
        "the files of a committed batch are done or quarantined, those of an open one in it",
        files_follow_batches,
    ),
    ("one run owns a batch", one_owner),
];

/// What shows that the search gets to where it hurts. Which of them can be depends on the bounds.
pub(crate) const SOMETIMES: [Claim; 4] = [
    ("two runs of one attempt live", two_runs_of_one_attempt),
    ("a run writes whose batch was taken from it", a_zombie_writes),
    ("a file is quarantined because it kills its readers", a_file_is_condemned),
    ("a batch gives way to batches of one", |world| batches(world, BatchPhase::Split).next().is_some()),
];

/// The claims as properties for the checker; it wants plain functions, so each is found by its name.
pub(crate) fn properties(sometimes: bool) -> Vec<Property<Pipeline>> {
    let [a, b, c, d, e, f] = ALWAYS.map(|(name, _)| name);
    let mut all = vec![
        Property::always(a, |_, state: &State| ALWAYS[0].1(&state.world)),
        Property::always(b, |_, state: &State| ALWAYS[1].1(&state.world)),
        Property::always(c, |_, state: &State| ALWAYS[2].1(&state.world)),
        Property::always(d, |_, state: &State| ALWAYS[3].1(&state.world)),
        Property::always(e, |_, state: &State| ALWAYS[4].1(&state.world)),
        Property::always(f, |_, state: &State| ALWAYS[5].1(&state.world)),
    ];
    if sometimes {
        all.extend([
            Property::sometimes(SOMETIMES[0].0, |_, state: &State| SOMETIMES[0].1(&state.world)),
            Property::sometimes(SOMETIMES[1].0, |_, state: &State| SOMETIMES[1].1(&state.world)),
            Property::sometimes(SOMETIMES[2].0, |_, state: &State| SOMETIMES[2].1(&state.world)),
            Property::sometimes(SOMETIMES[3].0, |_, state: &State| SOMETIMES[3].1(&state.world)),
        ]);
    }
    all
}

fn batches(world: &World, phase: BatchPhase) -> impl Iterator<Item = &Batch> {
    world.ledger.batches.values().filter(move |batch| batch.state.phase() == phase)
}

/// How often a file's rows are in the lake.
fn copies(world: &World, file: ContentHash) -> usize {
    world.lake.values().filter(|rows| rows.contains(&file)).count()
}

fn no_file_is_committed_twice(world: &World) -> bool {
    world.ledger.files.values().all(|file| {
        // Each replay of a quarantined file may end in one more batch; without one it is one.
        let rounds = usize::try_from(file.round.0).unwrap() + 1;
        batches(world, BatchPhase::Committed).filter(|batch| batch.members.contains(&file.hash)).count()
            <= rounds
    })
}

fn no_row_is_twice_in_the_lake(world: &World) -> bool {
    world.ledger.files.keys().all(|file| copies(world, *file) <= 1)
}

fn done_files_are_in_the_lake(world: &World) -> bool {
    world.ledger.files.values().all(|file| match file.state {
        FileState::Done { batch, .. } => {
            world.lake.iter().any(|(key, rows)| key.batch == batch && rows.contains(&file.hash))
        }
        _ => true,
    })
}

fn quarantined_files_are_not_in_the_lake(world: &World) -> bool {
    let is_quarantined = |file: &&FileRecord| matches!(file.state, FileState::Quarantined { .. });
    world.ledger.files.values().filter(is_quarantined).all(|file| copies(world, file.hash) == 0)
}

fn files_follow_batches(world: &World) -> bool {
    let has_ended = |file: &FileRecord, batch: &Batch| match &file.state {
        FileState::Done { batch: of, .. } => *of == batch.id || file.round.0 > 0,
        FileState::Quarantined { batch: of, .. } => *of == Some(batch.id) || file.round.0 > 0,
        // It was put back, and is on its way again.
        FileState::Pending | FileState::Batched { .. } => file.round.0 > 0,
    };
    let files = &world.ledger.files;
    world.ledger.batches.values().all(|batch| {
        batch.members.iter().all(|member| match batch.state.phase() {
            BatchPhase::Split => true,
            BatchPhase::Committed => has_ended(&files[member], batch),
            _ => files[member].state == FileState::Batched { batch: batch.id },
        })
    })
}

fn one_owner(world: &World) -> bool {
    let owning: Vec<_> =
        world.runs.iter().filter(|run| run.stage != Stage::Started).map(|run| run.loads[0]).collect();
    (0..owning.len()).all(|index| !owning[index + 1..].contains(&owning[index]))
}

fn two_runs_of_one_attempt(world: &World) -> bool {
    let loads: Vec<_> = world.runs.iter().map(|run| run.loads[0]).collect();
    (0..loads.len()).any(|index| loads[index + 1..].contains(&loads[index]))
}

fn a_zombie_writes(world: &World) -> bool {
    world.runs.iter().any(|run| {
        let batch = &world.ledger.batches[&run.batch()];
        run.stage == Stage::Written
            && !batch.is_owned_by(&run.claim())
            && !batch.is_committed_by(&run.claim())
    })
}

fn a_file_is_condemned(world: &World) -> bool {
    batches(world, BatchPhase::Committed).any(|batch| {
        let [only] = batch.members[..] else { return false };
        matches!(world.ledger.files[&only].state, FileState::Quarantined { .. })
    })
}
