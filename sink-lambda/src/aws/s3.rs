//! The upload bucket and the lake in S3.
//!
//! Needs s3:GetObject and s3:ListBucket (without the latter S3 says "denied" of an object that is not there), for the
//! collector s3:PutObject, and s3:ListBucket and s3:DeleteObject on the lake.

use super::failed;
use crate::ports::{CallError, Lake, ListedObject, ObjectHead, Objects};
use aws_sdk_s3::types::ChecksumMode;
use aws_smithy_types::base64;
use headrig_aws::{Calls, s3::Bucket};
use headrig_contract::{ByteLength, ContentHash, ObjectKey};
use headrig_ledger::BatchId;
use sha2::{Digest, Sha256};

/// The upload bucket.
#[derive(Debug)]
pub struct S3Objects {
    bucket: Bucket,
}

/// A bucket's prefix, under which the lake lies.
#[derive(Debug)]
pub struct S3Lake {
    bucket: Bucket,
    prefix: String,
}

impl S3Objects {
    /// The bucket of that name; `path_style` for S3's look-alikes.
    pub const fn new(calls: Calls, bucket: String, path_style: bool) -> Self {
        Self { bucket: Bucket::new(calls, bucket, path_style) }
    }
}

impl S3Lake {
    /// The lake under `prefix`, which is empty or ends with a slash.
    pub const fn new(calls: Calls, bucket: String, prefix: String, path_style: bool) -> Self {
        Self { bucket: Bucket::new(calls, bucket, path_style), prefix }
    }
}

/// Whether the batch of that name wrote the file: tables' files `<batch>-<nnn>.parquet`, and the account
/// `<batch>.json`.
fn is_of_batch(key: &str, batch: &str) -> bool {
    let file = key.rsplit('/').next().unwrap_or_default();
    file.strip_prefix(batch).is_some_and(|rest| rest.starts_with('-') || rest == ".json")
}

/// The SHA-256 of the whole object. That of an upload in parts is one of hashes, with their number behind it.
fn whole_hash(checksum: Option<&str>) -> Option<ContentHash> {
    let bytes: [u8; 32] = base64::decode(checksum?).ok()?.try_into().ok()?;
    Some(ContentHash::from_bytes(bytes))
}

impl Objects for S3Objects {
    fn head(&self, key: &ObjectKey) -> Result<ObjectHead, CallError> {
        let (calls, name) = (self.bucket.calls(), self.bucket.name());
        let request = self.bucket.client().head_object().bucket(name).key(key.as_str());
        let head = calls
            .wait(request.checksum_mode(ChecksumMode::Enabled).send())
            .map_err(failed("look at an object"))?;
        let size = head.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
        Ok(ObjectHead { size: ByteLength(size), hash: whole_hash(head.checksum_sha256()) })
    }

    fn hash(&self, key: &ObjectKey, limit: ByteLength) -> Result<(ContentHash, ByteLength), CallError> {
        let action = "read an object";
        let (calls, name) = (self.bucket.calls(), self.bucket.name());
        let request = self.bucket.client().get_object().bucket(name).key(key.as_str());
        calls.wait(async {
            let mut body = request.send().await.map_err(failed(action))?.body;
            let (mut digest, mut size) = (Sha256::new(), 0_u64);
            let broken = |error: aws_sdk_s3::primitives::ByteStreamError| CallError::Unavailable {
                action,
                reason: error.to_string(),
            };
            while let Some(piece) = body.try_next().await.map_err(broken)? {
                size += piece.len() as u64;
                if size > limit.0 {
                    let reason = format!("expected at most {limit} bytes, found more");
                    return Err(CallError::Refused { action, reason });
                }
                digest.update(&piece);
            }
            Ok((ContentHash::from_bytes(digest.finalize().into()), ByteLength(size)))
        })
    }

    fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ListedObject>, CallError> {
        self.bucket.list(prefix, after, limit).map_err(|answer| answer.into_call_error("list a bucket"))
    }

    fn put_if_absent(&self, key: &ObjectKey, bytes: Vec<u8>, hash: ContentHash) -> Result<(), CallError> {
        let (calls, name) = (self.bucket.calls(), self.bucket.name());
        let request = self
            .bucket
            .client()
            .put_object()
            .bucket(name)
            .key(key.as_str())
            .checksum_sha256(base64::encode(hash.as_bytes()))
            .if_none_match("*")
            .body(bytes.into());
        match calls.wait(request.send()) {
            Ok(_) => Ok(()),
            // The key names the hash: the same object is there already.
            Err(error) if error.raw_response().is_some_and(|answer| answer.status().as_u16() == 412) => {
                Ok(())
            }
            Err(error) => Err(failed("store an object")(error)),
        }
    }
}

impl Lake for S3Lake {
    fn remove_batch(
        &self,
        batch: BatchId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<String>, CallError> {
        let (calls, name) = (self.bucket.calls(), self.bucket.name());
        let page = self
            .bucket
            .list(&self.prefix, after, limit)
            .map_err(|answer| answer.into_call_error("list a bucket"))?;
        let of_batch = batch.to_string();
        for object in &page {
            if is_of_batch(&object.key, &of_batch) {
                let request = self.bucket.client().delete_object().bucket(name).key(&object.key);
                calls.wait(request.send()).map_err(failed("remove a file of the lake"))?;
                tracing::info!(key = object.key, %batch, "removed what a failed run wrote");
            }
        }
        Ok(page.last().filter(|_| page.len() >= limit).map(|last| last.key.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hash_of_a_whole_object_is_its_hash() {
        let hash = ContentHash::of(b"x");
        let text = base64::encode(hash.as_bytes());
        assert_eq!(whole_hash(Some(&text)), Some(hash));
        for other in [None, Some(""), Some("AAAA"), Some(format!("{text}-3").as_str())] {
            assert_eq!(whole_hash(other), None, "{other:?}");
        }
    }

    #[test]
    fn the_files_of_a_batch_are_those_of_its_tables_and_its_account() {
        for (key, expect) in [
            ("lake/logs/level=info/aa-000.parquet", true),
            ("metrics/aa-001.parquet", true),
            ("lake/batches/aa.json", true),
            ("aa-000.parquet", true),
            ("lake/batches/aab.json", false),
            ("lake/logs/aa/bb-000.parquet", false),
            ("lake/batches/aa.json.txt", false),
            ("", false),
        ] {
            assert_eq!(is_of_batch(key, "aa"), expect, "{key}");
        }
    }
}
