//! The real `headrig-agent` against MiniStack: scenarios from operations, each with one line in the report.
//!
//! Each has a bucket and a folder of its own and may run beside any other. Where MiniStack is not installed they
//! are skipped, saying so.

/// Nothing fails: both codecs, equal first lines, ten thousand files.
mod steady;
