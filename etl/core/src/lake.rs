//! The lake's tables: rows in, sorted Parquet files out through a port. docs/formats/lake.md is the contract.
//!
//! This module knows no parsers and no objects. A file's name is a pure function of the batch, the
//! partition and the file's number in it; its bytes are a pure function of the rows and their order.

mod catalog;
mod columns;
mod file;
mod logs;
mod metrics;
mod origins;
mod rows;
mod schema;
mod spans;

pub use catalog::{Column, Table, tables};
pub(crate) use logs::{LogsTable, Place};
pub(crate) use metrics::{MetricsTable, Observation};
pub(crate) use origins::{Origin, OriginId, SiteId};
pub use spans::{RowSpan, read_metric_lines, read_spans};

use headrig_contract::UnixMicros;
use std::{fmt, io};

/// Microseconds of a day.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;

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
fn day_of(ts: UnixMicros) -> i32 {
    ts.0.div_euclid(DAY_MICROS) as i32
}

/// `year=2026/month=09/day=21` for a day counted from the epoch.
fn date_path(day: i32) -> String {
    let (year, month, day) = UnixMicros(i64::from(day) * DAY_MICROS).utc_date();
    format!("year={year:04}/month={month:02}/day={day:02}")
}
