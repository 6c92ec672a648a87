//! The object store port over a bucket: what an operator reads chunks with, and the lake's files in pieces.
//!
//! Keys that headrig cannot name (folders' markers, control characters) are no objects here. Invariants: an object that
//! is there is not overwritten; one that is longer than the caller takes is not read.

use super::{Bucket, LISTED_MAX};
use crate::Answer;
use aws_sdk_s3::primitives::{ByteStream, ByteStreamError};
use aws_smithy_types::base64;
use headrig_contract::{ByteLength, ContentHash, ObjectKey};
use headrig_store::{ListedObject, ObjectInfo, ObjectStore, PutOutcome, StoreError};
use std::{fs, path::Path, time::Duration};

/// How long an object may take to be read: 256 MiB at 2 MB/s.
const READ_MAX: Duration = Duration::from_mins(2);
/// How long a piece of one may take.
const PIECE_MAX: Duration = Duration::from_secs(30);

/// Objects under one prefix of a bucket. Keys are whole, with the prefix.
#[derive(Debug)]
pub struct S3Store {
    bucket: Bucket,
    prefix: String,
}

/// A piece of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its bytes; fewer than were asked for at the object's end.
    pub bytes: Vec<u8>,
    /// How long the whole object is.
    pub whole: ByteLength,
}

impl S3Store {
    /// The objects of `bucket` whose keys begin with `prefix`, which is empty or ends with a slash.
    pub const fn new(bucket: Bucket, prefix: String) -> Self {
        Self { bucket, prefix }
    }

    /// Hands every object whose key goes on with `under` behind the prefix to `each`, in the order of keys: its key
    /// behind the prefix, which may be one that headrig cannot name, and the object.
    ///
    /// # Errors
    /// What kept S3 from listing.
    pub fn each_under(
        &self,
        under: &str,
        mut each: impl FnMut(&str, &ListedObject),
    ) -> Result<(), StoreError> {
        let prefix = format!("{}{under}", self.prefix);
        let mut after: Option<String> = None;
        loop {
            let page = self.page(&prefix, after.as_deref(), LISTED_MAX)?;
            let is_last = page.len() < LISTED_MAX;
            page.iter().for_each(|object| each(&object.key[self.prefix.len()..], object));
            if is_last {
                return Ok(());
            }
            after = page.into_iter().next_back().map(|last| last.key);
        }
    }

    /// The `length` bytes of the object `key` (behind the prefix) from `offset` on.
    ///
    /// # Errors
    /// [`StoreError`]; also where the object is gone, or was replaced by a shorter one meanwhile.
    pub fn piece(&self, key: &str, offset: u64, length: u64) -> Result<Piece, StoreError> {
        let action = "read a file of the lake";
        let key = format!("{}{key}", self.prefix);
        let named = ObjectKey::parse(&key).ok();
        let last = offset.saturating_add(length.max(1)) - 1;
        let client = self.bucket.client();
        let request = client.get_object().bucket(self.bucket.name()).key(&key);
        let request = request.range(format!("bytes={offset}-{last}"));
        let failed = |reason: String| StoreError::Unavailable { action, reason };
        let reading = async {
            let found = match request.send().await {
                Ok(found) => found,
                Err(error) => return Err(Answer::of(&error)),
            };
            let whole = found.content_range().and_then(|range| range.rsplit('/').next()?.parse().ok());
            Ok((whole, found.body.collect().await))
        };
        let reading = async { tokio::time::timeout(PIECE_MAX, reading).await };
        match self.bucket.calls().wait(reading) {
            Err(_) => Err(failed(format!("{key} did not come within {PIECE_MAX:?}"))),
            // An object without a byte has no first one either.
            Ok(Err(answer)) if answer.status == 416 => Ok(Piece { bytes: Vec::new(), whole: ByteLength(0) }),
            Ok(Err(answer)) => Err(store_error(action, self.bucket.name(), named.as_ref(), answer)),
            Ok(Ok((whole, body))) => {
                let bytes = body.map_err(|error| failed(error.to_string()))?.to_vec();
                // Without it nobody knows which bytes these are.
                let whole = whole.ok_or_else(|| failed(format!("{key} came without a Content-Range")))?;
                Ok(Piece { bytes, whole: ByteLength(whole) })
            }
        }
    }

    fn page(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ListedObject>, StoreError> {
        let failed = |answer| store_error("list the bucket", self.bucket.name(), None, answer);
        self.bucket.list(prefix, after, limit).map_err(failed)
    }
}

impl ObjectStore for S3Store {
    fn put_if_absent(
        &self,
        key: &ObjectKey,
        file: &Path,
        hash: ContentHash,
    ) -> Result<PutOutcome, StoreError> {
        let action = "store an object";
        let bytes =
            fs::read(file).map_err(|source| StoreError::Io { action: "read", path: file.into(), source })?;
        let found = ContentHash::of(&bytes);
        if found != hash {
            let (key, path) = (key.clone(), file.into());
            return Err(StoreError::WrongHash { key, path, expected: hash, found });
        }
        let client = self.bucket.client();
        let request = client.put_object().bucket(self.bucket.name()).key(key.as_str());
        let request = request.checksum_sha256(base64::encode(hash.as_bytes())).if_none_match("*");
        match self.bucket.calls().wait(request.body(bytes.into()).send()) {
            Ok(_) => Ok(PutOutcome::Created),
            Err(error) => match Answer::of(&error) {
                // The key names the hash: the same object is there already.
                answer if answer.status == 412 => Ok(PutOutcome::AlreadyPresent),
                answer => Err(store_error(action, self.bucket.name(), None, answer)),
            },
        }
    }

    fn read(&self, key: &ObjectKey, limit: ByteLength) -> Result<Vec<u8>, StoreError> {
        let action = "read an object";
        let request = self.bucket.client().get_object().bucket(self.bucket.name()).key(key.as_str());
        let reading = async {
            let found = request
                .send()
                .await
                .map_err(|error| store_error(action, self.bucket.name(), Some(key), Answer::of(&error)))?;
            let told = found.content_length().and_then(|length| u64::try_from(length).ok());
            if let Some(found) = told.map(ByteLength).filter(|told| *told > limit) {
                return Err(StoreError::TooLarge { key: key.clone(), expected: limit, found });
            }
            body_within(found.body, key, limit).await
        };
        let reading = async { tokio::time::timeout(READ_MAX, reading).await };
        self.bucket.calls().wait(reading).unwrap_or_else(|_| {
            let reason = format!("{key} did not come within {READ_MAX:?}");
            Err(StoreError::Unavailable { action, reason })
        })
    }

    fn list(&self, after: Option<&ObjectKey>, limit: usize) -> Result<Vec<ObjectInfo>, StoreError> {
        let (mut found, mut after) = (Vec::new(), after.map(|after| after.as_str().to_owned()));
        while found.len() < limit {
            let asked = (limit - found.len()).min(LISTED_MAX);
            let page = self.page(&self.prefix, after.as_deref(), asked)?;
            let is_last = page.len() < asked;
            after = page.last().map(|last| last.key.clone()).or(after);
            found.extend(page.into_iter().filter_map(|ListedObject { key, size, modified }| {
                Some(ObjectInfo { key: ObjectKey::parse(&key).ok()?, size, modified })
            }));
            if is_last {
                break;
            }
        }
        Ok(found)
    }
}

async fn body_within(
    mut body: ByteStream,
    key: &ObjectKey,
    limit: ByteLength,
) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    let broken = |error: ByteStreamError| StoreError::Unavailable {
        action: "read an object",
        reason: error.to_string(),
    };
    while let Some(piece) = body.try_next().await.map_err(broken)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > limit.0 {
            let found = ByteLength(bytes.len() as u64);
            return Err(StoreError::TooLarge { key: key.clone(), expected: limit, found });
        }
    }
    Ok(bytes)
}

/// What S3's answer means to the port; `key` where an object was asked for by a key of ours.
pub fn store_error(
    action: &'static str,
    bucket: &str,
    key: Option<&ObjectKey>,
    answer: Answer,
) -> StoreError {
    let Answer { status, ref code, ref reason } = answer;
    let refused = |hint: &str| StoreError::Refused { action, reason: format!("{reason}; {hint}") };
    match (status, key) {
        _ if code == "NoSuchBucket" => StoreError::NoSuchStore { store: bucket.into() },
        (404, Some(key)) => StoreError::NotFound { key: key.clone() },
        _ if answer.is_denied() => {
            refused(&format!("allow it on the bucket {bucket} to whom these credentials belong"))
        }
        (301 | 307, _) => {
            refused(&format!("the bucket {bucket} is in another region; set AWS_REGION to that"))
        }
        (400, _) if code == "AuthorizationHeaderMalformed" => {
            refused(&format!("the bucket {bucket} is in another region; set AWS_REGION to that"))
        }
        (400..500, _) if status != 408 && status != 429 => refused("the request must change first"),
        _ => StoreError::Unavailable { action, reason: reason.clone() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, code: &str, expect: &str) {
        let key = ObjectKey::parse("a").unwrap();
        let answer = Answer { status, code: code.into(), reason: format!("{status} {code}") };
        let error = store_error("read an object", "logs", Some(&key), answer);
        let message = error.to_string();
        assert!(message.contains(expect), "{status} {code}: {message}");
        // A verification must stop at all of them but an object that is not there.
        assert_eq!(error.is_retryable(), status != 404 || code == "NoSuchBucket", "{message}");
    }

    #[test]
    fn each_answer_tells_what_to_do_next() {
        check(404, "NoSuchKey", "no object at a");
        check(404, "NoSuchBucket", "there is no bucket logs");
        check(403, "AccessDenied", "allow it on the bucket logs");
        check(301, "PermanentRedirect", "set AWS_REGION");
        check(400, "AuthorizationHeaderMalformed", "set AWS_REGION");
        check(400, "InvalidRequest", "must change first");
        check(503, "SlowDown", "did not answer");
        check(0, "", "did not answer");
    }
}
