//! What lies where in a lake's folder, and who writes it just now. Knows paths only and changes nothing.
//!
//! ```text
//! DIR/logs, DIR/metrics          the lake
//! DIR/batches                    what rules dropped, batch by batch
//! DIR/.headrig/lock              held by the process that writes the lake; says which
//! DIR/.headrig/agent.db          what was read, and of which file
//! DIR/.headrig/spool/            chunks until they are in the bucket
//! DIR/.headrig/bucket/           every chunk
//! DIR/.headrig/ledger.db         which chunk is in which batch, and how far that is
//! DIR/.headrig/staging/          a batch's files until all of them are whole
//! DIR/.headrig/alerts.json       what alerts remember, and what people know
//! DIR/.headrig/alerts-heard.json which sources they listen for, and when each was heard
//! DIR/.headrig/figures/          what batches brought for the alerts, until it is taken in
//! DIR/.headrig/scratch/          what compaction makes until it is whole, and what it takes away
//! ```

use headrig_etl::account::ACCOUNTS;
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// The paths of one lake's folder.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    root: PathBuf,
    state: PathBuf,
}

impl Places {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.into(), state: root.join(".headrig") }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    /// The folders that hold no input, whoever names them.
    pub(crate) fn own_folders(&self) -> Vec<PathBuf> {
        vec![self.state.clone(), self.root.join("logs"), self.root.join("metrics"), self.root.join(ACCOUNTS)]
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.state.join("lock")
    }

    pub(crate) fn agent_state(&self) -> PathBuf {
        self.state.join("agent.db")
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.state.join("spool")
    }

    pub(crate) fn bucket(&self) -> PathBuf {
        self.state.join("bucket")
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.state.join("ledger.db")
    }

    pub(crate) fn staging(&self) -> PathBuf {
        self.state.join("staging")
    }

    pub(crate) fn figures(&self) -> PathBuf {
        self.state.join("figures")
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.state.join("scratch")
    }

    /// Keeps compaction away for as long as the value lives: who holds the lake's files against the ledger must not
    /// have them exchanged meanwhile. Any number of readers may.
    pub(crate) fn beside_readers(&self) -> io::Result<Option<File>> {
        match self.held(FlockOperation::NonBlockingLockShared) {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
            // Where folders cannot be locked nobody compacts either.
            Err(_) => Ok(None),
        }
    }

    /// Keeps such readers away.
    pub(crate) fn alone(&self) -> io::Result<File> {
        self.held(FlockOperation::NonBlockingLockExclusive)
    }

    /// The lock is the state folder's own, so that taking it changes nothing.
    fn held(&self, operation: FlockOperation) -> io::Result<File> {
        let folder = File::open(&self.state)?;
        flock(&folder, operation)?;
        Ok(folder)
    }

    /// The process that writes the lake now, as it names itself; none where there is none, or where the lock may
    /// not be looked at. Looking takes the lock for a moment: who wants it tries again.
    pub(crate) fn writer(&self) -> Option<String> {
        let mut file = File::open(self.lock()).ok()?;
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Err(Errno::WOULDBLOCK) => Some(holder_of(&mut file)),
            _ => None,
        }
    }
}

/// The process that a held lock file names.
pub(crate) fn holder_of(lock: &mut File) -> String {
    let mut holder = String::new();
    let _ = lock.read_to_string(&mut holder);
    if holder.trim().is_empty() { "another process".into() } else { holder.trim().to_owned() }
}
