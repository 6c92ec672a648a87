//! The agent's side of the wire, against a stand-in for AWS: uploads, their failures, the heartbeat.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]

mod access;
mod bench;
mod cbor;
mod failures;
mod heartbeat;
mod requests;
#[path = "../standin/mod.rs"]
mod standin;
