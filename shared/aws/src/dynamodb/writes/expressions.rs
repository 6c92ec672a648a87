//! The single writes of transactions, as DynamoDB's expressions.

use super::{
    super::{
        Table,
        failure::judge_built,
        fields::Item,
        items::{STATE_NAMES, batch_item, batch_of, counts_item, file_event, file_of, state_item},
        layout,
        places::{self, PK, bytes, number, text},
        transaction::Transaction,
    },
    IS_GONE, IS_VERSION, seconds,
};
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem,
    Update,
};
use headrig_contract::{ByteLength, ContentHash, UnixMicros};
use headrig_ledger::{
    Batch, BatchEvent, BatchState, FileEvent, FilePhase, FileState, LedgerError, Placed, Version,
};

/// Puts a new batch.
pub(super) fn put_batch(table: &Table, to: &mut Transaction<'_>, batch: &Batch) -> Result<(), LedgerError> {
    let put = Put::builder()
        .table_name(&*table.name)
        .set_item(Some(batch_item(batch, vec![BatchEvent::of(batch)])))
        .condition_expression(IS_GONE)
        .expression_attribute_values(":now", number(seconds(batch.changed)))
        .return_values_on_condition_check_failure(AllOld)
        .build()
        .map_err(judge_built)?;
    let id = batch.id;
    to.add(TransactWriteItem::builder().put(put).build(), move |_| LedgerError::batch_taken(id));
    Ok(())
}

/// Puts `item` in the place of the batch of version `expected`.
pub(super) fn replace_batch<'a>(
    table: &'a Table,
    to: &mut Transaction<'a>,
    item: Item,
    expected: Version,
    next: &'a Batch,
) -> Result<(), LedgerError> {
    let put = Put::builder()
        .table_name(&*table.name)
        .set_item(Some(item))
        .condition_expression(IS_VERSION)
        .expression_attribute_names("#version", "version")
        .expression_attribute_values(":version", number(expected.0))
        .return_values_on_condition_check_failure(AllOld)
        .build()
        .map_err(judge_built)?;
    to.add(TransactWriteItem::builder().put(put).build(), batch_conflict(table, next, expected));
    Ok(())
}

/// Holds the batch to version `expected` without changing it.
pub(super) fn expect_batch<'a>(
    table: &'a Table,
    to: &mut Transaction<'a>,
    expected: Version,
    next: &'a Batch,
) -> Result<(), LedgerError> {
    let check = ConditionCheck::builder()
        .table_name(&*table.name)
        .key(PK, text(places::batch_key(next.id)))
        .condition_expression(IS_VERSION)
        .expression_attribute_names("#version", "version")
        .expression_attribute_values(":version", number(expected.0))
        .return_values_on_condition_check_failure(AllOld)
        .build()
        .map_err(judge_built)?;
    to.add(
        TransactWriteItem::builder().condition_check(check).build(),
        batch_conflict(table, next, expected),
    );
    Ok(())
}

/// Moves a file from one state to another.
pub(super) fn file_move<'a>(
    table: &'a Table,
    transaction: &mut Transaction<'a>,
    hash: ContentHash,
    (from, to): (&FileState, &FileState),
    now: UnixMicros,
) -> Result<(), LedgerError> {
    let mut changed = state_item(hash, now, to);
    if to.phase() == FilePhase::Done {
        table.expire(&mut changed, now);
    }
    let gone = STATE_NAMES.into_iter().filter(|name| !changed.contains_key(*name)).collect();
    let event = FileEvent { at: now, phase: to.phase(), batch: to.batch(), reason: reason_of(to) };
    let update = Change { set: changed, remove: gone, event: file_event(&event) }
        .update(from)
        .table_name(&*table.name)
        .key(PK, text(places::file_key(hash)))
        .build()
        .map_err(judge_built)?;
    let expected = from.phase();
    transaction.add(TransactWriteItem::builder().update(update).build(), move |found| {
        let found = found.and_then(|item| table.decoded(item, file_of).ok());
        LedgerError::file_conflict(hash, expected, found.map(|stored| stored.record).as_ref())
    });
    Ok(())
}

/// Adds a finished batch, and the bytes of its members that are done, to its shard's tally, if the layout on it admits
/// the batch's rows.
pub(super) fn tally(
    table: &Table,
    to: &mut Transaction<'_>,
    batch: &Batch,
    bytes: ByteLength,
    placed: Placed,
) -> Result<(), LedgerError> {
    let mut sums: Item = match &batch.state {
        BatchState::Committed { summary, .. } => {
            let sums = [("committed", number(1)), ("done", number(summary.done)), ("bytes", number(bytes.0))];
            let sums = sums.map(|(name, sum)| (name.to_owned(), sum)).into_iter();
            sums.chain(counts_item(summary.lines)).collect()
        }
        _ => [("split".to_owned(), number(1))].into(),
    };
    if placed.is_late {
        sums.insert(layout::LATE.to_owned(), number(1));
    }
    let mut update = Update::builder()
        .table_name(&*table.name)
        .key(PK, text(places::tally_key(places::shard_of(&batch.id))));
    let mut adds = Vec::new();
    for (place, (name, sum)) in sums.drain().enumerate() {
        adds.push(format!("#a{place} :a{place}"));
        update = update
            .expression_attribute_names(format!("#a{place}"), name)
            .expression_attribute_values(format!(":a{place}"), sum);
    }
    let (update, overtaken) = layout::admit(update, placed);
    let update = update.update_expression(format!("ADD {}", adds.join(", "))).build().map_err(judge_built)?;
    to.add(TransactWriteItem::builder().update(update).build(), overtaken);
    Ok(())
}

/// What an update does to a file's item.
struct Change {
    set: Item,
    remove: Vec<&'static str>,
    event: AttributeValue,
}

impl Change {
    /// The update of an item whose file is in the state `from`. Names are never written out, since many are
    /// DynamoDB's own words.
    fn update(self, from: &FileState) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        let mut update = Update::builder().return_values_on_condition_check_failure(AllOld);
        let mut sets = vec!["#history = list_append(#history, :event)".to_owned()];
        for (place, (name, value)) in self.set.into_iter().enumerate() {
            sets.push(format!("#s{place} = :s{place}"));
            update = update
                .expression_attribute_names(format!("#s{place}"), name)
                .expression_attribute_values(format!(":s{place}"), value);
        }
        let mut expression = format!("SET {}", sets.join(", "));
        for (place, name) in self.remove.iter().enumerate() {
            expression.push_str(if place == 0 { " REMOVE " } else { ", " });
            expression.push_str(&format!("#r{place}"));
            update = update.expression_attribute_names(format!("#r{place}"), *name);
        }
        let mut condition = "#state = :from".to_owned();
        if let Some(batch) = from.batch() {
            condition.push_str(" AND #batch = :batch");
            update = update
                .expression_attribute_names("#batch", "batch")
                .expression_attribute_values(":batch", bytes(&batch));
        }
        update
            .expression_attribute_names("#history", "history")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":event", AttributeValue::L(vec![self.event]))
            .expression_attribute_values(":from", text(from.phase().as_str()))
            .update_expression(expression)
            .condition_expression(condition)
    }
}

fn reason_of(state: &FileState) -> Option<String> {
    match state {
        FileState::Quarantined { reason, .. } => Some(reason.clone()),
        FileState::Pending | FileState::Batched { .. } | FileState::Done { .. } => None,
    }
}

fn batch_conflict<'a>(
    table: &'a Table,
    next: &'a Batch,
    expected: Version,
) -> impl Fn(Option<&Item>) -> LedgerError + Send + Sync + 'a {
    move |found| {
        let found = found.and_then(|item| table.decoded(item, batch_of).ok());
        LedgerError::batch_conflict(next.id, expected, found.map(|stored| stored.batch.version))
    }
}
