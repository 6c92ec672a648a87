//! What S3 says of one object, whichever way it came.

use super::{
    decode_key,
    shapes::{Bridge, BridgeObject, Object, Record},
};
use headrig_contract::{ByteLength, ObjectKey};

/// One record of S3's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// An object was stored.
    Stored(StoredObject),
    /// An object was stored under a key that headrig cannot name.
    Unusable {
        /// The bucket.
        bucket: String,
        /// The key as it stood in the event.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing that concerns headrig.
    Ignored {
        /// What it was.
        what: String,
    },
    /// A record that could not be understood.
    Malformed {
        /// Why.
        reason: String,
    },
}

/// An object that is said to have been stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: ObjectKey,
    /// Its size, as the event has it.
    pub size: Option<ByteLength>,
}

impl Notice {
    /// S3's own notifications have their keys URL-encoded.
    pub(super) fn of_record(record: Record) -> Self {
        let version = record.event_version.as_deref().unwrap_or("2.1");
        if !version.starts_with("2.") {
            let reason = format!("expected version 2.x of S3's events, found {version}");
            return Self::Malformed { reason };
        }
        let name = record.event_name.strip_prefix("s3:").unwrap_or(&record.event_name);
        let (bucket, object) = (record.s3.bucket.name, record.s3.object);
        if !name.starts_with("ObjectCreated:") {
            return Self::Ignored { what: format!("{name} of {}", object.key) };
        }
        match decode_key(&object.key) {
            Ok(key) => Self::stored(bucket, &key, &object),
            Err(error) => Self::Unusable { bucket, key: object.key, reason: error.to_string() },
        }
    }

    /// EventBridge has the keys as they are.
    pub(super) fn of_bridge(bridge: Bridge) -> Self {
        let kind = bridge.detail_type;
        match serde_json::from_value::<BridgeObject>(bridge.detail) {
            Ok(found) if kind == "Object Created" => {
                Self::stored(found.bucket.name, &found.object.key, &found.object)
            }
            Ok(found) => Self::Ignored { what: format!("{kind} of {}", found.object.key) },
            Err(error) => Self::Malformed { reason: format!("{kind}: {error}") },
        }
    }

    fn stored(bucket: String, key: &str, object: &Object) -> Self {
        if key.ends_with('/') && object.size == Some(0) {
            return Self::Ignored { what: format!("the folder marker {key}") };
        }
        match ObjectKey::parse(key) {
            Ok(key) => Self::Stored(StoredObject { bucket, key, size: object.size.map(ByteLength) }),
            Err(error) => Self::Unusable { bucket, key: object.key.clone(), reason: error.to_string() },
        }
    }
}
