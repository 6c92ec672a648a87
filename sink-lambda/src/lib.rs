//! The sink: takes in what is stored in the upload bucket, makes batches of it, starts runs and keeps watch.
//!
//! - [`events`] turns what Lambda hands over into one closed enum; nothing behind it sees JSON.
//! - [`sink`] decides what is to be done with each event, over the ports of [`ports`] and the ledger. It knows no
//!   AWS and no clock: `now` is passed in.
//! - [`notes`] is what the sweep remembers from one minute to the next.
//!
//! Invariants: an event is acknowledged only after the ledger has what it told of; one bad message or object never
//! stops the others; whatever fails is done again by the next sweep.

pub mod aws;
pub mod collector;
pub mod emf;
pub mod environment;
pub mod events;
pub mod function;
mod ingest;
pub mod json_log;
pub mod notes;
pub mod ports;
pub mod settings;
pub mod sink;
mod starting;
mod sweep;
mod telling;

pub use events::Event;
pub use ports::{CallError, Figure};
pub use settings::Settings;
pub use sink::{Ports, Reply, Sink, SinkError};
