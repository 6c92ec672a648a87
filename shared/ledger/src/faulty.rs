//! A ledger that fails on chosen calls, for the tests of everything that stands on a ledger.
//!
//! It wraps any adapter and knows nothing of what the calls mean.

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
use std::{
    collections::BTreeMap,
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done.
    Before,
    /// The thing is done, but its answer is lost: a time-out after success.
    After,
}

/// What others do with the ledger before the call of that number.
type Between<L> = Box<dyn Fn(&L, u64)>;

/// `inner`, whose calls fail as planned, and between whose calls others may come in.
pub struct Faulty<L> {
    inner: L,
    faults: BTreeMap<u64, Fault>,
    between: Between<L>,
    calls: AtomicU64,
}

impl<L> Faulty<L> {
    /// `inner`, whose calls fail as `faults` says; the first call is number 1.
    pub fn new(inner: L, faults: impl IntoIterator<Item = (u64, Fault)>) -> Self {
        Self::interleaved(inner, faults, |_, _| {})
    }

    /// The same; and before each call `between` gets the ledger and the call's number, to do with it what
    /// another process might do at that moment.
    pub fn interleaved(
        inner: L,
        faults: impl IntoIterator<Item = (u64, Fault)>,
        between: impl Fn(&L, u64) + 'static,
    ) -> Self {
        let faults = faults.into_iter().collect();
        Self { inner, faults, between: Box::new(between), calls: AtomicU64::new(0) }
    }

    /// How many calls there have been, failed ones included.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The ledger underneath.
    pub fn inner(&self) -> &L {
        &self.inner
    }

    fn call<T>(
        &self,
        action: &'static str,
        act: impl FnOnce(&L) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        (self.between)(&self.inner, number);
        let failed =
            || LedgerError::Unavailable { action, source: format!("call {number} fails as planned").into() };
        match self.faults.get(&number) {
            None => act(&self.inner),
            Some(Fault::Before) => Err(failed()),
            Some(Fault::After) => act(&self.inner).and_then(|_| Err(failed())),
        }
    }
}

impl<L: fmt::Debug> fmt::Debug for Faulty<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, faults, calls, .. } = self;
        f.debug_struct("Faulty").field("inner", inner).field("faults", faults).field("calls", calls).finish()
    }
}

impl<L: Ledger> Ledger for Faulty<L> {
    fn put_file_if_absent(&self, file: &FileRecord) -> Result<PutOutcome, LedgerError> {
        self.call("put a file", |inner| inner.put_file_if_absent(file))
    }

    fn put_files_if_absent(&self, files: &[FileRecord]) -> Result<Vec<PutOutcome>, LedgerError> {
        self.call("put files", |inner| inner.put_files_if_absent(files))
    }

    fn seal(&self, batch: &Batch) -> Result<(), LedgerError> {
        self.call("seal a batch", |inner| inner.seal(batch))
    }

    fn swap_batch(&self, expected: Version, next: &Batch) -> Result<(), LedgerError> {
        self.call("change a batch", |inner| inner.swap_batch(expected, next))
    }

    fn commit_placed(
        &self,
        expected: Version,
        next: &Batch,
        outcomes: &[(ContentHash, Outcome)],
        placed: &Placed,
    ) -> Result<(), LedgerError> {
        self.call("commit a batch", |inner| inner.commit_placed(expected, next, outcomes, placed))
    }

    fn split(&self, expected: Version, next: &Batch, parts: &[Batch]) -> Result<(), LedgerError> {
        self.call("split a batch", |inner| inner.split(expected, next, parts))
    }

    fn requeue(&self, hash: ContentHash, round: Round, now: UnixMicros) -> Result<(), LedgerError> {
        self.call("put a file back", |inner| inner.requeue(hash, round, now))
    }

    fn layout(&self) -> Result<Layout, LedgerError> {
        self.call("read the layout", Ledger::layout)
    }

    fn swap_layout(&self, expected: Reading, next: &Layout) -> Result<(), LedgerError> {
        self.call("change the layout", |inner| inner.swap_layout(expected, next))
    }

    fn file(&self, hash: ContentHash) -> Result<Option<FileRecord>, LedgerError> {
        self.call("read a file", |inner| inner.file(hash))
    }

    fn files_at(&self, key: &ObjectKey) -> Result<Vec<FileRecord>, LedgerError> {
        self.call("read the files at a key", |inner| inner.files_at(key))
    }

    fn files(
        &self,
        phase: FilePhase,
        after: Option<FileCursor>,
        limit: usize,
    ) -> Result<Vec<FileRecord>, LedgerError> {
        self.call("list files", |inner| inner.files(phase, after, limit))
    }

    fn batch(&self, id: BatchId) -> Result<Option<Batch>, LedgerError> {
        self.call("read a batch", |inner| inner.batch(id))
    }

    fn batches(
        &self,
        phase: BatchPhase,
        after: Option<BatchCursor>,
        limit: usize,
    ) -> Result<Vec<Batch>, LedgerError> {
        self.call("list batches", |inner| inner.batches(phase, after, limit))
    }

    fn file_history(&self, hash: ContentHash) -> Result<Vec<FileEvent>, LedgerError> {
        self.call("read a file's history", |inner| inner.file_history(hash))
    }

    fn batch_history(&self, id: BatchId) -> Result<Vec<BatchEvent>, LedgerError> {
        self.call("read a batch's history", |inner| inner.batch_history(id))
    }

    fn counts(&self) -> Result<Counts, LedgerError> {
        self.call("count", Ledger::counts)
    }
}
