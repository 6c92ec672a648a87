//! The sink's core over a world in memory: what comes in, what runs, what the sweep finds, and whatever fails.
#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]

mod faults;
mod objects;
mod runs;
mod watch;
mod world;
