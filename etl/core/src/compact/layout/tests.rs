//! Every order in which two batches with two runs each, a run that goes on after it was given up, two compactions, the
//! catalog and a cleaner can take their steps over one partition of a closed day.

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
}

/// A run of a batch: not begun, claimed with what it read and where it is to write, or ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Run {
    Idle,
    Claimed(Reading, String),
    Ended,
}

/// A compaction: not begun; planned: by what, from where, which batches; ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Compactor {
    Idle,
    Planned(Reading, String, BTreeSet<usize>),
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

impl World {
    fn new() -> Self {
        let mut layout = Layout::default();
        layout.close(Day(DAY.0 + 1));
        Self {
            catalog: layout.location(PARTITION),
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
        // The catalog follows the layout, and the cleaner removes what lies where neither of them points.
        let location = self.layout.location(PARTITION);
        if self.catalog != location {
            worlds.push(Self { catalog: location, ..self.clone() });
        } else {
            let mut world = self.clone();
            world.files.retain(|(location, _), _| *location == self.catalog);
            worlds.push(world);
        }
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
                let read = Run::Claimed(self.layout.reading(), self.layout.location(PARTITION));
                world.runs[batch][attempt] =
                    if world.owner[batch] == Some(attempt) { read } else { Run::Ended };
                worlds.push(world);
            }
            Run::Claimed(reading, location) => {
                // It may write at any time, as often as it likes, whatever became of its batch.
                let now = self.layout.location(PARTITION);
                let target = if without == Without::Pinning { &now } else { location };
                let name = format!("batch-{batch}");
                world.files.insert((target.clone(), name.clone()), [batch].into());
                worlds.push(world.clone());
                // It commits what it wrote.
                let has_written = self.files.contains_key(&(target.clone(), name));
                if has_written && self.owner[batch] == Some(attempt) && !self.committed[batch] {
                    let mut world = self.clone();
                    let is_let_in = world.layout.commit(*reading, [DAY]).is_ok();
                    world.committed[batch] = is_let_in || without == Without::CommitCheck;
                    if !world.committed[batch] {
                        world.runs[batch][attempt] = Run::Ended;
                    }
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
                let location = self.layout.location(PARTITION);
                let here = self.files.iter().filter(|((file, _), _)| *file == location);
                let batches: BTreeSet<usize> = here
                    .flat_map(|(_, batches)| batches)
                    .copied()
                    .filter(|batch| self.committed[*batch])
                    .collect();
                if !batches.is_empty() {
                    world.compactors[at] = Compactor::Planned(self.layout.reading(), location, batches);
                    worlds.push(world);
                }
            }
            Compactor::Planned(reading, from, batches) => {
                let generation = format!("{from}+{batches:?}");
                let mut to = self.layout.clone();
                let switched = to.switch(*reading, (PARTITION, DAY), &generation);
                let mut late_ignored = self.layout.clone();
                let reading = Reading { late: self.layout.late, ..*reading };
                let switched = match without {
                    Without::LateCheck => {
                        late_ignored.switch(reading, (PARTITION, DAY), &generation).map(|()| late_ignored)
                    }
                    _ => switched.map(|()| to),
                };
                world.compactors[at] = Compactor::Ended;
                if let Ok(layout) = switched {
                    // It has written before; nobody looks there before the switch, so the order needs no step.
                    let location = match without {
                        Without::Generations => self.catalog.clone(),
                        _ => layout.location(PARTITION),
                    };
                    world.files.insert((location, format!("compact-{generation}")), batches.clone());
                    world.layout = layout;
                }
                worlds.push(world);
            }
            Compactor::Ended => {}
        }
    }

    /// What is wrong with it, coming from the world `before`.
    fn wrong(&self, before: &Self) -> Option<String> {
        let (seen, seen_before) = (self.seen(), before.seen());
        let follows = self.catalog == self.layout.location(PARTITION);
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
    let compacted_twice = known
        .iter()
        .any(|world| world.layout.epoch >= 3 && world.committed.iter().all(|committed| *committed));
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
    ] {
        assert!(explore(without).is_err(), "nothing goes wrong without {rule}");
    }
}

#[test]
fn rows_of_open_days_are_let_in_whatever_was_compacted() {
    let mut layout = Layout::default();
    let reading = layout.reading();
    layout.close(Day(20));
    assert_eq!(layout.commit(reading, [Day(20), Day(21)]), Ok(()));
    assert_eq!(layout.late, 0);
    let refused = layout.commit(reading, [Day(19), Day(21)]);
    assert_eq!(refused, Err(Overtaken::Epoch { expected: 0, found: 1 }));
    assert_eq!(layout.switch(layout.reading(), ("p", Day(20)), "g"), Err(Overtaken::Open));
    assert_eq!(layout.switch(layout.reading(), ("p", Day(19)), "g"), Ok(()));
    assert_eq!((layout.location("p").as_str(), layout.location("q").as_str()), ("compacted/g/p", "q"));
}
