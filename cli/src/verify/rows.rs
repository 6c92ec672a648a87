//! The rows of one committed batch against the objects that it was made of.
//!
//! Invariant checked: every byte of every object is in one row, but for the lone terminators that the contract leaves
//! out and for events that a rule dropped; and no row is of anything else.

use super::{
    compacted::{CompactedRows, ObjectRows},
    content::{Content, Strand},
    dropped::Gaps,
    findings::{Findings, Kind},
    intervals::{Interval, Intervals},
    tables::{CompactedFile, Tables},
};
use crate::operator::{Unread, WindowedFile, count};
use anyhow::Result;
use headrig_contract::{ContentHash, Generation, StreamId};
use headrig_etl::{Account, LakeError, RowSpan, Table, read_metric_lines, read_spans};
use headrig_ledger::{Batch, BatchId, BatchState, FileRecord, FileState, LineCounts};
use std::collections::{BTreeMap, HashMap};

/// Files with the same rows that are named.
const HOLDERS_NAMED_MAX: usize = 4;
/// Objects of which there are rows and should be none, that are named for one batch.
const STRANGERS_NAMED_MAX: usize = 8;

/// A batch, its objects, and the rows that are found of them.
pub(super) struct BatchRows<'b> {
    batch: &'b Batch,
    objects: Vec<Object>,
    by_hash: HashMap<ContentHash, usize>,
    /// Rows of no object of the batch, by what their column `chunk` says.
    strangers: BTreeMap<String, u64>,
    /// The object and strand of the row before, with what its columns said: rows come in runs.
    last: Option<(String, String, i32, usize, Strand)>,
}

struct Object {
    file: FileRecord,
    counts: LineCounts,
    /// None where the object cannot be read: then only its rows are counted.
    content: Option<Content>,
    rows: u64,
    strands: BTreeMap<Strand, Intervals>,
}

impl<'b> BatchRows<'b> {
    pub(super) fn new(batch: &'b Batch) -> Self {
        let (objects, by_hash) = (Vec::new(), HashMap::new());
        Self { batch, objects, by_hash, strangers: BTreeMap::new(), last: None }
    }

    /// The batch's rows are to be those of this file, which is done in it.
    pub(super) fn expect(&mut self, file: FileRecord, content: Option<Content>) {
        let counts = match &file.state {
            FileState::Done { counts, .. } => *counts,
            _ => LineCounts::default(),
        };
        self.by_hash.insert(file.hash, self.objects.len());
        self.objects.push(Object { file, counts, content, rows: 0, strands: BTreeMap::new() });
    }

    /// Reads the batch's files and tells what does not add up.
    ///
    /// # Errors
    /// When the lake cannot be reached: then nothing is known.
    pub(super) fn check(
        mut self,
        tables: &Tables,
        compacted: &mut CompactedRows,
        findings: &mut Findings,
    ) -> Result<()> {
        let mut metric_lines = 0;
        for file in tables.of(self.batch.id) {
            findings.checked.lake_files += 1;
            let read = match tables.table(file) {
                Table::Logs => {
                    read(tables, &tables.name(file), |opened| read_spans(opened, |row| self.take(row)))?
                }
                Table::Metrics => {
                    read(tables, &tables.name(file), read_metric_lines)?.map(|lines| metric_lines += lines)
                }
            };
            if let Err(reason) = read {
                findings.add(Kind::LakeFileDamaged, tables.name(file), reason);
            }
        }
        for file in tables.compacted(self.batch.id) {
            metric_lines += self.take_compacted((tables, compacted), file, findings)?;
        }
        let account = self.account(tables, findings)?;
        self.check_counts(metric_lines, account.as_ref(), findings);
        for (chunk, rows) in self.strangers.iter().take(STRANGERS_NAMED_MAX) {
            let finding = format!("{rows} rows of object {chunk}, which is not loaded in this batch");
            findings.add(Kind::RowsUnexpected, format!("batch {}", self.batch.id), finding);
        }
        for object in &mut self.objects {
            findings.checked.rows += object.rows;
            object.check(tables, account.as_ref(), findings)?;
        }
        Ok(())
    }

    /// The account of what rules dropped, where they dropped something.
    fn account(&self, tables: &Tables, findings: &mut Findings) -> Result<Option<Account>> {
        if self.objects.iter().all(|object| object.counts.dropped_by_rule == 0) {
            return Ok(None);
        }
        match tables.account(self.batch.id) {
            Ok(account) => Ok(Some(account)),
            Err(Unread::Failed(error)) => Err(error),
            Err(Unread::Bad(reason)) => {
                let subject = Account::path(&self.batch.id.to_string());
                findings.add(Kind::AccountDamaged, subject, format!("the batch's account: {reason}"));
                Ok(None)
            }
        }
    }

    /// Takes the batch's rows of a file that holds those of others too; the lines of metrics that it holds of it.
    fn take_compacted(
        &mut self,
        (tables, compacted): (&Tables, &mut CompactedRows),
        file: &CompactedFile,
        findings: &mut Findings,
    ) -> Result<u64> {
        let share = file.shares.get(&self.batch.id).copied().unwrap_or_default();
        if file.table == Table::Metrics {
            return Ok(share.lines);
        }
        let hashes = self.objects.iter().map(|object| object.file.hash);
        let found = compacted
            .take(&file.name, hashes, |each| read(tables, &file.name, |opened| read_spans(opened, each)))?;
        let found = match found {
            Ok(found) => found,
            Err(reason) => {
                findings.add(Kind::LakeFileDamaged, &*file.name, reason);
                return Ok(0);
            }
        };
        let rows: u64 = found.iter().map(|(_, object)| object.rows + object.strandless).sum();
        if rows != share.rows {
            let (batch, told) = (self.batch.id, count(share.rows));
            let finding =
                format!("expected {told} rows of batch {batch}, as its footer says, found {}", count(rows));
            findings.add(Kind::CountsDiffer, &*file.name, finding);
        }
        for (hash, object) in found {
            self.take_object(hash, object);
        }
        Ok(0)
    }

    fn take_object(&mut self, hash: ContentHash, found: ObjectRows) {
        if found.strandless > 0 {
            *self.strangers.entry(hash.to_string()).or_default() += found.strandless;
        }
        if let Some(at) = self.by_hash.get(&hash) {
            let object = &mut self.objects[*at];
            object.rows += found.rows;
            for (strand, rows) in found.strands {
                object.strands.entry(strand).or_default().append(rows);
            }
        }
    }

    fn take(&mut self, row: RowSpan<'_>) {
        let is_next = self.last.as_ref().is_some_and(|(chunk, stream, generation, ..)| {
            (chunk.as_str(), stream.as_str(), *generation) == (row.chunk, row.stream, row.generation)
        });
        if !is_next {
            self.last = self.place(&row);
        }
        match &self.last {
            Some((.., object, strand)) => self.objects[*object].take(*strand, &row),
            None => *self.strangers.entry(row.chunk.to_owned()).or_default() += 1,
        }
    }

    fn place(&self, row: &RowSpan<'_>) -> Option<(String, String, i32, usize, Strand)> {
        let object = *self.by_hash.get(&row.chunk.parse::<ContentHash>().ok()?)?;
        let strand = strand_of(row)?;
        Some((row.chunk.into(), row.stream.into(), row.generation, object, strand))
    }

    fn check_counts(&self, metric_lines: u64, account: Option<&Account>, findings: &mut Findings) {
        let BatchState::Committed { summary, .. } = &self.batch.state else { return };
        let subject = || format!("batch {}", self.batch.id);
        let mut sum = LineCounts::default();
        self.objects.iter().for_each(|object| sum += object.counts);
        if sum != summary.lines || !sum.is_conserved() {
            let finding =
                format!("the ledger says {:?} of the batch and {sum:?} of its files", summary.lines);
            findings.add(Kind::CountsDiffer, subject(), finding);
        }
        // What is not in a rule's sample is counted there, what a rule dropped is not.
        let dropped = account.map_or(0, |account| account.lines.dropped_lines);
        let is_accounted = sum.dropped_by_rule == 0 || account.is_some();
        if is_accounted && metric_lines.checked_add(dropped) != Some(sum.lines) {
            let expect = sum.lines.saturating_sub(dropped);
            let finding = format!("expected metrics of {expect} lines, found of {metric_lines}");
            findings.add(Kind::MetricsDiffer, subject(), finding);
        }
    }
}

impl Object {
    fn take(&mut self, strand: Strand, row: &RowSpan<'_>) {
        self.rows += 1;
        self.strands.entry(strand).or_default().add(interval(row));
    }

    fn check(&mut self, tables: &Tables, account: Option<&Account>, findings: &mut Findings) -> Result<()> {
        let (key, batch) = (self.file.key.to_string(), self.file.state.batch());
        let counts = format!("expected {} rows, found {}", count(self.counts.rows), count(self.rows));
        let (missing, strange, doubled) = (self.missing(), self.strange(), self.doubled());
        let undropped = account.and_then(|account| self.undropped(account));
        let in_batch = batch.map(|batch| format!(" in batch {batch}")).unwrap_or_default();
        if let Some((places, _)) = missing.told() {
            findings.add(Kind::RowsMissing, &key, format!("{places} without a row{in_batch}; {counts}"));
        }
        if let Some(finding) = &undropped {
            findings.add(Kind::RowsMissing, &key, format!("{finding}{in_batch}; {counts}"));
        }
        if let Some((places, _)) = strange.told() {
            findings.add(
                Kind::RowsUnexpected,
                &key,
                format!("{places} with rows and not in the object; {counts}"),
            );
        }
        if let Some((places, first)) = doubled.told() {
            let holders = holders(batch, tables, (self.file.hash, first))?.join(" and ");
            findings.add(
                Kind::RowsDoubled,
                &key,
                format!("{places} with several rows, in {holders}; {counts}"),
            );
        }
        let is_told = undropped.is_some()
            || [&missing, &strange, &doubled].iter().any(|places| places.told().is_some());
        if self.rows != self.counts.rows && !is_told {
            let kind = if self.rows < self.counts.rows { Kind::RowsMissing } else { Kind::RowsUnexpected };
            findings.add(kind, key, format!("{counts}{in_batch}"));
        }
        Ok(())
    }

    /// Bytes of the object that have no row and should have one.
    fn missing(&mut self) -> Places {
        let mut places = Places::default();
        let Some(content) = self.content.as_mut().filter(|_| self.counts.dropped_by_rule == 0) else {
            return places;
        };
        for (strand, bytes) in &mut content.strands.clone() {
            let rows = self.strands.entry(*strand).or_default();
            let gaps = bytes.without(rows).into_iter();
            gaps.filter(|gap| !content.is_lone_terminator(*strand, *gap))
                .for_each(|gap| places.add(*strand, gap));
        }
        places
    }

    /// What is wrong with the gaps that rules made.
    fn undropped(&mut self, account: &Account) -> Option<String> {
        let content = self.content.as_mut().filter(|_| self.counts.dropped_by_rule > 0)?;
        let mut gaps = Gaps::default();
        for (strand, bytes) in &mut content.strands.clone() {
            let rows = self.strands.entry(*strand).or_default();
            bytes.without(rows).into_iter().for_each(|gap| gaps.add(*strand, gap));
        }
        gaps.against(&self.file, self.counts, account)
    }

    /// Bytes that have rows and are not in the object.
    fn strange(&mut self) -> Places {
        let mut places = Places::default();
        let Some(content) = &mut self.content else { return places };
        for (strand, rows) in &mut self.strands {
            let bytes = content.strands.entry(*strand).or_default();
            rows.without(bytes).into_iter().for_each(|span| places.add(*strand, span));
        }
        places
    }

    /// Bytes that have several rows.
    fn doubled(&mut self) -> Places {
        let mut places = Places::default();
        for (strand, rows) in &mut self.strands {
            let (doubled, more) = rows.doubled();
            doubled.iter().for_each(|span| places.add(*strand, *span));
            places.number += more;
        }
        places
    }
}

/// Places in strands: how many, and the first.
#[derive(Default)]
struct Places {
    number: u64,
    first: Option<(Strand, Interval)>,
}

impl Places {
    fn add(&mut self, strand: Strand, span: Interval) {
        self.number += 1;
        self.first.get_or_insert((strand, span));
    }

    /// How many and the first, in words; none where there are none.
    fn told(&self) -> Option<(String, (Strand, Interval))> {
        let ((stream, generation), (from, to)) = self.first?;
        let first = format!("bytes {from} to {to} of stream {stream}, generation {}", generation.0);
        let told = match self.number {
            1 => first,
            number => format!("{} places (the first: {first})", count(number)),
        };
        Some((told, self.first?))
    }
}

/// The files that have a row of these bytes. They are read once more, which only a defect costs.
fn holders(
    batch: Option<BatchId>,
    tables: &Tables,
    (hash, (strand, span)): (ContentHash, (Strand, Interval)),
) -> Result<Vec<String>> {
    let chunk = hash.to_string();
    let mut holders = Vec::new();
    let own = batch.into_iter().flat_map(|batch| tables.of(batch));
    let own = own.filter(|file| tables.table(file) == Table::Logs).map(|file| tables.name(file));
    let compacted = batch.into_iter().flat_map(|batch| tables.compacted(batch));
    let compacted = compacted.filter(|file| file.table == Table::Logs).map(|file| file.name.clone());
    for name in own.chain(compacted) {
        let mut holds = false;
        let touches = |row: &RowSpan<'_>| {
            let (from, to) = interval(row);
            row.chunk == chunk && from < span.1 && span.0 < to && strand_of(row) == Some(strand)
        };
        // A file that is damaged was told of already.
        let _ = read(tables, &name, |opened| read_spans(opened, |row| holds |= touches(&row)))?;
        if holds && holders.len() < HOLDERS_NAMED_MAX {
            holders.push(name);
        }
    }
    Ok(holders)
}

/// What is wrong with compacted files whatever the batches: the metrics in them add up to what their footers say.
///
/// # Errors
/// When the lake cannot be reached.
pub(super) fn check_compacted(tables: &Tables, findings: &mut Findings) -> Result<()> {
    for file in tables.all_compacted() {
        findings.checked.lake_files += 1;
        if file.table != Table::Metrics {
            continue;
        }
        let told: u64 = file.shares.values().map(|share| share.lines).sum();
        match read(tables, &file.name, read_metric_lines)? {
            Err(reason) => findings.add(Kind::LakeFileDamaged, &*file.name, reason),
            Ok(lines) if lines != told => {
                let finding =
                    format!("expected metrics of {told} lines, as its footer says, found of {lines}");
                findings.add(Kind::MetricsDiffer, &*file.name, finding);
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

/// What `reader` makes of the lake's file of that name, or what is wrong with the file, in words.
fn read<T>(
    tables: &Tables,
    name: &str,
    reader: impl FnOnce(WindowedFile) -> Result<T, LakeError>,
) -> Result<Result<T, String>> {
    let opened = match tables.open(name) {
        Ok(opened) => opened,
        Err(Unread::Bad(reason)) => return Ok(Err(reason)),
        Err(Unread::Failed(error)) => return Err(error),
    };
    let read = reader(opened.clone()).map_err(|error| error.to_string());
    opened.failure().map_or(Ok(read), Err)
}

pub(super) fn strand_of(row: &RowSpan<'_>) -> Option<Strand> {
    Some((row.stream.parse::<StreamId>().ok()?, Generation(u32::try_from(row.generation).ok()?)))
}

/// The row's bytes; one that claims none counts as its first, so that no row goes unseen.
pub(super) fn interval(row: &RowSpan<'_>) -> Interval {
    let from = row.offset.max(0).unsigned_abs();
    (from, from.saturating_add(row.length.max(1).unsigned_abs()))
}
