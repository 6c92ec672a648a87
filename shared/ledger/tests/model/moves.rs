//! What can happen next, and what comes of it: the real protocol's functions over the real in-memory ledger.

use crate::world::{
    Bounds, COUNTS, LakeKey, NOW, Protocol, Run, Stage, State, Ticket, World, facts, partitions,
};
use headrig_contract::{ContentHash, UnixMicros};
use headrig_ledger::{
    Attempt, Batch, BatchId, BatchPhase, BatchState, Claim, Fault, Faulty, FilePhase, MemoryLedger, Outcome,
    ProtocolError, RunId,
    batch::Release,
    protocol::{self, RunFate},
};

/// Before [`NOW`]: a lease that ended then has run out.
const PAST: UnixMicros = UnixMicros(-1);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// An event tells of the file, or the sweep finds it: early, late, again, in any order.
    Ingest(usize),
    /// Batches are sealed; on a flush smaller ones too. A crash comes after so many of them.
    Seal {
        flush: bool,
        crash_after: Option<u64>,
    },
    /// Batches are started for one run, that one first. The ledger fails after so many of them.
    Start {
        first: BatchId,
        fails_after: Option<u64>,
    },
    /// The engine starts the run; the starter notes it with so many of the batches before it crashes.
    Launch {
        ticket: Ticket,
        noted: usize,
    },
    /// The engine starts the run, but its answer is lost: the starter asks again, or gives up.
    LaunchUnheard(Ticket),
    GiveUp(Ticket),
    Throttle(Ticket),
    /// The starter crashes before it asks the engine.
    Abandon(Ticket),
    Claim {
        run: Run,
        heard: bool,
    },
    /// The run writes one more partition, reading a damaged file as it is or, on a whim, as whole.
    Write {
        run: Run,
        whim: bool,
    },
    Commit {
        run: Run,
        heard: bool,
    },
    Die(Run),
    /// The sweep acts on a lease that has ended; where the run lives on, it is a zombie from now on.
    Expire(BatchId),
    /// The sweep hears from the engine that the run has ended.
    NoticeEnd {
        batch: BatchId,
        interrupted: bool,
    },
    /// The lake is cleared of an exhausted batch, which is taken apart, unless a crash comes between.
    Isolate {
        batch: BatchId,
        crash: bool,
    },
    Replay(ContentHash),
}

impl Action {
    /// Whether something goes wrong by it. What is left is what is to happen if only nothing goes wrong any more.
    pub(crate) fn is_fault(&self, bounds: &Bounds, world: &World) -> bool {
        match self {
            // Files that take longer to arrive than a smaller batch is waited for are a nuisance at least.
            Self::Seal { flush: true, crash_after: None } => world.ledger.files.len() < bounds.files,
            Self::Seal { crash_after: it_is, .. } | Self::Start { fails_after: it_is, .. } => it_is.is_some(),
            Self::Launch { ticket, noted } => *noted < ticket.batches.len(),
            Self::Claim { heard, .. } | Self::Commit { heard, .. } => !heard,
            Self::Expire(id) => world.is_carried(*id, world.ledger.batches[id].attempt),
            Self::NoticeEnd { interrupted: it_is, .. } | Self::Isolate { crash: it_is, .. } => *it_is,
            Self::LaunchUnheard(_) | Self::Throttle(_) | Self::Abandon(_) | Self::Die(_) => true,
            Self::Ingest(_) | Self::GiveUp(_) | Self::Write { .. } | Self::Replay(_) => false,
        }
    }
}

/// Everything that can happen in `world`.
pub(crate) fn possible(bounds: &Bounds, world: &World) -> Vec<Action> {
    let mut all: Vec<_> = (0..bounds.files).map(Action::Ingest).collect();
    let pending = world.ledger.files.values().filter(|file| file.state.phase() == FilePhase::Pending).count();
    for flush in [false, true] {
        let batches = if flush { pending.div_ceil(bounds.batch_size) } else { pending / bounds.batch_size };
        all.extend((batches > 0).then_some(Action::Seal { flush, crash_after: None }));
        let crashes = (1..batches as u64).map(|after| Action::Seal { flush, crash_after: Some(after) });
        all.extend(crashes);
    }
    for batch in world.ledger.batches.values() {
        with_batch(bounds, world, batch, &mut all);
    }
    for ticket in &world.tickets {
        let heard = (0..=ticket.batches.len()).map(|noted| Action::Launch { ticket: ticket.clone(), noted });
        all.extend(heard);
        all.extend([Action::LaunchUnheard, Action::Throttle, Action::Abandon].map(|of| of(ticket.clone())));
        all.extend((ticket.launched > 0).then(|| Action::GiveUp(ticket.clone())));
    }
    for run in &world.runs {
        let steps = [true, false].map(|heard| {
            let run = run.clone();
            match run.stage {
                Stage::Started => Action::Claim { run, heard },
                Stage::Writing { .. } => Action::Write { run, whim: !heard },
                Stage::Written => Action::Commit { run, heard },
            }
        });
        all.extend(steps);
        all.push(Action::Die(run.clone()));
    }
    if world.replays_left > 0 {
        let files = world.ledger.files.values();
        let quarantined = files.filter(|file| file.state.phase() == FilePhase::Quarantined);
        all.extend(quarantined.map(|file| Action::Replay(file.hash)));
    }
    all.retain(|action| world.faults_left > 0 || !action.is_fault(bounds, world));
    all
}

fn with_batch(bounds: &Bounds, world: &World, batch: &Batch, all: &mut Vec<Action>) {
    match batch.state.phase() {
        BatchPhase::Sealed if under_way(world) < bounds.runs_max => {
            let failures = (1..bounds.batches_per_run as u64).map(Some).chain([None]);
            all.extend(failures.map(|fails_after| Action::Start { first: batch.id, fails_after }));
        }
        BatchPhase::Starting | BatchPhase::Running => {
            all.extend((bounds.protocol != Protocol::Sweepless).then_some(Action::Expire(batch.id)));
            if batch.state.run().is_some_and(|run| !world.is_alive(run)) {
                let ends = [false, true];
                all.extend(ends.map(|interrupted| Action::NoticeEnd { batch: batch.id, interrupted }));
            }
        }
        BatchPhase::Exhausted => {
            let owned = |run: &Run| run.stage != Stage::Started && run.batch() == batch.id;
            if bounds.protocol == Protocol::HastyIsolation || !world.runs.iter().any(owned) {
                all.extend([false, true].map(|crash| Action::Isolate { batch: batch.id, crash }));
            }
        }
        BatchPhase::Sealed | BatchPhase::Committed | BatchPhase::Split => {}
    }
}

/// What the ledger counts as runs under way.
fn under_way(world: &World) -> usize {
    let phases = world.ledger.batches.values().map(|batch| batch.state.phase());
    phases.filter(|phase| matches!(phase, BatchPhase::Starting | BatchPhase::Running)).count()
}

/// The state after `action`; none where it changes nothing.
pub(crate) fn after(bounds: &Bounds, before: &State, action: &Action) -> Option<State> {
    let mut world = before.world.clone();
    if action.is_fault(bounds, &world) {
        world.faults_left -= 1;
    }
    Taking { bounds, world: &mut world }.take(action);
    let after = State::of(world);
    // A fault that did no harm is no step of its own.
    (!after.world.differs_only_in_faults(&before.world)).then_some(after)
}

struct Taking<'a> {
    bounds: &'a Bounds,
    world: &'a mut World,
}

impl Taking<'_> {
    fn take(&mut self, action: &Action) {
        match action {
            Action::Ingest(number) => self.ledger(|ledger, _| {
                protocol::ingest(ledger, &[facts(*number)], NOW).unwrap();
            }),
            Action::Seal { flush, crash_after } => self.seal(*flush, *crash_after),
            Action::Start { first, fails_after } => self.start(*first, *fails_after),
            Action::Launch { ticket, noted } => {
                let run = self.launch(ticket);
                for (batch, attempt) in &ticket.batches[..*noted] {
                    let claim = Claim { attempt: *attempt, run: run.clone() };
                    self.ledger(|ledger, _| drop(protocol::record_run(ledger, *batch, &claim, NOW)));
                }
            }
            Action::LaunchUnheard(ticket) => {
                self.launch(ticket);
                self.world.tickets.insert(Ticket { launched: ticket.launched + 1, ..ticket.clone() });
            }
            Action::GiveUp(ticket) => self.release(ticket, &Release::Failed { reason: "no answer".into() }),
            Action::Throttle(ticket) => self.release(ticket, &Release::Postponed { not_before: NOW }),
            Action::Abandon(ticket) => drop(self.world.tickets.remove(ticket)),
            Action::Claim { run, heard } => self.claim(run, *heard),
            Action::Write { run, whim } => self.write(run, *whim),
            Action::Commit { run, heard } => self.commit(run, *heard),
            Action::Die(run) => drop(self.world.runs.remove(run)),
            Action::Expire(batch) => self.expire(*batch),
            Action::NoticeEnd { batch, interrupted } => self.notice_end(*batch, *interrupted),
            Action::Isolate { batch, crash } => self.isolate(*batch, *crash),
            Action::Replay(file) => {
                self.world.replays_left -= 1;
                self.world.mended.insert(*file);
                self.ledger(|ledger, _| protocol::replay(ledger, *file, NOW).unwrap());
            }
        }
    }

    /// Lets `act` loose on a ledger with these contents.
    fn ledger<T>(&mut self, act: impl FnOnce(&MemoryLedger, &Bounds) -> T) -> T {
        let ledger = MemoryLedger::with_contents(std::mem::take(&mut self.world.ledger));
        let result = act(&ledger, self.bounds);
        self.world.ledger = ledger.into_contents();
        result
    }

    /// The same on a ledger whose call of that number fails, and with it all that would have come after.
    fn crashing<T>(&mut self, call: Option<u64>, act: impl FnOnce(&Faulty<MemoryLedger>, &Bounds) -> T) -> T {
        let ledger = MemoryLedger::with_contents(std::mem::take(&mut self.world.ledger));
        let faulty = Faulty::new(ledger, call.map(|call| (call, Fault::Before)));
        let result = act(&faulty, self.bounds);
        self.world.ledger = faulty.inner().contents();
        result
    }

    fn seal(&mut self, flush: bool, crash_after: Option<u64>) {
        // For each batch the pending files are listed and the batch is written.
        let call = crash_after.map(|batches| 2 * batches + 1);
        self.crashing(call, |ledger, bounds| {
            let sealed = protocol::seal_ready(ledger, NOW, &bounds.policy(), flush);
            assert!(sealed.is_ok() || call.is_some(), "{sealed:?}");
        });
    }

    fn start(&mut self, first: BatchId, fails_after: Option<u64>) {
        let batches = &mut self.world.ledger.batches;
        if let Some(Batch { state: BatchState::Sealed { not_before }, .. }) = batches.get_mut(&first) {
            *not_before = PAST;
        }
        // One call lists what is sealed, and one each starts a batch.
        let call = fails_after.map(|batches| batches + 2);
        let started = self.crashing(call, |ledger, bounds| {
            protocol::start_together(ledger, NOW, &bounds.policy(), bounds.batches_per_run).unwrap()
        });
        let batches = started.iter().map(|batch| (batch.id, batch.attempt)).collect();
        self.world.tickets.insert(Ticket { batches, launched: 0 });
    }

    fn launch(&mut self, ticket: &Ticket) -> RunId {
        self.world.tickets.remove(ticket);
        let (batch, Attempt(attempt)) = ticket.batches[0];
        let batch = batch.to_string();
        let id: RunId = format!("{}-{attempt}-{}", &batch[..8], ticket.launched).parse().unwrap();
        self.world.runs.insert(Run { id: id.clone(), loads: ticket.batches.clone(), stage: Stage::Started });
        id
    }

    fn release(&mut self, ticket: &Ticket, release: &Release) {
        self.world.tickets.remove(ticket);
        for (batch, attempt) in &ticket.batches {
            self.ledger(|ledger, bounds| {
                let refused =
                    protocol::release(ledger, *batch, (*attempt, None), release, NOW, &bounds.policy());
                assert!(matches!(refused, Ok(_) | Err(ProtocolError::Refused { .. })), "{refused:?}");
            });
        }
    }

    /// Puts the run into its next stage, or to its next load, or to its end.
    fn goes_on(&mut self, run: &Run, stage: Option<Stage>) {
        self.world.runs.remove(run);
        let next = match stage {
            Some(stage) => Some(Run { stage, ..run.clone() }),
            None => run.at_next_load(),
        };
        self.world.runs.extend(next);
    }

    fn claim(&mut self, run: &Run, heard: bool) {
        let claimed = self.ledger(|ledger, bounds| {
            protocol::claim(ledger, run.batch(), &run.claim(), NOW, &bounds.policy()).is_ok()
        });
        if heard {
            let is_through = claimed || self.bounds.protocol == Protocol::ClaimDropped;
            self.goes_on(run, is_through.then_some(Stage::Writing { partitions: 0 }));
        }
    }

    fn write(&mut self, run: &Run, whim: bool) {
        let Stage::Writing { partitions: written } = run.stage else { return };
        let whim = whim && self.bounds.protocol == Protocol::WhimsicalOutcomes;
        let batch = self.world.ledger.batches[&run.batch()].clone();
        let readable = batch.members.iter().copied().filter(|file| whim || !self.bounds.is_damaged(*file));
        let partitions = partitions(readable);
        if let Some((partition, rows)) = partitions.get(written) {
            let own_name = (self.bounds.protocol == Protocol::Appending).then(|| run.id.clone());
            let key = LakeKey { batch: batch.id, partition: *partition, run: own_name };
            self.world.lake.insert(key, rows.clone());
        }
        let is_last = written + 1 >= partitions.len();
        if is_last && batch.members.iter().any(|file| self.bounds.is_poison(self.world, *file)) {
            // Out of memory, say, at the very end: what it wrote stays, and nobody is told.
            self.world.runs.remove(run);
        } else {
            let stage = if is_last { Stage::Written } else { Stage::Writing { partitions: written + 1 } };
            self.goes_on(run, Some(stage));
        }
    }

    fn commit(&mut self, run: &Run, heard: bool) {
        let members = self.world.ledger.batches[&run.batch()].members.clone();
        let outcome_of = |file| match self.bounds.is_damaged(file) {
            true => Outcome::Quarantined { reason: "damaged".into() },
            false => Outcome::Done(COUNTS),
        };
        let outcomes: Vec<_> = members.into_iter().map(|file| (file, outcome_of(file))).collect();
        self.ledger(|ledger, _| {
            let ended = protocol::commit(ledger, run.batch(), &run.claim(), &outcomes, NOW);
            assert!(matches!(ended, Ok(_) | Err(ProtocolError::Refused { .. })), "{ended:?}");
        });
        if heard {
            self.goes_on(run, None);
        }
    }

    fn expire(&mut self, id: BatchId) {
        let state = self.world.ledger.batches.get_mut(&id).map(|batch| &mut batch.state);
        if let Some(BatchState::Starting { lease_until, .. } | BatchState::Running { lease_until, .. }) =
            state
        {
            *lease_until = PAST;
        }
        self.reconcile(|_| RunFate::Unknown);
    }

    fn notice_end(&mut self, id: BatchId, interrupted: bool) {
        let fate = match interrupted {
            true => RunFate::Interrupted,
            false => RunFate::Failed { reason: "ended".into() },
        };
        self.reconcile(|batch| if batch.id == id { fate.clone() } else { RunFate::Unknown });
    }

    fn reconcile(&mut self, fate: impl Fn(&Batch) -> RunFate) {
        self.ledger(|ledger, bounds| protocol::reconcile(ledger, NOW, &bounds.policy(), fate).unwrap());
    }

    fn isolate(&mut self, id: BatchId, crash: bool) {
        self.world.lake.retain(|key, _| key.batch != id);
        if !crash {
            self.ledger(|ledger, _| protocol::isolate(ledger, id, NOW).unwrap());
        }
    }
}
