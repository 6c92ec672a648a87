//! The sink end to end: the real `bootstrap`, DynamoDB, S3 and SQS by MiniStack, Glue by moto, and a network between
//! them that fails.
#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]

mod bad_input;
mod cloud;
mod job;
mod objects;
mod throng;
