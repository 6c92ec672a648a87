//! The lake's folder, held by the process that writes it.

use crate::places::{Places, holder_of};
use anyhow::{Context, Result, bail};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use std::{
    fs::{self, File, OpenOptions},
    io::{Seek, Write},
    ops::Deref,
    path::{Path, PathBuf},
    process, thread,
    time::Duration,
};

/// How often a lock that is held is tried again: `headrig status` holds it for a moment, to see who has it.
const LOCK_TRIES_MAX: usize = 5;
/// The pause between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// A lake's folder, locked for as long as the value lives.
#[derive(Debug)]
pub(crate) struct Folder {
    places: Places,
    _lock: File,
}

impl Deref for Folder {
    type Target = Places;

    fn deref(&self) -> &Places {
        &self.places
    }
}

impl Folder {
    /// Opens the lake at `root`, made if need be, for this process alone, which others are told is a `command`.
    ///
    /// # Errors
    /// When it cannot be written, another process holds it, or it holds a lake without its state.
    pub(crate) fn open(root: &Path, command: &str) -> Result<Self> {
        let places = Places::new(root);
        let unusable = || {
            format!(
                "the lake {} cannot be written; mend its permissions or name another folder with --lake",
                root.display()
            )
        };
        fs::create_dir_all(places.state()).with_context(unusable)?;
        let lock = hold(&places.lock(), root, command)?;
        let folder = Self { places, _lock: lock };
        folder.expect_state()?;
        Ok(folder)
    }

    /// Rows without the databases that say where they came from, or chunks without the agent's, would all be
    /// added once more.
    fn expect_state(&self) -> Result<()> {
        let tables = ["logs", "metrics"].map(|table| self.root().join(table));
        let is_lake = has_content(&self.agent_state());
        if let Some(foreign) = tables.iter().find_map(|table| foreign_entry(table)).filter(|_| !is_lake) {
            bail!(
                "the lake {} cannot be there: {} is no part of one; name another folder with --lake",
                self.root().display(),
                foreign.display()
            );
        }
        let has_rows = tables.iter().any(|table| has_entries(table));
        let needed =
            [(self.agent_state(), has_rows || has_entries(&self.bucket())), (self.ledger(), has_rows)];
        match needed.iter().find(|(database, needed)| *needed && !has_content(database)) {
            Some((missing, _)) => bail!(
                "the lake {} has rows but not the state that says where they came from ({}); \
                 restore that, or name another folder with --lake: going on would double rows",
                self.root().display(),
                missing.display()
            ),
            None => Ok(()),
        }
    }
}

fn hold(path: &Path, root: &Path, command: &str) -> Result<File> {
    let unusable = || format!("the lake {} cannot be locked at {}", root.display(), path.display());
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .with_context(unusable)?;
    if let Err(error) = lock(&file) {
        if error != Errno::WOULDBLOCK {
            return Err(anyhow::Error::from(error).context(unusable()));
        }
        bail!(
            "the lake {} is in use by {}; wait until it has ended, or end it with Ctrl-C",
            root.display(),
            holder_of(&mut file)
        );
    }
    let started = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S UTC");
    file.set_len(0).and_then(|()| file.rewind()).with_context(unusable)?;
    writeln!(file, "{command}, process {}, since {started}", process::id()).with_context(unusable)?;
    Ok(file)
}

fn lock(file: &File) -> Result<(), Errno> {
    let mut tries = 1;
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) if tries < LOCK_TRIES_MAX => {
                tries += 1;
                thread::sleep(LOCK_PAUSE);
            }
            result => return result,
        }
    }
}

/// An emptied database knows as little as one that is gone.
fn has_content(database: &Path) -> bool {
    fs::metadata(database).is_ok_and(|metadata| metadata.len() > 0)
}

/// Something in a table's folder that is no partition.
fn foreign_entry(table: &Path) -> Option<PathBuf> {
    let is_partition = |entry: &fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b"year=");
    fs::read_dir(table).ok()?.flatten().find(|entry| !is_partition(entry)).map(|entry| entry.path())
}

fn has_entries(folder: &Path) -> bool {
    let visible = |entry: fs::DirEntry| !entry.file_name().as_encoded_bytes().starts_with(b".");
    fs::read_dir(folder).is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(visible)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lake_is_held_by_one_at_a_time_and_the_second_is_told_by_whom() {
        let root = tempfile::tempdir().unwrap();
        let first = Folder::open(root.path(), "headrig local").unwrap();
        let error = Folder::open(root.path(), "headrig local").unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", process::id())), "{error}");
        drop(first);
        Folder::open(root.path(), "headrig local").unwrap();
    }

    #[test]
    fn a_lake_that_lost_its_state_is_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("logs/year=2026")).unwrap();
        let error = Folder::open(root.path(), "headrig local").unwrap_err().to_string();
        assert!(error.contains("would double rows"), "{error}");
    }
}
