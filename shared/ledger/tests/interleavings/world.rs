//! Everything around the ledger: runs, the lake, the engine and the operator, on paper time. It does what
//! the sink, the job and their environment do, and keeps the books by which they are judged.

use headrig_contract::{ByteLength, ContentHash, ObjectKey, UnixMicros};
use headrig_ledger::{
    Attempt, Batch, BatchId, BatchPhase, BatchSize, Claim, FileFacts, FilePhase, FileState, Ledger,
    LineCounts, Outcome, Policy, ProtocolError, RunId,
    batch::Release,
    protocol::{self, RunFate},
};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

pub(crate) const FILES: u8 = 8;
/// How many rounds of everything bring any state to its end: each attempt of each file takes a few.
const DRAIN_ROUNDS_MAX: usize = 60;
const COUNTS: LineCounts = LineCounts { lines: 3, events: 2, rows: 2, dropped_by_rule: 0 };

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// An event tells of this file, perhaps again.
    Ingest(u8),
    Seal {
        flush: bool,
    },
    /// A batch is started, and as many runs come of it: none is a crash, two are a double start.
    Start {
        runs: u8,
    },
    /// The engine does not take the run.
    StartThrottled,
    /// The run that is chosen does its next step.
    Run(usize),
    Renew(usize),
    /// The run dies without a word.
    Die(usize),
    Wait {
        seconds: i64,
    },
    /// The sink looks for dead runs; it may ask the engine about them.
    Reconcile {
        asks_engine: bool,
    },
    /// An operator mends a quarantined file and replays it.
    Replay(u8),
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Started,
    Claimed,
    Written,
}

#[derive(Clone, Debug)]
pub(crate) struct Run {
    batch: BatchId,
    claim: Claim,
    stage: Stage,
}

/// All that is outside the ledger, as one process sees it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) policy: Policy,
    pub(crate) runs: Vec<Run>,
    runs_ever: u32,
    /// Files that kill the run that reads them.
    poison: BTreeSet<ContentHash>,
    /// What runs do, those of other processes included.
    pub(crate) outside: Rc<Outside>,
}

pub(crate) fn facts(number: u8) -> FileFacts {
    let key = ObjectKey::parse(&format!("file-{number}")).unwrap();
    FileFacts { hash: ContentHash::of(&[number]), key, size: ByteLength(1) }
}

/// What no process keeps to itself.
#[derive(Debug, Default)]
pub(crate) struct Outside {
    /// What is written: the name is a pure function of the batch, so a second writer changes nothing.
    lake: RefCell<BTreeMap<BatchId, BTreeSet<ContentHash>>>,
    /// Which run got which attempt of which batch.
    owners: RefCell<BTreeMap<(BatchId, Attempt), RunId>>,
    /// What time it is for everybody.
    now: Cell<UnixMicros>,
}

impl Outside {
    pub(crate) fn now(&self) -> UnixMicros {
        self.now.get()
    }

    /// A run was let through by its claim: it must be the only one.
    pub(crate) fn claimed(&self, batch: &Batch, claim: &Claim) {
        assert_eq!(batch.attempt, claim.attempt, "a zombie was let through");
        let mut owners = self.owners.borrow_mut();
        let owner = owners.entry((batch.id, claim.attempt)).or_insert_with(|| claim.run.clone());
        assert_eq!(*owner, claim.run, "two runs own {} at once", batch.id);
    }

    /// A run has written its batch.
    pub(crate) fn wrote(&self, batch: &Batch) {
        self.lake.borrow_mut().insert(batch.id, batch.members.iter().copied().collect());
    }

    /// A run was let through by its commit: it must be the owner.
    pub(crate) fn committed(&self, batch: &Batch, claim: &Claim) {
        let owners = self.owners.borrow();
        assert_eq!(owners.get(&(batch.id, batch.attempt)), Some(&claim.run), "a stranger committed");
    }
}

/// What a run tells of a batch all of whose members are good.
pub(crate) fn good_outcomes(batch: &Batch) -> Vec<(ContentHash, Outcome)> {
    batch.members.iter().map(|member| (*member, Outcome::Done(COUNTS))).collect()
}

impl World {
    pub(crate) fn new(batch_size: usize, poison: &BTreeSet<u8>) -> Self {
        let policy = Policy {
            batch_size: BatchSize::new(batch_size).unwrap(),
            lease: Duration::from_secs(60),
            ..Policy::local()
        };
        let poison = poison.iter().map(|number| facts(*number).hash).collect();
        Self { policy, runs: vec![], runs_ever: 0, poison, outside: Rc::default() }
    }

    /// Takes the step. Whoever meets a failing ledger goes away; somebody comes again later.
    pub(crate) fn step<L: Ledger>(&mut self, ledger: &L, step: &Step) -> Result<(), ProtocolError> {
        match *step {
            Step::Ingest(number) => protocol::ingest(ledger, &[facts(number)], self.now()).map(drop),
            Step::Seal { flush } => protocol::seal_ready(ledger, self.now(), &self.policy, flush).map(drop),
            Step::Start { runs } => self.start(ledger, runs).map(drop),
            Step::StartThrottled => self.start_throttled(ledger),
            Step::Run(number) => self.chosen(number).map_or(Ok(()), |index| self.run(ledger, index)),
            Step::Renew(number) => self.chosen(number).map_or(Ok(()), |index| {
                let Run { batch, claim, .. } = &self.runs[index];
                protocol::renew(ledger, *batch, claim, self.now(), &self.policy).map(drop)
            }),
            Step::Die(number) => {
                self.chosen(number).map(|index| self.runs.remove(index));
                Ok(())
            }
            Step::Wait { seconds } => {
                self.wait(seconds);
                Ok(())
            }
            Step::Reconcile { asks_engine } => self.reconcile(ledger, asks_engine),
            Step::Replay(number) => {
                self.poison.remove(&facts(number).hash);
                protocol::replay(ledger, facts(number).hash, self.now())
            }
        }
    }

    pub(crate) fn now(&self) -> UnixMicros {
        self.outside.now()
    }

    fn wait(&self, seconds: i64) {
        self.outside.now.set(self.now().saturating_add_micros(seconds * 1_000_000));
    }

    fn chosen(&self, number: usize) -> Option<usize> {
        number.checked_rem(self.runs.len())
    }

    pub(crate) fn start<L: Ledger>(&mut self, ledger: &L, runs: u8) -> Result<bool, ProtocolError> {
        let Some(batch) = protocol::start_next(ledger, self.now(), &self.policy)? else { return Ok(false) };
        let claims: Vec<_> = (0..runs)
            .map(|_| {
                self.runs_ever += 1;
                let run: RunId = format!("run-{}", self.runs_ever).parse().unwrap();
                Claim { attempt: batch.attempt, run }
            })
            .collect();
        self.runs.extend(claims.iter().map(|claim| Run {
            batch: batch.id,
            claim: claim.clone(),
            stage: Stage::Started,
        }));
        match claims.first() {
            Some(claim) => protocol::record_run(ledger, batch.id, claim, self.now()).map(|_| true),
            None => Ok(true),
        }
    }

    fn start_throttled<L: Ledger>(&mut self, ledger: &L) -> Result<(), ProtocolError> {
        let Some(batch) = protocol::start_next(ledger, self.now(), &self.policy)? else { return Ok(()) };
        let postponed = Release::Postponed { not_before: self.now().saturating_add_micros(5_000_000) };
        protocol::release(ledger, batch.id, (batch.attempt, None), &postponed, self.now(), &self.policy)
            .map(drop)
    }

    /// The run's next step: claim, write, commit. A refused run ends; one that met a failure tries again.
    fn run<L: Ledger>(&mut self, ledger: &L, index: usize) -> Result<(), ProtocolError> {
        let Run { batch, claim, stage } = self.runs[index].clone();
        let result = match stage {
            Stage::Started => protocol::claim(ledger, batch, &claim, self.now(), &self.policy)
                .map(|batch| self.outside.claimed(&batch, &claim)),
            Stage::Claimed => return self.write(ledger, index),
            Stage::Written => self.commit(ledger, batch, &claim),
        };
        match (&result, stage) {
            (Ok(()), Stage::Started) => self.runs[index].stage = Stage::Claimed,
            (Ok(()), _) | (Err(ProtocolError::Refused { .. }), _) => {
                self.runs.remove(index);
            }
            (Err(_), _) => {}
        }
        result
    }

    fn write<L: Ledger>(&mut self, ledger: &L, index: usize) -> Result<(), ProtocolError> {
        let Run { batch: id, claim, .. } = self.runs[index].clone();
        let batch = ledger.batch(id)?.expect("a claimed batch is known");
        // If it is poisoned the run dies half way: what it wrote stays.
        self.outside.wrote(&batch);
        if batch.members.iter().any(|member| self.poison.contains(member)) {
            self.runs.remove(index);
            let failed = Release::Failed { reason: "poisoned".into() };
            let attempt = (claim.attempt, Some(&claim.run));
            return protocol::release(ledger, id, attempt, &failed, self.now(), &self.policy).map(drop);
        }
        self.runs[index].stage = Stage::Written;
        Ok(())
    }

    fn commit<L: Ledger>(&self, ledger: &L, id: BatchId, claim: &Claim) -> Result<(), ProtocolError> {
        let outcomes = good_outcomes(&ledger.batch(id)?.expect("a claimed batch is known"));
        let batch = protocol::commit(ledger, id, claim, &outcomes, self.now())?;
        self.outside.committed(&batch, claim);
        Ok(())
    }

    fn reconcile<L: Ledger>(&mut self, ledger: &L, asks_engine: bool) -> Result<(), ProtocolError> {
        let alive: BTreeSet<_> = self.runs.iter().map(|run| run.claim.run.clone()).collect();
        let fate = |batch: &Batch| match batch.state.run() {
            Some(run) if asks_engine && !alive.contains(run) => RunFate::Failed { reason: "died".into() },
            _ => RunFate::Unknown,
        };
        let done = protocol::reconcile(ledger, self.now(), &self.policy, fate)?;
        for batch in done.exhausted {
            // What the port asks of the caller: no run of the batch lives, and nothing of it is in the lake.
            self.runs.retain(|run| run.batch != batch.id || run.stage == Stage::Started);
            self.outside.lake.borrow_mut().remove(&batch.id);
            protocol::isolate(ledger, batch.id, self.now())?;
        }
        Ok(())
    }

    /// Brings everything to its end with a ledger that does not fail, zombies and all.
    pub(crate) fn drain<L: Ledger>(&mut self, ledger: &L) {
        for _ in 0..DRAIN_ROUNDS_MAX {
            self.wait(1_200);
            self.step(ledger, &Step::Reconcile { asks_engine: true }).unwrap();
            self.step(ledger, &Step::Seal { flush: true }).unwrap();
            while self.start(ledger, 1).unwrap() {}
            for _ in 0..3 {
                for index in (0..self.runs.len()).rev() {
                    // A zombie is refused, which is as it should be.
                    let _ = self.run(ledger, index);
                }
            }
            check_invariants(ledger);
            let counts = ledger.counts().unwrap();
            if counts.is_drained() && self.runs.is_empty() {
                return;
            }
        }
        panic!("stuck: {:?}", ledger.counts());
    }

    pub(crate) fn check_lake<L: Ledger>(&self, ledger: &L) {
        for phase in FilePhase::ALL {
            for file in ledger.files(phase, None, usize::MAX).unwrap() {
                let lake = self.outside.lake.borrow();
                let copies = lake.values().filter(|members| members.contains(&file.hash)).count();
                let expect = usize::from(phase == FilePhase::Done);
                assert_eq!(copies, expect, "copies of file {} in the lake, which is {phase:?}", file.key);
                // A good file may be quarantined too, when three runs happened to die over it alone.
                let is_poison = self.poison.contains(&file.hash);
                assert!(phase != FilePhase::Done || !is_poison, "{} kills its readers", file.key);
            }
        }
    }
}

pub(crate) fn check_invariants<L: Ledger>(ledger: &L) {
    let batches: BTreeMap<BatchId, Batch> = BatchPhase::ALL
        .into_iter()
        .flat_map(|phase| ledger.batches(phase, None, usize::MAX).unwrap())
        .map(|batch| (batch.id, batch))
        .collect();
    let mut holders: BTreeMap<ContentHash, Vec<BatchId>> = BTreeMap::new();
    for file in FilePhase::ALL.into_iter().flat_map(|phase| ledger.files(phase, None, usize::MAX).unwrap()) {
        let batch = file.state.batch().map(|id| &batches[&id]);
        assert!(batch.is_none_or(|batch| batch.members.contains(&file.hash)), "{file:?} is in {batch:?}");
        let phase = batch.map(|batch| batch.state.phase());
        let fits = match file.state {
            FileState::Pending => phase.is_none(),
            FileState::Batched { .. } => !matches!(phase, Some(BatchPhase::Committed | BatchPhase::Split)),
            FileState::Done { .. } | FileState::Quarantined { .. } => phase == Some(BatchPhase::Committed),
        };
        assert!(fits, "{file:?} is in a batch that is {phase:?}");
        // A file that is done was done once.
        let history = ledger.file_history(file.hash).unwrap();
        let ends: Vec<_> = history.iter().filter(|event| event.phase == FilePhase::Done).collect();
        assert!(ends.len() <= 1, "{file:?} was done more than once: {history:?}");
        holders.entry(file.hash).or_default().extend(file.state.batch());
    }
    for batch in batches.values() {
        let is_finished = matches!(batch.state.phase(), BatchPhase::Committed | BatchPhase::Split);
        for member in &batch.members {
            assert!(is_finished || holders[member] == [batch.id], "{batch:?} lost member {member}");
        }
    }
}
