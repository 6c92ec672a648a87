//! The files of the lake's tables, by the batches whose rows they hold: the one that wrote it, or those that a compacted
//! file's footer names.
//!
//! Memory: 44 bytes a file, each partition's path once, and of a compacted file its path and 100 bytes a batch.

use super::findings::{Findings, Kind};
use crate::operator::{FoundFile, LakeFiles, Piece, Unread, WindowedFile};
use anyhow::{Result, anyhow, ensure};
use headrig_contract::UnixMicros;
use headrig_etl::{
    Account, Table,
    compact::{
        FileName, Footer, Share,
        layout::{COMPACTED, Generations, partition_in},
    },
};
use headrig_ledger::{BatchId, Layout};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The largest account that is read: a hundred objects and a thousand rules take far less.
const ACCOUNT_BYTES_MAX: u64 = 16 << 20;

/// The largest list of generations that is read: a hundred years of them take less.
const GENERATIONS_BYTES_MAX: u64 = 256 << 20;

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
    /// Its path within the lake.
    pub(super) name: String,
    /// What its footer says it holds of each batch.
    pub(super) shares: BTreeMap<BatchId, Share>,
}

/// All files, ordered by batch.
pub(super) struct Tables {
    lake: Arc<dyn LakeFiles>,
    partitions: Vec<(Table, String)>,
    files: Vec<TableFile>,
    compacted: Vec<CompactedFile>,
    /// The compacted files with rows of a batch.
    holding: BTreeMap<BatchId, Vec<usize>>,
}

impl Tables {
    /// Lists the tables of the lake where `layout` sends readers; what is no file of a batch is a finding. Of the others
    /// those are kept that `is_wanted` by their batch and when they were written; compacted ones always, for the batches
    /// that are. What lies where no reader is sent counts for nothing: a compaction removes it in time.
    pub(super) fn list(
        lake: Arc<dyn LakeFiles>,
        layout: &Layout,
        findings: &mut Findings,
        is_wanted: impl Fn(BatchId, UnixMicros) -> bool,
    ) -> Result<Self> {
        let mut tables = Self {
            lake: lake.clone(),
            partitions: Vec::new(),
            files: Vec::new(),
            compacted: Vec::new(),
            holding: BTreeMap::new(),
        };
        let mut compacted = Vec::new();
        let generations = generations(&*lake, layout)?;
        // Outside of the tables' folders there is nothing to look at where nothing was ever switched.
        let elsewhere = layout.generations.map(|_| COMPACTED);
        for folder in Table::ALL.map(Table::name).into_iter().chain(elsewhere) {
            lake.each(folder, &mut |found| {
                let Some(table) = table_of(&found.path).filter(|_| generations.is_current(&found.path))
                else {
                    return;
                };
                match named(&found) {
                    Some((folder, Named::OfBatch(batch, number))) if is_wanted(batch, found.modified) => {
                        let partition = tables.partition(table, folder);
                        tables.files.push(TableFile { batch, partition, number });
                    }
                    Some((_, Named::OfBatch(..))) => {}
                    Some((_, Named::Compacted)) => compacted.push((table, found)),
                    None => {
                        findings.add(Kind::LakeFileStray, &found.path, "is not named <batch>-<nnn>.parquet")
                    }
                }
            })?;
        }
        for (table, found) in compacted {
            tables.add_compacted(table, found, findings, &is_wanted)?;
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

    /// What a batch's account says.
    pub(super) fn account(&self, batch: BatchId) -> Result<Account, Unread> {
        let path = Account::path(&batch.to_string());
        let Piece { bytes, whole } = self.lake.piece(&path, 0, ACCOUNT_BYTES_MAX)?;
        if whole > ACCOUNT_BYTES_MAX {
            return Err(Unread::Bad(format!("expected at most {ACCOUNT_BYTES_MAX} bytes, found {whole}")));
        }
        Account::read(&bytes).map_err(Unread::Bad)
    }

    /// Every batch that has rows in a file.
    pub(super) fn batches(&self) -> BTreeSet<BatchId> {
        self.files.iter().map(|file| file.batch).chain(self.holding.keys().copied()).collect()
    }

    pub(super) fn table(&self, file: &TableFile) -> Table {
        self.partitions[file.partition as usize].0
    }

    /// The file's path within the lake.
    pub(super) fn name(&self, file: &TableFile) -> String {
        let folder = &self.partitions[file.partition as usize].1;
        let name = FileName::OfBatch { batch: &file.batch.to_string(), number: file.number }.to_string();
        format!("{folder}/{name}")
    }

    /// Opens the lake's file of that path.
    pub(super) fn open(&self, name: &str) -> Result<WindowedFile, Unread> {
        WindowedFile::open(self.lake.clone(), name)
    }

    fn add_compacted(
        &mut self,
        table: Table,
        found: FoundFile,
        findings: &mut Findings,
        is_wanted: &impl Fn(BatchId, UnixMicros) -> bool,
    ) -> Result<()> {
        let name = found.path;
        let shares = match self.open(&name) {
            Err(Unread::Failed(error)) => return Err(error),
            Err(Unread::Bad(reason)) => Err(reason),
            Ok(opened) => {
                let shares = shares(table, &opened);
                if let Some(error) = opened.failure() {
                    return Err(error);
                }
                shares
            }
        };
        match shares {
            Ok(shares) => {
                let at = self.compacted.len();
                let wanted = shares.keys().filter(|batch| is_wanted(**batch, found.modified));
                wanted.for_each(|batch| self.holding.entry(*batch).or_default().push(at));
                self.compacted.push(CompactedFile { table, name, shares });
            }
            Err(reason) => findings.add(Kind::LakeFileDamaged, name, reason),
        }
        Ok(())
    }

    /// The number of the partition of that path; a folder's files come one after the other.
    fn partition(&mut self, table: Table, folder: &str) -> u32 {
        if self.partitions.last().is_none_or(|(_, last)| last != folder) {
            self.partitions.push((table, folder.into()));
        }
        (self.partitions.len() - 1) as u32
    }
}

/// The list of generations that the layout names.
fn generations(lake: &dyn LakeFiles, layout: &Layout) -> Result<Generations> {
    let Some(name) = layout.generations else { return Ok(Generations::default()) };
    let path = Generations::path(name);
    let Piece { bytes, whole } =
        lake.piece(&path, 0, GENERATIONS_BYTES_MAX).map_err(|unread| match unread {
            Unread::Bad(reason) => {
                anyhow!("{path}, by which the lake's layout goes, cannot be read: {reason}")
            }
            Unread::Failed(error) => error,
        })?;
    ensure!(
        whole <= GENERATIONS_BYTES_MAX,
        "{path}: expected at most {GENERATIONS_BYTES_MAX} bytes, found {whole}"
    );
    Generations::read(&bytes).map_err(|reason| anyhow!("{path}: {reason}"))
}

/// The table of a file, wherever its partition lies.
fn table_of(path: &str) -> Option<Table> {
    let (folder, _) = path.rsplit_once('/')?;
    let name = partition_in(folder).split('/').next()?;
    Table::ALL.into_iter().find(|table| table.name() == name)
}

/// What a file's name says, exactly as headrig writes it.
enum Named {
    OfBatch(BatchId, u32),
    Compacted,
}

/// The file's folder, and what its name says.
fn named(found: &FoundFile) -> Option<(&str, Named)> {
    let (folder, name) = found.path.rsplit_once('/').filter(|_| found.is_regular)?;
    let named = match FileName::parse(name)? {
        FileName::OfBatch { batch, number } => Named::OfBatch(batch.parse().ok()?, number),
        FileName::Compacted { .. } => Named::Compacted,
    };
    Some((folder, named))
}

/// What the footer of a compacted file says it holds of each batch.
fn shares(table: Table, file: &WindowedFile) -> Result<BTreeMap<BatchId, Share>, String> {
    let footer = Footer::read(table, file).map_err(|error| error.to_string())?;
    let share = |(batch, share): (&str, Share)| {
        Ok((batch.parse::<BatchId>().map_err(|error| error.to_string())?, share))
    };
    footer.shares().iter().map(share).collect()
}
