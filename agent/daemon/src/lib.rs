//! The headrig agent as a daemon: its configuration, its way to S3 and CloudWatch, and the loop that drives
//! the core of headrig-agent.
//!
//! The AWS SDK stands in this crate and in no other that `headrig local` needs. It knows no ledger, no ETL.

pub mod access;
pub mod aws;
pub mod check;
pub mod config;
pub mod daemon;
pub mod heartbeat;
pub mod network;
pub mod s3;
pub mod status;
mod watch;
