//! The agent's side: finds files, drives the shipper, hands sealed chunks to the pipeline.

use super::{folder::Folder, pipeline::Pipeline, progress::Progress};
use crate::{args::LocalArguments, clock::now, config::Config, say};
use anyhow::Context;
use headrig_agent::{
    core::{Event, Tails},
    discovery::Discovery,
    shipper::{ShipError, Shipper, Step},
    state::{SqliteState, StateError},
    tail::Problem,
};
use headrig_contract::{AgentId, UnixMicros};
use headrig_store::{DirectoryStore, ObjectStore, StoreError};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// How often files are looked at with --follow.
const SCAN_PAUSE: Duration = Duration::from_millis(500);
/// How often a run to the end of the files looks again for files that moved, or that were being written.
const ROUNDS_MAX: usize = 6;
/// How often in a row storing a chunk is tried again before a run without --follow gives up.
const STORE_TRIES_MAX: usize = 4;
/// Problems kept for the summary.
const PROBLEMS_MAX: usize = 10_000;
/// How long --follow waits for space on a full disk before it tries again.
const FULL_DISK_PAUSE_MICROS: i64 = 5_000_000;
/// The longest sleep, so that Ctrl-C is noticed.
const NAP_MAX: Duration = Duration::from_millis(200);

/// Something about an input that is worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) path: PathBuf,
    pub(crate) note: String,
}

/// What the agent's side did.
#[derive(Debug, Default)]
pub(crate) struct Shipped {
    /// Files found, whether new or not.
    pub(crate) files_found: u64,
    /// Of those, files that could not be read, or not to their end.
    pub(crate) files_unreadable: u64,
    /// Inputs that could not be taken, or not wholly.
    pub(crate) problems: Vec<Problem>,
    /// Lines that were cut for being too long.
    pub(crate) cut_lines: u64,
    /// Bytes that were seen and gone before they could be read.
    pub(crate) lost_bytes: u64,
    /// What is worth telling and no failure.
    pub(crate) notes: Vec<Note>,
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
    /// Inputs that could not be taken; some may come right while they are followed.
    input_problems: Vec<Problem>,
    /// Lines cut, by file.
    notes: BTreeMap<PathBuf, u64>,
    follows: bool,
    /// How often in a row a chunk could not be stored.
    store_failures: usize,
    /// Bytes lost in earlier attempts.
    lost_before: u64,
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
        Err(error) => return Shipped { fatal: Some(format!("{:#}", anyhow::Error::from(error))), ..shipped },
    };
    let mut ship = Ship {
        store: &store,
        config,
        pipeline,
        progress,
        interrupted,
        discovery: Discovery::new(arguments.inputs.clone(), folder.own_folders())
            .expecting(config.encodings()),
        files: BTreeSet::new(),
        problems: Vec::new(),
        input_problems: Vec::new(),
        notes: BTreeMap::new(),
        follows: arguments.follow,
        store_failures: 0,
        lost_before: 0,
    };
    while let Err(error) = ship.attempt(folder, &mut shipped) {
        if !arguments.follow || !is_retryable(&error) || ship.is_interrupted() {
            shipped.fatal = Some(format!("{error:#}"));
            break;
        }
        say(format_args!("{error:#}; trying again"));
        ship.sleep_until(now().saturating_add_micros(FULL_DISK_PAUSE_MICROS));
    }
    let Ship { discovery, input_problems, .. } = &mut ship;
    input_problems.retain(|problem| discovery.still_reports(problem));
    ship.problems.append(&mut ship.input_problems);
    shipped.files_found = ship.files.len() as u64;
    let unreadable: BTreeSet<&PathBuf> = ship.problems.iter().map(|problem| &problem.path).collect();
    shipped.files_unreadable = ship.files.iter().filter(|file| unreadable.contains(file)).count() as u64;
    shipped.problems = ship.problems;
    shipped.notes = ship.notes.into_iter().map(|(path, lines)| cut_note(config, path, lines)).collect();
    shipped
}

fn cut_note(config: &Config, path: PathBuf, lines: u64) -> Note {
    let limit = config.agent.sources[config.source_of(&path)].line_bytes_max;
    let note =
        format!("{lines} lines longer than max_line_bytes ({limit}) were cut into rows of that length");
    Note { path, note }
}

fn open(config: &Config, folder: &Folder, tails: Tails) -> anyhow::Result<LocalShipper> {
    let mut id = [0; 16];
    getrandom::fill(&mut id)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("no random bytes for an agent id")?;
    let state = SqliteState::open(&folder.agent_state(), AgentId::from_bytes(id))?;
    Ok(Shipper::open(config.agent.clone(), tails, &folder.spool(), state)?)
}

fn still_moving(path: std::sync::Arc<std::path::Path>) -> Problem {
    Problem {
        path: path.to_path_buf(),
        problem: "was being written or moved all the while; its last lines are not taken".into(),
        action: "run again for them, or use --follow".into(),
    }
}

/// Whether the error goes away by itself or once somebody frees space, so that it is worth waiting.
fn is_retryable(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(ShipError::is_retryable)
        || error.downcast_ref().is_some_and(StateError::is_retryable)
        || error.downcast_ref().is_some_and(StoreError::is_retryable)
}

impl Ship<'_> {
    /// From what is durable to the end of the files, or until Ctrl-C.
    fn attempt(&mut self, folder: &Folder, shipped: &mut Shipped) -> anyhow::Result<()> {
        let tails = if self.follows { Tails::Leave } else { Tails::Take };
        self.store_failures = 0;
        let mut shipper = open(self.config, folder, tails)?;
        let result = if self.follows { self.follow(&mut shipper) } else { self.once(&mut shipper) };
        self.note_problems(shipper.take_problems());
        let done = shipper.progress();
        shipped.cut_lines += done.cut_lines;
        shipped.lost_bytes += done.lost.0;
        self.lost_before = shipped.lost_bytes;
        self.progress.lost.store(self.lost_before, Ordering::Relaxed);
        shipped.restarts += done.restarts;
        shipped.chunks += done.chunks;
        result
    }

    /// Everything up to the end of the files. A file whose end is being written gets a moment to come to it.
    fn once(&mut self, shipper: &mut LocalShipper) -> anyhow::Result<()> {
        for _ in 0..ROUNDS_MAX {
            self.scan(shipper);
            self.drive(shipper)?;
            let held = shipper.core().all_held_until();
            if self.is_interrupted() || held.is_none() && !shipper.core().missed_files() {
                return self.finish(shipper);
            }
            if let Some(until) = held {
                self.sleep_until(until);
            }
        }
        self.note_problems(shipper.core().unsettled().into_iter().map(still_moving).collect());
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
        self.tell(&scan.problems);
        self.input_problems.extend(scan.problems);
        self.input_problems.truncate(PROBLEMS_MAX);
        shipper.scanned(scan.files, now());
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
        self.progress.lost.store(self.lost_before + shipper.progress().lost.0, Ordering::Relaxed);
        self.note_problems(shipper.take_problems());
        for (path, lines) in shipper.take_cut_lines() {
            *self.notes.entry(PathBuf::from(&*path)).or_default() += lines;
        }
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
                Err(error)
                    if error.is_retryable() && (self.follows || self.store_failures < STORE_TRIES_MAX) =>
                {
                    if self.store_failures == 0 {
                        say(format_args!("{:#}; trying again", anyhow::Error::from(error)));
                    }
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
        self.tell(&problems);
        self.problems.extend(problems);
        self.problems.truncate(PROBLEMS_MAX);
    }

    fn tell(&self, problems: &[Problem]) {
        if self.follows {
            problems.iter().for_each(|problem| say(format_args!("{problem}")));
        }
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
