//! What stands behind disk and state: the power, which can fail at any durable action, and the space, which can
//! run out; and the lies that a test has them tell, to see that the simulation finds out.

use crate::random::Random;
use std::{cell::Cell, io};

/// Where in an action everything stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    Middle,
    After,
}

/// What stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The process: what it wrote is written.
    Kill,
    /// The machine: what was not synced may be gone, or there in part.
    Power,
}

/// A stop that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The number of the durable action, counted from the story's beginning.
    pub(crate) at: u64,
    pub(crate) moment: Moment,
    pub(crate) crash: Crash,
}

/// A promise of the machine that it does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Syncing a file does nothing.
    FileSync,
    /// Syncing a folder does nothing.
    FolderSync,
    /// The state's last transaction may be gone after a power cut.
    StateCommit,
    /// The state moves the offsets before the transaction that records the chunk.
    TornSeal,
    /// The chunk is forgotten before the store has it.
    EarlyAck,
    /// That the object is there already counts as a failure.
    PresentIsFailure,
    /// The store says yes and keeps nothing, now and then.
    Unstored,
    /// Now and then, a read brings bytes from one place further.
    ShiftedRead,
}

#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) random: Random,
    pub(crate) lie: Option<Lie>,
    /// Durable actions begun.
    actions: Cell<u64>,
    cut: Cell<Option<Cut>>,
    stopped: Cell<Option<Crash>>,
    /// The disk is full.
    pub(crate) full: Cell<bool>,
}

/// How much of an action is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Whole,
    /// A part, then everything stops.
    Part,
    /// The whole, then everything stops.
    Last,
}

impl Machine {
    pub(crate) fn new(seed: u64, lie: Option<Lie>) -> Self {
        Self {
            random: Random::new(seed ^ 0x5eed),
            lie,
            actions: Cell::new(0),
            cut: Cell::new(None),
            stopped: Cell::new(None),
            full: Cell::new(false),
        }
    }

    /// Begins a durable action, unless everything stops before it.
    pub(crate) fn begin(&self) -> io::Result<Extent> {
        self.running()?;
        let number = self.actions.get();
        self.actions.set(number + 1);
        let Some(cut) = self.cut.get().filter(|cut| cut.at <= number) else { return Ok(Extent::Whole) };
        self.cut.set(None);
        self.stopped.set(Some(cut.crash));
        match cut.moment {
            Moment::Before => Err(gone()),
            Moment::Middle => Ok(Extent::Part),
            Moment::After => Ok(Extent::Last),
        }
    }

    /// Does the whole of an action, or the half that `part` is, or nothing.
    pub(crate) fn act(&self, whole: impl FnOnce(), part: impl FnOnce()) -> io::Result<()> {
        match self.begin()? {
            Extent::Whole => whole(),
            Extent::Last => {
                whole();
                return Err(gone());
            }
            Extent::Part => {
                part();
                return Err(gone());
            }
        }
        Ok(())
    }

    /// The same for an action that needs space.
    pub(crate) fn act_with_space(&self, whole: impl FnOnce(), part: impl FnOnce()) -> io::Result<()> {
        if self.full.get() {
            self.running()?;
            part();
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error()));
        }
        self.act(whole, part)
    }

    pub(crate) fn running(&self) -> io::Result<()> {
        if self.stopped.get().is_some() { Err(gone()) } else { Ok(()) }
    }

    pub(crate) fn lies(&self, lie: Lie) -> bool {
        self.lie == Some(lie)
    }

    pub(crate) fn actions(&self) -> u64 {
        self.actions.get()
    }

    pub(crate) fn stop_at(&self, cut: Option<Cut>) {
        self.cut.set(cut);
    }

    /// What has stopped, if anything has.
    pub(crate) fn stopped(&self) -> Option<Crash> {
        self.stopped.get()
    }

    pub(crate) fn restart(&self) {
        self.stopped.set(None);
    }
}

fn gone() -> io::Error {
    io::Error::other("everything has stopped")
}
