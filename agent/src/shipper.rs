//! The shell that drives one core: does what it says, one action at a time, and tells it what came of it.
//!
//! It decides nothing. Whatever fails on its side ends the core; [`Shipper::open`] recovers a new one from
//! what is durable, as after a crash.

use crate::{
    core::{Action, Core, CoreError, Event, Progress, Tails},
    settings::Settings,
    spool::{Spool, SpoolError},
    state::{ChunkRecord, StateError, StateStore},
    tail::{Problem, TailFiles},
};
use headrig_contract::UnixMicros;
use headrig_store::{ObjectStore, StoreError};
use std::path::Path;

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
    /// A chunk could not be stored, and trying again will not help.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ShipError {
    /// Whether it goes away by itself, or once somebody frees space: open another shipper then.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Spool(error) => matches!(error, SpoolError::DiskFull { .. }),
            Self::State(error) => matches!(error, StateError::DiskFull { .. }),
            Self::Store(error) => error.is_retryable(),
            Self::Core(_) => false,
        }
    }
}

/// What a step did.
#[derive(Debug)]
pub enum Step {
    /// Something other than storing a chunk.
    Worked,
    /// A chunk is in the store, and forgotten here.
    Stored(ChunkRecord),
    /// A chunk could not be stored; it stays in the spool and is tried again.
    StoreFailed(StoreError),
    /// Nothing: there is nothing to do before the next event.
    Idle,
}

/// A core and its adapters.
pub struct Shipper<S, O> {
    core: Core,
    tail: TailFiles,
    spool: Spool,
    state: S,
    store: O,
}

impl<S: StateStore, O: ObjectStore> Shipper<S, O> {
    /// Recovers from `state` and the spool's folder.
    ///
    /// # Errors
    /// [`ShipError`] when either cannot be used.
    pub fn open(
        settings: Settings,
        tails: Tails,
        spool: &Path,
        state: S,
        store: O,
    ) -> Result<Self, ShipError> {
        let recovered = state.recover()?;
        let sealed: Vec<_> = recovered.unshipped.iter().map(|chunk| (chunk.hash, chunk.length.0)).collect();
        let spool = Spool::open(spool, settings.sources.len(), &sealed)?;
        Ok(Self {
            core: Core::new(settings, tails, recovered)?,
            tail: TailFiles::default(),
            spool,
            state,
            store,
        })
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
            Action::Probe { file, path, compressed, windows } => {
                Event::Probed { file, result: self.tail.probe(file, &path, compressed, &windows) }
            }
            Action::Read { file, path, compressed, offset, .. } => {
                let result = self.tail.read(file, &path, compressed, offset.0, self.core.room());
                Event::Read { file, result }
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
            Action::Remember(files) => {
                self.state.remember(&files)?;
                Event::Remembered
            }
            Action::Upload(chunk) => return self.upload(chunk, now),
        };
        self.core.handle(event, now);
        Ok(Step::Worked)
    }

    /// The core, for what it can tell.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// How much was done.
    pub fn progress(&self) -> Progress {
        self.core.progress()
    }

    /// Files that could not be read since the last call.
    pub fn take_problems(&mut self) -> Vec<Problem> {
        self.tail.take_problems()
    }

    fn upload(&mut self, chunk: ChunkRecord, now: UnixMicros) -> Result<Step, ShipError> {
        match self.store.put_if_absent(&chunk.key, &self.spool.path(chunk.hash), chunk.hash) {
            Ok(_) => {
                self.state.forget(chunk.hash)?;
                self.spool.remove(chunk.hash);
                self.core.handle(Event::Uploaded(chunk.hash), now);
                Ok(Step::Stored(chunk))
            }
            Err(error) if error.is_retryable() => {
                self.core.handle(Event::UploadFailed(chunk.hash), now);
                Ok(Step::StoreFailed(error))
            }
            Err(error) => Err(error.into()),
        }
    }
}
