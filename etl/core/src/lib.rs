//! Chunk bytes to events to Arrow to Parquet bytes.
//!
//! This crate knows no files, no sockets, no clock and no AWS: a chunk's bytes and settings go in, the
//! lake's files come out through a port. The same batch, settings and version give the same bytes.

pub mod batch;
pub mod compact;
pub mod event;
mod lake;
pub mod parse;
pub mod report;
pub mod settings;

pub use batch::{BatchError, BatchRun, Member, ObjectError};
pub use event::{Event, EventType, Level, TsSource};
pub use lake::{LakeError, LakeFile, LakeSink, RowSpan, Table, read_metric_lines, read_spans};
pub use report::{BatchReport, Counts, ObjectReport, StreamReport, Tally};
pub use settings::{ForeignLimits, Settings};
