//! A log subscription's data: base64 of gzip of JSON.

use super::EventError;
use aws_smithy_types::base64;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;
use std::io::Read;

/// The most bytes that a subscription's data may decompress to. CloudWatch Logs gathers at most 6 MB
/// (compressed) for Lambda and splits what is more; beyond this it is a bomb.
pub const LOG_BYTES_MAX: u64 = 128 << 20;

/// Log events of one stream of a log group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogBatch {
    /// The account that owns the group.
    pub owner: String,
    /// The group.
    pub group: String,
    /// The stream.
    pub stream: String,
    /// The events, in their order. A control message has none.
    pub events: Vec<LogEvent>,
}

/// One log event.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LogEvent {
    /// CloudWatch's id, unique in the stream.
    pub id: String,
    /// Milliseconds since 1970.
    #[serde(rename = "timestamp")]
    pub at_millis: i64,
    /// The line, or the lines.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    message_type: String,
    #[serde(default)]
    owner: String,
    #[serde(default)]
    log_group: String,
    #[serde(default)]
    log_stream: String,
    #[serde(default)]
    log_events: Vec<LogEvent>,
}

impl LogBatch {
    pub(super) fn decode(data: &Value) -> Result<Self, EventError> {
        let wrong = |reason: String| EventError::Logs { reason };
        let text = data.as_str().ok_or_else(|| wrong("no text".into()))?;
        let packed = base64::decode(text).map_err(|error| wrong(error.to_string()))?;
        let mut plain = Vec::new();
        let mut reader = GzDecoder::new(packed.as_slice()).take(LOG_BYTES_MAX + 1);
        reader.read_to_end(&mut plain).map_err(|error| wrong(error.to_string()))?;
        if plain.len() as u64 > LOG_BYTES_MAX {
            return Err(wrong(format!("more than {LOG_BYTES_MAX} bytes")));
        }
        let found: Subscription = serde_json::from_slice(&plain).map_err(|error| wrong(error.to_string()))?;
        let is_data = found.message_type == "DATA_MESSAGE";
        let events = if is_data { found.log_events } else { Vec::new() };
        Ok(Self { owner: found.owner, group: found.log_group, stream: found.log_stream, events })
    }
}
