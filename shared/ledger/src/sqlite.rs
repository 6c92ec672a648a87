//! The ledger in one SQLite file, for one machine; docs/formats/ledger.md draws the tables.
//!
//! Every write is one immediate transaction in WAL mode with `synchronous=FULL`: durable when it returns.
//! Several processes may hold the same file; each opens its own [`SqliteLedger`]. This module translates
//! between rows and the state machine's types and decides nothing.

mod layout;
mod rows;
mod schema;
mod writes;

use crate::{
    LedgerError,
    batch::{Batch, BatchPhase},
    file::{FilePhase, FileRecord, Outcome},
    history::{BatchEvent, FileEvent},
    ids::{BatchId, Round, Version},
    layout::{Layout, Placed, Reading},
    port::{BatchCursor, Counts, FileCursor, Ledger, PutOutcome},
};
use headrig_contract::{ContentHash, ObjectKey, UnixMicros};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Row, ToSql, Transaction, TransactionBehavior,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How long a write waits for another process's. Writes take milliseconds, so this is for a stopped one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How many prepared statements are kept: all there are.
const STATEMENTS_MAX: usize = 40;

/// Files and batches in a SQLite file.
#[derive(Debug)]
pub struct SqliteLedger {
    connection: Connection,
    path: PathBuf,
}

/// What ends a transaction early.
#[derive(Debug)]
enum Failure {
    /// SQLite failed.
    Sqlite(rusqlite::Error),
    /// The condition did not hold, or the file is not what it should be.
    Ledger(LedgerError),
}

impl SqliteLedger {
    /// The ledger in the file at `path`, which is made if it is absent; its folder is not.
    ///
    /// # Errors
    /// When the file cannot be written, is damaged, or is not a ledger that this program knows.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let failed = |error| sqlite_error(path, "open", error);
        let connection = Connection::open(path).map_err(failed)?;
        if connection.is_readonly("main").map_err(failed)? {
            let reason = "the file is write-protected".into();
            return Err(LedgerError::Unwritable { path: path.into(), reason });
        }
        Self::over(connection, path)
    }

    /// The ledger in the file at `path` for reading, also beside a process that writes it. Nothing is made or changed;
    /// writing calls fail.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, or is not a ledger that this program knows.
    pub fn open_to_read(path: &Path) -> Result<Self, LedgerError> {
        let failed = |error| match sqlite_error(path, "open", error) {
            LedgerError::Unwritable { path, reason } => LedgerError::Unreadable { path, reason },
            other => other,
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        match schema::expect(&connection, path) {
            Ok(()) => Ok(Self { connection, path: path.into() }),
            Err(Failure::Sqlite(error)) => Err(failed(error)),
            Err(Failure::Ledger(error)) => Err(error),
        }
    }

    /// A ledger that is gone when it is dropped, for tests.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn in_memory() -> Result<Self, LedgerError> {
        let path = Path::new(":memory:");
        let connection = Connection::open_in_memory().map_err(|error| sqlite_error(path, "open", error))?;
        Self::over(connection, path)
    }

    fn over(connection: Connection, path: &Path) -> Result<Self, LedgerError> {
        let ledger = Self { connection, path: path.into() };
        ledger.connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| ledger.error("open", error))?;
        ledger.connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        schema::prepare(&ledger.connection, path).map_err(|failure| ledger.failure("open", failure))?;
        Ok(ledger)
    }

    /// Does `change` as a whole and durably or, when it fails, not at all.
    fn transaction<T>(
        &self,
        action: &'static str,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, LedgerError> {
        let run = || {
            let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
            let result = change(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        run().map_err(|failure| self.failure(action, failure))
    }

    fn one<T>(
        &self,
        sql: &str,
        key: &dyn ToSql,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, LedgerError> {
        let found = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row([key], read).optional());
        found.map_err(|error| self.error("read", error))
    }

    fn many<T>(
        &self,
        sql: &str,
        values: &[&dyn ToSql],
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, LedgerError> {
        let found = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(values, read)?.collect());
        found.map_err(|error| self.error("read", error))
    }

    fn failure(&self, action: &'static str, failure: Failure) -> LedgerError {
        match failure {
            Failure::Sqlite(error) => self.error(action, error),
            Failure::Ledger(error) => error,
        }
    }

    fn error(&self, action: &'static str, error: rusqlite::Error) -> LedgerError {
        sqlite_error(&self.path, action, error)
    }
}

impl Ledger for SqliteLedger {
    fn put_file_if_absent(&self, file: &FileRecord) -> Result<PutOutcome, LedgerError> {
        self.transaction("put a file", |transaction| writes::put_file(transaction, file))
    }

    fn put_files_if_absent(&self, files: &[FileRecord]) -> Result<Vec<PutOutcome>, LedgerError> {
        self.transaction("put files", |transaction| {
            files.iter().map(|file| writes::put_file(transaction, file)).collect()
        })
    }

    fn seal(&self, batch: &Batch) -> Result<(), LedgerError> {
        self.transaction("seal a batch", |transaction| writes::seal(transaction, batch))
    }

    fn swap_batch(&self, expected: Version, next: &Batch) -> Result<(), LedgerError> {
        self.transaction("change a batch", |transaction| writes::swap_batch(transaction, expected, next))
    }

    fn commit_placed(
        &self,
        expected: Version,
        next: &Batch,
        outcomes: &[(ContentHash, Outcome)],
        placed: &Placed,
    ) -> Result<(), LedgerError> {
        self.transaction("commit a batch", |transaction| {
            writes::commit(transaction, expected, next, outcomes)?;
            layout::admit(transaction, placed)
        })
    }

    fn split(&self, expected: Version, next: &Batch, parts: &[Batch]) -> Result<(), LedgerError> {
        self.transaction("split a batch", |transaction| writes::split(transaction, expected, next, parts))
    }

    fn requeue(&self, hash: ContentHash, round: Round, now: UnixMicros) -> Result<(), LedgerError> {
        self.transaction("put a file back", |transaction| writes::requeue(transaction, hash, round, now))
    }

    fn layout(&self) -> Result<Layout, LedgerError> {
        layout::read(&self.connection).map_err(|error| self.error("read the layout", error))
    }

    fn swap_layout(&self, expected: Reading, next: &Layout) -> Result<(), LedgerError> {
        self.transaction("change the layout", |transaction| layout::swap(transaction, expected, next))
    }

    fn file(&self, hash: ContentHash) -> Result<Option<FileRecord>, LedgerError> {
        self.one("SELECT * FROM files WHERE hash = ?1", hash.as_bytes(), rows::file)
    }

    fn files_at(&self, key: &ObjectKey) -> Result<Vec<FileRecord>, LedgerError> {
        let sql = "SELECT * FROM files WHERE key = ?1 ORDER BY first_seen_us, hash";
        self.many(sql, &[&key.as_str()], rows::file)
    }

    fn files(
        &self,
        phase: FilePhase,
        after: Option<FileCursor>,
        limit: usize,
    ) -> Result<Vec<FileRecord>, LedgerError> {
        // Before everything: no file is the hash of zeroes at the beginning of time.
        let (since, hash) =
            after.map_or((i64::MIN, [0; 32]), |after| (after.since.0, *after.hash.as_bytes()));
        let sql = "SELECT * FROM files WHERE state = ?1 AND (since_us, hash) > (?2, ?3)
                   ORDER BY since_us, hash LIMIT ?4";
        self.many(sql, &[&phase.as_str(), &since, &hash, &sql_limit(limit)], rows::file)
    }

    fn batch(&self, id: BatchId) -> Result<Option<Batch>, LedgerError> {
        self.one("SELECT * FROM batches WHERE id = ?1", id.as_bytes(), rows::batch)
    }

    fn batches(
        &self,
        phase: BatchPhase,
        after: Option<BatchCursor>,
        limit: usize,
    ) -> Result<Vec<Batch>, LedgerError> {
        let (due, id) = after.map_or((i64::MIN, [0; 32]), |after| (after.due.0, *after.id.as_bytes()));
        let sql = "SELECT * FROM batches WHERE state = ?1 AND (due_us, id) > (?2, ?3)
                   ORDER BY due_us, id LIMIT ?4";
        self.many(sql, &[&phase.as_str(), &due, &id, &sql_limit(limit)], rows::batch)
    }

    fn file_history(&self, hash: ContentHash) -> Result<Vec<FileEvent>, LedgerError> {
        let sql = "SELECT * FROM file_events WHERE hash = ?1 ORDER BY number";
        self.many(sql, &[hash.as_bytes()], rows::file_event)
    }

    fn batch_history(&self, id: BatchId) -> Result<Vec<BatchEvent>, LedgerError> {
        let sql = "SELECT * FROM batch_events WHERE batch = ?1 ORDER BY version";
        self.many(sql, &[id.as_bytes()], rows::batch_event)
    }

    fn counts(&self) -> Result<Counts, LedgerError> {
        let run = || {
            // One deferred transaction, so that files and batches are counted at one moment.
            let moment = Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred)?;
            count(&moment)
        };
        run().map_err(|error| self.error("count", error))
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

fn count(connection: &Connection) -> rusqlite::Result<Counts> {
    let mut counts = Counts::default();
    let mut files = connection.prepare_cached(
        "SELECT state, count(*) AS files, sum(size) AS bytes, min(since_us) AS since,
                sum(lines) AS lines, sum(events) AS events, sum(rows) AS rows,
                sum(dropped_by_rule) AS dropped_by_rule
         FROM files GROUP BY state",
    )?;
    let mut groups = files.query([])?;
    while let Some(row) = groups.next()? {
        let phase = rows::file_phase(row)?;
        *counts.of_files(phase) = rows::number(row, "files")?;
        counts.bytes.0 += rows::number(row, "bytes")?;
        match phase {
            FilePhase::Pending => counts.oldest_pending = Some(UnixMicros(row.get("since")?)),
            FilePhase::Done => counts.lines = rows::line_counts(row)?,
            FilePhase::Batched | FilePhase::Quarantined => {}
        }
    }
    let mut batches =
        connection.prepare_cached("SELECT state, count(*) AS batches FROM batches GROUP BY state")?;
    let mut groups = batches.query([])?;
    while let Some(row) = groups.next()? {
        *counts.of_batches(rows::batch_phase(row)?) = rows::number(row, "batches")?;
    }
    Ok(counts)
}

fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn sqlite_error(path: &Path, action: &'static str, error: rusqlite::Error) -> LedgerError {
    let path = path.to_path_buf();
    let reason = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => LedgerError::Full { path },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerError::Busy { path },
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            LedgerError::Unwritable { path, reason }
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => LedgerError::Corrupt { path, reason },
        None if rows::is_undecodable(&error) => LedgerError::Corrupt { path, reason },
        _ => LedgerError::Unavailable { action, source: error.into() },
    }
}

#[cfg(test)]
mod tests;
