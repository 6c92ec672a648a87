//! The files of the lake's tables, by the batches whose rows they hold: the one that wrote it, or those that a compacted
//! file's footer names.
//!
//! Memory: 44 bytes a file, each partition's path once, and of a compacted file its path and 100 bytes a batch.

use super::findings::{Findings, Kind};
use crate::places::Places;
use anyhow::{Context, Result};
use headrig_etl::{
    Table,
    compact::{FileName, Footer, Share},
};
use headrig_ledger::BatchId;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::{Path, PathBuf},
};
use walkdir::{DirEntry, WalkDir};

/// A file `<batch>-<nnn>.parquet`.
#[derive(Clone, Copy, Debug)]
pub(super) struct TableFile {
    pub(super) batch: BatchId,
    partition: u32,
    number: u32,
}

/// A file `compact-<id>.parquet`.
#[derive(Debug)]
pub(super) struct CompactedFile {
    pub(super) table: Table,
    pub(super) path: PathBuf,
    /// Its path within the lake.
    pub(super) name: String,
    /// What its footer says it holds of each batch.
    pub(super) shares: BTreeMap<BatchId, Share>,
}

/// All files, ordered by batch.
#[derive(Debug, Default)]
pub(super) struct Tables {
    root: PathBuf,
    partitions: Vec<(Table, PathBuf)>,
    files: Vec<TableFile>,
    compacted: Vec<CompactedFile>,
    /// The compacted files with rows of a batch.
    holding: BTreeMap<BatchId, Vec<usize>>,
}

impl Tables {
    /// Lists the tables of the lake; what is no file of a batch is a finding.
    pub(super) fn list(places: &Places, findings: &mut Findings) -> Result<Self> {
        let mut tables = Self { root: places.root().into(), ..Self::default() };
        for table in Table::ALL {
            let folder = places.root().join(table.name());
            if folder.exists() {
                tables.add_table(table, &folder, findings)?;
            }
        }
        tables.files.sort_unstable_by_key(|file| (file.batch, file.partition, file.number));
        Ok(tables)
    }

    /// The files of a batch.
    pub(super) fn of(&self, batch: BatchId) -> &[TableFile] {
        let from = self.files.partition_point(|file| file.batch < batch);
        let count = self.files[from..].partition_point(|file| file.batch == batch);
        &self.files[from..from + count]
    }

    /// The compacted files with rows of a batch.
    pub(super) fn compacted(&self, batch: BatchId) -> impl Iterator<Item = &CompactedFile> {
        let at = self.holding.get(&batch).into_iter().flatten();
        at.map(|at| &self.compacted[*at])
    }

    /// All compacted files.
    pub(super) fn all_compacted(&self) -> &[CompactedFile] {
        &self.compacted
    }

    /// Every batch that has rows in a file.
    pub(super) fn batches(&self) -> BTreeSet<BatchId> {
        self.files.iter().map(|file| file.batch).chain(self.holding.keys().copied()).collect()
    }

    pub(super) fn table(&self, file: &TableFile) -> Table {
        self.partitions[file.partition as usize].0
    }

    pub(super) fn path(&self, file: &TableFile) -> PathBuf {
        self.partitions[file.partition as usize].1.join(file_name(file.batch, file.number))
    }

    /// The file's path within the lake, for people.
    pub(super) fn name(&self, file: &TableFile) -> String {
        self.within(&self.path(file))
    }

    fn within(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }

    fn add_table(&mut self, table: Table, folder: &Path, findings: &mut Findings) -> Result<()> {
        for entry in WalkDir::new(folder).sort_by_file_name() {
            let entry = entry.with_context(|| format!("the table {} cannot be listed", folder.display()))?;
            if entry.file_type().is_dir() {
                continue;
            }
            match named(&entry) {
                Some(Named::OfBatch(batch, number)) => {
                    let partition = self.partition(table, entry.path());
                    self.files.push(TableFile { batch, partition, number });
                }
                Some(Named::Compacted) => self.add_compacted(table, entry.path(), findings),
                None => {
                    let subject = self.within(entry.path());
                    findings.add(Kind::LakeFileStray, subject, "is not named <batch>-<nnn>.parquet");
                }
            }
        }
        Ok(())
    }

    fn add_compacted(&mut self, table: Table, path: &Path, findings: &mut Findings) {
        let name = self.within(path);
        match shares(table, path) {
            Ok(shares) => {
                let at = self.compacted.len();
                shares.keys().for_each(|batch| self.holding.entry(*batch).or_default().push(at));
                self.compacted.push(CompactedFile { table, path: path.into(), name, shares });
            }
            Err(reason) => findings.add(Kind::LakeFileDamaged, name, reason),
        }
    }

    /// The number of the partition that the file lies in; a folder's files come one after the other.
    fn partition(&mut self, table: Table, file: &Path) -> u32 {
        let folder = file.parent().unwrap_or(file);
        if self.partitions.last().is_none_or(|(_, last)| last != folder) {
            self.partitions.push((table, folder.into()));
        }
        (self.partitions.len() - 1) as u32
    }
}

/// What a file's name says, exactly as headrig writes it.
enum Named {
    OfBatch(BatchId, u32),
    Compacted,
}

fn named(entry: &DirEntry) -> Option<Named> {
    let name = FileName::parse(entry.file_name().to_str()?).filter(|_| entry.file_type().is_file())?;
    match name {
        FileName::OfBatch { batch, number } => Some(Named::OfBatch(batch.parse().ok()?, number)),
        FileName::Compacted { .. } => Some(Named::Compacted),
    }
}

/// What the footer of a compacted file says it holds of each batch.
fn shares(table: Table, path: &Path) -> Result<BTreeMap<BatchId, Share>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let footer = Footer::read(table, &file).map_err(|error| error.to_string())?;
    let share = |(batch, share): (&str, Share)| {
        Ok((batch.parse::<BatchId>().map_err(|error| error.to_string())?, share))
    };
    footer.shares().iter().map(share).collect()
}

fn file_name(batch: BatchId, number: u32) -> String {
    FileName::OfBatch { batch: &batch.to_string(), number }.to_string()
}
