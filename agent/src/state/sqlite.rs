//! The state in SQLite, one file, in WAL mode with every commit synced. Drawn in docs/formats/state.md.

mod rows;

use super::{
    Anchoring, ChainRecord, FileRecord, Meeting, OldFile, Recovered, Seal, StateError, StateStore,
    StrandRecord,
};
use headrig_contract::{AgentId, ChunkSeq, ContentHash};
use rows::{ReadFault, parsed, read_chunk, read_file, read_old_file, read_strand, unsigned};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, Transaction, params};
use std::{
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// Bumped with every change of the tables; an older agent refuses a newer file.
const VERSION: i64 = 2;
/// "HRst": tells `file` and a reader whose database this is.
const APPLICATION_ID: i64 = 0x4852_7374;
/// Another process holds the database no longer than a backup's copy takes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

const TABLES: &str = "
CREATE TABLE agent (one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT NULL, streams_opened INTEGER NOT NULL) STRICT;
CREATE TABLE strand (
  stream BLOB NOT NULL, generation INTEGER NOT NULL, path BLOB NOT NULL, sealed INTEGER NOT NULL,
  head_length INTEGER NOT NULL, head_hash BLOB NOT NULL, window_length INTEGER NOT NULL, window_hash BLOB NOT NULL,
  mid_line INTEGER NOT NULL, PRIMARY KEY (stream, generation)
) STRICT, WITHOUT ROWID;
CREATE TABLE file (
  device INTEGER NOT NULL, inode INTEGER NOT NULL, born INTEGER NOT NULL, stream BLOB NOT NULL,
  generation INTEGER NOT NULL, size_done INTEGER NOT NULL, modified_done INTEGER NOT NULL,
  PRIMARY KEY (device, inode)
) STRICT, WITHOUT ROWID;
CREATE TABLE chain (source TEXT PRIMARY KEY, next_seq INTEGER NOT NULL, last BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE chunk (
  hash BLOB PRIMARY KEY, key TEXT NOT NULL, length INTEGER NOT NULL, raw_length INTEGER NOT NULL,
  sealed_at INTEGER NOT NULL, number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// What version 2 adds to version 1: where reading began.
const TABLES_2: &str = "
ALTER TABLE strand ADD COLUMN began INTEGER NOT NULL DEFAULT 0;
CREATE TABLE met (source TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE old_file (
  device INTEGER NOT NULL, inode INTEGER NOT NULL, born INTEGER NOT NULL, size INTEGER NOT NULL,
  modified INTEGER NOT NULL, compressed INTEGER NOT NULL, PRIMARY KEY (device, inode)
) STRICT, WITHOUT ROWID;
";

/// The state database.
pub struct SqliteState {
    connection: Connection,
    path: PathBuf,
}

impl SqliteState {
    /// Opens the database at `path`, and makes it, for the agent `new_agent`, where there is none.
    ///
    /// # Errors
    /// [`StateError`] when it is damaged, newer than this agent, or cannot be opened.
    pub fn open(path: &Path, new_agent: AgentId) -> Result<Self, StateError> {
        Self::open_or_make(path, Some(new_agent))
    }

    /// Opens the database at `path`, which was made before: one without tables has lost them, as a copy has that
    /// was made without the journal beside it.
    ///
    /// # Errors
    /// As [`SqliteState::open`].
    pub fn open_existing(path: &Path) -> Result<Self, StateError> {
        Self::open_or_make(path, None)
    }

    fn open_or_make(path: &Path, new_agent: Option<AgentId>) -> Result<Self, StateError> {
        let failed = |error| state_error(path, error);
        let mut connection = Connection::open(path).map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
            .map_err(failed)?;
        prepare(&mut connection, path, new_agent)?;
        Ok(Self { connection, path: path.into() })
    }

    fn transact(
        &mut self,
        act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StateError> {
        let path = &self.path;
        let run = || {
            let transaction = self.connection.transaction()?;
            act(&transaction)?;
            transaction.commit()
        };
        run().map_err(|error| state_error(path, error))
    }

    fn rows<T>(
        &self,
        query: &str,
        read: impl Fn(&Row<'_>) -> Result<T, ReadFault>,
    ) -> Result<Vec<T>, StateError> {
        let failed = |error| state_error(&self.path, error);
        let mut statement = self.connection.prepare(query).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        let mut values = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            values.push(read(row).map_err(|fault| fault.into_error(&self.path))?);
        }
        Ok(values)
    }
}

impl StateStore for SqliteState {
    fn recover(&self) -> Result<Recovered, StateError> {
        let agents = self.rows("SELECT id, streams_opened FROM agent", |row| {
            Ok((AgentId::from_bytes(row.get(0)?), unsigned(row.get(1)?)?))
        })?;
        let &[(agent, streams_opened)] = agents.as_slice() else {
            return Err(StateError::Damaged {
                path: self.path.clone(),
                expected: "one row in the table agent".into(),
            });
        };
        Ok(Recovered {
            agent,
            streams_opened,
            strands: self.rows(
                "SELECT stream, generation, path, sealed, head_length, head_hash, window_length, window_hash, mid_line, began FROM strand",
                read_strand,
            )?,
            files: self.rows("SELECT device, inode, born, stream, generation, size_done, modified_done FROM file", read_file)?,
            chains: self.rows("SELECT source, next_seq, last FROM chain", |row| {
                Ok(ChainRecord {
                    source: parsed(&row.get::<_, String>(0)?)?,
                    next_seq: ChunkSeq(unsigned(row.get(1)?)?),
                    last: ContentHash::from_bytes(row.get(2)?),
                })
            })?,
            unshipped: self
                .rows("SELECT hash, key, length, raw_length, sealed_at FROM chunk ORDER BY number", read_chunk)?,
            met: self.rows("SELECT source FROM met", |row| parsed(&row.get::<_, String>(0)?))?,
            old_files: self
                .rows("SELECT device, inode, born, size, modified, compressed FROM old_file", read_old_file)?,
        })
    }

    fn seal(&mut self, seal: &Seal) -> Result<(), StateError> {
        self.transact(|transaction| {
            let chunk = &seal.chunk;
            transaction
                .prepare_cached(
                    "INSERT INTO chunk VALUES (?1, ?2, ?3, ?4, ?5, (SELECT coalesce(max(number), 0) + 1 FROM chunk))",
                )?
                .execute(params![
                    chunk.hash.as_bytes(),
                    chunk.key.as_str(),
                    chunk.length.0 as i64,
                    chunk.raw_length.0 as i64,
                    chunk.sealed_at.0
                ])?;
            transaction.prepare_cached("INSERT OR REPLACE INTO chain VALUES (?1, ?2, ?3)")?.execute(params![
                seal.chain.source.as_str(),
                seal.chain.next_seq.0 as i64,
                seal.chain.last.as_bytes()
            ])?;
            put_streams_opened(transaction, seal.streams_opened)?;
            seal.strands.iter().try_for_each(|strand| put_strand(transaction, strand, "REPLACE"))?;
            put_files(transaction, &seal.files)
        })
    }

    fn meet(&mut self, meeting: &Meeting) -> Result<(), StateError> {
        self.transact(|transaction| {
            let mut source = transaction.prepare_cached("INSERT OR REPLACE INTO met VALUES (?1)")?;
            meeting.sources.iter().try_for_each(|name| source.execute([name.as_str()]).map(drop))?;
            let mut file = transaction
                .prepare_cached("INSERT OR REPLACE INTO old_file VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
            meeting.files.iter().try_for_each(|old| {
                let OldFile { file: id, size, modified, compressed } = old;
                file.execute(params![
                    id.device as i64,
                    id.inode as i64,
                    id.born.0,
                    size.0 as i64,
                    modified.0,
                    compressed
                ])
                .map(drop)
            })
        })
    }

    fn anchor(&mut self, anchoring: &Anchoring) -> Result<(), StateError> {
        self.transact(|transaction| {
            put_streams_opened(transaction, anchoring.streams_opened)?;
            anchoring.strands.iter().try_for_each(|strand| put_strand(transaction, strand, "IGNORE"))?;
            put_files(transaction, &anchoring.files)?;
            let mut settle =
                transaction.prepare_cached("DELETE FROM old_file WHERE device = ?1 AND inode = ?2")?;
            let settled = &mut anchoring.settled.iter();
            settled.try_for_each(|file| settle.execute([file.device as i64, file.inode as i64]).map(drop))
        })
    }

    fn remember(&mut self, files: &[FileRecord]) -> Result<(), StateError> {
        self.transact(|transaction| put_files(transaction, files))
    }

    fn forget(&mut self, chunk: ContentHash) -> Result<(), StateError> {
        self.transact(|transaction| {
            transaction
                .prepare_cached("DELETE FROM chunk WHERE hash = ?1")?
                .execute([chunk.as_bytes()])
                .map(drop)
        })
    }
}

fn prepare(connection: &mut Connection, path: &Path, new_agent: Option<AgentId>) -> Result<(), StateError> {
    let failed = |error| state_error(path, error);
    let transaction = connection.transaction().map_err(failed)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    let tables: Option<String> = transaction
        .query_row("SELECT name FROM sqlite_master LIMIT 1", [], |row| row.get(0))
        .optional()
        .map_err(failed)?;
    if found > VERSION {
        return Err(StateError::Newer { path: path.into(), expected: VERSION, found });
    }
    if found == 0 {
        if tables.is_some() {
            return Err(StateError::Damaged {
                path: path.into(),
                expected: "the agent's tables, found others".into(),
            });
        }
        let Some(new_agent) = new_agent else {
            return Err(StateError::Damaged {
                path: path.into(),
                expected: "the agent's tables, found none; agent.db-wal may be missing".into(),
            });
        };
        transaction.execute_batch(TABLES).map_err(failed)?;
        transaction.execute("INSERT INTO agent VALUES (1, ?1, 0)", [new_agent.as_bytes()]).map_err(failed)?;
    }
    if found < VERSION {
        transaction.execute_batch(TABLES_2).map_err(failed)?;
        transaction
            .execute_batch(&format!(
                "PRAGMA user_version = {VERSION}; PRAGMA application_id = {APPLICATION_ID};"
            ))
            .map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

fn put_streams_opened(transaction: &Transaction<'_>, count: u64) -> rusqlite::Result<()> {
    transaction.prepare_cached("UPDATE agent SET streams_opened = ?1")?.execute([count as i64]).map(drop)
}

/// Of a strand that is recorded already, the new record takes the place (`REPLACE`) or goes (`IGNORE`).
fn put_strand(
    transaction: &Transaction<'_>,
    strand: &StrandRecord,
    otherwise: &'static str,
) -> rusqlite::Result<()> {
    let mark = &strand.mark;
    transaction
        .prepare_cached(&format!(
            "INSERT OR {otherwise} INTO strand VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        ))?
        .execute(params![
            strand.id.stream.as_bytes(),
            strand.id.generation.0,
            strand.path.as_os_str().as_bytes(),
            mark.offset.0 as i64,
            mark.head.length,
            mark.head.hash,
            mark.window.length,
            mark.window.hash,
            mark.mid_line,
            strand.began.0 as i64
        ])
        .map(drop)
}

fn put_files(transaction: &Transaction<'_>, files: &[FileRecord]) -> rusqlite::Result<()> {
    let mut statement =
        transaction.prepare_cached("INSERT OR REPLACE INTO file VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    files.iter().try_for_each(|record| {
        let FileRecord { file, strand, size_done, modified_done } = record;
        statement
            .execute(params![
                file.device as i64,
                file.inode as i64,
                file.born.0,
                strand.stream.as_bytes(),
                strand.generation.0,
                size_done.0 as i64,
                modified_done.0
            ])
            .map(drop)
    })
}

fn state_error(path: &Path, error: rusqlite::Error) -> StateError {
    let path = path.to_path_buf();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StateError::DiskFull { path },
        Some(ErrorCode::SystemIoFailure) => StateError::Disk { path, reason: error.to_string() },
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            StateError::Damaged { path, expected: format!("an SQLite database, found: {error}") }
        }
        _ => StateError::Database { path, reason: error.to_string() },
    }
}
