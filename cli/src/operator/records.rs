//! Files and batches of the ledger as programs read them: the names are stable, docs/operations/operator.md has them.

use super::time;
use headrig_ledger::{Batch, BatchState, FileRecord, FileState, LineCounts};
use serde::Serialize;

/// A file.
#[derive(Debug, Serialize)]
pub(super) struct FileView {
    hash: String,
    key: String,
    size: u64,
    pub(super) state: &'static str,
    since: String,
    first_seen: String,
    round: u32,
    batch: Option<String>,
    reason: Option<String>,
    counts: Option<CountsView>,
}

/// A batch.
#[derive(Debug, Serialize)]
pub(super) struct BatchView {
    id: String,
    pub(super) state: &'static str,
    members: Vec<String>,
    sealed_at: String,
    changed: String,
    attempt: u32,
    failures: u32,
    failure: Option<String>,
    run: Option<String>,
    due: String,
    done: Option<u32>,
    quarantined: Option<u32>,
    counts: Option<CountsView>,
}

/// What came of lines.
#[derive(Debug, Serialize)]
pub(super) struct CountsView {
    lines: u64,
    events: u64,
    rows: u64,
    dropped_by_rule: u64,
}

impl From<&FileRecord> for FileView {
    fn from(file: &FileRecord) -> Self {
        let (reason, counts) = match &file.state {
            FileState::Quarantined { reason, .. } => (Some(reason.clone()), None),
            FileState::Done { counts, .. } => (None, Some(CountsView::from(counts))),
            FileState::Pending | FileState::Batched { .. } => (None, None),
        };
        Self {
            hash: file.hash.to_string(),
            key: file.key.to_string(),
            size: file.size.0,
            state: file.state.phase().as_str(),
            since: time(file.since),
            first_seen: time(file.first_seen),
            round: file.round.0,
            batch: file.state.batch().map(|batch| batch.to_string()),
            reason,
            counts,
        }
    }
}

impl From<&Batch> for BatchView {
    fn from(batch: &Batch) -> Self {
        let summary = match &batch.state {
            BatchState::Committed { summary, .. } => Some(summary),
            _ => None,
        };
        Self {
            id: batch.id.to_string(),
            state: batch.state.phase().as_str(),
            members: batch.members.iter().map(ToString::to_string).collect(),
            sealed_at: time(batch.sealed_at),
            changed: time(batch.changed),
            attempt: batch.attempt.0,
            failures: batch.failures,
            failure: batch.failure.clone(),
            run: batch.state.run().map(ToString::to_string),
            due: time(batch.state.due()),
            done: summary.map(|summary| summary.done),
            quarantined: summary.map(|summary| summary.quarantined),
            counts: summary.map(|summary| CountsView::from(&summary.lines)),
        }
    }
}

impl From<&LineCounts> for CountsView {
    fn from(counts: &LineCounts) -> Self {
        let LineCounts { lines, events, rows, dropped_by_rule } = *counts;
        Self { lines, events, rows, dropped_by_rule }
    }
}
