//! `headrig ls`: files or batches, one a line.

use super::{
    Answer, Mistake, OpenLake, Verdict, bytes, count,
    records::{BatchView, FileView},
    table,
    writing::age,
};
use crate::{
    args::{Listed, LsArguments},
    clock::now,
};
use anyhow::Result;
use headrig_contract::UnixMicros;
use headrig_ledger::{
    Batch, BatchCursor, BatchPhase, BatchState, FileCursor, FilePhase, FileRecord, FileState, Ledger,
    LedgerError,
};
use serde::Serialize;
use std::collections::VecDeque;

/// How many are read at once.
const PAGE: usize = 1_000;

#[derive(Debug, Serialize)]
struct Listing<View> {
    #[serde(flatten)]
    rows: Rows<View>,
    /// Whether there are more than were asked for.
    more: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Rows<View> {
    Files(Vec<View>),
    Batches(Vec<View>),
}

/// Lists what the arguments ask for.
pub(crate) fn ls(lake: &OpenLake, arguments: &LsArguments) -> Result<Answer> {
    match arguments.what {
        Listed::Files => ls_files(&lake.ledger(), arguments),
        Listed::Batches => ls_batches(&lake.ledger(), arguments),
    }
}

fn ls_files<L: Ledger>(ledger: &L, arguments: &LsArguments) -> Result<Answer> {
    let phases = phases(&arguments.state, &FilePhase::ALL, FilePhase::as_str)?;
    let (files, more) = list(&phases, arguments, |phase, last: Option<&FileRecord>| {
        let after = last.map(|file| FileCursor { since: file.since, hash: file.hash });
        ledger.files(phase, after, PAGE)
    })?;
    let now = now();
    let head = ["state", "since", ">size", ">rows", "key", "reason"];
    let text = table(&head, files.iter().map(|file| file_row(file, now)));
    let rows = Rows::Files(files.iter().map(FileView::from).collect());
    Answer::new(text + &hint(files.len(), more, "files"), &Listing { rows, more }, Verdict::Well)
}

fn ls_batches<L: Ledger>(ledger: &L, arguments: &LsArguments) -> Result<Answer> {
    let phases = phases(&arguments.state, &BatchPhase::ALL, BatchPhase::as_str)?;
    let (batches, more) = list(&phases, arguments, |phase, last: Option<&Batch>| {
        let after = last.map(|batch| BatchCursor { due: batch.state.due(), id: batch.id });
        ledger.batches(phase, after, PAGE)
    })?;
    let now = now();
    let head = ["batch", "state", "changed", ">files", ">rows", ">attempt", ">failures", "last failure"];
    let text = table(&head, batches.iter().map(|batch| batch_row(batch, now)));
    let rows = Rows::Batches(batches.iter().map(BatchView::from).collect());
    Answer::new(text + &hint(batches.len(), more, "batches"), &Listing { rows, more }, Verdict::Well)
}

/// The states that are asked for: the named one, or all.
fn phases<P: Copy>(named: &Option<String>, all: &[P], name: fn(P) -> &'static str) -> Result<Vec<P>> {
    let Some(named) = named else { return Ok(all.to_vec()) };
    let found: Vec<P> = all.iter().copied().filter(|phase| name(*phase) == named).collect();
    if found.is_empty() {
        let names: Vec<_> = all.iter().map(|phase| name(*phase)).collect();
        return Err(Mistake(format!("--state: expected one of {}, found {named:?}", names.join(", "))).into());
    }
    Ok(found)
}

/// Up to `limit` of all phases in turn, and whether there are more; with `newest` the last of each phase. Memory is
/// a page and what is listed.
fn list<P: Copy, R>(
    phases: &[P],
    arguments: &LsArguments,
    page_after: impl Fn(P, Option<&R>) -> Result<Vec<R>, LedgerError>,
) -> Result<(Vec<R>, bool)> {
    let (limit, mut listed, mut more) = (arguments.limit as usize, Vec::new(), false);
    for phase in phases {
        let room = limit - listed.len();
        let mut kept: VecDeque<R> = VecDeque::new();
        let mut page = page_after(*phase, None)?;
        loop {
            let is_last = page.len() < PAGE;
            let next = if is_last { Vec::new() } else { page_after(*phase, page.last())? };
            kept.extend(page);
            more |= kept.len() > room;
            match arguments.newest {
                true => drop(kept.drain(..kept.len().saturating_sub(room))),
                false => kept.truncate(room),
            }
            if is_last || (more && !arguments.newest) {
                break;
            }
            page = next;
        }
        listed.extend(kept);
        if more && listed.len() == limit {
            break;
        }
    }
    Ok((listed, more))
}

fn file_row(file: &FileRecord, now: UnixMicros) -> Vec<String> {
    let (rows, reason) = match &file.state {
        FileState::Done { counts, .. } => (count(counts.rows), String::new()),
        FileState::Quarantined { reason, .. } => (String::new(), reason.clone()),
        FileState::Pending | FileState::Batched { .. } => (String::new(), String::new()),
    };
    let since = format!("{} ago", age(file.since, now));
    vec![file.state.phase().as_str().into(), since, bytes(file.size), rows, file.key.to_string(), reason]
}

fn batch_row(batch: &Batch, now: UnixMicros) -> Vec<String> {
    let rows = match &batch.state {
        BatchState::Committed { summary, .. } => count(summary.lines.rows),
        _ => String::new(),
    };
    vec![
        batch.id.to_string(),
        batch.state.phase().as_str().into(),
        format!("{} ago", age(batch.changed, now)),
        batch.members.len().to_string(),
        rows,
        batch.attempt.to_string(),
        batch.failures.to_string(),
        batch.failure.clone().unwrap_or_default(),
    ]
}

fn hint(listed: usize, more: bool, what: &str) -> String {
    match more {
        true => format!(
            "\nonly {} {what}; there are more: raise --limit, or name one --state\n",
            count(listed as u64)
        ),
        false if listed == 0 => format!("no {what}\n"),
        false => String::new(),
    }
}
