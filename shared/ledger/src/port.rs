//! What a database must do for the ledger: conditional writes and a few ordered readings.
//!
//! The port knows the states' shapes but not their rules: it compares versions and phases and never
//! decides. It is small so that DynamoDB can implement it with condition expressions and
//! TransactWriteItems, and a model checker can step through it.

use crate::{
    LedgerError,
    batch::{Batch, BatchPhase},
    file::{FilePhase, FileRecord, LineCounts, Outcome},
    history::{BatchEvent, FileEvent},
    ids::{BatchId, Round, Version},
    layout::{Layout, Placed, Reading},
};
use headrig_contract::{ByteLength, ContentHash, ObjectKey, UnixMicros};

/// Files and batches, durably. Every adapter passes [`crate::conformance::check`].
///
/// Each writing call is one transaction: it happens as a whole and durably, or not at all. After an error
/// other than [`LedgerError::Conflict`] it may have happened or not. It also writes the history.
pub trait Ledger {
    /// Records a file unless its hash is known; the known record stays as it is.
    ///
    /// # Errors
    /// What kept the adapter from it.
    fn put_file_if_absent(&self, file: &FileRecord) -> Result<PutOutcome, LedgerError>;

    /// The same for many files, in their order; adapters may do it faster than one by one.
    ///
    /// # Errors
    /// What kept the adapter from it; some of the files may be recorded then.
    fn put_files_if_absent(&self, files: &[FileRecord]) -> Result<Vec<PutOutcome>, LedgerError> {
        files.iter().map(|file| self.put_file_if_absent(file)).collect()
    }

    /// Puts `batch` if its id is absent, and moves each member from `Pending` to `Batched` in it.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] when the id is taken or a member is not pending.
    fn seal(&self, batch: &Batch) -> Result<(), LedgerError>;

    /// Replaces the batch by `next` if its version is `expected`.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] when the version is another one, or there is no such batch.
    fn swap_batch(&self, expected: Version, next: &Batch) -> Result<(), LedgerError>;

    /// [`Self::commit_placed`] of a batch without rows, or in a lake that is never compacted by its layout.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] as there.
    fn commit(
        &self,
        expected: Version,
        next: &Batch,
        outcomes: &[(ContentHash, Outcome)],
    ) -> Result<(), LedgerError> {
        self.commit_placed(expected, next, outcomes, &Placed::default())
    }

    /// [`Self::swap_batch`], and moves each file from `Batched` in it to where its outcome leaves it, and the layout
    /// to where [`Layout::admit`] leaves it.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] as there, or when a file is not `Batched` in this batch; [`LedgerError::Overtaken`]
    /// when the layout does not admit it.
    fn commit_placed(
        &self,
        expected: Version,
        next: &Batch,
        outcomes: &[(ContentHash, Outcome)],
        placed: &Placed,
    ) -> Result<(), LedgerError>;

    /// [`Self::swap_batch`], and puts `parts`, whose members move from this batch into theirs.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] as there, or when a part's id is taken, or a member is not `Batched` here.
    fn split(&self, expected: Version, next: &Batch, parts: &[Batch]) -> Result<(), LedgerError>;

    /// Puts a quarantined file of that round back to `Pending`, for its next round.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] when it is not quarantined, or in another round, or unknown.
    fn requeue(&self, hash: ContentHash, round: Round, now: UnixMicros) -> Result<(), LedgerError>;

    /// The lake's layout; the default where there was never another.
    ///
    /// # Errors
    /// What kept the adapter from reading.
    fn layout(&self) -> Result<Layout, LedgerError>;

    /// Replaces the layout by `next` if it is as `expected`; late commits stay counted.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] when it is another.
    fn swap_layout(&self, expected: Reading, next: &Layout) -> Result<(), LedgerError>;

    /// The file with that hash.
    ///
    /// # Errors
    /// What kept the adapter from reading.
    fn file(&self, hash: ContentHash) -> Result<Option<FileRecord>, LedgerError>;

    /// The files first seen under that key: more than one when the object was overwritten.
    ///
    /// # Errors
    /// What kept the adapter from reading.
    fn files_at(&self, key: &ObjectKey) -> Result<Vec<FileRecord>, LedgerError>;

    /// The first `limit` files in `phase` behind `after`, ordered by (`since`, hash).
    ///
    /// # Errors
    /// What kept the adapter from reading.
    fn files(
        &self,
        phase: FilePhase,
        after: Option<FileCursor>,
        limit: usize,
    ) -> Result<Vec<FileRecord>, LedgerError>;

    /// The batch with that id.
    ///
    /// # Errors
    /// What kept the adapter from reading.
    fn batch(&self, id: BatchId) -> Result<Option<Batch>, LedgerError>;

    /// The first `limit` batches in `phase` behind `after`, ordered by ([`BatchState::due`], id).
    ///
    /// # Errors
    /// What kept the adapter from reading.
    ///
    /// [`BatchState::due`]: crate::BatchState::due
    fn batches(
        &self,
        phase: BatchPhase,
        after: Option<BatchCursor>,
        limit: usize,
    ) -> Result<Vec<Batch>, LedgerError>;

    /// What happened to a file, oldest first.
    ///
    /// # Errors
    /// What kept the adapter from reading.
    fn file_history(&self, hash: ContentHash) -> Result<Vec<FileEvent>, LedgerError>;

    /// What happened to a batch, oldest first.
    ///
    /// # Errors
    /// What kept the adapter from reading.
    fn batch_history(&self, id: BatchId) -> Result<Vec<BatchEvent>, LedgerError>;

    /// How many there are of everything, at one moment.
    ///
    /// # Errors
    /// What kept the adapter from reading.
    fn counts(&self) -> Result<Counts, LedgerError>;
}

/// So that code over any ledger takes one that is chosen while the program runs, as `&dyn Ledger`.
impl<L: Ledger + ?Sized> Ledger for &L {
    fn put_file_if_absent(&self, file: &FileRecord) -> Result<PutOutcome, LedgerError> {
        (**self).put_file_if_absent(file)
    }

    fn put_files_if_absent(&self, files: &[FileRecord]) -> Result<Vec<PutOutcome>, LedgerError> {
        (**self).put_files_if_absent(files)
    }

    fn seal(&self, batch: &Batch) -> Result<(), LedgerError> {
        (**self).seal(batch)
    }

    fn swap_batch(&self, expected: Version, next: &Batch) -> Result<(), LedgerError> {
        (**self).swap_batch(expected, next)
    }

    fn commit_placed(
        &self,
        expected: Version,
        next: &Batch,
        outcomes: &[(ContentHash, Outcome)],
        placed: &Placed,
    ) -> Result<(), LedgerError> {
        (**self).commit_placed(expected, next, outcomes, placed)
    }

    fn split(&self, expected: Version, next: &Batch, parts: &[Batch]) -> Result<(), LedgerError> {
        (**self).split(expected, next, parts)
    }

    fn requeue(&self, hash: ContentHash, round: Round, now: UnixMicros) -> Result<(), LedgerError> {
        (**self).requeue(hash, round, now)
    }

    fn layout(&self) -> Result<Layout, LedgerError> {
        (**self).layout()
    }

    fn swap_layout(&self, expected: Reading, next: &Layout) -> Result<(), LedgerError> {
        (**self).swap_layout(expected, next)
    }

    fn file(&self, hash: ContentHash) -> Result<Option<FileRecord>, LedgerError> {
        (**self).file(hash)
    }

    fn files_at(&self, key: &ObjectKey) -> Result<Vec<FileRecord>, LedgerError> {
        (**self).files_at(key)
    }

    fn files(
        &self,
        phase: FilePhase,
        after: Option<FileCursor>,
        limit: usize,
    ) -> Result<Vec<FileRecord>, LedgerError> {
        (**self).files(phase, after, limit)
    }

    fn batch(&self, id: BatchId) -> Result<Option<Batch>, LedgerError> {
        (**self).batch(id)
    }

    fn batches(
        &self,
        phase: BatchPhase,
        after: Option<BatchCursor>,
        limit: usize,
    ) -> Result<Vec<Batch>, LedgerError> {
        (**self).batches(phase, after, limit)
    }

    fn file_history(&self, hash: ContentHash) -> Result<Vec<FileEvent>, LedgerError> {
        (**self).file_history(hash)
    }

    fn batch_history(&self, id: BatchId) -> Result<Vec<BatchEvent>, LedgerError> {
        (**self).batch_history(id)
    }

    fn counts(&self) -> Result<Counts, LedgerError> {
        (**self).counts()
    }
}

/// What [`Ledger::put_file_if_absent`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// The file was unknown; it is recorded now.
    Created,
    /// The file was known; nothing has changed.
    AlreadyPresent,
}

/// A place in a listing of files: behind the file with this `since` and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileCursor {
    /// The `since` of the last file seen.
    pub since: UnixMicros,
    /// The hash of the last file seen.
    pub hash: ContentHash,
}

/// A place in a listing of batches: behind the batch that is due then and has this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchCursor {
    /// When the last batch seen is due.
    pub due: UnixMicros,
    /// The id of the last batch seen.
    pub id: BatchId,
}

/// How many there are of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Files that wait for a batch.
    pub pending: u64,
    /// Files in a batch that is not finished.
    pub batched: u64,
    /// Files whose rows are in the lake.
    pub done: u64,
    /// Files set aside.
    pub quarantined: u64,
    /// Bytes of all files.
    pub bytes: ByteLength,
    /// Since when the oldest pending file has waited.
    pub oldest_pending: Option<UnixMicros>,
    /// Batches that wait for a run.
    pub sealed: u64,
    /// Batches whose run was started.
    pub starting: u64,
    /// Batches that a run owns.
    pub running: u64,
    /// Batches that failed too often and wait to be run singly.
    pub exhausted: u64,
    /// Batches that are committed.
    pub committed: u64,
    /// Batches that gave way to batches of one.
    pub split: u64,
    /// What came of the lines of all files that are done.
    pub lines: LineCounts,
}

impl Counts {
    /// Whether nothing is under way: every file is done or quarantined.
    pub const fn is_drained(&self) -> bool {
        self.pending == 0 && self.batched == 0
    }

    /// The number of files in `phase`.
    pub const fn of_files(&mut self, phase: FilePhase) -> &mut u64 {
        match phase {
            FilePhase::Pending => &mut self.pending,
            FilePhase::Batched => &mut self.batched,
            FilePhase::Done => &mut self.done,
            FilePhase::Quarantined => &mut self.quarantined,
        }
    }

    /// The number of batches in `phase`.
    pub const fn of_batches(&mut self, phase: BatchPhase) -> &mut u64 {
        match phase {
            BatchPhase::Sealed => &mut self.sealed,
            BatchPhase::Starting => &mut self.starting,
            BatchPhase::Running => &mut self.running,
            BatchPhase::Exhausted => &mut self.exhausted,
            BatchPhase::Committed => &mut self.committed,
            BatchPhase::Split => &mut self.split,
        }
    }
}
