//! Tails log files and seals them into chunks, every line exactly once.
//!
//! [`core`] decides and knows no I/O; [`state`], [`spool`] and [`tail`] are its adapters, the latter two over
//! a [`disk`]; [`shipper`] is the shell that drives one with the others. The daemon and `headrig local` run the same core.

pub mod core;
pub mod discovery;
pub mod disk;
pub mod identity;
pub mod settings;
pub mod shipper;
pub mod spool;
pub mod state;
pub mod tail;

pub use settings::Settings;
