//! Files and batches of one state, in order, from the sixteen partitions of the index.
//!
//! The index may be a moment old, so it only names candidates: each is read as it is now, and one that stands
//! elsewhere by now is left out. One that the index does not have yet comes with the next listing.

use super::{
    Table,
    failure::judge,
    fields::{self, Item},
    items::{StoredBatch, StoredFile, batch_of, file_of},
    places::{self, AT, BY_STATE, Listed, PK, PLACE, SHARDS, text},
    reading::READS_MAX,
};
use headrig_ledger::{Batch, BatchCursor, BatchPhase, FileCursor, FilePhase, FileRecord, LedgerError};
use std::collections::{BTreeSet, HashMap};
use tokio::task::JoinSet;

/// How many entries of each partition are read at least: they cost no more than one, and the next ones are wanted
/// where the first are out of date.
const ENTRIES_MIN: usize = 32;
/// How many entries of each partition are read at most; the next round goes on from there.
const ENTRIES_MAX: usize = 1_000;
/// How many items are read at least to see which candidates are still what the index says.
const CANDIDATES_MIN: usize = 10;
/// How often the index is asked for more because what it told was out of date: each time, hundreds were.
const ROUNDS_MAX: usize = 200;

const ACTION: &str = "list by state";

/// A line of the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: String,
    key: String,
}

/// The beginning of what a state has behind a place.
struct Round {
    entries: Vec<Entry>,
    is_last: bool,
}

impl Table {
    pub(super) async fn files(
        &self,
        phase: FilePhase,
        after: Option<FileCursor>,
        limit: usize,
    ) -> Result<Vec<FileRecord>, LedgerError> {
        let after = after.map(|after| places::at(after.since, &after.hash));
        let items = self.listed(Listed::Files(phase), after, limit).await?;
        items.iter().map(|item| self.decoded(item, file_of).map(|StoredFile { record, .. }| record)).collect()
    }

    pub(super) async fn batches(
        &self,
        phase: BatchPhase,
        after: Option<BatchCursor>,
        limit: usize,
    ) -> Result<Vec<Batch>, LedgerError> {
        let after = after.map(|after| places::at(after.due, &after.id));
        let items = self.listed(Listed::Batches(phase), after, limit).await?;
        items.iter().map(|item| self.decoded(item, batch_of).map(|StoredBatch { batch, .. }| batch)).collect()
    }

    /// The first `limit` items of that state behind `after`, as they are now.
    async fn listed(
        &self,
        listed: Listed,
        mut after: Option<String>,
        limit: usize,
    ) -> Result<Vec<Item>, LedgerError> {
        let mut found = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let Round { entries, is_last } =
                self.round(listed, after.as_deref(), limit - found.len()).await?;
            let mut candidates = entries.as_slice();
            while found.len() < limit && !candidates.is_empty() {
                let wanted = (limit - found.len()).clamp(CANDIDATES_MIN, READS_MAX).min(candidates.len());
                let (these, others) = candidates.split_at(wanted);
                found.extend(self.confirmed(listed, these).await?);
                candidates = others;
            }
            found.truncate(limit);
            if found.len() == limit || is_last {
                return Ok(found);
            }
            after = entries.last().map(|entry| entry.at.clone()).or(after);
        }
        let source = format!("{ROUNDS_MAX} readings of the index were out of date").into();
        Err(LedgerError::Unavailable { action: ACTION, source })
    }

    /// The next entries of all partitions, in order, without a gap.
    async fn round(&self, listed: Listed, after: Option<&str>, wanted: usize) -> Result<Round, LedgerError> {
        let mut queries = JoinSet::new();
        for shard in SHARDS {
            let (table, after) = (self.clone(), after.map(str::to_owned));
            queries.spawn(async move { table.shard(listed.place(shard), after, wanted).await });
        }
        let (mut entries, mut horizon) = (Vec::new(), None::<String>);
        while let Some(shard) = queries.join_next().await {
            let (found, is_complete) = shard
                .map_err(|error| LedgerError::Unavailable { action: ACTION, source: error.into() })??;
            // Behind the last entry of an incomplete partition others may be missing.
            if let (false, Some(last)) = (is_complete, found.last()) {
                horizon = Some(horizon.map_or(last.at.clone(), |horizon| horizon.min(last.at.clone())));
            }
            entries.extend(found);
        }
        entries.sort_unstable();
        if let Some(horizon) = &horizon {
            entries.retain(|entry| entry.at <= *horizon);
        }
        Ok(Round { entries, is_last: horizon.is_none() })
    }

    /// The next entries of one partition, and whether there are no more.
    async fn shard(
        &self,
        place: String,
        after: Option<String>,
        wanted: usize,
    ) -> Result<(Vec<Entry>, bool), LedgerError> {
        let limit = wanted.clamp(ENTRIES_MIN, ENTRIES_MAX);
        let answer = self
            .client
            .query()
            .table_name(&*self.name)
            .index_name(BY_STATE)
            .key_condition_expression("#place = :place AND #at > :after")
            .expression_attribute_names("#place", PLACE)
            .expression_attribute_names("#at", AT)
            .expression_attribute_values(":place", text(place))
            // Every sort key begins with a digit, and every text that does is behind this one.
            .expression_attribute_values(":after", text(after.unwrap_or_else(|| " ".into())))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| judge(ACTION, error))?;
        let entries: Result<Vec<_>, _> =
            answer.items().iter().map(|item| self.decoded(item, entry_of)).collect();
        Ok((entries?, answer.last_evaluated_key.is_none()))
    }

    /// The items of those entries that still stand where the index says, in the same order.
    async fn confirmed(&self, listed: Listed, entries: &[Entry]) -> Result<Vec<Item>, LedgerError> {
        // While an item moves within a partition the index may have it twice.
        let keys: BTreeSet<_> = entries.iter().map(|entry| entry.key.clone()).collect();
        let items = self.many(&keys.into_iter().collect::<Vec<_>>()).await?;
        let mut items: HashMap<String, Item> =
            items.into_iter().filter_map(|item| Some((key_of(&item)?.to_owned(), item))).collect();
        let mut confirmed = Vec::with_capacity(items.len());
        for entry in entries {
            if items.get(&entry.key).is_some_and(|item| stands(listed, item, entry)) {
                confirmed.extend(items.remove(&entry.key));
            }
        }
        Ok(confirmed)
    }
}

fn stands(listed: Listed, item: &Item, entry: &Entry) -> bool {
    let is_there = |name, expected: &str| fields::text(item, name).is_ok_and(|found| found == expected);
    is_there(AT, &entry.at) && SHARDS.iter().any(|shard| is_there(PLACE, &listed.place(*shard)))
}

fn key_of(item: &Item) -> Option<&str> {
    fields::text(item, PK).ok()
}

fn entry_of(item: &Item) -> Result<Entry, fields::Malformed> {
    Ok(Entry { at: fields::text(item, AT)?.into(), key: fields::text(item, PK)?.into() })
}
