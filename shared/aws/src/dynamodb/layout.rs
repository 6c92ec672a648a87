//! The lake's layout, sixteen times: on each tally the same, but for the late commits, which each counts for itself.
//!
//! A commit adds to its tally anyway, so holding it to the layout costs no request, no item and no unit, and makes no
//! key that every commit writes. Whoever changes the layout changes all sixteen in one transaction.

use super::{
    Table,
    failure::judge_built,
    fields::{self, Item, Malformed},
    places::{self, PK, SHARDS, bytes, number, text},
    transaction::{Transaction, pause},
};
use aws_sdk_dynamodb::types::{
    ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update, builders::UpdateBuilder,
};
use headrig_ledger::{Day, Epoch, Layout, LedgerError, Placed, layout::Reading};
use std::collections::HashMap;

/// The attributes.
const EPOCH: &str = "epoch";
const CLOSED_BEFORE: &str = "closed_before";
const GENERATIONS: &str = "generations";
pub(super) const LATE: &str = "late";

/// How often the tallies are read until all tell of one epoch: a change takes milliseconds, and comes a few times a day.
const READS_MAX: u32 = 8;

impl Table {
    pub(super) async fn layout(&self) -> Result<Layout, LedgerError> {
        Ok(summed(&self.copies().await?))
    }

    pub(super) async fn swap_layout(&self, expected: Reading, next: &Layout) -> Result<(), LedgerError> {
        let copies = self.copies().await?;
        let present = summed(&copies);
        if present.reading() != expected {
            return Err(LedgerError::layout_conflict(expected, Some(&present)));
        }
        let mut transaction = Transaction::default();
        for (shard, copy) in SHARDS.into_iter().zip(&copies) {
            let update = copied(next, copy)
                .table_name(&*self.name)
                .key(PK, text(places::tally_key(shard)))
                .return_values_on_condition_check_failure(AllOld)
                .build()
                .map_err(judge_built)?;
            let conflict = move |_: Option<&Item>| LedgerError::layout_conflict(expected, None);
            transaction.add(TransactWriteItem::builder().update(update).build(), conflict);
        }
        self.transact("change the layout", transaction).await
    }

    /// The copies, in the order of the shards, all of one epoch.
    async fn copies(&self) -> Result<Vec<Layout>, LedgerError> {
        for tries in 1..=READS_MAX {
            let mut found: HashMap<String, Layout> = HashMap::new();
            for item in self.many(&SHARDS.map(places::tally_key)).await? {
                let (key, copy) = self.decoded(&item, copy_of)?;
                found.insert(key, copy);
            }
            let copies: Vec<_> =
                SHARDS.map(|shard| found.remove(&places::tally_key(shard)).unwrap_or_default()).to_vec();
            if copies.iter().all(|copy| copy.is_that_of(&copies[0])) {
                return Ok(copies);
            }
            pause(tries).await;
        }
        let source = format!("it changed {READS_MAX} times while it was read").into();
        Err(LedgerError::Unavailable { action: "read the layout", source })
    }
}

/// Holds the update of a tally, by a commit, to the layout; what it amounts to that the layout does not admit it.
pub(super) fn admit(
    update: UpdateBuilder,
    placed: Placed,
) -> (UpdateBuilder, impl Fn(Option<&Item>) -> LedgerError + Send + Sync) {
    let update = match placed.first_day {
        None => update,
        // The layout is the one that was read, so the day is still closed.
        Some(_) if placed.is_late => update
            .condition_expression("#epoch = :epoch")
            .expression_attribute_names("#epoch", EPOCH)
            .expression_attribute_values(":epoch", number(placed.under.0)),
        // The day is still open, whatever was switched since.
        Some(day) => update
            .condition_expression("attribute_not_exists(#closed) OR #closed <= :day")
            .expression_attribute_names("#closed", CLOSED_BEFORE)
            .expression_attribute_values(":day", number(day.0)),
    };
    let overtaken = move |found: Option<&Item>| LedgerError::Overtaken {
        expected: placed.under,
        found: found.and_then(|item| copy_of(item).ok()).map(|(_, copy)| copy.epoch),
    };
    (update.return_values_on_condition_check_failure(AllOld), overtaken)
}

/// The update of the copy `present` to `next`, if it is still that copy. Late commits stay.
fn copied(next: &Layout, present: &Layout) -> UpdateBuilder {
    let mut condition = ["attribute_not_exists(#epoch)", "attribute_not_exists(#late)"];
    let mut update = Update::builder()
        .expression_attribute_names("#epoch", EPOCH)
        .expression_attribute_names("#late", LATE)
        .expression_attribute_names("#closed", CLOSED_BEFORE)
        .expression_attribute_names("#generations", GENERATIONS)
        .expression_attribute_values(":next", number(next.epoch.0))
        .expression_attribute_values(":closed", number(next.closed_before.0));
    if present.epoch != Epoch::default() {
        condition[0] = "#epoch = :epoch";
        update = update.expression_attribute_values(":epoch", number(present.epoch.0));
    }
    if present.late > 0 {
        condition[1] = "#late = :late";
        update = update.expression_attribute_values(":late", number(present.late));
    }
    let change = match &next.generations {
        Some(generations) => {
            update = update.expression_attribute_values(":generations", bytes(generations));
            "SET #epoch = :next, #closed = :closed, #generations = :generations"
        }
        None => "SET #epoch = :next, #closed = :closed REMOVE #generations",
    };
    update.condition_expression(condition.join(" AND ")).update_expression(change)
}

/// The copy on a tally, and the tally's key. One that was never changed has none.
fn copy_of(item: &Item) -> Result<(String, Layout), Malformed> {
    let late = if item.contains_key(LATE) { fields::number(item, LATE)? } else { 0 };
    let key = fields::text(item, PK)?.to_owned();
    if !item.contains_key(EPOCH) {
        return Ok((key, Layout { late, ..Layout::default() }));
    }
    let copy = Layout {
        epoch: Epoch(fields::number(item, EPOCH)?),
        closed_before: Day(fields::number(item, CLOSED_BEFORE)?),
        late,
        generations: fields::optional_id(item, GENERATIONS)?,
    };
    Ok((key, copy))
}

/// The layout of all copies.
fn summed(copies: &[Layout]) -> Layout {
    let late = copies.iter().map(|copy| copy.late).sum();
    Layout { late, ..copies.first().copied().unwrap_or_default() }
}
