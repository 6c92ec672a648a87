//! Rows to values. What headrig never writes is an error here, never a guess.

use crate::{
    batch::{Batch, BatchPhase, BatchState, Summary},
    file::{FilePhase, FileRecord, FileState, LineCounts},
    history::{BatchEvent, FileEvent},
    ids::{Attempt, Round, RunId, Version},
};
use headrig_contract::{ByteLength, ContentHash, ObjectKey, UnixMicros, ids::Id};
use rusqlite::{Error, Row, types::Type};

/// A row of `files`.
pub(super) fn file(row: &Row<'_>) -> rusqlite::Result<FileRecord> {
    let key: String = row.get("key")?;
    Ok(FileRecord {
        hash: id(row, "hash")?,
        key: ObjectKey::parse(&key).map_err(|error| undecodable("key", error.to_string()))?,
        size: ByteLength(number(row, "size")?),
        first_seen: UnixMicros(row.get("first_seen_us")?),
        round: Round(row.get("round")?),
        since: UnixMicros(row.get("since_us")?),
        state: file_state(row)?,
    })
}

/// A row of `batches`.
pub(super) fn batch(row: &Row<'_>) -> rusqlite::Result<Batch> {
    let members: Vec<u8> = row.get("members")?;
    let (hashes, rest) = members.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(undecodable("members", format!("expected whole hashes, found {} bytes", members.len())));
    }
    Ok(Batch {
        id: id(row, "id")?,
        version: Version(number(row, "version")?),
        members: hashes.iter().copied().map(ContentHash::from_bytes).collect(),
        sealed_at: UnixMicros(row.get("sealed_us")?),
        changed: UnixMicros(row.get("changed_us")?),
        attempt: Attempt(row.get("attempt")?),
        failures: row.get("failures")?,
        failure: row.get("failure")?,
        state: batch_state(row)?,
    })
}

/// A row of `file_events`.
pub(super) fn file_event(row: &Row<'_>) -> rusqlite::Result<FileEvent> {
    Ok(FileEvent {
        at: UnixMicros(row.get("at_us")?),
        phase: file_phase(row)?,
        batch: optional_id(row, "batch")?,
        reason: row.get("reason")?,
    })
}

/// A row of `batch_events`.
pub(super) fn batch_event(row: &Row<'_>) -> rusqlite::Result<BatchEvent> {
    Ok(BatchEvent {
        at: UnixMicros(row.get("at_us")?),
        phase: batch_phase(row)?,
        attempt: Attempt(row.get("attempt")?),
        failures: row.get("failures")?,
        run: run(row)?,
        failure: row.get("failure")?,
    })
}

/// The column `state` of files.
pub(super) fn file_phase(row: &Row<'_>) -> rusqlite::Result<FilePhase> {
    let name: String = row.get("state")?;
    FilePhase::from_name(&name)
        .ok_or_else(|| undecodable("state", format!("expected a file's, found {name:?}")))
}

/// The column `state` of batches.
pub(super) fn batch_phase(row: &Row<'_>) -> rusqlite::Result<BatchPhase> {
    let name: String = row.get("state")?;
    BatchPhase::from_name(&name)
        .ok_or_else(|| undecodable("state", format!("expected a batch's, found {name:?}")))
}

/// The four columns of line counts.
pub(super) fn line_counts(row: &Row<'_>) -> rusqlite::Result<LineCounts> {
    Ok(LineCounts {
        lines: number(row, "lines")?,
        events: number(row, "events")?,
        rows: number(row, "rows")?,
        dropped_by_rule: number(row, "dropped_by_rule")?,
    })
}

/// An unsigned number, which SQLite keeps as the signed one of the same bits.
pub(super) fn number(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

/// Whether an error comes from reading what headrig never writes.
pub(super) fn is_undecodable(error: &Error) -> bool {
    matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::InvalidColumnType(..)
            | Error::IntegralValueOutOfRange(..)
    )
}

fn file_state(row: &Row<'_>) -> rusqlite::Result<FileState> {
    Ok(match file_phase(row)? {
        FilePhase::Pending => FileState::Pending,
        FilePhase::Batched => FileState::Batched { batch: id(row, "batch")? },
        FilePhase::Done => FileState::Done { batch: id(row, "batch")?, counts: line_counts(row)? },
        FilePhase::Quarantined => {
            FileState::Quarantined { batch: optional_id(row, "batch")?, reason: row.get("reason")? }
        }
    })
}

fn batch_state(row: &Row<'_>) -> rusqlite::Result<BatchState> {
    let due = UnixMicros(row.get("due_us")?);
    Ok(match batch_phase(row)? {
        BatchPhase::Sealed => BatchState::Sealed { not_before: due },
        BatchPhase::Starting => BatchState::Starting { run: run(row)?, lease_until: due },
        BatchPhase::Running => {
            let owner =
                run(row)?.ok_or_else(|| undecodable("run", "expected an owner, found none".into()))?;
            BatchState::Running { owner, lease_until: due }
        }
        BatchPhase::Exhausted => BatchState::Exhausted { since: due },
        BatchPhase::Committed => {
            let lines = line_counts(row)?;
            let summary = Summary { done: row.get("done")?, quarantined: row.get("quarantined")?, lines };
            BatchState::Committed { owner: run(row)?, at: due, summary }
        }
        BatchPhase::Split => BatchState::Split { at: due },
    })
}

fn run(row: &Row<'_>) -> rusqlite::Result<Option<RunId>> {
    let text: Option<String> = row.get("run")?;
    text.map(|text| {
        text.parse().map_err(|error: crate::ids::RunIdError| undecodable("run", error.to_string()))
    })
    .transpose()
}

fn id<Kind>(row: &Row<'_>, column: &str) -> rusqlite::Result<Id<Kind, 32>> {
    row.get(column).map(Id::from_bytes)
}

fn optional_id<Kind>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Id<Kind, 32>>> {
    Ok(row.get::<_, Option<[u8; 32]>>(column)?.map(Id::from_bytes))
}

fn undecodable(column: &str, reason: String) -> Error {
    // The column's number is not known here; its name is in the reason.
    Error::FromSqlConversionFailure(0, Type::Null, format!("column {column}: {reason}").into())
}
