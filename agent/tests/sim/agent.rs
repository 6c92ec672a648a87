//! The agent's process: the real shipper over the fake disk and state, driven as the daemon drives it, one
//! small thing at a time. It may be down, or rest because the disk is full.

use crate::{
    bucket::{Notice, short},
    disk::{FakeDisk, Inode, STATE},
    power::Lie,
    world::World,
};
use headrig_agent::{
    Settings,
    core::{Event, FileStatus, FoundFile, Tails},
    shipper::{ShipError, Shipper, Step},
};
use headrig_contract::ByteLength;
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

/// As the daemon has them.
const SCAN_PAUSE_MICROS: i64 = 250_000;
const RECONCILE_PAUSE_MICROS: i64 = 30_000_000;
const RETRY_PAUSE_MICROS: i64 = 5_000_000;
const NAP_MAX_MICROS: i64 = 1_000_000;

pub(crate) type FakeShipper = Shipper<crate::state::FakeState, FakeDisk>;

pub(crate) struct Agent {
    pub(crate) settings: Settings,
    pub(crate) tails: Tails,
    pub(crate) shipper: Option<FakeShipper>,
    /// Counts the shippers: each is a run of its own.
    pub(crate) run: u64,
    /// By the clock that only goes forward.
    pub(crate) starts_at: i64,
    scanned_at: Option<i64>,
    pub(crate) changed: bool,
    pub(crate) is_scanning: bool,
    /// Bytes that former runs told as lost.
    pub(crate) told_lost: u64,
}

/// What a turn of the agent's loop came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Worked,
    /// Nothing before this much time has passed, or something happens.
    Idle(i64),
}

impl Agent {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            tails: Tails::Leave,
            shipper: None,
            run: 0,
            starts_at: 0,
            scanned_at: None,
            changed: false,
            is_scanning: false,
            told_lost: 0,
        }
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.shipper.as_ref().is_some_and(|shipper| shipper.core().is_drained())
    }

    pub(crate) fn is_caught_up(&self) -> bool {
        self.shipper.as_ref().is_some_and(|shipper| {
            let core = shipper.core();
            !self.changed && core.unread().0 == 0 && core.held_until().is_none() && !core.missed_files()
        })
    }
}

impl World {
    /// One turn of the daemon's loop.
    pub(crate) fn turn(&mut self) -> Turn {
        if self.agent.shipper.is_none() {
            let wait = self.agent.starts_at - self.elapsed;
            if wait > 0 {
                return Turn::Idle(wait.min(NAP_MAX_MICROS));
            }
            self.start();
            return Turn::Worked;
        }
        if let Some(notice) = self.bucket.notices.pop_front() {
            self.hear(notice);
            return Turn::Worked;
        }
        if self.agent.scanned_at.is_some() && self.machine.random.once_in(6) {
            self.glance();
        }
        if self.scan_wait() == 0 {
            self.scan();
            return Turn::Worked;
        }
        self.step()
    }

    fn start(&mut self) {
        let agent = &self.agent;
        let spool = Path::new(STATE).join("spool");
        let opened = Shipper::open_on(
            self.disk.clone(),
            agent.settings.clone(),
            agent.tails,
            &spool,
            self.state.clone(),
        );
        match opened {
            Ok(shipper) => {
                self.agent.shipper = Some(shipper);
                self.agent.run += 1;
                self.agent.scanned_at = None;
                self.note(|| "the agent starts".into());
            }
            Err(error) => self.failed(&error),
        }
    }

    fn hear(&mut self, notice: Notice) {
        let now = self.now();
        let Some(shipper) = &mut self.agent.shipper else { return };
        let result = match notice {
            Notice::Stored(hash) => shipper.stored(hash, now),
            Notice::NotStored(hash) => {
                shipper.not_stored(hash, now);
                Ok(())
            }
        };
        self.note(|| match notice {
            Notice::Stored(hash) => format!("the agent hears that {} is stored", short(hash)),
            Notice::NotStored(hash) => format!("the agent hears that {} is not stored", short(hash)),
        });
        self.settle_result(result);
    }

    fn step(&mut self) -> Turn {
        let (now, traced) = (self.now(), self.is_traced());
        let Some(shipper) = &mut self.agent.shipper else { return Turn::Worked };
        match shipper.step(now) {
            Ok(Step::Idle) => {
                let until =
                    shipper.core().deadline().map_or(NAP_MAX_MICROS, |due| due.micros_since(now).max(0));
                let nap = until.min(self.scan_wait()).clamp(1_000, NAP_MAX_MICROS);
                self.stopped();
                Turn::Idle(nap)
            }
            Ok(step) => {
                let statuses = if traced { statuses(shipper) } else { String::new() };
                self.note(|| match &step {
                    Step::Store(chunk, _) => format!("the agent hands out {}", short(chunk.hash)),
                    _ => format!("the agent works: {statuses}"),
                });
                if let Step::Store(chunk, path) = step {
                    if self.machine.lies(Lie::EarlyAck) {
                        self.bucket.notices.push_back(Notice::Stored(chunk.hash));
                    }
                    self.bucket.begin(chunk, path);
                }
                self.stopped();
                self.pass(self.step_micros);
                Turn::Worked
            }
            Err(error) => {
                self.failed(&error);
                Turn::Worked
            }
        }
    }

    /// How long until the next scan, as the daemon's scanner reckons.
    fn scan_wait(&self) -> i64 {
        let (Some(scanned), Some(shipper)) = (self.agent.scanned_at, &self.agent.shipper) else { return 0 };
        let since = self.elapsed - scanned;
        let pause = if self.agent.changed || shipper.core().missed_files() {
            SCAN_PAUSE_MICROS
        } else {
            RECONCILE_PAUSE_MICROS
        };
        let due = (pause - since).max(0);
        let floor = (SCAN_PAUSE_MICROS - since).max(0);
        let held = shipper.core().held_until();
        held.map_or(due, |until| due.min(until.micros_since(self.now()).max(floor)))
    }

    /// Looks at some of the files that have only grown, at any time, without a look at the others.
    fn glance(&mut self) {
        let Some(shipper) = &self.agent.shipper else { return };
        let mut seen = HashSet::new();
        let mut grown = Vec::new();
        for (path, node) in self.disk.logs() {
            let found = self.found(&path, &node.borrow());
            let counts = shipper.core().has_only_grown(&found) && seen.insert(found.file);
            if counts && self.machine.random.once_in(2) {
                grown.push(found);
            }
        }
        self.disk.living().iter().for_each(|node| self.logs.show(&node.borrow()));
        self.note(|| format!("the agent glances: {}", described(&grown)));
        let now = self.now();
        if let Some(shipper) = &mut self.agent.shipper {
            shipper.tell(Event::Grew(grown), now);
        }
    }

    /// Looks at one file after the other, while things go on.
    fn scan(&mut self) {
        (self.agent.changed, self.agent.is_scanning) = (false, true);
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        let paths: Vec<PathBuf> = self.disk.logs().into_iter().map(|(path, _)| path).collect();
        for path in paths {
            if !self.all_is_well && self.machine.random.once_in(40) {
                self.writers_go_on();
            }
            let Some(node) = self.disk.log(path.to_str().unwrap()) else { continue };
            let inode = node.borrow();
            self.logs.show(&inode);
            if !seen.insert(inode.id) {
                continue;
            }
            found.push(self.found(&path, &inode));
        }
        self.disk.living().iter().for_each(|node| self.logs.show(&node.borrow()));
        self.note(|| format!("the agent scans: {}", described(&found)));
        (self.agent.scanned_at, self.agent.is_scanning) = (Some(self.elapsed), false);
        let now = self.now();
        if let Some(shipper) = &mut self.agent.shipper {
            shipper.scanned(found, now);
        }
        self.stopped();
    }

    fn found(&self, path: &Path, inode: &Inode) -> FoundFile {
        FoundFile {
            file: inode.id,
            source: self.source_of(path),
            path: path.into(),
            size: ByteLength(inode.bytes.len() as u64),
            modified: inode.modified,
            compressed: inode.is_compressed(),
            unlisted: false,
        }
    }

    /// Seals what was read, as at SIGTERM, and ends.
    pub(crate) fn terminate(&mut self) {
        let now = self.now();
        let Some(shipper) = &mut self.agent.shipper else { return };
        shipper.tell(Event::Finish, now);
        self.note(|| "SIGTERM".into());
        for _ in 0..crate::world::TURNS_MAX {
            if matches!(self.step(), Turn::Idle(_)) || self.agent.shipper.is_none() {
                self.end_process();
                self.bucket.abandon();
                return;
            }
        }
        panic!("the agent does not end");
    }

    /// The shipper is opened anew in the same process: the network goes on.
    pub(crate) fn reload(&mut self) {
        self.note(|| "SIGHUP".into());
        self.end_process();
    }

    /// The process is gone, at once.
    pub(crate) fn crash(&mut self, crash: crate::power::Crash) {
        self.note(|| format!("{crash:?}"));
        self.crashes += 1;
        self.end_process();
        self.bucket.abandon();
        self.disk.stop(crash);
        if crash == crate::power::Crash::Power {
            self.state.lose_power();
        }
        self.machine.restart();
        self.agent.starts_at = self.elapsed + self.machine.random.below(3_000_000) as i64;
    }

    fn end_process(&mut self) {
        self.agent.told_lost += self.agent.shipper.take().map_or(0, |shipper| shipper.progress().lost.0);
    }

    fn settle_result(&mut self, result: Result<(), ShipError>) {
        match result {
            Ok(()) => {
                self.stopped();
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Whether everything stopped in the last action, of which the agent may not even have noticed.
    fn stopped(&mut self) -> bool {
        let stopped = self.machine.stopped();
        if let Some(crash) = stopped {
            self.crash(crash);
        }
        stopped.is_some()
    }

    fn failed(&mut self, error: &ShipError) {
        if self.stopped() {
            return;
        }
        assert!(error.is_retryable(), "the agent gives up: {error}");
        self.note(|| format!("the agent rests: {error}"));
        self.end_process();
        // The daemon listens while it rests, and lets go what it hears.
        self.bucket.notices.clear();
        self.agent.starts_at = self.elapsed + RETRY_PAUSE_MICROS;
    }
}

/// How far the agent is with each file.
fn statuses(shipper: &FakeShipper) -> String {
    let one = |file: FileStatus<'_>| format!("{} {} at {}", file.path.display(), file.state, file.offset.0);
    let mut statuses: Vec<String> = shipper.core().file_statuses().map(one).collect();
    statuses.sort();
    statuses.join(", ")
}

fn described(found: &[FoundFile]) -> String {
    let one = |file: &FoundFile| {
        format!("{} (inode {}, {} bytes)", file.path.display(), file.file.inode, file.size.0)
    };
    found.iter().map(one).collect::<Vec<_>>().join(", ")
}
