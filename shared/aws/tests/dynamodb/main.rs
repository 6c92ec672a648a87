//! The ledger in DynamoDB, held to the port's rules against a stand-in for DynamoDB, over a network that loses what
//! it is told to.
#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]

mod conformance;
mod cost;
mod limits;
mod protocol;
mod stand_in;
mod wire;
