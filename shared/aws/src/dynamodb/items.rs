//! Files and batches to items and back.
//!
//! An item holds the whole record and its history, so that a change and what is told of it are one write.
//! Texts and histories are bounded, since an item may have 400 KB and a batch must never outgrow it.

mod batches;
mod files;

pub(super) use batches::{StoredBatch, batch_item, batch_of};
pub(super) use files::{STATE_NAMES, StoredFile, file_event, file_item, file_of, state_item};

use super::{
    fields::{self, Item, Malformed},
    places::number,
};
use aws_sdk_dynamodb::primitives::Blob;
use headrig_ledger::LineCounts;

/// The longest reason in a record, in bytes; what is longer is cut. Spark's longest traces begin with what counts.
const REASON_BYTES_MAX: usize = 4096;
/// The longest reason in an entry of a history, in bytes.
const EVENT_REASON_BYTES_MAX: usize = 512;
/// The most entries in a history: with the longest reasons and run ids, 300 of them are 260 KB.
const EVENTS_MAX: usize = 300;

/// What marks one write, so that its writer knows it again when the answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(pub(super) [u8; 16]);

impl Stamp {
    pub(super) const NAME: &str = "stamp";

    /// As an attribute.
    pub(super) fn value(self) -> aws_sdk_dynamodb::types::AttributeValue {
        aws_sdk_dynamodb::types::AttributeValue::B(Blob::new(self.0.as_slice()))
    }

    /// Whether the item was written by the write with this stamp.
    pub(super) fn is_on(self, item: &Item) -> bool {
        fields::bytes(item, Self::NAME).is_ok_and(|found| found == self.0)
    }
}

/// The names of what comes of lines.
const COUNTS: [&str; 4] = ["lines", "events", "rows", "dropped_by_rule"];

/// What came of lines, as attributes.
pub(super) fn counts_item(
    counts: LineCounts,
) -> impl Iterator<Item = (String, aws_sdk_dynamodb::types::AttributeValue)> {
    let LineCounts { lines, events, rows, dropped_by_rule } = counts;
    let values = [lines, events, rows, dropped_by_rule];
    COUNTS.into_iter().zip(values).map(|(name, count)| (name.to_owned(), number(count)))
}

/// What came of lines.
pub(super) fn counts_of(item: &Item) -> Result<LineCounts, Malformed> {
    Ok(LineCounts {
        lines: fields::number(item, "lines")?,
        events: fields::number(item, "events")?,
        rows: fields::number(item, "rows")?,
        dropped_by_rule: fields::number(item, "dropped_by_rule")?,
    })
}

/// The beginning of `text` that has at most `bytes_max` bytes.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// `history` without its oldest entries but the very first, so that it has no more than [`EVENTS_MAX`]. Those
/// that `matters` denies go first.
fn bounded<T>(mut history: Vec<T>, matters: impl Fn(&T) -> bool) -> Vec<T> {
    while history.len() > EVENTS_MAX {
        let idle = history.iter().skip(1).position(|event| !matters(event));
        history.remove(idle.map_or(1, |place| place + 1));
    }
    history
}

#[cfg(test)]
mod tests;
