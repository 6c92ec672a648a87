//! `headrig verify`: bucket against ledger against lake.
//!
//! It only reads, and knows the three through their ports and formats. What is under way meanwhile is left out: only
//! batches that were committed before the beginning are held against the files that were listed after it.
//! Memory: one object, the rows of one batch (16 bytes a row that touches no other), up to 256 MiB of such rows of compacted
//! files, 44 bytes a lake file, 32 bytes a file that is not done, and what does not touch of each strand and chain.

mod chains;
mod compacted;
mod content;
mod dropped;
mod findings;
mod intervals;
mod rows;
mod tables;

use crate::{
    args::VerifyArguments,
    clock::now,
    operator::{Answer, Engine, OpenLake},
};
use anyhow::{Context, Result};
use chains::Chains;
use compacted::CompactedRows;
use content::{Content, Strand};
use findings::{Findings, Kind};
use headrig_contract::{ContentHash, UnixMicros};
use headrig_ledger::{
    Batch, BatchCursor, BatchId, BatchPhase, BatchState, FileCursor, FilePhase, FileRecord, FileState, Ledger,
};
use headrig_store::{ObjectInfo, ObjectStore, StoreError};
use intervals::Intervals;
use rows::{BatchRows, check_compacted};
use std::collections::{BTreeMap, HashSet};
use tables::Tables;

/// Objects listed at once: a listing reads whole folders, so pages are not to be smaller than these.
const OBJECTS_PAGE: usize = 10_000;
/// Files or batches read from the ledger at once.
const RECORDS_PAGE: usize = 1_000;
/// How long a writer on this machine may take to tell the ledger of an object that it has stored.
const LOCAL_TOLD_WITHIN_MICROS: i64 = 60_000_000;
/// The same for S3's events, which may be late: what a sweep waits before it looks for an object by itself.
const SINK_TOLD_WITHIN_MICROS: i64 = 300_000_000;

/// Holds everything against everything, or what is as new as the arguments say.
pub(crate) fn run(lake: &OpenLake, arguments: &VerifyArguments) -> Result<Answer> {
    let mut findings = Findings::of(lake, arguments.since);
    let _still = lake
        .beside_readers()
        .context("the lake is being compacted; wait until `headrig compact` has ended")?;
    let (ledger, store, files) = (lake.ledger(), lake.bucket()?, lake.files()?);
    // In this order: whatever was committed before `begun` was published before the tables are listed, and lies where
    // the layout has it, or where a compaction moved it that came between.
    let begun = now();
    let layout = ledger.layout()?;
    let tables = match arguments.since {
        None => Tables::list(files, &layout, &mut findings, |_, _| true)?,
        Some(since) => {
            let batches = committed_since(ledger, since)?;
            Tables::list(files, &layout, &mut findings, |batch, written| {
                written >= since || batches.contains(&batch)
            })?
        }
    };
    let mut verification = Verification {
        lake,
        ledger,
        store,
        tables,
        compacted: CompactedRows::default(),
        begun,
        since: arguments.since,
        findings,
        chains: Chains::default(),
        shipped: BTreeMap::new(),
        waiting: HashSet::new(),
    };
    verification.check_bucket()?;
    verification.check_waiting()?;
    verification.check_committed()?;
    check_compacted(&verification.tables, &mut verification.findings)?;
    verification.check_uncommitted()?;
    verification.finish()
}

/// The batches that were committed since.
fn committed_since(ledger: &dyn Ledger, since: UnixMicros) -> Result<HashSet<BatchId>> {
    let (mut found, mut after) = (HashSet::new(), Some(before_all_of(since)));
    loop {
        let page = ledger.batches(BatchPhase::Committed, after, RECORDS_PAGE)?;
        found.extend(page.iter().map(|batch| batch.id));
        after = page.last().map(|batch| BatchCursor { due: batch.state.due(), id: batch.id });
        if page.len() < RECORDS_PAGE {
            return Ok(found);
        }
    }
}

/// The place in a listing just before whatever was committed at that time: an id of zeros comes before all others.
const fn before_all_of(time: UnixMicros) -> BatchCursor {
    BatchCursor { due: time, id: BatchId::from_bytes([0; 32]) }
}

struct Verification<'l> {
    lake: &'l OpenLake,
    ledger: &'l dyn Ledger,
    store: &'l dyn ObjectStore,
    tables: Tables,
    compacted: CompactedRows,
    begun: UnixMicros,
    /// What is older is left out; none where everything is looked at.
    since: Option<UnixMicros>,
    findings: Findings,
    chains: Chains,
    /// The bytes of each strand, over all chunks.
    shipped: BTreeMap<Strand, Intervals>,
    /// Files that were read before they were done: while a writer goes on they are met again in a later state.
    waiting: HashSet<ContentHash>,
}

impl Verification<'_> {
    /// Every object is known to the ledger.
    fn check_bucket(&mut self) -> Result<()> {
        let mut after = None;
        loop {
            let page = self.store.list(after.as_ref(), OBJECTS_PAGE)?;
            for object in &page {
                self.chains.listed(&object.key, &mut self.findings);
                if self.since.is_none_or(|since| object.modified >= since) {
                    self.findings.checked.objects += 1;
                    self.findings.checked.object_bytes += object.size.0;
                    self.chains.recent(&object.key);
                    self.check_known(object)?;
                }
            }
            match page.last() {
                Some(last) if page.len() == OBJECTS_PAGE => after = Some(last.key.clone()),
                _ => return Ok(()),
            }
        }
    }

    fn check_known(&mut self, object: &ObjectInfo) -> Result<()> {
        let told_within_micros = match self.lake.engine() {
            Engine::Local => LOCAL_TOLD_WITHIN_MICROS,
            Engine::Sink => SINK_TOLD_WITHIN_MICROS,
        };
        let is_new = self.begun.micros_since(object.modified) < told_within_micros;
        // One without a byte holds no line, and the sink takes none in.
        if object.size.0 == 0 || self.is_known(object)? {
            return Ok(());
        }
        match is_new && self.findings.writer.is_some() {
            true => self.findings.under_way.objects += 1,
            false => {
                let key = object.key.as_str();
                self.findings.add(Kind::ObjectUnknown, key, "is in the bucket and not in the ledger");
            }
        }
        Ok(())
    }

    /// Whether the ledger has the object's file: by the hash in its key, or under the key, or, where it has the same
    /// bytes under another key, by the hash of its bytes.
    fn is_known(&self, object: &ObjectInfo) -> Result<bool> {
        if let Some(hash) = object.key.content_hash() {
            return Ok(self.ledger.file(hash)?.is_some());
        }
        if !self.ledger.files_at(&object.key)?.is_empty() {
            return Ok(true);
        }
        match self.store.read(&object.key, self.lake.object_bytes_max) {
            Ok(bytes) => Ok(self.ledger.file(ContentHash::of(&bytes))?.is_some()),
            Err(error) if error.is_retryable() => Err(error.into()),
            Err(_) => Ok(false),
        }
    }

    /// Files that are not done: their objects are there, but for those that are set aside.
    fn check_waiting(&mut self) -> Result<()> {
        for phase in [FilePhase::Pending, FilePhase::Batched, FilePhase::Quarantined] {
            let mut after = None;
            loop {
                let page = self.ledger.files(phase, after, RECORDS_PAGE)?;
                for file in &page {
                    self.check_waiting_file(file)?;
                }
                after = page.last().map(|file| FileCursor { since: file.since, hash: file.hash });
                if page.len() < RECORDS_PAGE {
                    break;
                }
            }
        }
        Ok(())
    }

    fn check_waiting_file(&mut self, file: &FileRecord) -> Result<()> {
        if !self.waiting.insert(file.hash) {
            return Ok(());
        }
        self.findings.checked.files += 1;
        self.chains.known(&file.key);
        self.chains.recent(&file.key);
        match &file.state {
            FileState::Quarantined { reason, .. } => {
                self.findings.add(Kind::Quarantined, file.key.as_str(), reason.as_str());
            }
            // Damage within is for the batch to find.
            _ => drop(self.read(file, false)?),
        }
        Ok(())
    }

    /// Batches that were committed before the beginning: their rows are their objects' bytes, each once.
    fn check_committed(&mut self) -> Result<()> {
        let mut after = self.since.map(before_all_of);
        loop {
            let page = self.ledger.batches(BatchPhase::Committed, after, RECORDS_PAGE)?;
            for batch in &page {
                if batch.state.due() <= self.begun {
                    self.check_batch(batch)?;
                } else {
                    self.findings.under_way.batches += 1;
                }
            }
            after = page.last().map(|batch| BatchCursor { due: batch.state.due(), id: batch.id });
            if page.len() < RECORDS_PAGE {
                return Ok(());
            }
        }
    }

    fn check_batch(&mut self, batch: &Batch) -> Result<()> {
        let mut rows = BatchRows::new(batch);
        for member in &batch.members {
            match self.ledger.file(*member)? {
                Some(file)
                    if file.state.phase() == FilePhase::Done && file.state.batch() == Some(batch.id) =>
                {
                    self.findings.checked.files += u64::from(!self.waiting.contains(&file.hash));
                    self.chains.known(&file.key);
                    self.chains.recent(&file.key);
                    let content = self.read(&file, true)?;
                    rows.expect(file, content);
                }
                // It was set aside, and may have been replayed in another batch.
                _ => {}
            }
        }
        self.findings.checked.batches += 1;
        rows.check(&self.tables, &mut self.compacted, &mut self.findings)
    }

    /// The object of a file, if it is there and has its bytes; what is wrong with it is a finding.
    fn read(&mut self, file: &FileRecord, is_loaded: bool) -> Result<Option<Content>> {
        let key = file.key.as_str();
        let bytes = match self.store.read(&file.key, self.lake.object_bytes_max) {
            Ok(bytes) => bytes,
            Err(error) if error.is_retryable() => return Err(error.into()),
            Err(error) => {
                let kind = match error {
                    StoreError::TooLarge { .. } => Kind::ObjectTooLarge,
                    _ => Kind::ObjectMissing,
                };
                self.findings.add(kind, key, error.to_string());
                return Ok(None);
            }
        };
        let found = ContentHash::of(&bytes);
        if found != file.hash {
            let finding = format!("expected bytes with SHA-256 {}, found {found}", file.hash);
            self.findings.add(Kind::ObjectOtherBytes, key, finding);
            return Ok(None);
        }
        match Content::of(&bytes, found) {
            Ok(content) => {
                if !is_loaded || !self.waiting.contains(&file.hash) {
                    self.take(file, &content);
                }
                Ok(Some(content))
            }
            Err(reason) if is_loaded => {
                self.findings.add(Kind::ObjectDamaged, key, reason);
                Ok(None)
            }
            Err(_) => Ok(None),
        }
    }

    /// Adds a chunk to its chain and its strands. No two foreign objects share a strand.
    fn take(&mut self, file: &FileRecord, content: &Content) {
        if let Some(link) = &content.link {
            self.chains.link(&file.key, file.hash, link, &mut self.findings);
        }
        if content.is_chunk {
            for (strand, bytes) in &content.strands {
                let shipped = self.shipped.entry(*strand).or_default();
                bytes.clone().settled().iter().for_each(|span| shipped.add(*span));
            }
        }
    }

    /// No other batch has a file in the tables.
    fn check_uncommitted(&mut self) -> Result<()> {
        for id in self.tables.batches() {
            let batch = self.ledger.batch(id)?;
            let state = match batch.as_ref().map(|batch| &batch.state) {
                Some(BatchState::Committed { .. }) => continue,
                // Published and not committed yet, or to be tried again by a writer that is there.
                Some(state) if self.findings.writer.is_some() && state.phase() != BatchPhase::Split => {
                    self.findings.under_way.batches += 1;
                    continue;
                }
                Some(state) => state.phase().as_str(),
                None => "not in the ledger",
            };
            let (files, compacted) = (self.tables.of(id), self.tables.compacted(id));
            let names = files.iter().map(|file| self.tables.name(file));
            let first = names.chain(compacted.map(|file| file.name.clone())).next();
            let number = files.len() + self.tables.compacted(id).count();
            let finding = format!("{number} files with rows of batch {id}, which is {state}");
            self.findings.add(Kind::LakeFileUncommitted, first.unwrap_or_default(), finding);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Answer> {
        self.chains.finish(self.since.is_some(), &mut self.findings);
        for ((stream, generation), shipped) in &mut self.shipped {
            let subject = || format!("stream {stream}, generation {}", generation.0);
            let (doubled, more) = shipped.doubled();
            for (from, to) in doubled {
                let finding = format!("bytes {from} to {to} are in two chunks ({more} more such)");
                self.findings.add(Kind::BytesDoubled, subject(), finding);
            }
            // The bytes between may have come before the time that is looked at.
            let gaps = if self.since.is_some() { Vec::new() } else { shipped.gaps() };
            for (from, to) in gaps {
                self.findings.add(
                    Kind::NeverShipped,
                    subject(),
                    format!("bytes {from} to {to} are in no chunk"),
                );
            }
        }
        self.findings.answer()
    }
}
