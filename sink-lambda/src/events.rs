//! What Lambda hands over, told apart by its shape and parsed once: nothing behind this sees JSON.
//!
//! It refuses to know what is done with an event. Invariants: no input makes it panic; a part that cannot be
//! understood is a value beside the others and never fails them; fields it does not need are not looked at.

mod command;
mod logs;
mod objects;
mod shapes;
#[cfg(test)]
mod tests;

pub use command::{Command, CommandError};
pub use headrig_aws::{KeyDecodeError, decode_key};
pub use logs::{LOG_BYTES_MAX, LogBatch, LogEvent};
pub use objects::{Notice, StoredObject};

use serde_json::Value;
use shapes::{Bridge, Record};

/// How deep messages may be wrapped in one another: S3 in SNS in SQS is two.
const WRAPPINGS_MAX: usize = 3;

/// One invocation.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// S3 says what has become of objects: directly, or through EventBridge.
    Objects(Vec<Notice>),
    /// The same in messages of a queue, each of which is acknowledged by itself.
    Queue(Vec<Message>),
    /// Glue says that a run has changed its state.
    RunChanged(RunChange),
    /// It is time to look after everything.
    Sweep,
    /// CloudWatch Logs hands over log events.
    Logs(LogBatch),
    /// An operator wants something.
    Command(Command),
}

/// One message of a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The id by which it is said to have failed; none where it came without, so that it cannot be.
    pub id: Option<String>,
    /// What it says.
    pub content: Result<Vec<Notice>, EventError>,
}

/// A run's new state, in Glue's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunChange {
    /// The job.
    pub job: String,
    /// The run.
    pub run: String,
    /// The state.
    pub state: String,
}

/// Why an event could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// No JSON.
    #[error("expected an event in JSON, found something else: {reason}")]
    NotJson {
        /// What the parser said.
        reason: String,
    },
    /// JSON of a shape that nobody here sends.
    #[error("expected {expected}, found {found}; check what invokes the function")]
    Shape {
        /// What would have been understood.
        expected: &'static str,
        /// The beginning of what came.
        found: String,
    },
    /// The data of a log subscription cannot be read.
    #[error("expected base64 of gzip of log events, found {reason}")]
    Logs {
        /// What is wrong with it.
        reason: String,
    },
    /// A command that is none.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl Event {
    /// Reads an invocation's payload.
    ///
    /// # Errors
    /// [`EventError`] where nothing of it can be understood.
    pub fn parse(payload: &[u8]) -> Result<Self, EventError> {
        Self::of(&json(payload)?)
    }

    /// Reads an invocation's payload that is JSON already.
    ///
    /// # Errors
    /// [`EventError`] where nothing of it can be understood.
    pub fn of(value: &Value) -> Result<Self, EventError> {
        if let Some(command) = value.get("headrig") {
            return Ok(match Command::of(command)? {
                Command::Sweep => Self::Sweep,
                command => Self::Command(command),
            });
        }
        if let Some(data) = value.pointer("/awslogs/data") {
            return LogBatch::decode(data).map(Self::Logs);
        }
        if let Some(records) = value.get("Records").and_then(Value::as_array)
            && records.iter().any(shapes::is_queued)
        {
            return Ok(Self::Queue(records.iter().map(message).collect()));
        }
        match bridge(value) {
            Some(bridge) if bridge.is_schedule() => Ok(Self::Sweep),
            Some(bridge) if bridge.source == "aws.glue" => run_change(&bridge).map(Self::RunChanged),
            _ => notices(value, 0).map(Self::Objects),
        }
    }
}

fn json(bytes: &[u8]) -> Result<Value, EventError> {
    serde_json::from_slice(bytes).map_err(|error| EventError::NotJson { reason: error.to_string() })
}

fn bridge(value: &Value) -> Option<Bridge> {
    value.get("detail-type")?;
    serde_json::from_value(value.clone()).ok()
}

fn message(record: &Value) -> Message {
    let id = record.get("messageId").and_then(Value::as_str).filter(|id| !id.is_empty()).map(Into::into);
    let content = match record.get("body").and_then(Value::as_str) {
        Some(body) => json(body.as_bytes()).and_then(|value| notices(&value, 0)),
        None => Err(unknown("a message with a body", record)),
    };
    Message { id, content }
}

/// What S3 says, in whatever it is wrapped.
fn notices(value: &Value, wrappings: usize) -> Result<Vec<Notice>, EventError> {
    const EXPECTED: &str = "an event of S3, SQS, EventBridge, Glue, CloudWatch Logs, or a command of headrig";
    if wrappings > WRAPPINGS_MAX {
        return Err(unknown("an event that is wrapped at most three times", value));
    }
    if let Some(inner) = value.get("Message").and_then(Value::as_str) {
        return notices(&json(inner.as_bytes())?, wrappings + 1);
    }
    if value.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Ok(vec![Notice::Ignored { what: "S3's test event".into() }]);
    }
    if let Some(bridge) = bridge(value).filter(|bridge| bridge.source == "aws.s3") {
        return Ok(vec![Notice::of_bridge(bridge)]);
    }
    let records = value.get("Records").and_then(Value::as_array).ok_or_else(|| unknown(EXPECTED, value))?;
    let mut found = Vec::new();
    for record in records {
        match record.pointer("/Sns/Message").and_then(Value::as_str) {
            Some(inner) => match json(inner.as_bytes()).and_then(|inner| notices(&inner, wrappings + 1)) {
                Ok(inner) => found.extend(inner),
                Err(error) => found.push(Notice::Malformed { reason: error.to_string() }),
            },
            None => found.push(match serde_json::from_value::<Record>(record.clone()) {
                Ok(record) => Notice::of_record(record),
                Err(error) => Notice::Malformed { reason: format!("{error}, in {}", beginning(record)) },
            }),
        }
    }
    Ok(found)
}

fn run_change(bridge: &Bridge) -> Result<RunChange, EventError> {
    let text = |name: &str| bridge.detail.get(name).and_then(Value::as_str).map(String::from);
    match (text("jobName"), text("jobRunId"), text("state")) {
        (Some(job), Some(run), Some(state)) => Ok(RunChange { job, run, state }),
        _ => Err(unknown("a Glue event with jobName, jobRunId and state", &bridge.detail)),
    }
}

fn unknown(expected: &'static str, found: &Value) -> EventError {
    EventError::Shape { expected, found: beginning(found) }
}

/// So much of a value that an operator recognises it.
fn beginning(value: &Value) -> String {
    const BYTES_MAX: usize = 200;
    let mut text = value.to_string();
    if text.len() > BYTES_MAX {
        text.truncate(text.floor_char_boundary(BYTES_MAX));
        text.push_str("...");
    }
    text
}
