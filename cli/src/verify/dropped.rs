//! What rules dropped of a batch, as its account says: the gaps between rows that are none.
//!
//! Which events were dropped nobody keeps; the bytes without a row have to add up to what the account says.

use super::{content::Strand, intervals::Interval};
use crate::operator::count;
use headrig_contract::{ByteLength, ByteOffset, gaps::GapSum};
use headrig_etl::{Account, account::ObjectFigures};
use headrig_ledger::{FileRecord, LineCounts};

/// The bytes of an object that have no row.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    sum: GapSum,
    places: u64,
}

impl Gaps {
    pub(super) fn add(&mut self, strand: Strand, (from, to): Interval) {
        self.sum.add(strand, ByteOffset(from), ByteOffset(to));
        self.places += 1;
    }

    /// What is wrong with them by the account of the batch's rules; nothing where they are as they should be.
    pub(super) fn against(&self, file: &FileRecord, counts: LineCounts, account: &Account) -> Option<String> {
        let told = account.object(file.hash);
        let Some(GapSum { bytes, sum }) = told.and_then(ObjectFigures::gaps) else {
            return Some("the batch's account does not say what rules dropped of it".into());
        };
        let dropped = told.map_or(0, |told| told.lines.dropped + told.lines.sampled_out);
        if dropped != counts.dropped_by_rule {
            return Some(format!(
                "the account says {} events that rules dropped, the ledger {}",
                count(dropped),
                count(counts.dropped_by_rule)
            ));
        }
        let ByteLength(found) = self.sum.bytes;
        if found == bytes.0 && self.sum.sum == sum {
            return None;
        }
        let others = if found == bytes.0 { ", and not the same ones" } else { "" };
        Some(format!(
            "{} bytes in {} places without a row, rules dropped {}{others}",
            count(found),
            count(self.places),
            count(bytes.0)
        ))
    }
}
