//! Every order in which two batches with two runs each, a run that goes on after it was given up, and two compactions
//! with the catalog and a cleaner can take their steps over one partition of a closed day.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

const PARTITION: &str = "logs/day=21";
const DAY: Day = Day(21);
const BATCHES: usize = 2;
const ATTEMPTS: usize = 2;
const COMPACTIONS: usize = 2;

/// What a rule may be left out of the model to show that it is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    /// A commit is let in whatever the layout.
    CommitCheck,
    /// A switch does not mind late commits.
    LateCheck,
    /// A run asks where to write when it writes, not once after its claim.
    Pinning,
    /// A generation lies in the partition's own folder.
    Generations,
    /// A compaction that begins leaves the epoch as it is.
    Fencing,
}

/// A run of a batch: not begun, claimed with what it read, or ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Run {
    Idle,
    Claimed(Layout),
    Ended,
}

/// A compaction: not begun; holding a layout, before its plan or behind its switch; planned: by what, which batches,
/// and whether the generation is written; ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Compactor {
    Idle,
    Begun(Layout),
    Planned(Layout, BTreeSet<usize>, bool),
    Switched(Layout),
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct World {
    layout: Layout,
    /// Where the catalog sends readers.
    catalog: String,
    /// Files: location and name, and the batches whose rows they hold.
    files: BTreeMap<(String, String), BTreeSet<usize>>,
    runs: [[Run; ATTEMPTS]; BATCHES],
    /// The attempt that owns the batch, if any claimed it.
    owner: [Option<usize>; BATCHES],
    committed: [bool; BATCHES],
    compactors: [Compactor; COMPACTIONS],
}

/// Where the partition's files lie. There is one partition, so the list of generations is its generation.
fn location(layout: &Layout) -> String {
    layout.generations.map_or_else(|| PARTITION.into(), |generation| format!("compacted/{generation}"))
}

/// The generation that is made of these batches' rows where they lie.
fn generation(layout: &Layout, batches: &BTreeSet<usize>) -> ContentHash {
    ContentHash::of(format!("{}+{batches:?}", location(layout)).as_bytes())
}

impl World {
    fn new() -> Self {
        let layout = Layout::default();
        Self {
            catalog: location(&layout),
            layout,
            files: BTreeMap::new(),
            runs: std::array::from_fn(|_| std::array::from_fn(|_| Run::Idle)),
            owner: [None; BATCHES],
            committed: [false; BATCHES],
            compactors: std::array::from_fn(|_| Compactor::Idle),
        }
    }

    /// How often a reader sees each batch's row now.
    fn seen(&self) -> [usize; BATCHES] {
        let mut seen = [0; BATCHES];
        let read = self.files.iter().filter(|((location, _), _)| *location == self.catalog);
        read.flat_map(|(_, batches)| batches).for_each(|batch| seen[*batch] += 1);
        seen
    }

    fn next(&self, without: Without) -> Vec<Self> {
        let mut worlds = Vec::new();
        for batch in 0..BATCHES {
            (0..ATTEMPTS).for_each(|attempt| self.run(batch, attempt, without, &mut worlds));
        }
        (0..COMPACTIONS).for_each(|at| self.compact(at, without, &mut worlds));
        worlds
    }

    fn run(&self, batch: usize, attempt: usize, without: Without, worlds: &mut Vec<Self>) {
        let mut world = self.clone();
        match &self.runs[batch][attempt] {
            // The second attempt claims when the first was given up, which it need not know.
            Run::Idle
                if self.committed[batch] || attempt > self.owner[batch].map_or(0, |owner| owner + 1) => {}
            Run::Idle => {
                world.owner[batch] = Some(attempt.max(self.owner[batch].unwrap_or(0)));
                let read = Run::Claimed(self.layout);
                world.runs[batch][attempt] =
                    if world.owner[batch] == Some(attempt) { read } else { Run::Ended };
                worlds.push(world);
            }
            Run::Claimed(read) => {
                // It may write at any time, as often as it likes, whatever became of its batch.
                let target = location(if without == Without::Pinning { &self.layout } else { read });
                let name = format!("batch-{batch}");
                world.files.insert((target.clone(), name.clone()), [batch].into());
                worlds.push(world.clone());
                // It commits what it wrote.
                let has_written = self.files.contains_key(&(target, name));
                if has_written && self.owner[batch] == Some(attempt) && !self.committed[batch] {
                    let mut world = self.clone();
                    match self.layout.admit(&read.placed([DAY])) {
                        Ok(layout) => world.layout = layout,
                        Err(_) if without == Without::CommitCheck => {}
                        Err(_) => world.runs[batch][attempt] = Run::Ended,
                    }
                    world.committed[batch] = world.runs[batch][attempt] != Run::Ended;
                    worlds.push(world);
                }
            }
            Run::Ended => {}
        }
    }

    fn compact(&self, at: usize, without: Without, worlds: &mut Vec<Self>) {
        let mut world = self.clone();
        match &self.compactors[at] {
            Compactor::Idle => {
                let next = self.layout.begun(Day(DAY.0 + 1));
                let is_first = self.layout == Layout::default();
                world.layout = if without == Without::Fencing && !is_first { self.layout } else { next };
                world.compactors[at] = Compactor::Begun(world.layout);
                worlds.push(world);
            }
            Compactor::Begun(held) => {
                self.tidy(held, worlds);
                self.plan(at, held, worlds);
            }
            Compactor::Planned(held, batches, false) => {
                let name = generation(held, batches);
                let location = match without {
                    Without::Generations => self.catalog.clone(),
                    _ => location(&held.switched(name)),
                };
                world.files.insert((location, format!("compact-{name}")), batches.clone());
                world.compactors[at] = Compactor::Planned(*held, batches.clone(), true);
                worlds.push(world);
            }
            Compactor::Planned(held, batches, true) => {
                let is_as_read = match without {
                    Without::LateCheck => held.epoch == self.layout.epoch,
                    _ => held.reading() == self.layout.reading(),
                };
                world.compactors[at] = Compactor::Ended;
                if is_as_read {
                    world.layout =
                        Layout { late: self.layout.late, ..held.switched(generation(held, batches)) };
                    world.compactors[at] = Compactor::Switched(world.layout);
                }
                worlds.push(world);
            }
            Compactor::Switched(held) => self.tidy(held, worlds),
            Compactor::Ended => {}
        }
    }

    fn plan(&self, at: usize, held: &Layout, worlds: &mut Vec<Self>) {
        // What was committed late since it began is in the listing and not in its reading; it reads again first.
        let held = if held.epoch == self.layout.epoch { self.layout } else { *held };
        let from = location(&held);
        let here = self.files.iter().filter(|((file, _), _)| *file == from);
        let batches: BTreeSet<usize> =
            here.flat_map(|(_, batches)| batches).copied().filter(|batch| self.committed[*batch]).collect();
        if !batches.is_empty() {
            let mut world = self.clone();
            world.compactors[at] = Compactor::Planned(held, batches, false);
            worlds.push(world);
        }
    }

    /// Whoever holds the layout lets the catalog follow it, and then removes what lies elsewhere.
    fn tidy(&self, held: &Layout, worlds: &mut Vec<Self>) {
        if held.epoch != self.layout.epoch {
            return;
        }
        let mut world = self.clone();
        match location(&self.layout) {
            location if self.catalog != location => world.catalog = location,
            location => world.files.retain(|(file, _), _| *file == location),
        }
        worlds.push(world);
    }

    /// What is wrong with it, coming from the world `before`.
    fn wrong(&self, before: &Self) -> Option<String> {
        let (seen, seen_before) = (self.seen(), before.seen());
        let follows = self.catalog == location(&self.layout);
        (0..BATCHES).find_map(|batch| {
            let was_there = before.committed[batch] && seen_before[batch] > 0;
            match seen[batch] {
                0 if was_there => Some(format!("batch {batch} was there and is gone")),
                0 if self.committed[batch] && follows => Some(format!("batch {batch} is missing")),
                0 | 1 => None,
                times => Some(format!("batch {batch} is there {times} times")),
            }
        })
    }
}

/// Looks at every world that can be reached; how many there are, or the first that is wrong.
fn explore(without: Without) -> Result<usize, String> {
    let mut known = BTreeSet::from([World::new()]);
    let mut open = vec![World::new()];
    while let Some(world) = open.pop() {
        for next in world.next(without) {
            if let Some(wrong) = next.wrong(&world) {
                return Err(format!("{wrong}\nbefore {world:#?}\nafter {next:#?}"));
            }
            if known.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    let compacted_twice =
        known.iter().any(|world| world.layout.epoch >= Epoch(4) && world.committed == [true; BATCHES]);
    assert!(compacted_twice || without != Without::Nothing, "the model does not reach what it is for");
    Ok(known.len())
}

#[test]
fn readers_see_every_committed_row_once_whatever_the_order_of_steps() {
    let worlds = explore(Without::Nothing).unwrap();
    println!("{worlds} worlds");
    assert!(worlds > 1_000, "{worlds}");
}

#[test]
fn without_any_of_the_rules_they_would_not() {
    for (without, rule) in [
        (Without::CommitCheck, "the check at commit"),
        (Without::LateCheck, "the check for late commits"),
        (Without::Pinning, "one reading after the claim"),
        (Without::Generations, "a location of its own"),
        (Without::Fencing, "an epoch for each compaction"),
    ] {
        assert!(explore(without).is_err(), "nothing goes wrong without {rule}");
    }
}

#[test]
fn rows_of_open_days_are_let_in_whatever_was_compacted() {
    let read = Layout::default();
    let layout = read.begun(Day(20));
    assert_eq!(layout.admit(&read.placed([Day(21), Day(20)])).unwrap(), layout);
    assert_eq!(layout.admit(&read.placed([])).unwrap(), layout);
    let refused = layout.admit(&read.placed([Day(21), Day(19)])).unwrap_err();
    let expect = LedgerError::Overtaken { expected: Epoch(0), found: Some(Epoch(1)) };
    assert_eq!(refused.to_string(), expect.to_string());
    let late = layout.admit(&layout.placed([Day(19)])).unwrap();
    assert_eq!((late.late, late.epoch), (1, layout.epoch));
}
