//! A ledger in memory: the databases' twin for tests and for the model checker.
//!
//! It keeps no index and sorts when asked, so it is for small numbers only.

use crate::{
    LedgerError,
    batch::{Batch, BatchPhase},
    file::{FilePhase, FileRecord, FileState, Outcome},
    history::{BatchEvent, FileEvent},
    ids::{BatchId, Round, Version},
    layout::{Layout, Placed, Reading},
    port::{BatchCursor, Counts, FileCursor, Ledger, PutOutcome},
};
use headrig_contract::{ContentHash, ObjectKey, UnixMicros};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Files and batches in maps.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    tables: Mutex<Tables>,
}

/// Everything but the history: two ledgers with equal contents behave alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Contents {
    /// The files by hash.
    pub files: BTreeMap<ContentHash, FileRecord>,
    /// The batches by id.
    pub batches: BTreeMap<BatchId, Batch>,
    /// The lake's layout.
    pub layout: Layout,
}

#[derive(Clone, Debug, Default)]
struct Tables {
    now: Contents,
    file_events: BTreeMap<ContentHash, Vec<FileEvent>>,
    batch_events: BTreeMap<BatchId, Vec<BatchEvent>>,
}

impl MemoryLedger {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// A ledger with these contents and no history.
    pub fn with_contents(contents: Contents) -> Self {
        Self { tables: Mutex::new(Tables { now: contents, ..Tables::default() }) }
    }

    /// What it holds now.
    pub fn contents(&self) -> Contents {
        self.tables().now.clone()
    }

    /// What it holds in the end.
    pub fn into_contents(self) -> Contents {
        self.tables.into_inner().unwrap_or_else(PoisonError::into_inner).now
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `change` as a whole or, when it fails, not at all.
    fn transaction<T>(
        &self,
        change: impl FnOnce(&mut Tables) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let mut tables = self.tables();
        let mut changed = tables.clone();
        let result = change(&mut changed)?;
        *tables = changed;
        Ok(result)
    }
}

impl Ledger for MemoryLedger {
    fn put_file_if_absent(&self, file: &FileRecord) -> Result<PutOutcome, LedgerError> {
        self.transaction(|tables| {
            if tables.now.files.contains_key(&file.hash) {
                return Ok(PutOutcome::AlreadyPresent);
            }
            tables.write_file(file.clone());
            Ok(PutOutcome::Created)
        })
    }

    fn seal(&self, batch: &Batch) -> Result<(), LedgerError> {
        self.transaction(|tables| {
            tables.put_batch(batch)?;
            let state = FileState::Batched { batch: batch.id };
            batch
                .members
                .iter()
                .try_for_each(|hash| tables.move_file(*hash, &FileState::Pending, &state, batch.changed))
        })
    }

    fn swap_batch(&self, expected: Version, next: &Batch) -> Result<(), LedgerError> {
        self.transaction(|tables| tables.swap_batch(expected, next))
    }

    fn commit_placed(
        &self,
        expected: Version,
        next: &Batch,
        outcomes: &[(ContentHash, Outcome)],
        placed: &Placed,
    ) -> Result<(), LedgerError> {
        self.transaction(|tables| {
            tables.swap_batch(expected, next)?;
            tables.now.layout = tables.now.layout.admit(placed)?;
            let from = FileState::Batched { batch: next.id };
            outcomes.iter().try_for_each(|(hash, outcome)| {
                tables.move_file(*hash, &from, &FileState::after(outcome, next.id), next.changed)
            })
        })
    }

    fn split(&self, expected: Version, next: &Batch, parts: &[Batch]) -> Result<(), LedgerError> {
        self.transaction(|tables| {
            tables.swap_batch(expected, next)?;
            let from = FileState::Batched { batch: next.id };
            for part in parts {
                tables.put_batch(part)?;
                for hash in &part.members {
                    tables.move_file(*hash, &from, &FileState::Batched { batch: part.id }, part.changed)?;
                }
            }
            Ok(())
        })
    }

    fn requeue(&self, hash: ContentHash, round: Round, now: UnixMicros) -> Result<(), LedgerError> {
        self.transaction(|tables| match tables.now.files.get(&hash) {
            Some(file) if file.round == round && file.state.phase() == FilePhase::Quarantined => {
                let file = file.requeued(now);
                tables.write_file(file);
                Ok(())
            }
            found => Err(LedgerError::file_conflict(hash, FilePhase::Quarantined, found)),
        })
    }

    fn layout(&self) -> Result<Layout, LedgerError> {
        Ok(self.tables().now.layout)
    }

    fn swap_layout(&self, expected: Reading, next: &Layout) -> Result<(), LedgerError> {
        self.transaction(|tables| {
            let present = tables.now.layout;
            if present.reading() != expected {
                return Err(LedgerError::layout_conflict(expected, Some(&present)));
            }
            tables.now.layout = Layout { late: present.late, ..*next };
            Ok(())
        })
    }

    fn file(&self, hash: ContentHash) -> Result<Option<FileRecord>, LedgerError> {
        Ok(self.tables().now.files.get(&hash).cloned())
    }

    fn files_at(&self, key: &ObjectKey) -> Result<Vec<FileRecord>, LedgerError> {
        let mut files: Vec<_> =
            self.tables().now.files.values().filter(|file| file.key == *key).cloned().collect();
        files.sort_by_key(|file| (file.first_seen, file.hash));
        Ok(files)
    }

    fn files(
        &self,
        phase: FilePhase,
        after: Option<FileCursor>,
        limit: usize,
    ) -> Result<Vec<FileRecord>, LedgerError> {
        let place = |file: &FileRecord| FileCursor { since: file.since, hash: file.hash };
        let tables = self.tables();
        let mut files: Vec<_> = tables
            .now
            .files
            .values()
            .filter(|file| file.state.phase() == phase && after.is_none_or(|after| place(file) > after))
            .cloned()
            .collect();
        files.sort_by_key(place);
        files.truncate(limit);
        Ok(files)
    }

    fn batch(&self, id: BatchId) -> Result<Option<Batch>, LedgerError> {
        Ok(self.tables().now.batches.get(&id).cloned())
    }

    fn batches(
        &self,
        phase: BatchPhase,
        after: Option<BatchCursor>,
        limit: usize,
    ) -> Result<Vec<Batch>, LedgerError> {
        let place = |batch: &Batch| BatchCursor { due: batch.state.due(), id: batch.id };
        let tables = self.tables();
        let mut batches: Vec<_> = tables
            .now
            .batches
            .values()
            .filter(|batch| batch.state.phase() == phase && after.is_none_or(|after| place(batch) > after))
            .cloned()
            .collect();
        batches.sort_by_key(place);
        batches.truncate(limit);
        Ok(batches)
    }

    fn file_history(&self, hash: ContentHash) -> Result<Vec<FileEvent>, LedgerError> {
        Ok(self.tables().file_events.get(&hash).cloned().unwrap_or_default())
    }

    fn batch_history(&self, id: BatchId) -> Result<Vec<BatchEvent>, LedgerError> {
        Ok(self.tables().batch_events.get(&id).cloned().unwrap_or_default())
    }

    fn counts(&self) -> Result<Counts, LedgerError> {
        let tables = self.tables();
        let mut counts = Counts::default();
        for file in tables.now.files.values() {
            counts.bytes.0 += file.size.0;
            *counts.of_files(file.state.phase()) += 1;
            match &file.state {
                FileState::Done { counts: lines, .. } => counts.lines += *lines,
                FileState::Pending => {
                    let oldest = counts.oldest_pending.map_or(file.since, |oldest| oldest.min(file.since));
                    counts.oldest_pending = Some(oldest);
                }
                FileState::Batched { .. } | FileState::Quarantined { .. } => {}
            }
        }
        for batch in tables.now.batches.values() {
            *counts.of_batches(batch.state.phase()) += 1;
        }
        Ok(counts)
    }
}

impl Tables {
    fn write_file(&mut self, file: FileRecord) {
        self.file_events.entry(file.hash).or_default().push(FileEvent::of(&file));
        self.now.files.insert(file.hash, file);
    }

    fn move_file(
        &mut self,
        hash: ContentHash,
        from: &FileState,
        to: &FileState,
        at: UnixMicros,
    ) -> Result<(), LedgerError> {
        match self.now.files.get(&hash) {
            Some(file) if file.state == *from => {
                let file = file.moved(to.clone(), at);
                self.write_file(file);
                Ok(())
            }
            found => Err(LedgerError::file_conflict(hash, from.phase(), found)),
        }
    }

    fn put_batch(&mut self, batch: &Batch) -> Result<(), LedgerError> {
        match self.now.batches.entry(batch.id) {
            Entry::Occupied(_) => Err(LedgerError::batch_taken(batch.id)),
            Entry::Vacant(place) => {
                place.insert(batch.clone());
                self.batch_events.entry(batch.id).or_default().push(BatchEvent::of(batch));
                Ok(())
            }
        }
    }

    fn swap_batch(&mut self, expected: Version, next: &Batch) -> Result<(), LedgerError> {
        match self.now.batches.get(&next.id) {
            Some(present) if present.version == expected => {
                if BatchEvent::is_due(&present.state, &next.state) {
                    self.batch_events.entry(next.id).or_default().push(BatchEvent::of(next));
                }
                self.now.batches.insert(next.id, next.clone());
                Ok(())
            }
            found => Err(LedgerError::batch_conflict(next.id, expected, found.map(|batch| batch.version))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance;

    #[test]
    fn the_memory_ledger_conforms() {
        conformance::check(MemoryLedger::new);
    }
}
