//! What a source's settings do to real files, with the real state database and spool: where reading starts, how text
//! is written, which lines belong together.
//! The agent is opened, driven and dropped, which is what a kill leaves behind.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]

mod framing;
mod site;
mod start;
