//! What an operator may ask of the function itself: `{"headrig": "flush"}`, `{"headrig": {"replay": "<hash>"}}`.

use headrig_contract::{ContentHash, HostName};
use headrig_ledger::BatchId;
use serde::Deserialize;
use serde_json::Value;

/// An operator's command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `"sweep"`: look after everything now.
    Sweep,
    /// `"flush"`: make batches of all that is pending, full or not, and start them.
    Flush,
    /// `{"replay": "<hash>"}`: put a quarantined file back.
    Replay(ContentHash),
    /// `{"wake": "<batch>"}`: end a sealed batch's rest.
    Wake(BatchId),
    /// `{"retire": "<host>"}`: the agent on that host comes no more.
    Retire(HostName),
}

/// Why a text is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected the command \"sweep\", \"flush\", {{\"replay\": HASH}}, {{\"wake\": BATCH}} or {{\"retire\": HOST}}, found {found}: {reason}"
)]
pub struct CommandError {
    /// What came.
    pub found: String,
    /// What is wrong with it.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Written {
    Sweep,
    Flush,
    Replay(String),
    Wake(String),
    Retire(String),
}

impl Command {
    pub(super) fn of(value: &Value) -> Result<Self, CommandError> {
        let wrong = |reason: String| CommandError { found: super::beginning(value), reason };
        let written: Written =
            serde_json::from_value(value.clone()).map_err(|error| wrong(error.to_string()))?;
        Ok(match written {
            Written::Sweep => Self::Sweep,
            Written::Flush => Self::Flush,
            Written::Replay(hash) => Self::Replay(hash.parse().map_err(|error| wrong(format!("{error}")))?),
            Written::Wake(batch) => Self::Wake(batch.parse().map_err(|error| wrong(format!("{error}")))?),
            Written::Retire(host) => Self::Retire(host.parse().map_err(|error| wrong(format!("{error}")))?),
        })
    }
}
