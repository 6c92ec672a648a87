//! Rows of the state database, made the records that they stand for.
//!
//! It knows columns by their place in the queries, and no tables. Invariant: a value that no agent writes is never
//! taken for a record; it says what was expected instead.

use super::state_error;
use crate::{
    identity::{FileId, Fingerprint, Mark, StrandId},
    state::{ChunkRecord, FileRecord, OldFile, StateError, StrandRecord},
};
use headrig_contract::{ByteLength, ByteOffset, ContentHash, Generation, ObjectKey, StreamId, UnixMicros};
use rusqlite::Row;
use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path, str::FromStr};

/// Why a row could not be read: the database's fault, or a value that no agent writes.
pub(super) enum ReadFault {
    Database(rusqlite::Error),
    Value(String),
}

impl From<rusqlite::Error> for ReadFault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl ReadFault {
    pub(super) fn into_error(self, path: &Path) -> StateError {
        match self {
            Self::Database(error) => state_error(path, error),
            Self::Value(expected) => StateError::Damaged { path: path.into(), expected },
        }
    }
}

pub(super) fn read_strand(row: &Row<'_>) -> Result<StrandRecord, ReadFault> {
    let mark = Mark {
        offset: ByteOffset(unsigned(row.get(3)?)?),
        head: Fingerprint { length: row.get(4)?, hash: row.get(5)? },
        window: Fingerprint { length: row.get(6)?, hash: row.get(7)? },
        mid_line: row.get(8)?,
    };
    let path: Vec<u8> = row.get(2)?;
    if u64::from(mark.window.length.max(mark.head.length)) > mark.offset.0 {
        return Err(ReadFault::Value("fingerprints no longer than what is sealed".into()));
    }
    let began = ByteOffset(unsigned(row.get(9)?)?);
    if began > mark.offset {
        return Err(ReadFault::Value("reading that began no later than it came to".into()));
    }
    Ok(StrandRecord { id: strand_id(row, 0)?, mark, path: Path::new(OsStr::from_bytes(&path)).into(), began })
}

pub(super) fn read_old_file(row: &Row<'_>) -> Result<OldFile, ReadFault> {
    Ok(OldFile {
        file: file_id(row)?,
        size: ByteLength(unsigned(row.get(3)?)?),
        modified: UnixMicros(row.get(4)?),
        compressed: row.get(5)?,
    })
}

/// The file in the first three columns.
fn file_id(row: &Row<'_>) -> Result<FileId, ReadFault> {
    Ok(FileId {
        device: row.get::<_, i64>(0)? as u64,
        inode: row.get::<_, i64>(1)? as u64,
        born: UnixMicros(row.get(2)?),
    })
}

pub(super) fn read_file(row: &Row<'_>) -> Result<FileRecord, ReadFault> {
    Ok(FileRecord {
        file: file_id(row)?,
        strand: strand_id(row, 3)?,
        size_done: ByteLength(unsigned(row.get(5)?)?),
        modified_done: UnixMicros(row.get(6)?),
    })
}

pub(super) fn read_chunk(row: &Row<'_>) -> Result<ChunkRecord, ReadFault> {
    let key: String = row.get(1)?;
    Ok(ChunkRecord {
        hash: ContentHash::from_bytes(row.get(0)?),
        key: ObjectKey::parse(&key).map_err(|error| ReadFault::Value(error.to_string()))?,
        length: ByteLength(unsigned(row.get(2)?)?),
        raw_length: ByteLength(unsigned(row.get(3)?)?),
        sealed_at: UnixMicros(row.get(4)?),
    })
}

fn strand_id(row: &Row<'_>, column: usize) -> Result<StrandId, ReadFault> {
    Ok(StrandId {
        stream: StreamId::from_bytes(row.get(column)?),
        generation: Generation(row.get(column + 1)?),
    })
}

pub(super) fn unsigned(value: i64) -> Result<u64, ReadFault> {
    u64::try_from(value)
        .map_err(|_| ReadFault::Value(format!("a number that is not negative, found {value}")))
}

pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, ReadFault> {
    text.parse().map_err(|error| ReadFault::Value(format!("{error}")))
}
