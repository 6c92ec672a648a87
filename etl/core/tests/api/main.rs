//! The crate as its callers see it: objects in, lake files out, read back by the Parquet reader.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alerts;
mod bounds;
mod config;
mod conservation;
mod damage;
mod edges;
mod events;
mod foreign;
mod framing;
mod golden;
mod golden_lines;
mod layout;
mod merging;
mod redaction;
mod rules;
mod spans;
mod support;
