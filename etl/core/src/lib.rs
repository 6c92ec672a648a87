//! Chunk bytes to events to Arrow to Parquet bytes.
//!
//! This crate knows no files, no sockets, no clock and no AWS: a chunk's bytes and settings go in, the
//! lake's files come out through a port. The same batch, settings and version give the same bytes.

pub mod account;
pub mod alerts;
pub mod batch;
pub mod compact;
mod conditions;
pub mod config;
pub mod event;
mod field;
mod lake;
pub mod parse;
pub mod report;
pub mod rules;
pub mod settings;

pub use account::Account;
pub use alerts::Alerts;
pub use batch::{BatchError, BatchRun, Member, ObjectError};
pub use conditions::Conditions;
pub use event::{Event, EventType, Level, TsSource};
pub use field::Field;
pub use lake::{
    CatalogTable, Column, LakeError, LakeFile, LakeSink, RowSpan, Table, read_metric_lines, read_spans,
    tables,
};
pub use report::{BatchReport, Counts, ObjectReport, StreamReport, Tally};
pub use rules::{RuleCounts, Rules};
pub use settings::{ForeignLimits, Settings};
