//! The ports over AWS, each against a stand-in: what they ask for, what they make of the answers, and of the errors.
#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]

mod cbor;
mod errors;
mod heartbeats;
mod starting;
mod stores;
mod stub;
