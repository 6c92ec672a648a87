//! The agent's side: finds files, drives the shipper, hands sealed chunks to the pipeline.

use super::{folder::Folder, pipeline::Pipeline, progress::Progress};
use crate::{args::LocalArguments, clock::now, config::Config};
use anyhow::Context;
use headrig_agent::{
    core::{Event, Tails},
    discovery::Discovery,
    shipper::{ShipError, Shipper, Step},
    state::SqliteState,
    tail::Problem,
};
use headrig_contract::{AgentId, UnixMicros};
use headrig_store::{DirectoryStore, ObjectStore, StoreError};
use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// How often files are looked at with --follow.
const SCAN_PAUSE: Duration = Duration::from_millis(500);
/// How often a run to the end of the files looks again for files that moved, or that were being written.
const ROUNDS_MAX: usize = 6;
/// How often storing a chunk is tried again before the run gives up, or with --follow begins anew.
const STORE_TRIES_MAX: usize = 4;
/// How long --follow waits for space on a full disk before it tries again.
const FULL_DISK_PAUSE_MICROS: i64 = 5_000_000;
/// The longest sleep, so that Ctrl-C is noticed.
const NAP_MAX: Duration = Duration::from_millis(200);

/// What the agent's side did.
#[derive(Debug, Default)]
pub(crate) struct Shipped {
    /// Files found, whether new or not.
    pub(crate) files_found: u64,
    /// Of those, files that could not be read, or not to their end.
    pub(crate) files_unreadable: u64,
    /// Inputs that could not be taken, or not wholly.
    pub(crate) problems: Vec<Problem>,
    /// Pieces that overlong lines were split into.
    pub(crate) split_pieces: u64,
    /// Files that began anew (truncated, or replaced in place).
    pub(crate) restarts: u64,
    /// Chunks sealed.
    pub(crate) chunks: u64,
    /// Why the run was cut short, if it was.
    pub(crate) fatal: Option<String>,
}

type LocalShipper = Shipper<SqliteState>;

struct Ship<'a> {
    store: &'a DirectoryStore,
    config: &'a Config,
    pipeline: &'a Pipeline,
    progress: &'a Progress,
    interrupted: &'a AtomicBool,
    discovery: Discovery,
    files: BTreeSet<PathBuf>,
    problems: Vec<Problem>,
    follows: bool,
    /// How often in a row a chunk could not be stored.
    store_failures: usize,
}

/// Takes the inputs to their end, or follows them until Ctrl-C.
pub(super) fn run(
    arguments: &LocalArguments,
    config: &Config,
    folder: &Folder,
    pipeline: &Pipeline,
    progress: &Progress,
    interrupted: &AtomicBool,
) -> Shipped {
    let mut shipped = Shipped::default();
    let store = match DirectoryStore::open(&folder.bucket()) {
        Ok(store) => store,
        Err(error) => return Shipped { fatal: Some(error.to_string()), ..shipped },
    };
    let mut ship = Ship {
        store: &store,
        config,
        pipeline,
        progress,
        interrupted,
        discovery: Discovery::new(arguments.inputs.clone(), folder.root()),
        files: BTreeSet::new(),
        problems: Vec::new(),
        follows: arguments.follow,
        store_failures: 0,
    };
    while let Err(error) = ship.attempt(folder, &mut shipped) {
        if !arguments.follow || !is_retryable(&error) || ship.is_interrupted() {
            shipped.fatal = Some(format!("{error:#}"));
            break;
        }
        eprintln!("headrig: {error:#}; trying again");
        ship.sleep_until(now().saturating_add_micros(FULL_DISK_PAUSE_MICROS));
    }
    shipped.files_found = ship.files.len() as u64;
    shipped.files_unreadable =
        ship.problems.iter().filter(|problem| ship.files.contains(&problem.path)).count() as u64;
    shipped.problems = ship.problems;
    shipped
}

fn open(config: &Config, folder: &Folder, tails: Tails) -> anyhow::Result<LocalShipper> {
    let mut id = [0; 16];
    getrandom::fill(&mut id)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("no random bytes for an agent id")?;
    let state = SqliteState::open(&folder.agent_state(), AgentId::from_bytes(id))?;
    Ok(Shipper::open(config.agent.clone(), tails, &folder.spool(), state)?)
}

fn is_retryable(error: &anyhow::Error) -> bool {
    error.downcast_ref::<ShipError>().is_some_and(ShipError::is_retryable)
        || error.downcast_ref::<StoreError>().is_some_and(StoreError::is_retryable)
}

impl Ship<'_> {
    /// From what is durable to the end of the files, or until Ctrl-C.
    fn attempt(&mut self, folder: &Folder, shipped: &mut Shipped) -> anyhow::Result<()> {
        let tails = if self.follows { Tails::Leave } else { Tails::Take };
        let mut shipper = open(self.config, folder, tails)?;
        let result = if self.follows { self.follow(&mut shipper) } else { self.once(&mut shipper) };
        self.note_problems(shipper.take_problems());
        let done = shipper.progress();
        shipped.split_pieces += done.split_pieces;
        shipped.restarts += done.restarts;
        shipped.chunks += done.chunks;
        result
    }

    /// Everything up to the end of the files. A file whose end is being written gets a moment to come to it.
    fn once(&mut self, shipper: &mut LocalShipper) -> anyhow::Result<()> {
        for _ in 0..ROUNDS_MAX {
            self.scan(shipper);
            self.drive(shipper)?;
            let held = shipper.core().held_until();
            if self.is_interrupted() || held.is_none() && !shipper.core().missed_files() {
                break;
            }
            if let Some(until) = held {
                self.sleep_until(until);
            }
        }
        self.finish(shipper)
    }

    /// What is written from now on, too, until Ctrl-C.
    fn follow(&mut self, shipper: &mut LocalShipper) -> anyhow::Result<()> {
        while !self.is_interrupted() && !self.pipeline.has_failed() {
            self.scan(shipper);
            self.drive(shipper)?;
            self.sleep_until(now().saturating_add_micros(SCAN_PAUSE.as_micros() as i64));
        }
        self.finish(shipper)
    }

    fn scan(&mut self, shipper: &mut LocalShipper) {
        let scan = self.discovery.scan(|path| self.config.source_of(path));
        self.files.extend(scan.files.iter().map(|found| found.path.to_path_buf()));
        self.note_problems(scan.problems);
        shipper.tell(Event::Scanned(scan.files), now());
        self.progress.unread.store(shipper.core().unread().0, Ordering::Relaxed);
    }

    /// Does all there is to do now.
    fn drive(&mut self, shipper: &mut LocalShipper) -> anyhow::Result<()> {
        let at_first = shipper.core().unread().0 + shipper.progress().read.0;
        while !self.is_interrupted() && !self.pipeline.has_failed() && self.step(shipper)? {
            let read = shipper.progress().read.0;
            self.progress.read.store(read, Ordering::Relaxed);
            self.progress.unread.store(at_first.saturating_sub(read), Ordering::Relaxed);
        }
        self.progress.unread.store(0, Ordering::Relaxed);
        self.note_problems(shipper.take_problems());
        Ok(())
    }

    /// Seals what was read and stores what was sealed.
    fn finish(&mut self, shipper: &mut LocalShipper) -> anyhow::Result<()> {
        shipper.tell(Event::Finish, now());
        loop {
            if self.step(shipper)? {
                continue;
            }
            if shipper.core().is_drained() {
                return Ok(());
            }
            thread::sleep(NAP_MAX);
        }
    }

    /// Does the next thing there is to do, and says whether there was one.
    fn step(&mut self, shipper: &mut LocalShipper) -> anyhow::Result<bool> {
        match shipper.step(now())? {
            Step::Idle => return Ok(false),
            Step::Worked => {}
            Step::Store(chunk, path) => match self.store.put_if_absent(&chunk.key, &path, chunk.hash) {
                Ok(_) => {
                    self.store_failures = 0;
                    shipper.stored(chunk.hash, now())?;
                    self.pipeline.stored(&chunk);
                }
                Err(error) if error.is_retryable() && self.store_failures < STORE_TRIES_MAX => {
                    self.store_failures += 1;
                    shipper.not_stored(chunk.hash, now());
                }
                Err(error) => return Err(error.into()),
            },
        }
        Ok(true)
    }

    /// Keeps the problems for the summary; who follows is told at once.
    fn note_problems(&mut self, problems: Vec<Problem>) {
        if self.follows {
            problems.iter().for_each(|problem| eprintln!("headrig: {problem}"));
        }
        self.problems.extend(problems);
    }

    fn sleep_until(&self, until: UnixMicros) {
        loop {
            let left = until.micros_since(now());
            if left <= 0 || self.is_interrupted() {
                return;
            }
            thread::sleep(NAP_MAX.min(Duration::from_micros(left.unsigned_abs())));
        }
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}
