//! The crate as its callers see it: objects in, lake files out, read back by the Parquet reader.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bounds;
mod conservation;
mod damage;
mod edges;
mod foreign;
mod framing;
mod golden;
mod layout;
mod merging;
mod spans;
mod support;
