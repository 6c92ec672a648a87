//! The rows of compacted files: each file is read once for all batches that have rows in it.
//!
//! Batches come in the order of their commits, so those in one file come together. Knows no lake: who asks reads. Memory:
//! the rows of the files at hand that nobody asked for yet, joined where they touch, up to [`HELD_BYTES_MAX`]; beyond
//! that a file is forgotten, and read once more when it is asked for again. Invariant: what is handed out of a file is the
//! same whether it was held or is read anew.

use super::{
    content::Strand,
    intervals::Intervals,
    rows::{interval, strand_of},
};
use anyhow::Result;
use headrig_contract::ContentHash;
use headrig_etl::RowSpan;
use std::collections::{BTreeMap, HashMap};

/// The most that is held of files that were read.
const HELD_BYTES_MAX: usize = 256 << 20;
/// What an object, or a strand of it, takes besides its rows.
const ENTRY_BYTES: usize = 200;

/// Rows of files that were read.
pub(super) struct CompactedRows {
    /// By the file's path.
    files: HashMap<String, Held>,
    bytes: usize,
    bytes_max: usize,
    /// Counts what is asked.
    asked: u64,
}

struct Held {
    /// What is wrong with the file, if something is: then it has no rows.
    damage: Option<String>,
    objects: HashMap<ContentHash, ObjectRows>,
    bytes: usize,
    /// When it was asked for last.
    asked: u64,
}

/// The rows of one object in one file.
#[derive(Debug, Default)]
pub(super) struct ObjectRows {
    pub(super) rows: u64,
    pub(super) strands: BTreeMap<Strand, Intervals>,
    /// Rows that say no strand.
    pub(super) strandless: u64,
}

impl Default for CompactedRows {
    fn default() -> Self {
        Self { files: HashMap::new(), bytes: 0, bytes_max: HELD_BYTES_MAX, asked: 0 }
    }
}

impl CompactedRows {
    /// Takes the rows of these objects in the file of that name, or says what is wrong with the file. `read` hands each
    /// row of the file to what it is given.
    ///
    /// # Errors
    /// What `read` returns: then nothing is known of the file.
    pub(super) fn take(
        &mut self,
        name: &str,
        objects: impl Iterator<Item = ContentHash>,
        read: impl FnOnce(&mut dyn FnMut(RowSpan<'_>)) -> Result<Result<(), String>>,
    ) -> Result<Result<Vec<(ContentHash, ObjectRows)>, String>> {
        self.asked += 1;
        if !self.files.contains_key(name) {
            let held = Held::read(read)?;
            self.bytes += held.bytes;
            self.files.insert(name.to_owned(), held);
        }
        let Some(held) = self.files.get_mut(name) else { return Ok(Ok(Vec::new())) };
        held.asked = self.asked;
        let taken = match &held.damage {
            Some(reason) => Err(reason.clone()),
            None => Ok(objects.filter_map(|hash| held.objects.remove_entry(&hash)).collect::<Vec<_>>()),
        };
        for (_, object) in taken.iter().flatten() {
            held.bytes -= object.bytes();
            self.bytes -= object.bytes();
        }
        self.forget();
        Ok(taken)
    }

    /// Forgets the files that nobody asked for the longest, while too much is held.
    fn forget(&mut self) {
        while self.bytes > self.bytes_max && self.files.len() > 1 {
            let oldest = self.files.iter().min_by_key(|(_, held)| held.asked);
            let Some(name) = oldest.map(|(name, _)| name.clone()) else { return };
            self.bytes -= self.files.remove(&name).map_or(0, |held| held.bytes);
        }
    }
}

impl Held {
    fn read(read: impl FnOnce(&mut dyn FnMut(RowSpan<'_>)) -> Result<Result<(), String>>) -> Result<Self> {
        let mut objects: HashMap<ContentHash, ObjectRows> = HashMap::new();
        // Rows come in runs of one object.
        let mut last: Option<(String, ContentHash)> = None;
        let damage = read(&mut |row| {
            if last.as_ref().is_none_or(|(chunk, _)| chunk != row.chunk) {
                last = row.chunk.parse().ok().map(|hash| (row.chunk.to_owned(), hash));
            }
            if let Some((_, hash)) = last {
                objects.entry(hash).or_default().take(&row);
            }
        })?
        .err();
        if damage.is_some() {
            objects.clear();
        }
        let mut bytes = 0;
        for object in objects.values_mut() {
            object.strands.values_mut().for_each(Intervals::shrink);
            bytes += object.bytes();
        }
        Ok(Self { damage, objects, bytes, asked: 0 })
    }
}

impl ObjectRows {
    fn take(&mut self, row: &RowSpan<'_>) {
        match strand_of(row) {
            Some(strand) => {
                self.rows += 1;
                self.strands.entry(strand).or_default().add(interval(row));
            }
            None => self.strandless += 1,
        }
    }

    fn bytes(&self) -> usize {
        let strands = self.strands.values().map(|rows| rows.bytes() + ENTRY_BYTES);
        ENTRY_BYTES + strands.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rows of each of these objects, one behind the other, in turn.
    fn rows(objects: &[ContentHash]) -> Vec<(String, i64)> {
        let row = |at: i64| objects.iter().map(move |hash| (hash.to_string(), at * 10));
        row(0).chain(row(1)).collect()
    }

    fn objects() -> Vec<ContentHash> {
        (0..6_u8).map(|number| ContentHash::of(&[number])).collect()
    }

    /// Asks for each object of two files in turn; how often a file was read.
    fn readings(compacted: &mut CompactedRows) -> usize {
        let (objects, mut readings) = (objects(), 0);
        let stream = headrig_contract::StreamId::from_bytes([7; 16]).to_string();
        for hash in &objects {
            for file in ["a", "b"] {
                let found = compacted.take(file, std::iter::once(*hash), |each| {
                    readings += 1;
                    for (chunk, offset) in rows(&objects) {
                        each(RowSpan { chunk: &chunk, stream: &stream, generation: 0, offset, length: 10 });
                    }
                    Ok(Ok(()))
                });
                let mut found = found.unwrap().unwrap();
                let (taken, rows) = &mut found[0];
                assert_eq!((*taken, rows.rows, rows.strandless), (*hash, 2, 0));
                assert_eq!(rows.strands.values_mut().next().unwrap().settled(), [(0, 20)]);
            }
        }
        readings
    }

    #[test]
    fn a_file_is_read_once_for_all_batches_in_it() {
        let mut compacted = CompactedRows::default();
        assert_eq!(readings(&mut compacted), 2);
        assert!(compacted.files.values().all(|held| held.objects.is_empty()));
        assert_eq!(compacted.bytes, 0);
    }

    #[test]
    fn what_does_not_fit_is_read_anew_and_is_the_same() {
        let mut compacted = CompactedRows { bytes_max: 1, ..CompactedRows::default() };
        assert_eq!(readings(&mut compacted), 12);
        assert_eq!(compacted.files.len(), 1);
    }

    #[test]
    fn a_damaged_file_is_read_once_and_told_to_each_that_asks() {
        let (mut compacted, mut readings) = (CompactedRows::default(), 0);
        for hash in objects() {
            let found = compacted.take("a", std::iter::once(hash), |each| {
                readings += 1;
                let chunk = hash.to_string();
                each(RowSpan { chunk: &chunk, stream: "", generation: 0, offset: 0, length: 1 });
                Ok(Err("no Parquet".into()))
            });
            assert_eq!(found.unwrap().unwrap_err(), "no Parquet");
        }
        assert_eq!(readings, 1);
    }
}
