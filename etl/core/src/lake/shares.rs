//! Which batches' rows a file holds, as its footer says: of a batch's own file its one batch, of a compacted file all
//! that went into it.
//!
//! In the footer a share is `<batch> <rows> <lines>`, one on a line, ordered by batch.

use super::{
    LakeError,
    file::{BATCH_KEY, LINES_KEY, SHARES_KEY},
};
use parquet::file::metadata::FileMetaData;
use std::{collections::BTreeMap, fmt};

/// What a file holds of one batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Rows.
    pub rows: u64,
    /// Lines of these rows; in `metrics` the lines that they count.
    pub lines: u64,
}

/// What a file holds, by the batches' hexadecimal ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares(BTreeMap<String, Share>);

impl Shares {
    /// What is held of each batch, ordered by batch.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Share)> {
        self.0.iter().map(|(batch, share)| (batch.as_str(), *share))
    }

    /// What is held of one batch; nothing where it is none of them.
    pub fn of_batch(&self, batch: &str) -> Share {
        self.0.get(batch).copied().unwrap_or_default()
    }

    /// The shares that a file's footer tells.
    pub(super) fn told(metadata: &FileMetaData) -> Result<Self, LakeError> {
        let Some(batch) = entry(metadata, BATCH_KEY) else {
            let text = entry(metadata, SHARES_KEY).unwrap_or_default();
            return Self::parse(text).ok_or_else(|| missing(SHARES_KEY, text));
        };
        let rows = metadata.num_rows().max(0).unsigned_abs();
        let share = Share { rows, lines: number(metadata, LINES_KEY)? };
        Ok(Self(BTreeMap::from([(batch.to_owned(), share)])))
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (batch, share) in &other.0 {
            let sum = self.0.entry(batch.clone()).or_default();
            sum.rows += share.rows;
            sum.lines += share.lines;
        }
    }

    /// What is held in all.
    pub fn sum(&self) -> Share {
        let sum =
            |sum: Share, share: &Share| Share { rows: sum.rows + share.rows, lines: sum.lines + share.lines };
        self.0.values().fold(Share::default(), sum)
    }

    fn parse(text: &str) -> Option<Self> {
        let shares: Option<BTreeMap<_, _>> = text.lines().map(parse_share).collect();
        shares.filter(|shares| !shares.is_empty()).map(Self)
    }
}

impl fmt::Display for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(batch, share)| writeln!(f, "{batch} {} {}", share.rows, share.lines))
    }
}

/// A number of a file's footer.
pub(super) fn number(metadata: &FileMetaData, key: &'static str) -> Result<u64, LakeError> {
    let text = entry(metadata, key).unwrap_or_default();
    text.parse().map_err(|_| missing(key, text))
}

fn entry<'m>(metadata: &'m FileMetaData, key: &str) -> Option<&'m str> {
    metadata.key_value_metadata()?.iter().find(|entry| entry.key == key)?.value.as_deref()
}

fn missing(key: &'static str, found: &str) -> LakeError {
    LakeError::Footer { key, found: format!("{found:?}") }
}

fn parse_share(line: &str) -> Option<(String, Share)> {
    let mut words = line.split(' ');
    let (batch, rows, lines) = (words.next()?, words.next()?, words.next()?);
    let share = Share { rows: rows.parse().ok()?, lines: lines.parse().ok()? };
    (words.next().is_none() && !batch.is_empty()).then(|| (batch.to_owned(), share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_as_they_are_written_and_add_up() {
        let one = Shares::parse("a 1 2\nb 3 4\n").unwrap();
        let mut sum = one.clone();
        sum.add(&Shares::parse("b 10 20").unwrap());
        assert_eq!(sum.to_string(), "a 1 2\nb 13 24\n");
        assert_eq!(sum.sum(), Share { rows: 14, lines: 26 });
        for wrong in ["", "a 1", "a 1 2 3", "a -1 2", " 1 2"] {
            assert_eq!(Shares::parse(wrong), None, "{wrong:?}");
        }
    }
}
