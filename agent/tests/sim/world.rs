//! One machine, one bucket, one clock, and what happens to them: a seed determines all of it.

use crate::{
    agent::{Agent, Turn},
    bucket::Bucket,
    disk::FakeDisk,
    logs::{DEEDS, Deed, Logs, Present},
    power::{Crash, Cut, Lie, Machine, Moment},
    random::Random,
    state::FakeState,
};
use headrig_agent::{
    core::{Event, Tails},
    settings::Settings,
};
use headrig_contract::{HostName, UnixMicros, chunk::Codec};
use std::{collections::VecDeque, path::Path, rc::Rc};

/// The turns after which a loop that does not end would be one that never does.
pub(crate) const TURNS_MAX: usize = 50_000;
/// The steps of a story.
pub(crate) const STEPS: u64 = 400;
/// The steps of a trace that are kept.
const TRACE_MAX: usize = 400;
/// By then everything that is complete is in the bucket, once nothing fails any more: the longest pause between
/// tries, the longest wait for a copy's original, a reconciliation and the age of a chunk.
const SETTLED_MICROS: i64 = 240_000_000;
/// The longest time between two writes of somebody who copies or compresses.
const WITHOUT_PAUSE_MICROS: i64 = 1_000;
/// Kinds of steps that a seed may leave out.
pub(crate) const KINDS: usize = 23;

pub(crate) struct World {
    pub(crate) machine: Rc<Machine>,
    pub(crate) disk: FakeDisk,
    pub(crate) state: FakeState,
    pub(crate) bucket: Bucket,
    pub(crate) logs: Logs,
    pub(crate) agent: Agent,
    /// Of what happens, apart from what machine and network make of it.
    random: Random,
    /// Microseconds by the clock that only goes forward.
    pub(crate) elapsed: i64,
    pub(crate) step_micros: i64,
    /// Which kinds of steps this seed leaves out.
    left_out: u32,
    story_steps: u64,
    /// Nothing fails and nobody writes.
    pub(crate) all_is_well: bool,
    /// One crash at most, at an action that is given.
    is_calm: bool,
    pub(crate) crashes: u64,
    pub(crate) steps: u64,
    trace: Option<VecDeque<String>>,
}

/// How a story is told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Telling {
    pub(crate) seed: u64,
    pub(crate) lie: Option<Lie>,
    /// The one crash of a story that has no other.
    pub(crate) cut: Option<Cut>,
    /// Nothing but the one crash stops the agent.
    pub(crate) calm: bool,
    pub(crate) traced: bool,
    /// Kinds of steps that are left out, beside those that the seed leaves out.
    pub(crate) left_out: u32,
    /// So many steps of the story are not told.
    pub(crate) cut_short: u64,
}

impl World {
    pub(crate) fn new(telling: &Telling) -> Self {
        let random = Random::new(telling.seed);
        let machine = Rc::new(Machine::new(telling.seed, telling.lie));
        let disk = FakeDisk::new(machine.clone(), true);
        disk.0.now.set(UnixMicros::from_seconds(1_790_000_000));
        let settings = settings(&random);
        let logs = Logs::new(disk.clone(), settings.sources.len());
        machine.stop_at(telling.cut);
        // Half of all seeds do everything but stop the agent or everything, the others leave out about half.
        let left_out = match random.below(8) {
            0 => STOPS,
            1..4 => 0,
            _ => random.below(1 << KINDS) as u32,
        };
        Self {
            state: FakeState::new(machine.clone()),
            bucket: Bucket::default(),
            agent: Agent::new(settings),
            elapsed: 0,
            step_micros: 1_000,
            left_out: telling.left_out | if telling.calm { left_out | STOPS } else { left_out },
            story_steps: STEPS - telling.cut_short,
            all_is_well: false,
            is_calm: telling.calm,
            crashes: 0,
            steps: 0,
            trace: telling.traced.then(VecDeque::new),
            machine,
            disk,
            logs,
            random,
        }
    }

    /// The whole story, to its good end.
    pub(crate) fn run(&mut self) {
        for _ in 0..self.story_steps {
            self.happen();
        }
        self.settle();
        self.finish();
    }

    pub(crate) fn now(&self) -> UnixMicros {
        self.disk.0.now.get()
    }

    /// Time passes; not much of it while a file is copied or compressed, since who does that makes no pauses.
    pub(crate) fn pass(&mut self, micros: i64) {
        let micros = if self.logs.unfinished().is_some() { micros.min(WITHOUT_PAUSE_MICROS) } else { micros };
        self.elapsed += micros;
        self.disk.0.now.set(self.now().saturating_add_micros(micros));
    }

    pub(crate) fn source_of(&self, path: &Path) -> usize {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let sources = &self.agent.settings.sources;
        sources.iter().position(|source| name.starts_with(source.name.as_str())).unwrap()
    }

    pub(crate) fn note(&mut self, text: impl FnOnce() -> String) {
        self.steps += 1;
        let (steps, elapsed) = (self.steps, self.elapsed as f64 / 1e6);
        if let Some(trace) = &mut self.trace {
            if trace.len() == TRACE_MAX {
                trace.pop_front();
            }
            let text = text();
            trace.push_back(format!("{steps:>5} {elapsed:>10.3} s  {text}"));
        }
    }

    pub(crate) fn is_traced(&self) -> bool {
        self.trace.is_some()
    }

    pub(crate) fn trace(&self) -> Vec<String> {
        self.trace.iter().flatten().cloned().collect()
    }

    /// One thing happens.
    fn happen(&mut self) {
        if let Some(deed) = self.logs.unfinished().filter(|_| self.random.once_in(6)) {
            return self.deed(deed);
        }
        match self.random.below(100) {
            0..45 => self.work(),
            45..60 => self.transfer(),
            60..90 => self.writers_go_on(),
            90..95 => self.time_goes_on(),
            _ => self.misfortune(),
        }
    }

    fn work(&mut self) {
        for _ in 0..=self.random.below(4) {
            if let Turn::Idle(nap) = self.turn() {
                return self.pass(nap.min(1 + self.random.below(400_000) as i64));
            }
        }
    }

    fn transfer(&mut self) {
        if let Some(text) = self.bucket.step(&self.disk, &self.state, &self.machine) {
            self.note(|| text);
        }
    }

    pub(crate) fn writers_go_on(&mut self) {
        let total: u32 = DEEDS.iter().map(|(_, weight)| weight).sum();
        let mut number = self.random.below(u64::from(total)) as u32;
        let kind = DEEDS.iter().position(|(_, weight)| {
            let here = number < *weight;
            number = number.saturating_sub(*weight);
            here
        });
        let kind = kind.unwrap_or(0);
        if !self.leaves_out(kind) {
            self.deed(DEEDS[kind].0);
        }
    }

    fn deed(&mut self, deed: Deed) {
        // What is closed for having been idle, in the scan in which it is deleted, is nobody's fault.
        let run = self.agent.shipper.as_ref().filter(|_| !self.agent.is_scanning).map(|_| self.agent.run);
        let never_stops = self.left_out & STOPS == STOPS && !self.is_calm;
        let caught_up = self.agent.is_caught_up() && never_stops;
        let present = Present { run, caught_up, never_stops };
        if let Some(text) = self.logs.act(deed, present, &self.machine) {
            self.note(|| text);
            // What inotify tells may be lost.
            self.agent.changed |= !self.machine.random.once_in(20);
        }
    }

    fn time_goes_on(&mut self) {
        if self.logs.unfinished().is_some() {
            return;
        }
        let micros = if self.random.once_in(10) { 70_000_000 } else { self.random.below(3_000_000) };
        // The machine sleeps; the agent's next turn is later than it thought.
        self.pass(micros as i64);
    }

    fn misfortune(&mut self) {
        let kind = self.random.index(11);
        if self.leaves_out(DEEDS.len() + kind) {
            return;
        }
        match kind {
            0 => self.bucket.outage = !self.bucket.outage,
            1 => self.machine.full.set(!self.machine.full.get()),
            2 => self.step_micros = self.random.pick(&[1, 1_000, 400_000]),
            3 | 4 => self.prepare_cut(),
            5 => self.crash(self.random.pick(&[Crash::Kill, Crash::Power])),
            6 => self.terminate(),
            7 => self.reload(),
            8 => self.turn_clock(),
            9 => self.settle(),
            _ => self.agent.changed = true,
        }
        let (outage, full) = (self.bucket.outage, self.machine.full.get());
        self.note(|| format!("misfortune {kind}; outage: {outage}, disk full: {full}"));
    }

    fn prepare_cut(&mut self) {
        let at = self.machine.actions() + self.random.below(15);
        let moment = self.random.pick(&[Moment::Before, Moment::Middle, Moment::After]);
        let crash = self.random.pick(&[Crash::Kill, Crash::Power]);
        self.machine.stop_at(Some(Cut { at, moment, crash }));
    }

    /// Somebody sets the clock.
    fn turn_clock(&mut self) {
        if self.logs.unfinished().is_some() {
            return;
        }
        let micros = self.random.pick(&[-3_600_000_000, -90_000_000, -500_000, 500_000, 3_600_000_000]);
        self.disk.0.now.set(self.now().saturating_add_micros(micros));
        self.note(|| format!("the clock is set by {} s", micros as f64 / 1e6));
    }

    fn leaves_out(&self, kind: usize) -> bool {
        self.left_out >> kind & 1 == 1
    }

    /// Nothing fails for a while: all that is complete gets into the bucket.
    fn settle(&mut self) {
        while let Some(deed) = self.logs.unfinished() {
            self.deed(deed);
        }
        self.heal();
        self.note(|| "all is well for a while".into());
        let until = self.elapsed + SETTLED_MICROS;
        self.go_on_until(|world| world.elapsed >= until);
        self.check_settled();
        self.all_is_well = false;
        self.note(|| "all is settled".into());
    }

    fn heal(&mut self) {
        if !self.is_calm {
            self.machine.stop_at(None);
        }
        self.machine.full.set(false);
        self.bucket.outage = false;
        self.step_micros = 1_000;
        self.all_is_well = true;
    }

    fn go_on_until(&mut self, is_over: impl Fn(&Self) -> bool) {
        for _ in 0..TURNS_MAX {
            if is_over(self) {
                return;
            }
            if self.machine.random.once_in(2) {
                self.transfer();
            }
            if let Turn::Idle(nap) = self.turn() {
                self.pass(if self.bucket.is_busy() { nap.min(10_000) } else { nap });
            }
        }
        panic!("the agent finds something to do for {TURNS_MAX} turns");
    }

    /// A clean last run to the end of all files, last lines without newline included.
    fn finish(&mut self) {
        self.heal();
        self.crash(Crash::Kill);
        self.agent.tails = Tails::Take;
        loop {
            let until = self.elapsed + SETTLED_MICROS;
            self.go_on_until(|world| world.elapsed >= until);
            let (now, run) = (self.now(), self.agent.run);
            if let Some(shipper) = &mut self.agent.shipper {
                shipper.tell(Event::Finish, now);
            }
            self.go_on_until(|world| world.agent.is_drained());
            // Unless everything stopped once more on the way.
            if run == self.agent.run {
                break;
            }
        }
        self.check_finished();
    }
}

/// The kinds of misfortune that stop the agent, as bits of [`World::left_out`].
const STOPS: u32 = 0b1111_1010 << DEEDS.len();

fn settings(random: &Random) -> Settings {
    let mut settings = Settings::new(HostName::from_lossy("sim"), "app".parse().unwrap());
    let source = settings.sources[0].clone();
    for name in ["web", "db"].iter().take(random.index(3)) {
        settings
            .sources
            .push(headrig_agent::settings::SourceSettings { name: name.parse().unwrap(), ..source.clone() });
    }
    settings.sources.iter_mut().for_each(|source| source.line_bytes_max = 1024);
    settings.block_bytes_max = 4 << 10;
    settings.codec = random.pick(&[Codec::Zstd, Codec::Gzip]);
    settings.level = 1;
    settings.chunk_bytes_max = random.pick(&[1 << 10, 8 << 10, 64 << 10]);
    settings.chunk_age_max_ms = random.pick(&[500, 5_000, 60_000]);
    settings.event_hold_ms = random.pick(&[100, 1_000]);
    settings.uploads_max = random.pick(&[1, 2, 4]);
    settings.spool_bytes_max = random.pick(&[2 << 10, 16 << 10, 1 << 20]);
    settings
}
