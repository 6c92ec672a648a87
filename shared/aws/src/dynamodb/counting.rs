//! How many there are of everything, at a cost that grows with what is open and not with what is done.
//!
//! What is open is counted in the index; what is finished was added to a tally when it was finished, one for each
//! shard, so that no two commits need meet at one item.

use super::{
    Table,
    failure::judge,
    fields::{self, Item, Malformed},
    items::counts_of,
    places::{self, AT, BY_STATE, Listed, PLACE, SHARDS, text},
};
use headrig_contract::UnixMicros;
use headrig_ledger::{BatchPhase, Counts, FilePhase, LedgerError};
use tokio::task::JoinSet;

/// What is counted in the index. The others are finished, and in the tallies.
const OPEN: [Listed; 7] = [
    Listed::Files(FilePhase::Pending),
    Listed::Files(FilePhase::Batched),
    Listed::Files(FilePhase::Quarantined),
    Listed::Batches(BatchPhase::Sealed),
    Listed::Batches(BatchPhase::Starting),
    Listed::Batches(BatchPhase::Running),
    Listed::Batches(BatchPhase::Exhausted),
];

/// How many partitions are read at once.
const QUERIES_AT_ONCE: usize = 16;
/// The most pages of 1 MB that are counted in one partition: some five million entries.
const PAGES_MAX: usize = 1_000;

const ACTION: &str = "count";

/// What a partition of the index holds.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    items: u64,
    bytes: u64,
    oldest: Option<UnixMicros>,
}

impl Table {
    pub(super) async fn counts(&self) -> Result<Counts, LedgerError> {
        let mut counts = self.finished().await?;
        let mut waiting = OPEN.into_iter().flat_map(|listed| SHARDS.map(|shard| (listed, shard)));
        let mut under_way = JoinSet::new();
        loop {
            while under_way.len() < QUERIES_AT_ONCE {
                let Some((listed, shard)) = waiting.next() else { break };
                let table = self.clone();
                under_way.spawn(async move { (listed, table.sum(listed.place(shard)).await) });
            }
            let Some(done) = under_way.join_next().await else { return Ok(counts) };
            let (listed, sum) =
                done.map_err(|error| LedgerError::Unavailable { action: ACTION, source: error.into() })?;
            add(&mut counts, listed, sum?);
        }
    }

    async fn finished(&self) -> Result<Counts, LedgerError> {
        let mut counts = Counts::default();
        for item in self.many(&SHARDS.map(places::tally_key)).await? {
            let tally = self.decoded(&item, tallied)?;
            counts.committed += tally.committed;
            counts.split += tally.split;
            counts.done += tally.done;
            counts.bytes.0 += tally.bytes.0;
            counts.lines += tally.lines;
        }
        Ok(counts)
    }

    async fn sum(&self, place: String) -> Result<Sum, LedgerError> {
        let mut pages = self
            .client
            .query()
            .table_name(&*self.name)
            .index_name(BY_STATE)
            .key_condition_expression("#place = :place")
            .expression_attribute_names("#place", PLACE)
            .expression_attribute_values(":place", text(place))
            .into_paginator()
            .send();
        let mut sum = Sum::default();
        for _ in 0..PAGES_MAX {
            let Some(page) = pages.next().await else { return Ok(sum) };
            for item in page.map_err(|error| judge(ACTION, error))?.items() {
                let (at, bytes) = self.decoded(item, entry_of)?;
                sum.items += 1;
                sum.bytes = sum.bytes.saturating_add(bytes);
                // They are in order.
                sum.oldest = sum.oldest.or(Some(at));
            }
        }
        let source = format!("one state has over {PAGES_MAX} MB of entries in one partition").into();
        Err(LedgerError::Refused { action: ACTION, source })
    }
}

fn add(counts: &mut Counts, listed: Listed, sum: Sum) {
    match listed {
        Listed::Files(phase) => {
            *counts.of_files(phase) += sum.items;
            counts.bytes.0 = counts.bytes.0.saturating_add(sum.bytes);
            if phase == FilePhase::Pending {
                counts.oldest_pending = counts.oldest_pending.into_iter().chain(sum.oldest).min();
            }
        }
        Listed::Batches(phase) => *counts.of_batches(phase) += sum.items,
    }
}

/// A line of the index: its time, and the bytes where it is a file's.
fn entry_of(item: &Item) -> Result<(UnixMicros, u64), Malformed> {
    let at = fields::text(item, AT)?;
    let at =
        places::time_in(at).ok_or_else(|| Malformed::new(AT, format!("expected a time, found {at:?}")))?;
    Ok((at, if item.contains_key("size") { fields::number(item, "size")? } else { 0 }))
}

/// A tally has only the sums that something was added to.
fn tallied(item: &Item) -> Result<Counts, Malformed> {
    let sum = |name| if item.contains_key(name) { fields::number(item, name) } else { Ok(0) };
    let mut counts = Counts { committed: sum("committed")?, split: sum("split")?, ..Counts::default() };
    if counts.committed > 0 {
        counts.done = sum("done")?;
        counts.bytes.0 = sum("bytes")?;
        counts.lines = counts_of(item)?;
    }
    Ok(counts)
}
