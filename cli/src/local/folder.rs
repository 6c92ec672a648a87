//! The lake's folder: what lies where, and who holds it.
//!
//! ```text
//! DIR/logs, DIR/metrics          the lake
//! DIR/.headrig/lock              held by the process that writes the lake; says which
//! DIR/.headrig/agent.db          what was read, and of which file
//! DIR/.headrig/spool/            chunks until they are in the bucket
//! DIR/.headrig/bucket/           every chunk
//! DIR/.headrig/ledger.db         which chunk is in which batch, and how far that is
//! DIR/.headrig/staging/          a batch's files until all of them are whole
//! ```

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
    process,
};

/// A lake's folder, locked for as long as the value lives.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    state: PathBuf,
    _lock: File,
}

impl Folder {
    /// Opens the lake at `root`, made if need be, for this process alone.
    ///
    /// # Errors
    /// When it cannot be written, another process holds it, or it holds a lake without its state.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let state = root.join(".headrig");
        let unusable = || {
            format!(
                "the lake {} cannot be written; mend its permissions or name another folder with --lake",
                root.display()
            )
        };
        fs::create_dir_all(&state).with_context(unusable)?;
        let lock = hold(&state.join("lock"), root)?;
        let folder = Self { root: root.into(), state, _lock: lock };
        if !folder.agent_state().exists() && has_entries(&root.join("logs")) {
            bail!(
                "the lake {} has rows but not the state that says where they came from ({}); \
                 restore that, or name another folder with --lake: going on would double every row",
                root.display(),
                folder.agent_state().display()
            );
        }
        Ok(folder)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
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
}

fn hold(path: &Path, root: &Path) -> Result<File> {
    let unusable = || format!("the lake {} cannot be locked at {}", root.display(), path.display());
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .with_context(unusable)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        let _ = file.read_to_string(&mut holder);
        let holder =
            if holder.trim().is_empty() { "another process".into() } else { holder.trim().to_owned() };
        bail!(
            "the lake {} is in use by {holder}; wait until it has ended, or end it with Ctrl-C",
            root.display()
        );
    }
    let started = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S UTC");
    file.set_len(0).and_then(|()| file.rewind()).with_context(unusable)?;
    writeln!(file, "headrig local, process {}, since {started}", process::id()).with_context(unusable)?;
    Ok(file)
}

fn has_entries(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lake_is_held_by_one_at_a_time_and_the_second_is_told_by_whom() {
        let root = tempfile::tempdir().unwrap();
        let first = Folder::open(root.path()).unwrap();
        let error = Folder::open(root.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", process::id())), "{error}");
        drop(first);
        Folder::open(root.path()).unwrap();
    }

    #[test]
    fn a_lake_that_lost_its_state_is_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("logs/year=2026")).unwrap();
        let error = Folder::open(root.path()).unwrap_err().to_string();
        assert!(error.contains("would double every row"), "{error}");
    }
}
