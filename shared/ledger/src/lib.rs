//! The ledger: which files there are, which batch each belongs to, and how far each batch has come.
//!
//! - [`mod@file`], [`batch`] and [`plan`] are the pure state machine. They know no database, no clock and no
//!   job engine: `now` is passed in, the next state comes out.
//! - [`port`] is what they need of a database. [`SqliteLedger`] keeps it in a file for one machine;
//!   [`MemoryLedger`] is its twin for tests and for a model checker.
//! - [`protocol`] is what the sink and the job call: the machine's transitions made durable through a port.
//! - [`admission`], [`chains`] and [`fleet`] decide what else the sweep needs: how many runs may be started,
//!   which chunks never came, which agents fell silent. [`explain`] tells what happened.
//!
//! Invariants (docs/formats/ledger.md draws the states):
//! - A file is in at most one batch that is not finished, and `Done` in at most one batch for ever.
//! - Of all runs that were started for a batch, one at a time owns it, and only the owner commits it.
//! - Nothing is stuck: from every state a transition leads on that needs at most time and a `reconcile`.

pub mod admission;
pub mod batch;
pub mod chains;
pub mod conformance;
mod error;
pub mod explain;
pub mod faulty;
pub mod file;
pub mod fleet;
pub mod history;
pub mod ids;
pub mod layout;
pub mod memory;
pub mod plan;
pub mod port;
pub mod protocol;
pub mod sqlite;

pub use batch::{Batch, BatchPhase, BatchState, Claim, Refusal};
pub use error::LedgerError;
pub use faulty::{Fault, Faulty};
pub use file::{FileFacts, FilePhase, FileRecord, FileState, LineCounts, Outcome};
pub use history::{BatchEvent, FileEvent};
pub use ids::{Attempt, BatchId, Round, RunId, Version};
pub use layout::{Day, Epoch, Layout, Placed};
pub use memory::MemoryLedger;
pub use plan::{BatchSize, Policy};
pub use port::{BatchCursor, Counts, FileCursor, Ledger, PutOutcome};
pub use protocol::ProtocolError;
pub use sqlite::SqliteLedger;
