//! The files of the lake's tables, by the batch that wrote them.
//!
//! Memory: 44 bytes a file, and each partition's path once.

use super::findings::{Findings, Kind};
use crate::places::Places;
use anyhow::{Context, Result};
use headrig_ledger::BatchId;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// One of the lake's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Logs,
    Metrics,
}

/// A file `<batch>-<nnn>.parquet`.
#[derive(Clone, Copy, Debug)]
pub(super) struct TableFile {
    pub(super) batch: BatchId,
    partition: u32,
    number: u32,
}

/// All files, ordered by batch.
#[derive(Debug)]
pub(super) struct Tables {
    root: PathBuf,
    partitions: Vec<(Table, PathBuf)>,
    files: Vec<TableFile>,
}

impl Tables {
    /// Lists the tables of the lake; what is no file of a batch is a finding.
    pub(super) fn list(places: &Places, findings: &mut Findings) -> Result<Self> {
        let mut tables = Self { root: places.root().into(), partitions: Vec::new(), files: Vec::new() };
        for (table, name) in [(Table::Logs, "logs"), (Table::Metrics, "metrics")] {
            let folder = places.root().join(name);
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

    /// The lake's folder.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Every batch that has a file.
    pub(super) fn batches(&self) -> impl Iterator<Item = BatchId> {
        self.files
            .chunk_by(|one, other| one.batch == other.batch)
            .filter_map(|files| Some(files.first()?.batch))
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
                Some((batch, number)) => {
                    let partition = self.partition(table, entry.path());
                    self.files.push(TableFile { batch, partition, number });
                }
                None => {
                    let subject = self.within(entry.path());
                    findings.add(Kind::LakeFileStray, subject, "is not named <batch>-<nnn>.parquet");
                }
            }
        }
        Ok(())
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

/// The batch and number that a file's name says, exactly as a batch writes it.
fn named(entry: &DirEntry) -> Option<(BatchId, u32)> {
    let found = entry.file_name().to_str()?;
    let (batch, number) = found.strip_suffix(".parquet")?.split_once('-')?;
    let (batch, number) = (batch.parse().ok()?, number.parse().ok()?);
    (entry.file_type().is_file() && found == file_name(batch, number)).then_some((batch, number))
}

fn file_name(batch: BatchId, number: u32) -> String {
    format!("{batch}-{number:03}.parquet")
}
