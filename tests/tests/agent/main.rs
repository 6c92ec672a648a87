//! The real `headrig-agent` against MiniStack: scenarios from operations, each with one line in the report.
//!
//! Each has a bucket and a folder of its own and may run beside any other. Where MiniStack is not installed they
//! are skipped, saying so.

/// The clock goes back while the agent runs.
mod clock;
/// The disk is full.
mod disk;
/// kill -9 and SIGTERM, and what happens to logs meanwhile.
mod killed;
/// S3 is away, slow to heal, refuses or is the wrong one.
mod outage;
/// Rotation in all its ways, deletion, a path used again.
mod rotated;
/// The state database is gone or damaged.
mod state;
/// Nothing fails: both codecs, equal first lines, ten thousand files.
mod steady;
/// What CloudWatch, systemd and IAM see.
mod watched;
