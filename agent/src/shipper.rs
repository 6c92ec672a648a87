//! The shell that drives one core: does what it says, one action at a time, and tells it what came of it.
//!
//! It decides nothing. Whatever fails on its side ends the core; [`Shipper::open`] recovers a new one from
//! what is durable, as after a crash.

use crate::{
    core::FoundFile,
    core::{Action, Core, CoreError, Event, Fault, Progress, Tails},
    disk::{Disk, SystemDisk},
    identity::FileId,
    settings::Settings,
    spool::{Spool, SpoolError},
    state::{ChunkRecord, StateError, StateStore},
    tail::{Problem, TailFiles, Target},
};
use headrig_contract::{ContentHash, UnixMicros};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Why the agent had to stop. Nothing is lost: what was not sealed is read again.
#[derive(Debug, thiserror::Error)]
pub enum ShipError {
    /// The core could not go on.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// The spool could not be written.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The state could not be written.
    #[error(transparent)]
    State(#[from] StateError),
}

impl ShipError {
    /// Whether it goes away by itself, or once somebody frees space: open another shipper then.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Spool(error) => !matches!(error, SpoolError::Damaged { .. }),
            Self::State(error) => error.is_retryable(),
            Self::Core(_) => false,
        }
    }
}

/// What a step did.
#[derive(Debug)]
pub enum Step {
    /// Something that is done.
    Worked,
    /// This chunk is to be stored, from this spool file, now or in a while: [`Shipper::stored`] or
    /// [`Shipper::not_stored`] tells how it went. Several may be under way at once.
    Store(ChunkRecord, PathBuf),
    /// Nothing: there is nothing to do before the next event.
    Idle,
}

/// A core and its adapters but the store, which may take its time.
pub struct Shipper<S, D: Disk = SystemDisk> {
    core: Core,
    disk: D,
    tail: TailFiles<D>,
    spool: Spool<D>,
    state: S,
}

impl<S: StateStore> Shipper<S> {
    /// As [`Shipper::open_on`], on this machine's disk.
    ///
    /// # Errors
    /// As there.
    pub fn open(settings: Settings, tails: Tails, spool: &Path, state: S) -> Result<Self, ShipError> {
        Self::open_on(SystemDisk, settings, tails, spool, state)
    }
}

impl<S: StateStore, D: Disk + Clone> Shipper<S, D> {
    /// Recovers from `state` and the spool's folder on `disk`, where the logs are as well.
    ///
    /// # Errors
    /// [`ShipError`] when either cannot be used.
    pub fn open_on(
        disk: D,
        settings: Settings,
        tails: Tails,
        spool: &Path,
        state: S,
    ) -> Result<Self, ShipError> {
        let recovered = state.recover()?;
        let sealed: Vec<_> = recovered.unshipped.iter().map(|chunk| (chunk.hash, chunk.length.0)).collect();
        let spool = Spool::open_on(disk.clone(), spool, settings.sources.len(), &sealed)?;
        let core = Core::new(settings, tails, recovered)?;
        Ok(Self { core, tail: TailFiles::on(disk.clone()), disk, spool, state })
    }

    /// Tells the core which files there are now; those that are open here and gone from their paths count, too.
    pub fn scanned(&mut self, mut found: Vec<FoundFile>, now: UnixMicros) {
        let core = &self.core;
        found.extend(self.tail.unlisted(&found, now, |file, size| core.wants(file, size)));
        let absent = self.core.absent(&found);
        let is_there =
            |(file, path): &(FileId, Arc<Path>)| self.disk.stat(path).is_ok_and(|stat| stat.file == *file);
        let elsewhere = absent.iter().filter(|file| is_there(file)).map(|(file, _)| *file).collect();
        self.core.handle(Event::Scanned { found, elsewhere }, now);
    }

    /// Tells the core what happened outside.
    pub fn tell(&mut self, event: Event, now: UnixMicros) {
        self.core.handle(event, now);
    }

    /// Does the next thing there is to do.
    ///
    /// # Errors
    /// [`ShipError`]; the shipper is then of no more use.
    pub fn step(&mut self, now: UnixMicros) -> Result<Step, ShipError> {
        let Some(action) = self.core.next_action(now)? else { return Ok(Step::Idle) };
        let event = match action {
            Action::Probe { file, path, compressed, fresh, windows } => {
                let target = Target { file, path: &path, compressed, fresh, now };
                Event::Probed { file, result: self.tail.probe(&target, &windows) }
            }
            Action::Read { file, path, compressed, fresh, offset, window, .. } => {
                let target = Target { file, path: &path, compressed, fresh, now };
                let read = self.tail.read(&target, offset.0, self.core.room());
                let is_its_own = compressed || self.tail.holds(&target, offset.0, window);
                Event::Read {
                    file,
                    result: read.and_then(|read| is_its_own.then_some(read).ok_or(Fault::Moved)),
                }
            }
            Action::Append { source, begins } => {
                self.spool.append(source, begins, self.core.block())?;
                Event::Appended
            }
            Action::Seal { source, seal } => {
                self.spool.seal(source, seal.chunk.hash)?;
                self.state.seal(&seal)?;
                Event::Sealed
            }
            Action::Meet(meeting) => {
                self.state.meet(&meeting)?;
                Event::Met
            }
            Action::Anchor(anchoring) => {
                self.state.anchor(&anchoring)?;
                Event::Anchored
            }
            Action::Remember(files) => {
                self.state.remember(&files)?;
                Event::Remembered
            }
            Action::Upload(chunk) => {
                let path = self.spool.path(chunk.hash);
                return Ok(Step::Store(chunk, path));
            }
        };
        self.core.handle(event, now);
        Ok(Step::Worked)
    }

    /// The chunk is in the store, durably: it is forgotten here.
    ///
    /// # Errors
    /// As [`Shipper::step`].
    pub fn stored(&mut self, chunk: ContentHash, now: UnixMicros) -> Result<(), ShipError> {
        self.state.forget(chunk)?;
        self.spool.remove(chunk);
        self.core.handle(Event::Uploaded(chunk), now);
        Ok(())
    }

    /// The chunk could not be stored; it stays in the spool and is given out again after a pause.
    pub fn not_stored(&mut self, chunk: ContentHash, now: UnixMicros) {
        self.core.handle(Event::UploadFailed(chunk), now);
    }

    /// The core, for what it can tell.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// How much was done.
    pub fn progress(&self) -> Progress {
        self.core.progress()
    }

    /// The files in which lines were cut since the last call, and how many.
    pub fn take_cut_lines(&mut self) -> Vec<(Arc<str>, u64)> {
        self.core.take_cut_lines()
    }

    /// Files that could not be read since the last call.
    pub fn take_problems(&mut self) -> Vec<Problem> {
        self.tail.take_problems()
    }
}
