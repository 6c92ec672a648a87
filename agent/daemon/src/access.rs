//! From the configuration's sections to what the uploader and the heartbeat take.
//!
//! The configuration has checked every value by the very parsers used here, so an error is a bug, told as one.

use crate::{
    aws::{Access, AssumeRole},
    config::{Config, Encryption as EncryptionSetting},
    heartbeat::HeartbeatSettings,
    s3::{Encryption, S3Settings, Tags},
};
use anyhow::{Context, Result};
use std::str::FromStr;

/// How to reach the bucket.
///
/// # Errors
/// When the configuration let a value through that the uploader does not take.
pub fn s3_settings(config: &Config) -> Result<S3Settings> {
    let upload = &config.upload;
    Ok(S3Settings {
        access: access(config)?,
        endpoint: parsed(upload.endpoint.as_deref(), "upload.endpoint")?,
        path_style: upload.path_style,
        encryption: match &upload.encryption {
            EncryptionSetting::Bucket => Encryption::BucketDefault,
            EncryptionSetting::SseS3 => Encryption::SseS3,
            EncryptionSetting::SseKms { key } => Encryption::Kms { key: Some(key.clone()) },
        },
        storage_class: parsed(upload.storage_class.as_deref(), "upload.storage_class")?,
        tags: Tags::try_from(upload.tags.clone().into_iter().collect::<Vec<_>>()).context("upload.tags")?,
        connect_timeout: upload.connect_timeout,
        attempt_timeout: upload.attempt_timeout,
        ..S3Settings::new(upload.bucket.parse().context("upload.bucket")?)
    })
}

/// What is told to CloudWatch, and how.
///
/// # Errors
/// As [`s3_settings`].
pub fn heartbeat_settings(config: &Config) -> Result<HeartbeatSettings> {
    let section = &config.heartbeat;
    Ok(HeartbeatSettings {
        enabled: section.enabled,
        interval: section.interval,
        namespace: section.namespace.parse().context("heartbeat.namespace")?,
        access: access(config)?,
        endpoint: parsed(section.endpoint.as_deref(), "heartbeat.endpoint")?,
        ..HeartbeatSettings::default()
    })
}

fn access(config: &Config) -> Result<Access> {
    let upload = &config.upload;
    let assume_role = upload.assume_role.as_ref().map(|role| -> Result<AssumeRole> {
        Ok(AssumeRole {
            arn: role.role_arn.parse().context("upload.assume_role.role_arn")?,
            session_name: role.session_name.parse().context("upload.assume_role.session_name")?,
            external_id: role.external_id.as_ref().map(|id| id.reveal().to_owned()),
        })
    });
    Ok(Access {
        region: parsed(upload.region.as_deref(), "upload.region")?,
        profile: upload.profile.clone(),
        credentials_file: None,
        assume_role: assume_role.transpose()?,
    })
}

fn parsed<T>(text: Option<&str>, setting: &'static str) -> Result<Option<T>>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.map(str::parse).transpose().context(setting)
}
