//! The ledger in one DynamoDB table; docs/formats/dynamodb.md draws the items.
//!
//! It translates between items and the state machine's types and decides nothing: every write is conditional
//! on the version or state that was read, and what does not hold is a conflict for the protocol to settle.
//! Invariants: a write whose answer was lost is known again, by a stamp or by the transaction's token; nothing
//! rests on a reading of an index, which may be old, nor on DynamoDB having deleted what has expired.

mod counting;
mod failure;
mod fields;
mod items;
mod layout;
mod listing;
mod places;
mod reading;
mod table;
mod transaction;
mod writes;

use aws_sdk_dynamodb::{
    Client,
    config::{Builder, retry::RetryConfig, timeout::TimeoutConfig},
};
use headrig_contract::{ContentHash, ObjectKey, UnixMicros};
use headrig_ledger::{
    Batch, BatchCursor, BatchEvent, BatchId, BatchPhase, Counts, FileCursor, FileEvent, FilePhase,
    FileRecord, Layout, Ledger, LedgerError, Outcome, Placed, PutOutcome, Round, Version, layout::Reading,
};
use std::{sync::Arc, time::Duration};
use tokio::runtime::Handle;

/// How long a connection may take. DynamoDB is in the same region.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one attempt may take; DynamoDB answers in milliseconds, a transaction of 100 items in less than one
/// second.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a request may take with all its attempts.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a request is sent before its failure is told.
const ATTEMPTS_MAX: u32 = 6;
/// The first pause between attempts; the SDK doubles it and takes a random part of it.
const BACKOFF: Duration = Duration::from_millis(50);
/// The longest pause between attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Files and batches in a DynamoDB table.
///
/// The port waits; the SDK does not. So each call lets the runtime of `handle` do the work and blocks its thread
/// until it is done: call it where blocking is allowed (`spawn_blocking`), while something drives the runtime.
#[derive(Clone, Debug)]
pub struct DynamoLedger {
    table: Table,
    handle: Handle,
}

/// The table, and how long what is finished stays in it.
#[derive(Clone, Debug)]
struct Table {
    client: Client,
    name: Arc<str>,
    retention: Option<Duration>,
}

impl DynamoLedger {
    /// The ledger in the table `name`. `config` says how to reach it; time limits and retries are set here.
    pub fn new(config: Builder, name: &str, handle: Handle) -> Self {
        let times = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(REQUEST_TIMEOUT)
            .build();
        let retries = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS_MAX)
            .with_initial_backoff(BACKOFF)
            .with_max_backoff(BACKOFF_MAX);
        let config = config.timeout_config(times).retry_config(retries).build();
        let table = Table { client: Client::from_conf(config), name: name.into(), retention: None };
        Self { table, handle }
    }

    /// The same ledger, which forgets a file so long after it was done, and a batch after it was finished.
    ///
    /// This must be longer than objects stay in the bucket: one that is told of again after its file was
    /// forgotten is a new file, and its rows come a second time.
    #[must_use]
    pub fn forgetting_after(self, retention: Duration) -> Self {
        Self { table: Table { retention: Some(retention), ..self.table }, ..self }
    }

    /// Makes the table and waits until it is active. In AWS the template does this; it is for stand-ins.
    ///
    /// # Errors
    /// When there is such a table, or it cannot be made.
    pub fn create_table(&self) -> Result<(), LedgerError> {
        self.wait(self.table.create())
    }

    fn wait<T>(&self, call: impl Future<Output = Result<T, LedgerError>>) -> Result<T, LedgerError> {
        self.handle.block_on(call)
    }
}

impl Ledger for DynamoLedger {
    fn put_file_if_absent(&self, file: &FileRecord) -> Result<PutOutcome, LedgerError> {
        self.wait(self.table.put_file(file))
    }

    fn put_files_if_absent(&self, files: &[FileRecord]) -> Result<Vec<PutOutcome>, LedgerError> {
        self.wait(self.table.put_files(files))
    }

    fn seal(&self, batch: &Batch) -> Result<(), LedgerError> {
        self.wait(self.table.seal(batch))
    }

    fn swap_batch(&self, expected: Version, next: &Batch) -> Result<(), LedgerError> {
        self.wait(self.table.swap_batch(expected, next))
    }

    fn commit_placed(
        &self,
        expected: Version,
        next: &Batch,
        outcomes: &[(ContentHash, Outcome)],
        placed: &Placed,
    ) -> Result<(), LedgerError> {
        self.wait(self.table.commit(expected, next, outcomes, *placed))
    }

    fn split(&self, expected: Version, next: &Batch, parts: &[Batch]) -> Result<(), LedgerError> {
        self.wait(self.table.split(expected, next, parts))
    }

    fn requeue(&self, hash: ContentHash, round: Round, now: UnixMicros) -> Result<(), LedgerError> {
        self.wait(self.table.requeue(hash, round, now))
    }

    fn layout(&self) -> Result<Layout, LedgerError> {
        self.wait(self.table.layout())
    }

    fn swap_layout(&self, expected: Reading, next: &Layout) -> Result<(), LedgerError> {
        self.wait(self.table.swap_layout(expected, next))
    }

    fn file(&self, hash: ContentHash) -> Result<Option<FileRecord>, LedgerError> {
        self.wait(async { Ok(self.table.file(hash).await?.map(|stored| stored.record)) })
    }

    fn files_at(&self, key: &ObjectKey) -> Result<Vec<FileRecord>, LedgerError> {
        self.wait(self.table.files_at(key))
    }

    fn files(
        &self,
        phase: FilePhase,
        after: Option<FileCursor>,
        limit: usize,
    ) -> Result<Vec<FileRecord>, LedgerError> {
        self.wait(self.table.files(phase, after, limit))
    }

    fn batch(&self, id: BatchId) -> Result<Option<Batch>, LedgerError> {
        self.wait(async { Ok(self.table.batch(id).await?.map(|stored| stored.batch)) })
    }

    fn batches(
        &self,
        phase: BatchPhase,
        after: Option<BatchCursor>,
        limit: usize,
    ) -> Result<Vec<Batch>, LedgerError> {
        self.wait(self.table.batches(phase, after, limit))
    }

    fn file_history(&self, hash: ContentHash) -> Result<Vec<FileEvent>, LedgerError> {
        self.wait(async { Ok(self.table.file(hash).await?.map_or_else(Vec::new, |stored| stored.history)) })
    }

    fn batch_history(&self, id: BatchId) -> Result<Vec<BatchEvent>, LedgerError> {
        self.wait(async { Ok(self.table.batch(id).await?.map_or_else(Vec::new, |stored| stored.history)) })
    }

    /// Each figure is of a moment of its own, less than a second ago as a rule.
    fn counts(&self) -> Result<Counts, LedgerError> {
        self.wait(self.table.counts())
    }
}
