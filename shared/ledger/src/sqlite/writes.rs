//! The steps of write transactions. Each checks its condition and writes the history beside the change.

use super::{Failure, rows};
use crate::{
    LedgerError,
    batch::{Batch, BatchState},
    file::{FilePhase, FileRecord, FileState, LineCounts, Outcome},
    history::{BatchEvent, FileEvent},
    ids::{BatchId, Round, RunId, Version},
    port::PutOutcome,
};
use headrig_contract::{ContentHash, UnixMicros, ids::Id};
use rusqlite::{Connection, OptionalExtension, params};

/// A connection within a transaction.
type Open = Connection;

/// See [`crate::Ledger::put_file_if_absent`].
pub(super) fn put_file(open: &Open, file: &FileRecord) -> Result<PutOutcome, Failure> {
    let mut insert = open.prepare_cached(
        "INSERT INTO files (hash, key, size, first_seen_us, round, state, since_us)
         VALUES (?1, ?2, ?3, ?4, 0, 'pending', 0) ON CONFLICT (hash) DO NOTHING",
    )?;
    let size = file.size.0.cast_signed();
    let inserted =
        insert.execute(params![file.hash.as_bytes(), file.key.as_str(), size, file.first_seen.0])?;
    if inserted == 0 {
        return Ok(PutOutcome::AlreadyPresent);
    }
    write_file(open, file)?;
    Ok(PutOutcome::Created)
}

/// See [`crate::Ledger::seal`].
pub(super) fn seal(open: &Open, batch: &Batch) -> Result<(), Failure> {
    put_batch(open, batch)?;
    let state = FileState::Batched { batch: batch.id };
    batch
        .members
        .iter()
        .try_for_each(|hash| move_file(open, *hash, &FileState::Pending, &state, batch.changed))
}

/// See [`crate::Ledger::commit`].
pub(super) fn commit(
    open: &Open,
    expected: Version,
    next: &Batch,
    outcomes: &[(ContentHash, Outcome)],
) -> Result<(), Failure> {
    swap_batch(open, expected, next)?;
    let from = FileState::Batched { batch: next.id };
    outcomes.iter().try_for_each(|(hash, outcome)| {
        move_file(open, *hash, &from, &FileState::after(outcome, next.id), next.changed)
    })
}

/// See [`crate::Ledger::split`].
pub(super) fn split(open: &Open, expected: Version, next: &Batch, parts: &[Batch]) -> Result<(), Failure> {
    swap_batch(open, expected, next)?;
    let from = FileState::Batched { batch: next.id };
    for part in parts {
        put_batch(open, part)?;
        for hash in &part.members {
            move_file(open, *hash, &from, &FileState::Batched { batch: part.id }, part.changed)?;
        }
    }
    Ok(())
}

/// See [`crate::Ledger::requeue`].
pub(super) fn requeue(open: &Open, hash: ContentHash, round: Round, now: UnixMicros) -> Result<(), Failure> {
    match read_file(open, hash)? {
        Some(file) if file.round == round && file.state.phase() == FilePhase::Quarantined => {
            write_file(open, &file.requeued(now))
        }
        found => Err(LedgerError::file_conflict(hash, FilePhase::Quarantined, found.as_ref()).into()),
    }
}

/// See [`crate::Ledger::swap_batch`].
pub(super) fn swap_batch(open: &Open, expected: Version, next: &Batch) -> Result<(), Failure> {
    let mut select = open.prepare_cached("SELECT * FROM batches WHERE id = ?1")?;
    let present = select.query_row([next.id.as_bytes()], rows::batch).optional()?;
    match present {
        Some(present) if present.version == expected => {
            write_batch(open, next)?;
            if BatchEvent::is_due(&present.state, &next.state) {
                write_batch_event(open, next)?;
            }
            Ok(())
        }
        found => {
            let found = found.map(|batch| batch.version);
            Err(LedgerError::batch_conflict(next.id, expected, found).into())
        }
    }
}

fn put_batch(open: &Open, batch: &Batch) -> Result<(), Failure> {
    let members: Vec<u8> = batch.members.iter().flat_map(|hash| *hash.as_bytes()).collect();
    let mut insert = open.prepare_cached(
        "INSERT INTO batches (id, version, members, sealed_us, changed_us, attempt, failures, state, due_us)
         VALUES (?1, 0, ?2, ?3, 0, 0, 0, 'sealed', 0) ON CONFLICT (id) DO NOTHING",
    )?;
    if insert.execute(params![batch.id.as_bytes(), members, batch.sealed_at.0])? == 0 {
        return Err(LedgerError::batch_taken(batch.id).into());
    }
    write_batch(open, batch)?;
    write_batch_event(open, batch)
}

fn move_file(
    open: &Open,
    hash: ContentHash,
    from: &FileState,
    to: &FileState,
    at: UnixMicros,
) -> Result<(), Failure> {
    match read_file(open, hash)? {
        Some(file) if file.state == *from => write_file(open, &file.moved(to.clone(), at)),
        found => Err(LedgerError::file_conflict(hash, from.phase(), found.as_ref()).into()),
    }
}

fn read_file(open: &Open, hash: ContentHash) -> Result<Option<FileRecord>, Failure> {
    let mut select = open.prepare_cached("SELECT * FROM files WHERE hash = ?1")?;
    Ok(select.query_row([hash.as_bytes()], rows::file).optional()?)
}

/// Writes what changes in the life of a file, and the event of it.
fn write_file(open: &Open, file: &FileRecord) -> Result<(), Failure> {
    let counts = match &file.state {
        FileState::Done { counts, .. } => Some(*counts),
        FileState::Pending | FileState::Batched { .. } | FileState::Quarantined { .. } => None,
    };
    let [lines, events, rows, dropped] = columns_of(counts);
    let event = FileEvent::of(file);
    let (hash, batch) = (file.hash.as_bytes(), event.batch.as_ref().map(Id::as_bytes));
    let mut update = open.prepare_cached(
        "UPDATE files SET round = ?2, state = ?3, since_us = ?4, batch = ?5, reason = ?6,
             lines = ?7, events = ?8, rows = ?9, dropped_by_rule = ?10 WHERE hash = ?1",
    )?;
    let (state, at, reason) = (event.phase.as_str(), event.at.0, event.reason);
    update.execute(params![hash, file.round.0, state, at, batch, reason, lines, events, rows, dropped])?;
    let mut insert = open.prepare_cached(
        "INSERT INTO file_events (hash, number, at_us, state, batch, reason)
         SELECT ?1, coalesce(max(number) + 1, 0), ?2, ?3, ?4, ?5 FROM file_events WHERE hash = ?1",
    )?;
    insert.execute(params![hash, at, state, batch, reason])?;
    Ok(())
}

/// Writes what changes in the life of a batch.
fn write_batch(open: &Open, batch: &Batch) -> Result<(), Failure> {
    let summary = match &batch.state {
        BatchState::Committed { summary, .. } => Some(*summary),
        BatchState::Sealed { .. }
        | BatchState::Starting { .. }
        | BatchState::Running { .. }
        | BatchState::Exhausted { .. }
        | BatchState::Split { .. } => None,
    };
    let [lines, events, rows, dropped] = columns_of(summary.map(|summary| summary.lines));
    let mut update = open.prepare_cached(
        "UPDATE batches SET version = ?2, changed_us = ?3, attempt = ?4, failures = ?5, failure = ?6,
             state = ?7, due_us = ?8, run = ?9, done = ?10, quarantined = ?11,
             lines = ?12, events = ?13, rows = ?14, dropped_by_rule = ?15 WHERE id = ?1",
    )?;
    update.execute(params![
        batch.id.as_bytes(),
        batch.version.0.cast_signed(),
        batch.changed.0,
        batch.attempt.0,
        batch.failures,
        batch.failure,
        batch.state.phase().as_str(),
        batch.state.due().0,
        batch.state.run().map(RunId::as_str),
        summary.map(|summary| summary.done),
        summary.map(|summary| summary.quarantined),
        lines,
        events,
        rows,
        dropped,
    ])?;
    Ok(())
}

fn write_batch_event(open: &Open, batch: &Batch) -> Result<(), Failure> {
    let event = BatchEvent::of(batch);
    let id: &BatchId = &batch.id;
    let mut insert = open.prepare_cached(
        "INSERT INTO batch_events (batch, version, at_us, state, attempt, failures, run, failure)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    insert.execute(params![
        id.as_bytes(),
        batch.version.0.cast_signed(),
        event.at.0,
        event.phase.as_str(),
        event.attempt.0,
        event.failures,
        event.run.as_ref().map(RunId::as_str),
        event.failure,
    ])?;
    Ok(())
}

fn columns_of(counts: Option<LineCounts>) -> [Option<i64>; 4] {
    let Some(LineCounts { lines, events, rows, dropped_by_rule }) = counts else { return [None; 4] };
    [lines, events, rows, dropped_by_rule].map(|count| Some(count.cast_signed()))
}
