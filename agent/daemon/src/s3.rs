//! Puts sealed chunks into an S3 bucket, each exactly once, by PutObject alone.
//!
//! Knows no spool but the one file it is given, and does not try again: the core decides when. Invariants: an
//! upload is one request with the chunk's own SHA-256, which S3 checks, and `If-None-Match: *`, so an object
//! is never overwritten and a repeated upload does no harm; a file is streamed, never held in memory; a policy
//! that allows s3:PutObject (and s3:PutObjectTagging where there are tags) suffices.

mod error;
mod settings;
mod spool_file;

pub use error::UploadError;
pub use settings::{BucketName, Encryption, S3Settings, StorageClass, Tags};

use crate::aws::{Connections, Failure, LazyClient};
use aws_config::SdkConfig;
use aws_sdk_s3::{
    Client,
    config::{RequestChecksumCalculation, StalledStreamProtectionConfig, retry::RetryConfig},
    operation::put_object::builders::PutObjectFluentBuilder,
    types::ServerSideEncryption,
};
use aws_smithy_types::{base64, timeout::TimeoutConfig};
use headrig_agent::state::ChunkRecord;
use spool_file::SpoolFile;
use std::{path::Path, time::Duration};

/// An upload that moves nothing for this long is given up. With the 64 KiB that are read at a time, a line
/// slower than about 4 KB/s counts as one that moves nothing.
const STALL_MAX: Duration = Duration::from_secs(20);

/// What became of an upload. Either way the object is in the bucket, whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// It was stored.
    Created,
    /// An earlier attempt had stored it: the key names the hash, and S3 checked it then.
    AlreadyPresent,
}

/// Uploads chunks to one bucket. Several uploads may be under way at once.
#[derive(Debug)]
pub struct S3Uploader {
    settings: S3Settings,
    connections: Connections,
    client: LazyClient<Client>,
}

impl S3Uploader {
    /// An uploader that contacts nothing, and reads no profile, before its first upload.
    pub fn new(settings: S3Settings, connections: Connections) -> Self {
        Self { settings, connections, client: LazyClient::default() }
    }

    /// Stores `chunk` from its spool file, in one attempt.
    ///
    /// # Errors
    /// [`UploadError`]; unless [`UploadError::is_retryable`] denies it, the same call may succeed later.
    pub async fn put(&self, chunk: &ChunkRecord, file: &Path) -> Result<PutOutcome, UploadError> {
        let spooled = SpoolFile { path: file, hash: chunk.hash, length: chunk.length };
        let body = spooled.body()?;
        let client = self.client.or_make(self.make_client()).await.ok_or(UploadError::NoRegion)?;
        let request = self.request(&client, chunk).body(body);
        match request.send().await {
            Ok(_) => Ok(PutOutcome::Created),
            Err(error) => self.judged(error.into(), chunk, &spooled).await,
        }
    }

    fn request(&self, client: &Client, chunk: &ChunkRecord) -> PutObjectFluentBuilder {
        let settings = &self.settings;
        let request = client
            .put_object()
            .bucket(settings.bucket.as_str())
            .key(chunk.key.as_str())
            .content_length(i64::try_from(chunk.length.0).unwrap_or(i64::MAX))
            .checksum_sha256(base64::encode(chunk.hash.as_bytes()))
            .if_none_match("*")
            .set_storage_class(settings.storage_class.map(StorageClass::on_the_wire))
            .set_tagging(settings.tags.header());
        match &settings.encryption {
            Encryption::BucketDefault => request,
            Encryption::SseS3 => request.server_side_encryption(ServerSideEncryption::Aes256),
            Encryption::Kms { key } => {
                request.server_side_encryption(ServerSideEncryption::AwsKms).set_ssekms_key_id(key.clone())
            }
        }
    }

    async fn judged(
        &self,
        failure: Failure,
        chunk: &ChunkRecord,
        spooled: &SpoolFile<'_>,
    ) -> Result<PutOutcome, UploadError> {
        if matches!(&failure, Failure::Answered(answer) if answer.status == 412) {
            return Ok(PutOutcome::AlreadyPresent);
        }
        let unread = matches!(failure, Failure::Body(_));
        let error = error::judge(failure, &self.settings.bucket, &chunk.key);
        if unread || matches!(error, UploadError::Corrupted { .. }) {
            // Either the file or the way is to blame, and only the way heals.
            spooled.verify().await?;
        }
        if matches!(error, UploadError::Credentials { .. }) {
            self.client.forget().await;
        }
        Err(error)
    }

    async fn make_client(&self) -> Option<Client> {
        let endpoint_given = self.settings.endpoint.is_some();
        let config = self.connections.config(&self.settings.access, endpoint_given).await?;
        Some(Client::from_conf(self.client_config(&config)))
    }

    fn client_config(&self, config: &SdkConfig) -> aws_sdk_s3::Config {
        let times = TimeoutConfig::builder()
            .connect_timeout(self.settings.connect_timeout)
            .operation_timeout(self.settings.attempt_timeout)
            .build();
        let stalls = StalledStreamProtectionConfig::enabled().grace_period(STALL_MAX).build();
        let mut builder = aws_sdk_s3::config::Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(times)
            .stalled_stream_protection(stalls)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .force_path_style(self.settings.path_style);
        if let Some(endpoint) = &self.settings.endpoint {
            // Without the slash the SDK glues the bucket to the last segment of an endpoint's path.
            builder = builder.endpoint_url(format!("{endpoint}/"));
        }
        builder.build()
    }
}
