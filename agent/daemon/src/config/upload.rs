//! Checks `[upload]`: a mistake shows before the first upload, and not after a day of retries.
//!
//! The rules of S3 and STS for names are those of the types in [`crate::aws`] and [`crate::s3`]: what is
//! accepted here, they accept.

use super::{
    AssumeRole, ChunkSection, Encryption, ExternalId, UploadSection,
    diagnostic::did_you_mean,
    section::Section,
    source::Source,
    values::{Expected, among, bytes, duration, flag, human_duration, integer, or_off, parses, text},
};
use crate::{
    aws::{Endpoint, RegionName, RoleArn, SessionName},
    s3::{BucketName, Tags},
};
use headrig_contract::{
    AgentId, ChunkSeq, ContentHash, HostName, SourceName, UnixMicros, chunk::Codec, key::ChunkName,
};
use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};
use toml::de::DeValue;

/// The kinds of encryption.
const ENCRYPTIONS: [&str; 3] = ["bucket", "sse-s3", "sse-kms"];
/// The storage classes whose objects can be read at once, as loading them does.
const STORAGE_CLASSES: [&str; 5] =
    ["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"];
/// The longest session name that STS takes.
const SESSION_NAME_CHARS_MAX: usize = 64;
const PARALLEL: RangeInclusive<i64> = 1..=32;
const BANDWIDTH: RangeInclusive<u64> = 64 << 10..=1 << 40;
const CONNECT_TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(5);
const ATTEMPT_TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);

/// The settings of `section`, for chunks of `host` and these `sources`.
pub(super) fn check(
    mut section: Section<'_>,
    host: &HostName,
    sources: &[Source],
    chunk: &ChunkSection,
) -> UploadSection {
    let settings = UploadSection {
        bucket: section.required("bucket", "the bucket's name", bucket).unwrap_or_default(),
        prefix: prefix(&mut section, host, sources),
        region: section.setting("region", parses::<RegionName>),
        endpoint: section.setting("endpoint", url),
        path_style: section.setting("path_style", flag).unwrap_or(false),
        profile: section.setting("profile", text("a profile's name", |name| !name.trim().is_empty())),
        assume_role: assume_role(section.section("assume_role"), host),
        encryption: encryption(&mut section),
        storage_class: section.setting("storage_class", among(&STORAGE_CLASSES)).map(String::from),
        tags: tags(&mut section),
        parallel_max: section.setting("parallel_max", integer(PARALLEL)).map_or(4, |count| count as usize),
        bandwidth_bytes_per_second_max: section
            .setting("bandwidth_bytes_per_second_max", or_off(bytes(BANDWIDTH)))
            .flatten(),
        connect_timeout: section
            .setting("connect_timeout", duration(CONNECT_TIMEOUT))
            .unwrap_or(Duration::from_secs(5)),
        attempt_timeout: section
            .setting("attempt_timeout", duration(ATTEMPT_TIMEOUT))
            .unwrap_or(Duration::from_mins(5)),
    };
    check_attempt_timeout(&mut section, &settings, chunk);
    section.finish();
    settings
}

/// A URL without credentials, which would end up in logs.
pub(super) fn url(value: &DeValue<'_>) -> Result<String, Expected> {
    let found = value.as_str().unwrap_or_default();
    parses::<Endpoint>(value).map_err(|expected| match format!("https://{found}") {
        _ if found.contains(['@', '?']) => expected.hiding("one with more in it, not shown"),
        meant if !found.contains("://") && meant.parse::<Endpoint>().is_ok() => {
            expected.or_say(did_you_mean(&meant))
        }
        _ => expected,
    })
}

/// A bucket's name, which is often given as a URL.
fn bucket(value: &DeValue<'_>) -> Result<String, Expected> {
    parses::<BucketName>(value).map_err(|expected| {
        let Some(url) = value.as_str().and_then(|text| text.strip_prefix("s3://")) else { return expected };
        let (name, prefix) = url.split_once('/').unwrap_or((url, ""));
        match prefix.trim_matches('/') {
            "" => expected.or_say(format!("write {name:?}")),
            prefix => expected.or_say(format!("write bucket = {name:?} and prefix = {prefix:?}")),
        }
    })
}

/// The prefix, if it makes a valid key with every source's name.
fn prefix(section: &mut Section<'_>, host: &HostName, sources: &[Source]) -> String {
    const WHAT: &str =
        "a prefix without empty, '.' or '..' segments that leaves room for the rest of a key of 1024 bytes";
    let name = |source: &SourceName| ChunkName {
        host: host.clone(),
        source: source.clone(),
        sealed_at: UnixMicros::from_seconds(0),
        agent: AgentId::from_bytes([0; 16]),
        seq: ChunkSeq(u64::MAX),
        hash: ContentHash::from_bytes([0; 32]),
        codec: Codec::Zstd,
    };
    let is_sound = |prefix: &str| sources.iter().all(|source| name(&source.name).key(prefix).is_ok());
    section.setting("prefix", text(WHAT, is_sound)).unwrap_or_default()
}

fn assume_role(mut section: Section<'_>, host: &HostName) -> Option<AssumeRole> {
    let role_arn = if section.is_written() {
        section.required("role_arn", "a role's ARN", parses::<RoleArn>)
    } else {
        section.setting("role_arn", parses::<RoleArn>)
    };
    let session_name = section.setting("session_name", parses::<SessionName>);
    let external_id = section.setting("external_id", external_id).map(ExternalId);
    section.finish();
    let session_name = session_name.unwrap_or_else(|| session_name_of(host));
    role_arn.map(|role_arn| AssumeRole { role_arn, session_name, external_id })
}

fn session_name_of(host: &HostName) -> String {
    format!("headrig-{host}").chars().take(SESSION_NAME_CHARS_MAX).collect()
}

fn external_id(value: &DeValue<'_>) -> Result<String, Expected> {
    let read = text("2 to 1224 letters, digits and +=,.@:/-_", |id| is_token(id, "+=,.@:/-_", 2..=1224));
    read(value).map_err(|expected| expected.hiding("another, not shown"))
}

fn encryption(section: &mut Section<'_>) -> Encryption {
    const KEY: &str = "the id, alias or ARN of a KMS key";
    let kind = section.setting("encryption", among(&ENCRYPTIONS));
    let key = section.setting("kms_key", text(KEY, |key| is_token(key, ":/_-", 1..=2048)));
    match (kind, key) {
        (Some("sse-kms"), None) => section.require("kms_key", KEY),
        (Some("sse-kms"), Some(key)) => return Encryption::SseKms { key },
        (kind, Some(_)) if kind.is_some() || !section.has("encryption") => {
            section.reject("kms_key", Expected::new("no key without encryption = \"sse-kms\""));
        }
        (Some("sse-s3"), None) => return Encryption::SseS3,
        _ => {}
    }
    Encryption::Bucket
}

/// The tags by the rules for S3's object tags.
fn tags(section: &mut Section<'_>) -> BTreeMap<String, String> {
    let pairs = section.pairs("tags", |key, value| {
        let expected = || Expected::new("a text of at most 256 letters, digits, spaces and +-=._:/@");
        let sound = |text: &str| text.chars().all(|c| c.is_alphanumeric() || " +-=._:/@".contains(c));
        let text = value.as_str().filter(|text| sound(text)).ok_or_else(expected)?;
        let pair = (key.to_owned(), text.to_owned());
        match Tags::try_from(vec![pair.clone()]) {
            Ok(_) if sound(key) => Ok(pair),
            Ok(_) => Err(Expected::new("a key of letters, digits, spaces and +-=._:/@")),
            Err(error) => Err(Expected::new(error.expected)),
        }
    });
    if let Err(error) = Tags::try_from(pairs.clone()) {
        section.reject("tags", Expected::new(error.expected));
    }
    pairs.into_iter().collect()
}

/// A chunk that the bandwidth does not let through within an attempt would be tried for ever.
fn check_attempt_timeout(section: &mut Section<'_>, upload: &UploadSection, chunk: &ChunkSection) {
    let Some(bandwidth) = upload.bandwidth_bytes_per_second_max else { return };
    let needed = Duration::from_secs(chunk.bytes_max.div_ceil(bandwidth) * upload.parallel_max as u64);
    if upload.attempt_timeout < needed {
        let needed = human_duration(needed);
        let expected = format!(
            "at least {needed}, the time that {} chunks of chunk.bytes_max take with this bandwidth",
            upload.parallel_max
        );
        section.reject("attempt_timeout", Expected::new(expected));
    }
}

/// Whether `text` has so many bytes, all letters, digits or one of `others`.
fn is_token(text: &str, others: &str, length: RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::StorageClass;

    #[test]
    fn the_storage_classes_are_those_that_uploads_know() {
        for name in STORAGE_CLASSES {
            assert!(name.parse::<StorageClass>().is_ok(), "{name}");
        }
    }

    #[test]
    fn a_session_named_after_any_host_is_one_that_sts_takes() {
        for host in ["h", "web-1.example.org", &"x".repeat(240)] {
            let name = session_name_of(&HostName::from_lossy(host));
            assert!(name.parse::<SessionName>().is_ok(), "{name}");
        }
    }
}
