//! Why an upload did not succeed, and what the operator is to do about it.
//!
//! Invariant: everything but a damaged or missing spool file heals with time or by an operator, and is tried
//! again for as long as it takes.

use crate::{
    aws::{Answer, Failure},
    s3::BucketName,
};
use headrig_contract::ObjectKey;
use std::{io, path::PathBuf};

/// Why a chunk is not known to be stored.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The credentials are good but do not allow the upload.
    #[error(
        "not allowed to put s3://{bucket}/{key}: {answer}; allow this agent s3:PutObject there (with tags also s3:PutObjectTagging, with a KMS key kms:GenerateDataKey)"
    )]
    AccessDenied {
        /// The bucket.
        bucket: BucketName,
        /// The key that was to be put.
        key: ObjectKey,
        /// What S3 said.
        answer: Box<Answer>,
    },
    /// There is no such bucket.
    #[error(
        "no bucket {bucket}: {answer}; create it, or correct the bucket or the endpoint in the configuration"
    )]
    NoSuchBucket {
        /// The bucket.
        bucket: BucketName,
        /// What S3 said.
        answer: Box<Answer>,
    },
    /// The bucket is in another region.
    #[error("bucket {bucket} is in {}: {answer}; set that region in the configuration", answer.bucket_region.as_deref().unwrap_or("another region"))]
    WrongRegion {
        /// The bucket.
        bucket: BucketName,
        /// What S3 said.
        answer: Box<Answer>,
    },
    /// Nothing tells the region.
    #[error("no region found; set one in the configuration, in AWS_REGION or in the profile")]
    NoRegion,
    /// There are no credentials, they could not be had, or S3 does not take them.
    #[error("no valid credentials: {reason}; renew them, they are read again with every attempt")]
    Credentials {
        /// What is wrong with them.
        reason: String,
    },
    /// This host's clock is wrong.
    #[error(
        "the clock of this host is too far off for AWS: {answer}; set it, until then the next attempt goes by that of S3"
    )]
    Clock {
        /// What S3 said.
        answer: Box<Answer>,
    },
    /// The spool file is not what was sealed. Not retryable.
    #[error("spool file {} is damaged: expected {expected}, found {found}; keep the file and check the disk, the lines in it are also in their log files if those still exist", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The hash or length it was sealed with.
        expected: String,
        /// What it has now.
        found: String,
    },
    /// The spool file is gone. Not retryable.
    #[error("spool file {} is missing; put it back, nothing but the agent may delete it", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The spool file cannot be read at the moment.
    #[error("could not read spool file {}; check its permissions and the disk", path.display())]
    Spool {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What arrived at S3 was not what the spool file holds.
    #[error(
        "the upload arrived damaged although the spool file is intact: {answer}; if it stays so, check the network and the proxies on the way"
    )]
    Corrupted {
        /// What S3 said.
        answer: Box<Answer>,
    },
    /// S3 asks for fewer requests.
    #[error("S3 asks to slow down: {answer}; it passes by itself")]
    Throttled {
        /// What S3 said.
        answer: Box<Answer>,
    },
    /// S3 failed.
    #[error("S3 failed: {answer}; it passes by itself")]
    Server {
        /// What S3 said.
        answer: Box<Answer>,
    },
    /// Another upload of the same object is under way.
    #[error("another upload of the same object was under way: {answer}; it passes by itself")]
    Conflict {
        /// What S3 said.
        answer: Box<Answer>,
    },
    /// No answer in time.
    #[error("no answer in time: {reason}; check the network, or raise the time-outs in the configuration")]
    Timeout {
        /// What took too long.
        reason: String,
    },
    /// No connection, or it broke.
    #[error("no connection: {reason}; check the network, the name service, the proxy and the endpoint")]
    Connection {
        /// What went wrong.
        reason: String,
    },
    /// S3 refused the request for another reason.
    #[error("S3 refused the upload: {answer}; correct the configuration it speaks of")]
    Refused {
        /// What S3 said.
        answer: Box<Answer>,
    },
    /// Anything else.
    #[error("the upload failed: {reason}; check the configuration")]
    Other {
        /// What went wrong.
        reason: String,
    },
}

impl UploadError {
    /// Whether the same call may succeed later: all but a spool file that is damaged or gone.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::Damaged { .. } | Self::Missing { .. })
    }

    /// A short name that stays the same over versions, for metrics and logs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::AccessDenied { .. } => "access_denied",
            Self::NoSuchBucket { .. } => "no_such_bucket",
            Self::WrongRegion { .. } => "wrong_region",
            Self::NoRegion => "no_region",
            Self::Credentials { .. } => "credentials",
            Self::Clock { .. } => "clock",
            Self::Damaged { .. } => "spool_damaged",
            Self::Missing { .. } => "spool_missing",
            Self::Spool { .. } => "spool_unreadable",
            Self::Corrupted { .. } => "corrupted",
            Self::Throttled { .. } => "throttled",
            Self::Server { .. } => "server",
            Self::Conflict { .. } => "conflict",
            Self::Timeout { .. } => "timeout",
            Self::Connection { .. } => "connection",
            Self::Refused { .. } => "refused",
            Self::Other { .. } => "other",
        }
    }
}

/// The error for `failure`, met while putting `key` into `bucket`.
pub(super) fn judge(failure: Failure, bucket: &BucketName, key: &ObjectKey) -> UploadError {
    match failure {
        Failure::Answered(answer) => judge_answer(answer, bucket.clone(), key.clone()),
        Failure::Credentials(reason) => UploadError::Credentials { reason },
        Failure::Timeout(reason) => UploadError::Timeout { reason },
        Failure::Connection(reason) => UploadError::Connection { reason },
        Failure::Body(reason) | Failure::Other(reason) => UploadError::Other { reason },
    }
}

/// By the code where it says more than the status; the codes are those of the S3 API reference, "Error
/// responses", and of the common errors of AWS.
fn judge_answer(answer: Box<Answer>, bucket: BucketName, key: ObjectKey) -> UploadError {
    match (answer.code.as_str(), answer.status) {
        (
            "ExpiredToken"
            | "ExpiredTokenException"
            | "TokenRefreshRequired"
            | "InvalidToken"
            | "InvalidAccessKeyId"
            | "InvalidClientTokenId"
            | "SignatureDoesNotMatch"
            | "MissingSecurityHeader",
            _,
        )
        | (_, 401) => UploadError::Credentials { reason: answer.to_string() },
        ("RequestTimeTooSkewed" | "RequestExpired", _) => UploadError::Clock { answer },
        ("BadDigest" | "XAmzContentChecksumMismatch" | "XAmzContentSHA256Mismatch", _) => {
            UploadError::Corrupted { answer }
        }
        (
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "Redirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException",
            _,
        )
        | (_, 301 | 302 | 307 | 308) => UploadError::WrongRegion { bucket, answer },
        (
            "SlowDown" | "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "TooManyRequests",
            _,
        )
        | (_, 429) => UploadError::Throttled { answer },
        ("RequestTimeout", _) | (_, 408) => UploadError::Timeout { reason: answer.to_string() },
        ("IncompleteBody", _) => UploadError::Connection { reason: answer.to_string() },
        (_, 403) => UploadError::AccessDenied { bucket, key, answer },
        (_, 404) => UploadError::NoSuchBucket { bucket, answer },
        (_, 409) => UploadError::Conflict { answer },
        ("NotImplemented", _) => UploadError::Refused { answer },
        (_, 500..) => UploadError::Server { answer },
        _ => UploadError::Refused { answer },
    }
}
