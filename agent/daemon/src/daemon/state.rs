//! Opens the state, or refuses to: a database that is gone or damaged is never begun anew by itself, since the
//! agent would then ship every line again.
//!
//! It knows the state folder's layout and nothing of lines. *Invariant:* a refusal changes nothing and names
//! the way out.

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use headrig_agent::{
    shipper::ShipError,
    state::{SqliteState, StateError},
};
use headrig_contract::AgentId;
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
};

/// Takes the state folder, and makes it; another agent on it is refused as long as the file lives.
pub(super) fn hold(state_dir: &Path) -> Result<File> {
    let unusable =
        || format!("the state folder {} cannot be used; make it writable for the agent", state_dir.display());
    fs::create_dir_all(state_dir).with_context(unusable)?;
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(state_dir.join("lock"))
        .with_context(unusable)?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        bail!("another agent runs on {}; end it first", state_dir.display());
    }
    Ok(lock)
}

/// The spool in `folder`. It is made after the database and never removed, so it tells that there was one.
pub(super) fn spool(folder: &Path) -> PathBuf {
    folder.join("spool")
}

/// Opens the database in `folder`; makes it, for a new agent, where none ever was.
pub(super) fn open(folder: &Path) -> Result<SqliteState> {
    let database = folder.join("agent.db");
    // SQLite would take an empty file for a new database.
    let is_there = fs::metadata(&database).is_ok_and(|metadata| metadata.len() > 0);
    ensure!(
        is_there || !spool(folder).exists(),
        "the state database {} is gone, and {} shows that there was one; restore it from a backup, {}",
        database.display(),
        spool(folder).display(),
        way_out(folder)
    );
    if spool(folder).exists() {
        return Ok(SqliteState::open_existing(&database).map_err(ShipError::from)?);
    }
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| anyhow!("no random bytes for an agent id: {error}"))?;
    Ok(SqliteState::open(&database, AgentId::from_bytes(id)).map_err(ShipError::from)?)
}

/// `error`, with the way out where the database is damaged.
pub(super) fn explained(error: Error, folder: &Path) -> Error {
    match error.downcast_ref() {
        Some(ShipError::State(StateError::Damaged { .. })) => anyhow!("{error}, {}", way_out(folder)),
        _ => error,
    }
}

fn way_out(folder: &Path) -> String {
    format!(
        "or move {} away to begin anew: every file is then read from its beginning, and what was shipped before is shipped again",
        folder.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_made_where_none_was_and_not_where_one_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("agent.db");
        drop(open(folder.path()).unwrap());
        // Killed before the spool was made: nothing can have been sealed.
        fs::write(&database, "").unwrap();
        drop(open(folder.path()).unwrap());
        fs::create_dir(spool(folder.path())).unwrap();
        drop(open(folder.path()).unwrap());
        for harm in [|path: &Path| fs::write(path, "").unwrap(), |path: &Path| fs::remove_file(path).unwrap()]
        {
            harm(&database);
            let refusal = open(folder.path()).err().unwrap().to_string();
            assert!(refusal.contains("restore it from a backup, or move"), "{refusal}");
        }
        assert!(!database.exists());
    }
}
