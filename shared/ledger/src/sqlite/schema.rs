//! The tables, and the check that a file holds them and nothing else.

use super::Failure;
use crate::LedgerError;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::Path;

/// Marks a headrig ledger in the file's header: "hrLG".
pub(super) const APPLICATION_ID: u32 = u32::from_be_bytes(*b"hrLG");

/// The schema that this program writes. A change of the tables raises it and adds a migration here.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// The tables of schema 1; docs/formats/ledger.md explains each column.
const TABLES: &str = "
CREATE TABLE files (
    hash            BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    key             TEXT    NOT NULL,
    size            INTEGER NOT NULL,
    first_seen_us   INTEGER NOT NULL,
    round           INTEGER NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('pending', 'batched', 'done', 'quarantined')),
    since_us        INTEGER NOT NULL,
    batch           BLOB    CHECK (length(batch) = 32),
    reason          TEXT,
    lines           INTEGER,
    events          INTEGER,
    rows            INTEGER,
    dropped_by_rule INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX files_by_state ON files (state, since_us, hash);
CREATE INDEX files_by_key ON files (key);

CREATE TABLE batches (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    version         INTEGER NOT NULL,
    members         BLOB    NOT NULL CHECK (length(members) > 0 AND length(members) % 32 = 0),
    sealed_us       INTEGER NOT NULL,
    changed_us      INTEGER NOT NULL,
    attempt         INTEGER NOT NULL,
    failures        INTEGER NOT NULL,
    failure         TEXT,
    state           TEXT    NOT NULL
        CHECK (state IN ('sealed', 'starting', 'running', 'exhausted', 'committed', 'split')),
    due_us          INTEGER NOT NULL,
    run             TEXT,
    done            INTEGER,
    quarantined     INTEGER,
    lines           INTEGER,
    events          INTEGER,
    rows            INTEGER,
    dropped_by_rule INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX batches_by_state ON batches (state, due_us, id);

CREATE TABLE file_events (
    hash   BLOB    NOT NULL,
    number INTEGER NOT NULL,
    at_us  INTEGER NOT NULL,
    state  TEXT    NOT NULL,
    batch  BLOB,
    reason TEXT,
    PRIMARY KEY (hash, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE batch_events (
    batch    BLOB    NOT NULL,
    version  INTEGER NOT NULL,
    at_us    INTEGER NOT NULL,
    state    TEXT    NOT NULL,
    attempt  INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    run      TEXT,
    failure  TEXT,
    PRIMARY KEY (batch, version)
) STRICT, WITHOUT ROWID;
";

/// Makes the tables in an empty file, or checks that a file has them. Only then is the file written to.
pub(super) fn prepare(connection: &Connection, path: &Path) -> Result<(), Failure> {
    if !is_ledger(connection, path)? {
        make_tables(connection, path)?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(())
}

/// Checks that the file has the tables, and changes nothing.
pub(super) fn expect(connection: &Connection, path: &Path) -> Result<(), Failure> {
    if is_ledger(connection, path)? {
        return Ok(());
    }
    Err(LedgerError::NotALedger { path: path.into(), expected: APPLICATION_ID, found: 0 }.into())
}

/// Whether the file holds a ledger; an empty one does not yet.
fn is_ledger(connection: &Connection, path: &Path) -> Result<bool, Failure> {
    let application = header(connection, "application_id")?;
    let version = header(connection, "user_version")?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, version) {
        (0, 0) if tables == 0 => Ok(false),
        (APPLICATION_ID, SCHEMA_VERSION) => Ok(true),
        (APPLICATION_ID, found) if found > SCHEMA_VERSION => {
            Err(LedgerError::NewerSchema { path: path.into(), expected: SCHEMA_VERSION, found }.into())
        }
        (APPLICATION_ID, found) => {
            let reason = format!("expected schema 1 to {SCHEMA_VERSION}, found {found}");
            Err(LedgerError::Corrupt { path: path.into(), reason }.into())
        }
        (found, _) => {
            Err(LedgerError::NotALedger { path: path.into(), expected: APPLICATION_ID, found }.into())
        }
    }
}

fn make_tables(connection: &Connection, path: &Path) -> Result<(), Failure> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    // Another process may have made them since we looked.
    if !is_ledger(&transaction, path)? {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    Ok(transaction.commit()?)
}

fn header(connection: &Connection, name: &str) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).map(i32::cast_unsigned)
}
