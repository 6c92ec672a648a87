//! What happened to a file or a batch, in order, across both: the answer to `headrig explain`.
//!
//! It reads the histories and puts them together; it decides nothing.

use crate::{
    batch::Batch,
    error::LedgerError,
    file::FileRecord,
    history::{BatchEvent, FileEvent},
    ids::{BatchId, RunId},
    port::Ledger,
};
use headrig_contract::{ContentHash, UnixMicros};
use std::{collections::BTreeSet, fmt};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// To the file.
    File(ContentHash, FileEvent),
    /// To the batch.
    Batch(BatchId, BatchEvent),
}

/// A file's story: itself, and what happened to it and to each batch it was in, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStory {
    /// The file as it is.
    pub file: FileRecord,
    /// What happened.
    pub happenings: Vec<Happening>,
}

/// A batch's story: itself, its members, and what happened to it, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchStory {
    /// The batch as it is.
    pub batch: Batch,
    /// Its members as they are.
    pub members: Vec<FileRecord>,
    /// What happened.
    pub happenings: Vec<Happening>,
}

/// The story of a file; none where the ledger does not know it.
///
/// # Errors
/// What kept the ledger from reading.
pub fn file_story<L: Ledger>(ledger: &L, hash: ContentHash) -> Result<Option<FileStory>, LedgerError> {
    let Some(file) = ledger.file(hash)? else { return Ok(None) };
    let events = ledger.file_history(hash)?;
    let batches: BTreeSet<BatchId> = events.iter().filter_map(|event| event.batch).collect();
    let mut happenings: Vec<_> = events.into_iter().map(|event| Happening::File(hash, event)).collect();
    for batch in batches {
        happenings
            .extend(ledger.batch_history(batch)?.into_iter().map(|event| Happening::Batch(batch, event)));
    }
    // What is told of at one moment keeps its order: first the file, then the batch that took it.
    happenings.sort_by_key(Happening::at);
    Ok(Some(FileStory { file, happenings }))
}

/// The story of a batch; none where the ledger does not know it.
///
/// # Errors
/// What kept the ledger from reading.
pub fn batch_story<L: Ledger>(ledger: &L, id: BatchId) -> Result<Option<BatchStory>, LedgerError> {
    let Some(batch) = ledger.batch(id)? else { return Ok(None) };
    let mut members = Vec::new();
    for member in &batch.members {
        members.extend(ledger.file(*member)?);
    }
    let events = ledger.batch_history(id)?;
    let happenings = events.into_iter().map(|event| Happening::Batch(id, event)).collect();
    Ok(Some(BatchStory { batch, members, happenings }))
}

/// Every run that is known to have been started for the batch, or to have claimed it. All must have ended before
/// [`isolate`](crate::protocol::isolate) may take it apart.
///
/// # Errors
/// What kept the ledger from reading.
pub fn runs_ever<L: Ledger>(ledger: &L, id: BatchId) -> Result<BTreeSet<RunId>, LedgerError> {
    Ok(ledger.batch_history(id)?.into_iter().filter_map(|event| event.run).collect())
}

impl Happening {
    /// When.
    pub const fn at(&self) -> UnixMicros {
        match self {
            Self::File(_, event) => event.at,
            Self::Batch(_, event) => event.at,
        }
    }
}

/// Without the time, which the caller writes as it likes.
impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(hash, FileEvent { phase, batch, reason, .. }) => {
                write!(f, "file {hash} {}", phase.as_str())?;
                batch.map_or(Ok(()), |batch| write!(f, " in batch {batch}"))?;
                reason.as_ref().map_or(Ok(()), |reason| write!(f, ": {reason}"))
            }
            Self::Batch(id, BatchEvent { phase, attempt, failures, run, failure, .. }) => {
                write!(f, "batch {id} {}", phase.as_str())?;
                if attempt.0 > 0 {
                    write!(f, ", attempt {attempt}")?;
                }
                run.as_ref().map_or(Ok(()), |run| write!(f, ", run {run}"))?;
                if *failures > 0 {
                    write!(f, ", failed {failures} times")?;
                }
                failure.as_ref().map_or(Ok(()), |failure| write!(f, "; the last failure: {failure}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        MemoryLedger,
        batch::{Claim, Release},
        file::FileFacts,
        plan::Policy,
        protocol,
    };
    use headrig_contract::{ByteLength, ObjectKey};

    fn at(seconds: i64) -> UnixMicros {
        UnixMicros::from_seconds(seconds)
    }

    /// One file that kills its first run, is split from its neighbour, and is condemned.
    fn told() -> (MemoryLedger, ContentHash) {
        let policy = Policy { failures_max: 1, ..Policy::local() };
        let ledger = MemoryLedger::new();
        let files = [b"a", b"b"].map(|bytes| FileFacts {
            hash: ContentHash::of(bytes),
            key: ObjectKey::parse("key").unwrap(),
            size: ByteLength(1),
        });
        protocol::ingest(&ledger, &files, at(1)).unwrap();
        protocol::seal_ready(&ledger, at(2), &policy, true).unwrap();
        for (second, run) in [(10, "jr_1"), (20, "jr_2")] {
            while let Some(batch) = protocol::start_next(&ledger, at(second), &policy).unwrap() {
                let run = format!("{run}_{}", &batch.id.to_string()[..4]);
                let claim = Claim { attempt: batch.attempt, run: run.parse().unwrap() };
                protocol::claim(&ledger, batch.id, &claim, at(second + 1), &policy).unwrap();
                let failed = Release::Failed { reason: "out of memory".into() };
                let ticket = (claim.attempt, Some(&claim.run));
                protocol::release(&ledger, batch.id, ticket, &failed, at(second + 2), &policy).unwrap();
                protocol::isolate(&ledger, batch.id, at(second + 3)).unwrap();
            }
        }
        (ledger, files[0].hash)
    }

    #[test]
    fn a_story_is_in_order_and_spans_every_batch_of_the_file() {
        let (ledger, hash) = told();
        let story = file_story(&ledger, hash).unwrap().unwrap();
        let times: Vec<_> = story.happenings.iter().map(Happening::at).collect();
        assert!(times.is_sorted());
        let words: Vec<_> = story
            .happenings
            .iter()
            .map(|happening| match happening {
                Happening::File(_, event) => event.phase.as_str(),
                Happening::Batch(_, event) => event.phase.as_str(),
            })
            .collect();
        let of_pair = ["pending", "batched", "sealed", "starting", "running", "exhausted"];
        let of_one =
            ["batched", "split", "sealed", "starting", "running", "exhausted", "quarantined", "committed"];
        assert_eq!(words[..6], of_pair);
        let mut rest = words[6..].to_vec();
        let mut expect = of_one.to_vec();
        // What happens at one moment to two batches has no order.
        rest.sort_unstable();
        expect.sort_unstable();
        assert_eq!(rest, expect);
        let last = story.happenings.iter().find(|happening| happening.to_string().contains("quarantined"));
        assert!(last.unwrap().to_string().ends_with(": out of memory"), "{last:?}");
    }

    #[test]
    fn the_runs_that_must_have_ended_are_those_that_ever_claimed() {
        let (ledger, hash) = told();
        let story = file_story(&ledger, hash).unwrap().unwrap();
        let batch = story.file.state.batch().unwrap();
        let told = batch_story(&ledger, batch).unwrap().unwrap();
        assert_eq!(told.members, [story.file]);
        let runs = runs_ever(&ledger, batch).unwrap();
        assert!(runs.len() == 1 && runs.iter().all(|run| run.as_str().starts_with("jr_2")), "{runs:?}");
    }

    #[test]
    fn what_the_ledger_does_not_know_has_no_story() {
        let ledger = MemoryLedger::new();
        assert_eq!(file_story(&ledger, ContentHash::of(b"x")).unwrap(), None);
    }
}
