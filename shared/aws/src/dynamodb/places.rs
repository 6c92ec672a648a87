//! Where items stand: their keys, and their places in the index by state.
//!
//! The index has sixteen partitions for each state, by the first digit of the hash, so that no key is written
//! by every call. Within one, items stand in the order in which the port lists them.

use aws_sdk_dynamodb::types::AttributeValue;
use headrig_contract::{ContentHash, UnixMicros, ids::Id};
use headrig_ledger::{BatchId, BatchPhase, FilePhase};

/// The partitions of one state: the first hexadecimal digit of the hash.
pub(super) const SHARDS: [char; 16] =
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];

/// The table's key.
pub(super) const PK: &str = "pk";
/// The index by state: its name, its partition key and its sort key.
pub(super) const BY_STATE: &str = "by_state";
pub(super) const PLACE: &str = "place";
pub(super) const AT: &str = "at";
/// The index of the keys of those objects whose names do not tell their hash.
pub(super) const BY_KEY: &str = "by_key";
pub(super) const FOREIGN_KEY: &str = "foreign_key";

const FILE: &str = "file#";
const BATCH: &str = "batch#";

/// A set of items that the index lists together.
#[derive(Clone, Copy, Debug)]
pub(super) enum Listed {
    /// The files in a phase.
    Files(FilePhase),
    /// The batches in a phase.
    Batches(BatchPhase),
}

impl Listed {
    /// The partition that holds the items whose hash begins with `shard`.
    pub(super) fn place(self, shard: char) -> String {
        match self {
            Self::Files(phase) => format!("file#{}#{shard}", phase.as_str()),
            Self::Batches(phase) => format!("batch#{}#{shard}", phase.as_str()),
        }
    }
}

/// The key of a file's item.
pub(super) fn file_key(hash: ContentHash) -> String {
    format!("{FILE}{hash}")
}

/// The key of a batch's item.
pub(super) fn batch_key(id: BatchId) -> String {
    format!("{BATCH}{id}")
}

/// The key of a tally.
pub(super) fn tally_key(shard: char) -> String {
    format!("tally#{shard}")
}

/// The hash in a file's key, or the id in a batch's.
pub(super) fn id_in<Kind>(key: &str) -> Option<Id<Kind, 32>> {
    key.strip_prefix(FILE).or_else(|| key.strip_prefix(BATCH))?.parse().ok()
}

/// The shard of an id.
pub(super) fn shard_of<Kind>(id: &Id<Kind, 32>) -> char {
    SHARDS[usize::from(id.as_bytes()[0] >> 4)]
}

/// The sort key: text that is ordered as (time, id), times before 1970 included.
pub(super) fn at<Kind>(time: UnixMicros, id: &Id<Kind, 32>) -> String {
    format!("{:016x}-{id}", time.0.cast_unsigned() ^ SIGN)
}

/// The time in a sort key.
pub(super) fn time_in(at: &str) -> Option<UnixMicros> {
    let time = u64::from_str_radix(at.get(..16)?, 16).ok()?;
    Some(UnixMicros((time ^ SIGN).cast_signed()))
}

/// Text as an attribute.
pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number as an attribute.
pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// An id as an attribute.
pub(super) fn bytes<Kind>(id: &Id<Kind, 32>) -> AttributeValue {
    AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new(id.as_bytes().as_slice()))
}

/// Turned over, so that times before 1970 come before the others.
const SIGN: u64 = 1 << 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sort_keys_are_ordered_as_time_and_then_id() {
        let ids = [ContentHash::from_bytes([1; 32]), ContentHash::from_bytes([2; 32])];
        let times = [i64::MIN, -5, -1, 0, 1, 1_700_000_000_000_000, i64::MAX].map(UnixMicros);
        let keys: Vec<_> = times.iter().flat_map(|time| ids.map(|id| at(*time, &id))).collect();
        assert!(keys.is_sorted(), "{keys:?}");
        for (time, key) in times.iter().zip(keys.iter().step_by(2)) {
            assert_eq!(time_in(key), Some(*time));
        }
    }

    #[test]
    fn every_hash_has_a_shard_of_its_first_digit() {
        for digit in 0..=15_u8 {
            let id = ContentHash::from_bytes([digit << 4 | 7; 32]);
            assert_eq!(Some(shard_of(&id)), id.to_string().chars().next());
        }
    }
}
