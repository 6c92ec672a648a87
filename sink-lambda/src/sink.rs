//! What is to be done with each event. It knows no AWS, and no time but that of the clock it is given.
//!
//! Invariants: an event is acknowledged only after the ledger has what it told of; whatever else fails behind that
//! (making batches, starting runs, telling of it) is logged and left to the next sweep, never to a redelivery.

use crate::{
    events::{Command, Event, Message, RunChange},
    ports::{CallError, Figure, Heartbeats, JobStarter, Lake, Metrics, NoteBook, Notifier, Objects},
    settings::Settings,
};
use headrig_contract::UnixMicros;
use headrig_ledger::{Ledger, LedgerError, ProtocolError, protocol};

/// The world outside. All of it is shared by the invocations of one process.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// The upload bucket.
    pub objects: &'a dyn Objects,
    /// The lake.
    pub lake: &'a dyn Lake,
    /// The job engine.
    pub jobs: &'a dyn JobStarter,
    /// People.
    pub notifier: &'a dyn Notifier,
    /// Figures.
    pub metrics: &'a dyn Metrics,
    /// The agents' heartbeats.
    pub heartbeats: &'a dyn Heartbeats,
    /// The memory.
    pub notes: &'a dyn NoteBook,
    /// The time.
    pub now: &'a dyn Fn() -> UnixMicros,
}

/// The sink over one ledger.
pub struct Sink<'a, L> {
    pub(crate) ledger: &'a L,
    pub(crate) ports: Ports<'a>,
    pub(crate) settings: &'a Settings,
}

/// What the invoker gets to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// All is done.
    Done {
        /// What, in words.
        what: String,
    },
    /// Of a queue's messages these are to be delivered again; the others are done.
    Queue {
        /// Their ids.
        failed: Vec<String>,
    },
}

/// Why an invocation failed. Lambda hands over its event again.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Some of what S3 told of could not be taken in yet.
    #[error("{failed} of {all} records could not be taken in; the event is to be delivered again")]
    Objects {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
    },
    /// Steps of a sweep failed; the others were done.
    #[error("{failed} steps of the sweep failed: {}; the next sweep does them again", names.join(", "))]
    Sweep {
        /// How many.
        failed: usize,
        /// Which.
        names: Vec<&'static str>,
    },
    /// The ledger refused, or could not be reached.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// Another call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Collected log events do not fit the format.
    #[error(transparent)]
    Collect(#[from] crate::collector::CollectError),
}

impl From<LedgerError> for SinkError {
    fn from(error: LedgerError) -> Self {
        Self::Protocol(error.into())
    }
}

impl<'a, L: Ledger> Sink<'a, L> {
    /// A sink.
    pub const fn new(ledger: &'a L, ports: Ports<'a>, settings: &'a Settings) -> Self {
        Self { ledger, ports, settings }
    }

    /// Does what the event asks for.
    ///
    /// # Errors
    /// [`SinkError`] where the event is to come again.
    pub fn handle(&self, event: &Event) -> Result<Reply, SinkError> {
        match event {
            Event::Objects(notices) => {
                let settled = self.take_in(notices);
                self.move_on(false);
                match settled.iter().filter(|settled| !**settled).count() {
                    0 => Ok(done(format!("took in {} records", notices.len()))),
                    failed => Err(SinkError::Objects { failed, all: notices.len() }),
                }
            }
            Event::Queue(messages) => Ok(self.take_messages(messages)),
            Event::RunChanged(change) => self.run_changed(change),
            Event::Sweep => self.sweep(),
            Event::Logs(batch) => self.collect(batch),
            Event::Command(command) => self.obey(command),
        }
    }

    pub(crate) fn now(&self) -> UnixMicros {
        (self.ports.now)()
    }

    pub(crate) fn count(&self, figure: Figure, count: usize) {
        if count > 0 {
            self.ports.metrics.publish(&[(figure, count as f64)]);
        }
    }

    fn take_messages(&self, messages: &[Message]) -> Reply {
        // All records together, so that the ledger may take them in few calls; each knows its message.
        let mut notices = Vec::new();
        let mut owners = Vec::new();
        let mut has_failed = vec![false; messages.len()];
        let mut malformed = 0;
        for (number, message) in messages.iter().enumerate() {
            match &message.content {
                Ok(content) => {
                    owners.extend(content.iter().map(|_| number));
                    notices.extend(content.iter().cloned());
                }
                Err(error) => {
                    // It comes again until the queue moves it to its dead letters, where people find it.
                    tracing::error!(id = message.id, %error, "a message cannot be understood");
                    malformed += 1;
                    has_failed[number] = true;
                }
            }
        }
        self.count(Figure::EventsMalformed, malformed);
        for (owner, settled) in owners.iter().zip(self.take_in(&notices)) {
            has_failed[*owner] |= !settled;
        }
        self.move_on(false);
        let failed: Vec<&Message> = messages
            .iter()
            .zip(&has_failed)
            .filter(|(_, failed)| **failed)
            .map(|(message, _)| message)
            .collect();
        self.count(Figure::EventsFailed, failed.len());
        if failed.iter().any(|message| message.id.is_none()) {
            tracing::error!(
                "a message without an id failed and cannot come again; a sweep finds its objects"
            );
        }
        Reply::Queue { failed: failed.into_iter().filter_map(|message| message.id.clone()).collect() }
    }

    /// Makes batches and starts runs. What fails here the next sweep does again.
    fn move_on(&self, flush: bool) {
        if let Err(error) = self.seal(flush) {
            tracing::warn!(%error, "no batches were made; the next sweep makes them");
        }
        if let Err(error) = self.start_due() {
            tracing::warn!(%error, "no runs were started; the next sweep starts them");
        }
    }

    pub(crate) fn seal(&self, flush: bool) -> Result<usize, ProtocolError> {
        let sealed = protocol::seal_ready(self.ledger, self.now(), &self.settings.policy, flush)?;
        for batch in &sealed {
            tracing::info!(batch = %batch.id, files = batch.members.len(), "sealed a batch");
        }
        Ok(sealed.len())
    }

    fn run_changed(&self, change: &RunChange) -> Result<Reply, SinkError> {
        tracing::info!(job = change.job, run = change.run, state = change.state, "a run changed its state");
        // Glue may tell of runs of other jobs, and of ours late or never; a run of no batch concerns nobody.
        if let Ok(run) = change.run.parse() {
            self.take_from_dead(Some(&run))?;
            self.move_on(false);
        }
        Ok(done("looked after the run's batches".into()))
    }

    fn obey(&self, command: &Command) -> Result<Reply, SinkError> {
        tracing::info!(?command, "an operator's command");
        let now = self.now();
        Ok(done(match command {
            Command::Sweep => return self.sweep(),
            Command::Flush => {
                let sealed = self.seal(true)?;
                let runs = self.start_due()?;
                format!("sealed {sealed} batches and started {runs} runs")
            }
            Command::Replay(hash) => {
                protocol::replay(self.ledger, *hash, now)?;
                format!("file {hash} is pending again")
            }
            Command::Wake(batch) => {
                protocol::wake(self.ledger, *batch, now)?;
                format!("batch {batch} may be started")
            }
            Command::Retire(host) => {
                self.retire(host)?;
                format!("the agent on {host} is not expected any more, until it is heard again")
            }
        }))
    }
}

pub(crate) const fn done(what: String) -> Reply {
    Reply::Done { what }
}

impl Reply {
    /// The reply as Lambda and SQS want it.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Done { what } => serde_json::json!({ "done": what }),
            Self::Queue { failed } => {
                let items: Vec<_> =
                    failed.iter().map(|id| serde_json::json!({ "itemIdentifier": id })).collect();
                serde_json::json!({ "batchItemFailures": items })
            }
        }
    }
}
