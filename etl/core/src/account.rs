//! What a batch's account says: what came of its lines, rule by rule and object by object.
//!
//! It is the account of what is in no table: `headrig verify` holds the lake against it. Written where rules are set,
//! as one JSON file; docs/formats/lake.md is the contract. The same batch, settings and version give the same bytes.

use crate::{BatchReport, Counts, LakeFile, ObjectReport, RuleCounts};
use headrig_contract::{ByteLength, ContentHash, gaps::GapSum};
use serde::{Deserialize, Serialize};

/// The folder of accounts in the lake.
pub const ACCOUNTS: &str = "batches";

/// A batch's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The batch's id, hexadecimal.
    pub batch: String,
    /// The version that wrote it.
    pub version: String,
    /// What came of the lines of all its objects.
    pub lines: LineFigures,
    /// What each rule did, in their order.
    pub rules: Vec<RuleCounts>,
    /// Its objects that were loaded.
    pub objects: Vec<ObjectFigures>,
}

/// What came of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineFigures {
    /// Lines that begin in the bytes.
    pub lines: u64,
    /// Events.
    pub events: u64,
    /// Rows in `logs`.
    pub rows: u64,
    /// Events that a rule dropped.
    pub dropped: u64,
    /// Their lines, which `metrics` does not count.
    pub dropped_lines: u64,
    /// Events that are not in a rule's sample.
    pub sampled_out: u64,
}

/// One object's share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectFigures {
    /// SHA-256 of the object, as in the column `chunk`.
    pub chunk: String,
    /// What came of its lines.
    pub lines: LineFigures,
    /// Its bytes that have no row: how many.
    pub gap_bytes: u64,
    /// Its bytes that have no row: what they add up to, hexadecimal.
    pub gap_sum: String,
}

impl Account {
    /// The account of the batch with the hexadecimal id `batch`, whose objects came to `objects`.
    pub fn new<'o>(
        batch: &str,
        report: &BatchReport,
        objects: impl Iterator<Item = (ContentHash, &'o ObjectReport)>,
    ) -> Self {
        Self {
            batch: batch.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            lines: report.counts.into(),
            rules: report.rules.clone(),
            objects: objects.map(|(hash, report)| ObjectFigures::new(hash, report)).collect(),
        }
    }

    /// Where the account of a batch lies in the lake.
    pub fn path(batch: &str) -> String {
        format!("{ACCOUNTS}/{batch}.json")
    }

    /// It as a file of the lake.
    pub fn file(&self) -> LakeFile {
        let mut bytes =
            serde_json::to_vec_pretty(self).expect("texts, numbers and lists are all JSON can hold");
        bytes.push(b'\n');
        LakeFile { path: Self::path(&self.batch), bytes, rows: 0 }
    }

    /// The account that is written in `bytes`.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }

    /// The share of an object.
    pub fn object(&self, hash: ContentHash) -> Option<&ObjectFigures> {
        let chunk = hash.to_string();
        self.objects.iter().find(|object| object.chunk == chunk)
    }
}

impl ObjectFigures {
    fn new(hash: ContentHash, report: &ObjectReport) -> Self {
        let GapSum { bytes, sum } = report.gaps;
        Self {
            chunk: hash.to_string(),
            lines: report.counts.into(),
            gap_bytes: bytes.0,
            gap_sum: format!("{sum:016x}"),
        }
    }

    /// What its bytes without a row come to.
    pub fn gaps(&self) -> Option<GapSum> {
        let sum = u64::from_str_radix(&self.gap_sum, 16).ok()?;
        Some(GapSum { bytes: ByteLength(self.gap_bytes), sum })
    }
}

impl From<Counts> for LineFigures {
    fn from(counts: Counts) -> Self {
        let Counts { lines, events, rows, dropped, dropped_lines, sampled_out, .. } = counts;
        Self { lines, events, rows, dropped, dropped_lines, sampled_out }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_back_as_it_was_written() {
        let gaps = GapSum { bytes: ByteLength(7), sum: 0xff };
        let object = ObjectReport { gaps, ..ObjectReport::default() };
        let hash = ContentHash::of(b"x");
        let account = Account::new("b0", &BatchReport::default(), [(hash, &object)].into_iter());
        let file = account.file();
        assert_eq!(file.path, "batches/b0.json");
        let found = Account::read(&file.bytes).unwrap();
        assert_eq!(found, account);
        assert_eq!(found.object(hash).and_then(ObjectFigures::gaps), Some(gaps));
    }
}
