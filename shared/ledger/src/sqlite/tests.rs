//! What only the SQLite adapter promises, besides conforming.

use super::*;
use crate::{conformance, file::FileFacts};
use headrig_contract::ByteLength;
use std::fs;
use tempfile::TempDir;

fn file(number: u32) -> FileRecord {
    let key = ObjectKey::parse(&format!("file-{number}")).unwrap();
    let hash = ContentHash::of(key.as_str().as_bytes());
    FileRecord::pending(FileFacts { hash, key, size: ByteLength(u64::MAX) }, UnixMicros(number.into()))
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    (folder, path)
}

/// Opens what `spoil` made of a ledger, and expects that error, naming the file.
fn check_refused(spoil: impl FnOnce(&Path), expect: fn(&LedgerError) -> bool) {
    let (_folder, path) = folder();
    drop(SqliteLedger::open(&path).unwrap());
    spoil(&path);
    let error = SqliteLedger::open(&path).unwrap_err();
    assert!(expect(&error), "{error:?}");
    assert!(error.to_string().contains("ledger.sqlite"), "{error}");
}

fn set(path: &Path, pragma: &str, value: u32) {
    Connection::open(path).unwrap().pragma_update(None, pragma, value).unwrap();
}

#[test]
fn the_sqlite_ledger_conforms() {
    conformance::check(|| SqliteLedger::in_memory().unwrap());
}

#[test]
fn what_was_written_is_there_after_opening_again() {
    let (_folder, path) = folder();
    SqliteLedger::open(&path).unwrap().put_file_if_absent(&file(1)).unwrap();
    let ledger = SqliteLedger::open(&path).unwrap();
    assert_eq!(ledger.file(file(1).hash).unwrap(), Some(file(1)));
}

#[test]
fn a_reader_sees_what_a_writer_writes_and_changes_nothing() {
    let (_folder, path) = folder();
    assert!(matches!(SqliteLedger::open_to_read(&path), Err(LedgerError::Unreadable { .. })));
    assert!(!path.exists(), "opening to read made a ledger");
    let writer = SqliteLedger::open(&path).unwrap();
    let reader = SqliteLedger::open_to_read(&path).unwrap();
    writer.put_file_if_absent(&file(1)).unwrap();
    assert_eq!(reader.file(file(1).hash).unwrap(), Some(file(1)));
    assert!(matches!(reader.put_file_if_absent(&file(2)), Err(LedgerError::Unwritable { .. })));
    assert_eq!(writer.file(file(2).hash).unwrap(), None);
    let empty = path.with_extension("empty");
    fs::write(&empty, "").unwrap();
    assert!(matches!(SqliteLedger::open_to_read(&empty), Err(LedgerError::NotALedger { .. })));
    assert_eq!(fs::read(&empty).unwrap(), b"");
}

#[test]
fn writes_are_durable_when_they_return() {
    let (_folder, path) = folder();
    let ledger = SqliteLedger::open(&path).unwrap();
    let mode: String = ledger.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    let synchronous: i64 =
        ledger.connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
    assert_eq!((mode.as_str(), synchronous), ("wal", 2));
}

#[test]
fn two_processes_may_hold_one_ledger() {
    let (_folder, path) = folder();
    let (one, other) = (SqliteLedger::open(&path).unwrap(), SqliteLedger::open(&path).unwrap());
    assert_eq!(one.put_file_if_absent(&file(1)).unwrap(), PutOutcome::Created);
    assert_eq!(other.put_file_if_absent(&file(1)).unwrap(), PutOutcome::AlreadyPresent);
}

#[test]
fn a_ledger_held_by_a_stopped_process_is_busy() {
    let (_folder, path) = folder();
    let ledger = SqliteLedger::open(&path).unwrap();
    ledger.connection.busy_timeout(Duration::ZERO).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = ledger.put_file_if_absent(&file(1)).unwrap_err();
    assert!(matches!(error, LedgerError::Busy { .. }) && error.is_retryable(), "{error:?}");
}

#[test]
fn a_newer_schema_is_refused() {
    check_refused(
        |path| set(path, "user_version", schema::SCHEMA_VERSION + 1),
        |error| matches!(error, LedgerError::NewerSchema { expected: 1, found: 2, .. }),
    );
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    let (_folder, path) = folder();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE mine (x)").unwrap();
    let before = fs::read(&path).unwrap();
    let error = SqliteLedger::open(&path).unwrap_err();
    assert!(matches!(error, LedgerError::NotALedger { found: 0, .. }), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_corrupt() {
    check_refused(
        |path| fs::write(path, "not a database, but long enough to have a header ".repeat(99)).unwrap(),
        |error| matches!(error, LedgerError::Corrupt { .. }) && !error.is_retryable(),
    );
}

#[test]
fn a_folder_that_is_not_there_is_unwritable() {
    let error = SqliteLedger::open(Path::new("/nowhere/at/all/ledger.sqlite")).unwrap_err();
    assert!(matches!(error, LedgerError::Unwritable { .. }), "{error:?}");
    assert!(error.to_string().contains("/nowhere/at/all/ledger.sqlite"), "{error}");
}

#[test]
fn a_full_disk_is_told_apart_and_leaves_the_ledger_whole() {
    let (_folder, path) = folder();
    let ledger = SqliteLedger::open(&path).unwrap();
    let pages: i64 = ledger.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    ledger.connection.pragma_update(None, "max_page_count", pages).unwrap();
    let files: Vec<_> = (0..1_000).map(file).collect();
    let error = ledger.put_files_if_absent(&files).unwrap_err();
    assert!(matches!(error, LedgerError::Full { .. }) && error.is_retryable(), "{error:?}");
    ledger.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
    assert_eq!(ledger.counts().unwrap(), Counts::default());
    ledger.put_files_if_absent(&files).unwrap();
    assert_eq!(ledger.counts().unwrap().pending, 1_000);
}

#[test]
fn a_row_that_headrig_never_writes_is_corrupt() {
    let (_folder, path) = folder();
    let ledger = SqliteLedger::open(&path).unwrap();
    ledger.put_file_if_absent(&file(1)).unwrap();
    ledger.connection.execute("UPDATE files SET key = '/etc/passwd'", []).unwrap();
    let error = ledger.file(file(1).hash).unwrap_err();
    assert!(matches!(error, LedgerError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("column key"), "{error}");
}

#[test]
fn listings_are_read_from_their_index() {
    let ledger = SqliteLedger::in_memory().unwrap();
    let plan_of = |sql: &str| -> String {
        let mut statement = ledger.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let lines = statement.query_map([], |row| row.get::<_, String>("detail")).unwrap();
        lines.map(|line| line.unwrap()).collect::<Vec<_>>().join("; ")
    };
    for (table, time, id) in [("files", "since_us", "hash"), ("batches", "due_us", "id")] {
        let sql = format!(
            "SELECT * FROM {table} WHERE state = 'x' AND ({time}, {id}) > (1, x'') ORDER BY {time}, {id} LIMIT 5"
        );
        let plan = plan_of(&sql);
        assert!(plan.contains(&format!("{table}_by_state")) && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}
