//! The files of the lake's tables, by the batch that wrote them.
//!
//! Memory: 44 bytes a file, and each partition's path once.

use super::findings::{Findings, Kind};
use crate::operator::{LakeFiles, Piece, Unread, WindowedFile};
use anyhow::Result;
use headrig_contract::UnixMicros;
use headrig_etl::Manifest;
use headrig_ledger::BatchId;
use std::sync::Arc;

/// The largest manifest that is read: a hundred objects and a thousand rules take far less.
const MANIFEST_BYTES_MAX: u64 = 16 << 20;

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
pub(super) struct Tables {
    lake: Arc<dyn LakeFiles>,
    partitions: Vec<(Table, String)>,
    files: Vec<TableFile>,
}

impl Tables {
    /// Lists the tables of the lake; what is no file of a batch is a finding. Of the others those are kept that
    /// `is_wanted` by their batch and when they were written.
    pub(super) fn list(
        lake: Arc<dyn LakeFiles>,
        findings: &mut Findings,
        is_wanted: impl Fn(BatchId, UnixMicros) -> bool,
    ) -> Result<Self> {
        let mut tables = Self { lake: lake.clone(), partitions: Vec::new(), files: Vec::new() };
        for (table, name) in [(Table::Logs, "logs"), (Table::Metrics, "metrics")] {
            lake.each(name, &mut |found| match named(&found.path).filter(|_| found.is_regular) {
                Some((folder, batch, number)) if is_wanted(batch, found.modified) => {
                    let partition = tables.partition(table, folder);
                    tables.files.push(TableFile { batch, partition, number });
                }
                Some(_) => {}
                None => findings.add(Kind::LakeFileStray, &found.path, "is not named <batch>-<nnn>.parquet"),
            })?;
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

    /// What a batch's manifest says.
    pub(super) fn manifest(&self, batch: BatchId) -> Result<Manifest, Unread> {
        let path = Manifest::path(&batch.to_string());
        let Piece { bytes, whole } = self.lake.piece(&path, 0, MANIFEST_BYTES_MAX)?;
        if whole > MANIFEST_BYTES_MAX {
            return Err(Unread::Bad(format!("expected at most {MANIFEST_BYTES_MAX} bytes, found {whole}")));
        }
        Manifest::read(&bytes).map_err(Unread::Bad)
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

    /// The file's path within the lake.
    pub(super) fn name(&self, file: &TableFile) -> String {
        let folder = &self.partitions[file.partition as usize].1;
        format!("{folder}/{}", file_name(file.batch, file.number))
    }

    /// Opens the file.
    pub(super) fn open(&self, file: &TableFile) -> Result<WindowedFile, Unread> {
        WindowedFile::open(self.lake.clone(), &self.name(file))
    }

    /// The number of the partition of that path; a folder's files come one after the other.
    fn partition(&mut self, table: Table, folder: &str) -> u32 {
        if self.partitions.last().is_none_or(|(_, last)| last != folder) {
            self.partitions.push((table, folder.into()));
        }
        (self.partitions.len() - 1) as u32
    }
}

/// The folder, batch and number that a file's path says, exactly as a batch writes it.
fn named(path: &str) -> Option<(&str, BatchId, u32)> {
    let (folder, found) = path.rsplit_once('/')?;
    let (batch, number) = found.strip_suffix(".parquet")?.split_once('-')?;
    let (batch, number) = (batch.parse().ok()?, number.parse().ok()?);
    (found == file_name(batch, number)).then_some((folder, batch, number))
}

fn file_name(batch: BatchId, number: u32) -> String {
    format!("{batch}-{number:03}.parquet")
}
