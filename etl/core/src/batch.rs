//! A batch run: the objects of one batch in, the batch's lake files out.
//!
//! It knows no store and no ledger; the caller reads objects, stores files and decides what a failure
//! means. Invariants: every plain byte of every object is in exactly one row's (offset, length), or is
//! the terminator of a line cut elsewhere; a run's files depend only on the batch id, the settings, this
//! version, and the members in the order they are given.

mod events;
mod framings;
mod objects;

use crate::{
    BatchReport, LakeError, LakeSink, ObjectReport, Settings,
    alerts::Watch,
    lake::{LogsTable, MetricsTable, Outlet},
    rules::RuleRun,
    settings::ARROW_BYTES_CEILING,
};
use events::{Framed, Streams};
use framings::Framings;
use headrig_contract::{
    ByteOffset, ContentHash, ObjectKey, UnixMicros, chunk::ReadError, framing::PatternError,
};
use std::io;

/// An object of the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its key in the upload bucket.
    pub key: ObjectKey,
    /// The SHA-256 that the ledger knows it by.
    pub hash: ContentHash,
    /// When it was stored last; the time of reading for objects that no agent made.
    pub modified: UnixMicros,
}

/// Why a batch run failed. What it wrote so far is not to be committed.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// This member cannot be read: quarantine it and run the batch again without it.
    #[error("object {key}: {reason}")]
    Object {
        /// The member's key.
        key: ObjectKey,
        /// What is wrong with it.
        reason: ObjectError,
    },
    /// The sink failed: the same run may succeed later.
    #[error("the lake did not take a file: {0}")]
    Sink(#[source] io::Error),
    /// Arrow or Parquet failed: a bug, whatever the data.
    #[error("internal error: {0}")]
    Internal(#[source] LakeError),
    /// What went into files is not what came in less what rules dropped: a bug, whatever the data.
    #[error("internal error in the batch: expected {expected} to add up to {total}, found {found}")]
    BatchConservation {
        /// What is counted.
        expected: &'static str,
        /// What it should come to.
        total: u64,
        /// What it comes to.
        found: u64,
    },
    /// Rows do not cover the object's bytes: a bug, whatever the data.
    #[error("internal error in object {key}: expected {expected} to add up to {total}, found {found}")]
    Conservation {
        /// The member's key.
        key: ObjectKey,
        /// What is counted.
        expected: &'static str,
        /// What it should come to.
        total: u64,
        /// What it comes to.
        found: u64,
    },
}

/// Why an object cannot be read, now or ever.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The bytes are not those that the ledger knows.
    #[error("expected content with SHA-256 {expected}, found {found}")]
    Hash {
        /// The hash of the member.
        expected: ContentHash,
        /// The hash of the bytes.
        found: ContentHash,
    },
    /// A chunk is damaged.
    #[error(transparent)]
    Chunk(#[from] ReadError),
    /// A block is framed by a pattern that this version cannot apply.
    #[error(
        "a block's lines cannot be told apart into events: {0}; if a newer agent wrote it, renew the ETL and replay it"
    )]
    Pattern(#[from] PatternError),
    /// A segment begins where no file can be read.
    #[error("expected an offset below 2^63 and a generation below 2^31, found {offset} and {generation}")]
    Place {
        /// The segment's offset.
        offset: ByteOffset,
        /// The stream's generation.
        generation: u32,
    },
    /// An object that no agent made does not decompress.
    #[error("does not decompress: {reason}")]
    Decompress {
        /// What the library says.
        reason: String,
    },
    /// An object that no agent made decompresses to more than a log would.
    #[error(
        "expected at most {allowed} plain bytes from {stored} stored ones, found more; a decompression bomb"
    )]
    Bomb {
        /// The bound for an object of this size.
        allowed: u64,
        /// The object's size.
        stored: u64,
    },
}

/// One run over one batch.
pub struct BatchRun<'s> {
    settings: &'s Settings,
    logs: LogsTable,
    metrics: MetricsTable,
    streams: Streams,
    framings: Framings,
    rules: RuleRun,
    watch: Watch,
    report: BatchReport,
    /// Kept between objects for its memory only.
    raw: Vec<u8>,
    framed: Framed,
}

impl BatchError {
    /// The member to quarantine, where one is to blame.
    pub fn culprit(&self) -> Option<&ObjectKey> {
        match self {
            Self::Object { key, .. } => Some(key),
            Self::Sink(_) | Self::Internal(_) | Self::Conservation { .. } => None,
            Self::BatchConservation { .. } => None,
        }
    }

    /// Whether lines in and rows out do not add up: somebody is to hear of it, whatever becomes of the batch.
    pub fn is_conservation(&self) -> bool {
        matches!(self, Self::Conservation { .. } | Self::BatchConservation { .. })
    }

    /// Whether the same run over the same members may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Sink(_))
    }
}

impl From<LakeError> for BatchError {
    fn from(error: LakeError) -> Self {
        match error {
            LakeError::Sink(error) => Self::Sink(error),
            other => Self::Internal(other),
        }
    }
}

impl<'s> BatchRun<'s> {
    /// A run of the batch with the hexadecimal id `batch`, which names its files.
    pub fn new(batch: &str, settings: &'s Settings) -> Self {
        Self {
            settings,
            logs: LogsTable::new(batch, settings.arrow_bytes_max.min(ARROW_BYTES_CEILING)),
            metrics: MetricsTable::new(batch),
            streams: Streams::default(),
            framings: Framings::default(),
            rules: settings.rules.run(),
            watch: settings.alerts.watch(),
            report: BatchReport::default(),
            raw: Vec::new(),
            framed: Framed::default(),
        }
    }

    /// Takes the next member, whose content is `bytes`; files that are full go to `sink`. The order of
    /// the members decides the order of rows of the same time: give them sorted by key.
    ///
    /// # Errors
    /// [`BatchError`]; the run is then of no further use, and what it wrote is to be thrown away.
    pub fn object(
        &mut self,
        member: &Member,
        bytes: &[u8],
        sink: &mut dyn LakeSink,
    ) -> Result<ObjectReport, BatchError> {
        let mut outlet = Outlet::new(sink);
        let report = self.read_object(member, bytes, &mut outlet)?;
        self.report.objects += 1;
        self.report.bytes_in += report.bytes_in;
        self.report.counts.add(&report.counts);
        self.report.tally.add(&report.tally);
        self.account(&outlet);
        Ok(report)
    }

    /// Writes out what is still held, and says what became of the batch.
    ///
    /// # Errors
    /// [`BatchError`], as for [`BatchRun::object`], but never [`BatchError::Object`].
    pub fn finish(mut self, sink: &mut dyn LakeSink) -> Result<BatchReport, BatchError> {
        let mut outlet = Outlet::new(sink);
        self.logs.finish(&mut outlet)?;
        self.metrics.flush(&self.logs.origins, &mut outlet)?;
        self.account(&outlet);
        self.report.streams = self.streams.len() as u64;
        self.report.metrics_rows = self.metrics.rows;
        self.report.rules = self.rules.counts();
        self.report.figures = self.watch.figures();
        check_rows(&self.report, self.logs.rows)?;
        Ok(self.report)
    }

    fn relieve(&mut self, outlet: &mut Outlet<'_>) -> Result<(), BatchError> {
        self.logs.relieve(outlet)?;
        Ok(self.metrics.relieve(&self.logs.origins, outlet)?)
    }

    fn account(&mut self, outlet: &Outlet<'_>) {
        self.report.files += outlet.files;
        self.report.bytes_out += outlet.bytes;
    }
}

/// What the files hold, and what the rules say they dropped, against what came in. The counts come from three places:
/// the writer of files, the rules, and the reading of objects.
fn check_rows(report: &BatchReport, written: u64) -> Result<(), BatchError> {
    let counts = &report.counts;
    let dropped = report.rules.iter().map(|rule| rule.dropped + rule.sampled_out).sum::<u64>();
    for (expected, total, found) in [
        ("rows in files and events dropped by rules", counts.events, written + dropped),
        ("rows in files", counts.rows, written),
        ("rows by level and event type", counts.rows, report.tally.rows()),
    ] {
        if total != found {
            return Err(BatchError::BatchConservation { expected, total, found });
        }
    }
    Ok(())
}
