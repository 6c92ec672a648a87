//! The lake's tables: rows in, sorted Parquet files out through a port. docs/formats/lake.md is the contract.
//!
//! This module knows no parsers and no objects. A file's name is a pure function of the batch, the
//! partition and the file's number in it; its bytes are a pure function of the rows and their order.

mod catalog;
mod columns;
mod file;
mod logs;
mod merge;
mod metrics;
mod origins;
mod rows;
mod schema;
mod shares;
mod spans;
mod tail;

pub use catalog::{CatalogTable, Column, tables};
pub(crate) use logs::{LogsTable, Place};
pub use merge::{Footer, Input, merge};
pub(crate) use metrics::{MetricsTable, Observation};
pub(crate) use origins::{Origin, OriginId, SiteId};
pub use shares::{Share, Shares};
pub use spans::{RowSpan, read_metric_lines, read_spans};
pub use tail::Tail;

use headrig_contract::UnixMicros;
use std::{fmt, io};

/// Microseconds of a day.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;

/// One of the lake's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// A row for each event.
    Logs,
    /// A row for each minute of each host, source, level and event type.
    Metrics,
}

impl Table {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Logs, Self::Metrics];

    /// The name of its folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }
}

/// Takes the files of a batch. Files come in a fixed order, each whole and only once.
pub trait LakeSink {
    /// Stores `file`, replacing one of the same path.
    ///
    /// # Errors
    /// Whatever keeps the file from being stored; the batch run ends with it.
    fn write(&mut self, file: LakeFile) -> io::Result<()>;
}

/// One complete Parquet file.
#[derive(Clone, PartialEq, Eq)]
pub struct LakeFile {
    /// Its path in the lake: `<table>/<partition>/<batch>-<nnn>.parquet`.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its rows.
    pub rows: u64,
}

/// Why a table could not be written, or not be read back.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The sink failed.
    #[error("the lake did not take a file: {0}")]
    Sink(#[source] io::Error),
    /// A file that was read back is not one of this table.
    #[error("expected a column {name} as docs/formats/lake.md has it, found none")]
    Column {
        /// The column.
        name: &'static str,
    },
    /// A file that was read back does not say in its footer what it should.
    #[error("expected {key} in the footer as docs/formats/lake.md has it, found {found}")]
    Footer {
        /// The key.
        key: &'static str,
        /// What stands there.
        found: String,
    },
    /// A file that was made of others does not hold their rows.
    #[error("internal error: expected a merged file of {expected} rows, found {found}")]
    Merge {
        /// The rows of what went in.
        expected: u64,
        /// The rows of what came out.
        found: u64,
    },
    /// The Parquet library failed: in writing a bug, in reading a damaged file.
    #[error("parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The Arrow library failed, likewise.
    #[error("arrow: {0}")]
    Arrow(#[from] arrow_schema::ArrowError),
}

/// Counts the files on their way to the sink.
pub(crate) struct Outlet<'k> {
    pub(crate) sink: &'k mut dyn LakeSink,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

impl<'k> Outlet<'k> {
    pub(crate) fn new(sink: &'k mut dyn LakeSink) -> Self {
        Self { sink, files: 0, bytes: 0 }
    }

    fn write(&mut self, file: LakeFile) -> Result<(), LakeError> {
        self.files += 1;
        self.bytes += file.bytes.len() as u64;
        self.sink.write(file).map_err(LakeError::Sink)
    }
}

impl fmt::Debug for LakeFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LakeFile {{ {}, {} rows, {} bytes }}", self.path, self.rows, self.bytes.len())
    }
}

/// The day of `ts`, counted from the epoch, in UTC.
pub(crate) fn day_of(ts: UnixMicros) -> i32 {
    ts.0.div_euclid(DAY_MICROS) as i32
}

/// `year=2026/month=09/day=21` for a day counted from the epoch.
pub(crate) fn date_path(day: i32) -> String {
    let (year, month, day) = UnixMicros(i64::from(day) * DAY_MICROS).utc_date();
    format!("year={year:04}/month={month:02}/day={day:02}")
}
