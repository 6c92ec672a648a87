//! The real `headrig-agent` against MiniStack: scenarios from operations, each with one line in the report.
//!
//! Each has a bucket and a folder of its own and may run beside any other. Where MiniStack is not installed they
//! are skipped, saying so.

/// kill -9 and SIGTERM, and what happens to logs meanwhile.
mod killed;
/// Rotation in all its ways, deletion, a path used again.
mod rotated;
/// Nothing fails: both codecs, equal first lines, ten thousand files.
mod steady;
