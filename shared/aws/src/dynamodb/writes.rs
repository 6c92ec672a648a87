//! The ledger's changes as conditional writes.
//!
//! A single write bears a stamp: where DynamoDB finds its condition unmet, and the item with that very stamp, the
//! write was done and only its answer was lost. What several items must change in goes through a transaction.

mod expressions;
mod split;

use self::expressions::{file_move, put_batch, replace_batch, tally};
use super::{
    Table,
    failure::judge,
    fields::{self, Item},
    items::{Stamp, StoredBatch, batch_item, batch_of, file_item, file_of},
    places::{self, number, text},
    transaction::{TRIES_MAX, Transaction, pause, stamp},
};
use aws_sdk_dynamodb::{
    operation::put_item::{PutItemError, builders::PutItemFluentBuilder},
    types::ReturnValuesOnConditionCheckFailure::AllOld,
};
use headrig_contract::{ByteLength, ContentHash, UnixMicros};
use headrig_ledger::{
    Batch, BatchEvent, BatchPhase, FileEvent, FilePhase, FileRecord, FileState, LedgerError, Outcome, Placed,
    PutOutcome, Round, Version,
};
use std::collections::HashSet;
use tokio::task::JoinSet;

/// How many files are put at once: enough that a Lambda call with hundreds takes a second.
const PUTS_AT_ONCE: usize = 16;

/// Absent, or expired and not yet deleted: DynamoDB takes days for that.
const IS_GONE: &str = "attribute_not_exists(pk) OR expires_at <= :now";

/// As it was read.
const IS_VERSION: &str = "#version = :version";

/// What became of a single conditional write.
enum Written {
    /// It was done, by this attempt or by one whose answer was lost.
    Done,
    /// The condition did not hold; this is what stands there.
    Unmet(Item),
}

impl Table {
    pub(super) async fn put_file(&self, file: &FileRecord) -> Result<PutOutcome, LedgerError> {
        const ACTION: &str = "put a file";
        let stamp = stamp(ACTION)?;
        let request = self
            .put(file_item(file, vec![FileEvent::of(file)]), stamp)
            .condition_expression(IS_GONE)
            .expression_attribute_values(":now", number(seconds(file.first_seen)));
        match written(ACTION, stamp, request).await? {
            Written::Done => Ok(PutOutcome::Created),
            Written::Unmet(_) => Ok(PutOutcome::AlreadyPresent),
        }
    }

    pub(super) async fn put_files(&self, files: &[FileRecord]) -> Result<Vec<PutOutcome>, LedgerError> {
        let mut outcomes = vec![PutOutcome::AlreadyPresent; files.len()];
        let mut seen = HashSet::new();
        // Of several with one hash the first counts, whichever is quicker.
        let first = files.iter().enumerate().filter(|(_, file)| seen.insert(file.hash));
        let mut waiting = first.map(|(place, file)| (place, file.clone()));
        let mut under_way = JoinSet::new();
        loop {
            while under_way.len() < PUTS_AT_ONCE {
                let Some((place, file)) = waiting.next() else { break };
                let table = self.clone();
                under_way.spawn(async move { (place, table.put_file(&file).await) });
            }
            let Some(done) = under_way.join_next().await else { return Ok(outcomes) };
            let (place, outcome) =
                done.map_err(|error| LedgerError::Unavailable { action: "put files", source: error.into() })?;
            outcomes[place] = outcome?;
        }
    }

    pub(super) async fn seal(&self, batch: &Batch) -> Result<(), LedgerError> {
        const ACTION: &str = "seal a batch";
        let mut transaction = Transaction::default();
        put_batch(self, &mut transaction, batch)?;
        let to = FileState::Batched { batch: batch.id };
        for member in &batch.members {
            file_move(self, &mut transaction, *member, (&FileState::Pending, &to), batch.changed)?;
        }
        self.transact(ACTION, transaction).await
    }

    pub(super) async fn swap_batch(&self, expected: Version, next: &Batch) -> Result<(), LedgerError> {
        const ACTION: &str = "change a batch";
        let item = self.next_item(expected, next).await?;
        let stamp = stamp(ACTION)?;
        let request = self
            .put(item, stamp)
            .condition_expression(IS_VERSION)
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", number(expected.0));
        match written(ACTION, stamp, request).await? {
            Written::Done => Ok(()),
            Written::Unmet(found) => Err(self.overtaken(ACTION, expected, next, &found)),
        }
    }

    pub(super) async fn commit(
        &self,
        expected: Version,
        next: &Batch,
        outcomes: &[(ContentHash, Outcome)],
        placed: Placed,
    ) -> Result<(), LedgerError> {
        let mut transaction = Transaction::default();
        replace_batch(self, &mut transaction, self.next_item(expected, next).await?, expected, next)?;
        let from = FileState::Batched { batch: next.id };
        for (hash, outcome) in outcomes {
            let to = FileState::after(outcome, next.id);
            file_move(self, &mut transaction, *hash, (&from, &to), next.changed)?;
        }
        let done: Vec<_> = outcomes
            .iter()
            .filter(|(_, outcome)| matches!(outcome, Outcome::Done(_)))
            .map(|(hash, _)| places::file_key(*hash))
            .collect();
        let bytes = self.bytes_of(&done).await?;
        tally(self, &mut transaction, next, bytes, placed)?;
        self.transact("commit a batch", transaction).await
    }

    pub(super) async fn requeue(
        &self,
        hash: ContentHash,
        round: Round,
        now: UnixMicros,
    ) -> Result<(), LedgerError> {
        const ACTION: &str = "put a file back";
        let conflict =
            |found: Option<&FileRecord>| LedgerError::file_conflict(hash, FilePhase::Quarantined, found);
        let Some(present) = self.file(hash).await? else { return Err(conflict(None)) };
        if present.record.round != round || present.record.state.phase() != FilePhase::Quarantined {
            return Err(conflict(Some(&present.record)));
        }
        let (next, mut history) = (present.record.requeued(now), present.history);
        history.push(FileEvent::of(&next));
        let stamp = stamp(ACTION)?;
        let request = self
            .put(file_item(&next, history), stamp)
            .condition_expression("#state = :state AND #round = :round")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#round", "round")
            .expression_attribute_values(":state", text(FilePhase::Quarantined.as_str()))
            .expression_attribute_values(":round", number(round.0));
        match written(ACTION, stamp, request).await? {
            Written::Done => Ok(()),
            Written::Unmet(found) => {
                Err(conflict(self.decoded(&found, file_of).ok().map(|found| found.record).as_ref()))
            }
        }
    }

    /// The item that shall replace the batch of version `expected`, its history carried on.
    async fn next_item(&self, expected: Version, next: &Batch) -> Result<Item, LedgerError> {
        let present = self.batch(next.id).await?;
        let Some(StoredBatch { batch, mut history }) =
            present.filter(|stored| stored.batch.version == expected)
        else {
            let found = self.batch(next.id).await?.map(|stored| stored.batch.version);
            return Err(LedgerError::batch_conflict(next.id, expected, found));
        };
        if BatchEvent::is_due(&batch.state, &next.state) {
            history.push(BatchEvent::of(next));
        }
        Ok(self.expiring_batch(next, history))
    }

    /// Whose write the unmet condition of a swap tells of: another's, unless the batch has changed more than once
    /// since it was read. Then one of the changes may be ours.
    fn overtaken(&self, action: &'static str, expected: Version, next: &Batch, found: &Item) -> LedgerError {
        match self.decoded(found, batch_of) {
            Ok(found) if found.batch.version > next.version => {
                let source = format!("batch {} has changed several times meanwhile", next.id).into();
                LedgerError::Unavailable { action, source }
            }
            Ok(found) => LedgerError::batch_conflict(next.id, expected, Some(found.batch.version)),
            Err(_) if found.is_empty() => LedgerError::batch_conflict(next.id, expected, None),
            Err(error) => error,
        }
    }

    async fn bytes_of(&self, keys: &[String]) -> Result<ByteLength, LedgerError> {
        let items = self.many(keys).await?;
        let sizes = items.iter().map(|item| self.decoded(item, |item| fields::number::<u64>(item, "size")));
        let mut sum = ByteLength(0);
        for size in sizes {
            sum.0 = sum.0.saturating_add(size?);
        }
        Ok(sum)
    }

    fn put(&self, mut item: Item, stamp: Stamp) -> PutItemFluentBuilder {
        item.insert(Stamp::NAME.into(), stamp.value());
        self.client
            .put_item()
            .table_name(&*self.name)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(AllOld)
    }

    fn expiring_batch(&self, batch: &Batch, history: Vec<BatchEvent>) -> Item {
        let mut item = batch_item(batch, history);
        if matches!(batch.state.phase(), BatchPhase::Committed | BatchPhase::Split) {
            self.expire(&mut item, batch.changed);
        }
        item
    }

    /// Lets the item expire, where finished things are to be forgotten.
    fn expire(&self, item: &mut Item, finished: UnixMicros) {
        if let Some(retention) = self.retention {
            let kept = i64::try_from(retention.as_secs()).unwrap_or(i64::MAX);
            item.insert("expires_at".into(), number(seconds(finished).saturating_add(kept)));
        }
    }
}

/// Sends a stamped put, waits for transactions that are in its way, and knows its own work again.
async fn written(
    action: &'static str,
    stamp: Stamp,
    request: PutItemFluentBuilder,
) -> Result<Written, LedgerError> {
    for tries in 1.. {
        let Err(error) = request.clone().send().await else { break };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(unmet)) => {
                let found = unmet.item.clone().unwrap_or_default();
                return Ok(if stamp.is_on(&found) { Written::Done } else { Written::Unmet(found) });
            }
            Some(PutItemError::TransactionConflictException(_)) if tries < TRIES_MAX => pause(tries).await,
            _ => return Err(judge(action, error)),
        }
    }
    Ok(Written::Done)
}

/// DynamoDB's time to live is in seconds since 1970.
fn seconds(time: UnixMicros) -> i64 {
    time.0.div_euclid(1_000_000)
}
