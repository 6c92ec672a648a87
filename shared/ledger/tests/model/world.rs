//! A state of the model: the ledger's contents, the lake, the runs that live, and what may still go wrong.
//!
//! Time is taken out: every time in the ledger is 0, and a step that needs time to have passed (a lease that
//! ended, a rest that is over) may be taken whenever it is possible at all. So each speed of each clock is tried.

use headrig_contract::{ByteLength, ContentHash, ObjectKey, UnixMicros};
use headrig_ledger::{
    Attempt, Batch, BatchId, BatchPhase, BatchSize, BatchState, Claim, FileFacts, FilePhase, FileState,
    LineCounts, Policy, RunId, Version, memory::Contents,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

pub(crate) const NOW: UnixMicros = UnixMicros(0);
pub(crate) const COUNTS: LineCounts = LineCounts { lines: 1, events: 1, rows: 1, dropped_by_rule: 0 };
/// A batch's rows go to as many files of the lake as it has partitions; two are enough for one to be missing.
const PARTITIONS: usize = 2;

/// What one test explores, bounds included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) protocol: Protocol,
    pub(crate) files: usize,
    pub(crate) batch_size: usize,
    /// Sealed batches that one run may carry.
    pub(crate) batches_per_run: usize,
    /// Runs under way at once, as the admission counts them.
    pub(crate) runs_max: usize,
    pub(crate) failures_max: u32,
    /// Things that go wrong on one path: crashes, lost answers, leases that end too early, deaths, throttling.
    pub(crate) faults_max: u8,
    /// Quarantined files that are put back on one path.
    pub(crate) replays_max: u8,
    /// Files that kill every run that reads them.
    pub(crate) poison: &'static [usize],
    /// Files that a run can tell to be unreadable, and sets aside.
    pub(crate) damaged: &'static [usize],
}

/// The protocol as it is, or broken in one point to see that the checker would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Real,
    /// A run that is refused goes on all the same.
    ClaimDropped,
    /// A run's files have names of their own, as with Spark's append.
    Appending,
    /// An exhausted batch is taken apart while a run that claimed it may live.
    HastyIsolation,
    /// Nobody acts on a lease that has ended.
    Sweepless,
    /// Whether a damaged file is set aside depends on more than its bytes, as where it was missing for a while.
    WhimsicalOutcomes,
}

/// A state, with the digest of its canonical form.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) digest: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) ledger: Contents,
    /// What the lake's files hold: visible as soon as it is written, as to any engine that lists the folder.
    pub(crate) lake: BTreeMap<LakeKey, BTreeSet<ContentHash>>,
    pub(crate) tickets: BTreeSet<Ticket>,
    pub(crate) runs: BTreeSet<Run>,
    /// Poisonous files that were mended when they were replayed.
    pub(crate) mended: BTreeSet<ContentHash>,
    pub(crate) faults_left: u8,
    pub(crate) replays_left: u8,
}

/// The name of a file in the lake. `run` is none in the real protocol: the name is a function of the batch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LakeKey {
    pub(crate) batch: BatchId,
    pub(crate) partition: usize,
    pub(crate) run: Option<RunId>,
}

/// Batches that were started, and whoever started them is about to ask the engine for their run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ticket {
    pub(crate) batches: Vec<(BatchId, Attempt)>,
    /// Runs that came of it though no answer did.
    pub(crate) launched: u8,
}

/// A run that lives, be it counted on or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Run {
    pub(crate) id: RunId,
    /// What it still has to do; the first is what it is at.
    pub(crate) loads: Vec<(BatchId, Attempt)>,
    pub(crate) stage: Stage,
}

/// How far a run is with its first load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It has not heard that the batch is its own.
    Started,
    /// It owns it, as far as it knows, and has written that many of the partitions.
    Writing { partitions: usize },
    /// It has written everything; only the commit is missing.
    Written,
}

impl Bounds {
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            batch_size: BatchSize::new(self.batch_size).unwrap(),
            failures_max: self.failures_max,
            batches_per_run_max: self.batches_per_run,
            ..Policy::cloud()
        }
    }

    pub(crate) fn is_poison(&self, world: &World, file: ContentHash) -> bool {
        !world.mended.contains(&file) && self.poison.iter().any(|number| facts(*number).hash == file)
    }

    pub(crate) fn is_damaged(&self, file: ContentHash) -> bool {
        self.damaged.iter().any(|number| facts(*number).hash == file)
    }

    /// The start of everything: the objects lie in the bucket, and nobody knows of them.
    pub(crate) fn world(&self) -> World {
        World {
            ledger: Contents::default(),
            lake: BTreeMap::new(),
            tickets: BTreeSet::new(),
            runs: BTreeSet::new(),
            mended: BTreeSet::new(),
            faults_left: self.faults_max,
            replays_left: self.replays_max,
        }
    }
}

impl State {
    pub(crate) fn of(mut world: World) -> Self {
        world.canonicalise();
        let mut hasher = DefaultHasher::new();
        world.hash(&mut hasher);
        Self { digest: hasher.finish(), world }
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.digest.hash(hasher);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.world == other.world
    }
}

impl Run {
    pub(crate) fn batch(&self) -> BatchId {
        self.loads[0].0
    }

    pub(crate) fn claim(&self) -> Claim {
        Claim { attempt: self.loads[0].1, run: self.id.clone() }
    }

    /// The same run, come to its next load, if there is one.
    pub(crate) fn at_next_load(&self) -> Option<Self> {
        let loads = self.loads[1..].to_vec();
        (!loads.is_empty()).then(|| Self { loads, stage: Stage::Started, id: self.id.clone() })
    }
}

impl World {
    /// Whether nothing is under way and every one of the files has come to its end.
    pub(crate) fn is_settled(&self, files: usize) -> bool {
        let has_ended = |phase| matches!(phase, FilePhase::Done | FilePhase::Quarantined);
        self.ledger.files.len() == files
            && self.ledger.files.values().all(|file| has_ended(file.state.phase()))
            && self.runs.is_empty()
            && self.tickets.is_empty()
    }

    /// Whether a live run may still act on that attempt.
    pub(crate) fn is_carried(&self, batch: BatchId, attempt: Attempt) -> bool {
        let is_in = |loads: &[(BatchId, Attempt)]| loads.contains(&(batch, attempt));
        self.runs.iter().any(|run| is_in(&run.loads))
            || self.tickets.iter().any(|ticket| is_in(&ticket.batches))
    }

    /// Whether `other` is the same but for the faults that are still to come.
    pub(crate) fn differs_only_in_faults(&self, other: &Self) -> bool {
        let Self { ledger, lake, tickets, runs, mended, faults_left: _, replays_left } = self;
        (ledger, lake, tickets, runs, mended, replays_left)
            == (&other.ledger, &other.lake, &other.tickets, &other.runs, &other.mended, &other.replays_left)
    }

    pub(crate) fn is_alive(&self, run: &RunId) -> bool {
        self.runs.iter().any(|alive| alive.id == *run)
    }

    /// Takes away what no step depends on, so that states which behave alike are one.
    fn canonicalise(&mut self) {
        let referred: BTreeSet<BatchId> = (self.runs.iter().flat_map(|run| run.loads.iter()))
            .chain(self.tickets.iter().flat_map(|ticket| ticket.batches.iter()))
            .map(|(batch, _)| *batch)
            .collect();
        for file in self.ledger.files.values_mut() {
            (file.since, file.first_seen) = (NOW, NOW);
            if let FileState::Quarantined { reason, .. } = &mut file.state {
                reason.clear();
            }
        }
        for batch in self.ledger.batches.values_mut() {
            timeless(batch);
            let is_finished = matches!(batch.state.phase(), BatchPhase::Committed | BatchPhase::Split);
            if is_finished && !referred.contains(&batch.id) {
                (batch.attempt, batch.failures) = (Attempt(0), 0);
                if let BatchState::Committed { owner, .. } = &mut batch.state {
                    *owner = None;
                }
            }
        }
    }
}

/// Within one step versions rise and are compared; between steps they say nothing.
fn timeless(batch: &mut Batch) {
    (batch.version, batch.sealed_at, batch.changed, batch.failure) = (Version(0), NOW, NOW, None);
    match &mut batch.state {
        BatchState::Sealed { not_before: time }
        | BatchState::Starting { lease_until: time, .. }
        | BatchState::Running { lease_until: time, .. }
        | BatchState::Exhausted { since: time }
        | BatchState::Committed { at: time, .. }
        | BatchState::Split { at: time } => *time = NOW,
    }
}

pub(crate) fn facts(number: usize) -> FileFacts {
    let key = ObjectKey::parse(&format!("file-{number}")).unwrap();
    FileFacts { hash: ContentHash::of(key.as_str().as_bytes()), key, size: ByteLength(1) }
}

/// The partition that a file's rows go to.
fn partition_of(file: ContentHash) -> usize {
    usize::from(file.as_bytes()[0]) % PARTITIONS
}

/// The partitions of a batch and which of its members each holds.
pub(crate) fn partitions(
    members: impl IntoIterator<Item = ContentHash>,
) -> Vec<(usize, BTreeSet<ContentHash>)> {
    let mut partitions: BTreeMap<usize, BTreeSet<ContentHash>> = BTreeMap::new();
    for member in members {
        partitions.entry(partition_of(member)).or_default().insert(member);
    }
    partitions.into_iter().collect()
}
