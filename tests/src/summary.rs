//! The object that `headrig local --json` prints: read strictly, so that a changed name fails a test.

use serde::Deserialize;

/// What a run says it did.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// The lake's folder.
    pub lake: String,
    /// Input files.
    pub files: Files,
    /// Lines read in this run.
    pub lines: u64,
    /// Events that they make.
    pub events: u64,
    /// Rows written.
    pub rows: u64,
    /// Events that a rule dropped.
    pub dropped: u64,
    /// Events that are not in a rule's sample.
    pub sampled_out: u64,
    /// Rows that no parser took.
    pub unparsed: u64,
    /// Bytes in and out.
    pub bytes: Bytes,
    /// Chunks sealed.
    pub chunks: u64,
    /// Batches committed.
    pub batches: u64,
    /// Chunks put aside.
    pub quarantined: u64,
    /// Lines that were cut for being too long.
    pub cut_lines: u64,
    /// Bytes that were gone before they could be read.
    pub lost_bytes: u64,
    /// Files that began anew.
    pub restarted_files: u64,
    /// Rows by their partition values.
    pub rows_by: Vec<RowsBy>,
    /// What each rule did.
    pub rules: Vec<headrig_etl::RuleCounts>,
    /// What people were told by alerts.
    pub alerts: Vec<Alert>,
    /// What they were told and is not among those.
    pub alerts_unnamed: u64,
    /// What went wrong, and what to do.
    pub problems: Vec<Problem>,
    /// What is worth knowing and no failure.
    pub notes: Vec<Note>,
    /// Wall time.
    pub seconds: f64,
    /// Raw megabytes per second of wall time.
    pub mb_per_s: f64,
    /// Whether a signal ended the run.
    pub interrupted: bool,
}

/// What people were told by an alert.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// The alert's name.
    pub alert: String,
    /// How urgent it is.
    pub severity: String,
    /// Whom or what it is about.
    pub group: String,
    /// When it began.
    pub since: String,
    /// When it was last so.
    pub until: String,
    /// It in words.
    pub text: String,
}

/// Counts of input files.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Matched by the inputs.
    pub found: u64,
    /// Read from in this run.
    pub read: u64,
    /// Not read, or not to their end.
    pub failed: u64,
}

/// Counts of bytes.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Bytes {
    /// Of the lines.
    pub raw: u64,
    /// Of the chunks.
    pub chunks: u64,
    /// Of the lake's files.
    pub parquet: u64,
}

/// Rows of one pair of partition values.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
pub struct RowsBy {
    /// The level.
    pub level: String,
    /// The event type.
    pub event_type: String,
    /// How many.
    pub rows: u64,
}

/// One thing that went wrong.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The file it concerns.
    pub path: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub action: String,
}

impl Summary {
    /// The problem that names a path ending in `name`.
    pub fn problem_of(&self, name: &str) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.path.ends_with(name))
    }
}

/// Something about an input that is no failure.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// The input.
    pub path: String,
    /// What is worth knowing.
    pub note: String,
}
