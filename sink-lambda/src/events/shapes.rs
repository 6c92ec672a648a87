//! The fields that are needed of others' events, and no more: what is unknown is passed over, so that a newer
//! 2.x of S3's schema is no trouble.

use serde::Deserialize;
use serde_json::Value;

/// A record of an S3 notification.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) event_version: Option<String>,
    pub(super) event_name: String,
    pub(super) s3: S3,
}

#[derive(Debug, Deserialize)]
pub(super) struct S3 {
    pub(super) bucket: Bucket,
    pub(super) object: Object,
}

#[derive(Debug, Deserialize)]
pub(super) struct Bucket {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Object {
    pub(super) key: String,
    pub(super) size: Option<u64>,
}

/// An event of EventBridge.
#[derive(Debug, Deserialize)]
pub(super) struct Bridge {
    #[serde(rename = "detail-type")]
    pub(super) detail_type: String,
    #[serde(default)]
    pub(super) source: String,
    #[serde(default)]
    pub(super) detail: Value,
}

/// What EventBridge says of an object.
#[derive(Debug, Deserialize)]
pub(super) struct BridgeObject {
    pub(super) bucket: Bucket,
    pub(super) object: Object,
}

impl Bridge {
    /// Whether a rule's schedule or EventBridge Scheduler sent it.
    pub(super) fn is_schedule(&self) -> bool {
        self.detail_type == "Scheduled Event"
            || matches!(self.source.as_str(), "aws.events" | "aws.scheduler")
    }
}

/// Whether a record is a message of SQS.
pub(super) fn is_queued(record: &Value) -> bool {
    record.get("eventSource").and_then(Value::as_str) == Some("aws:sqs")
}
