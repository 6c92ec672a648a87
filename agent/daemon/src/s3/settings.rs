//! What an operator says about the bucket and how objects are to be put there.

use crate::aws::{Access, Endpoint, SettingError};
use aws_sdk_s3::types;
use std::{fmt, fmt::Write as _, str::FromStr, time::Duration};

/// Tags that S3 takes on one object.
const TAGS_MAX: usize = 10;
/// The longest key of a tag, in characters.
const TAG_KEY_CHARS_MAX: usize = 128;
/// The longest value of a tag, in characters.
const TAG_VALUE_CHARS_MAX: usize = 256;
/// How long a connection may take by default.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an upload may take by default: 16 MiB at 60 KB/s.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(300);

/// Where chunks go, and how.
#[derive(Clone, Debug)]
pub struct S3Settings {
    /// The bucket.
    pub bucket: BucketName,
    /// The region and the credentials.
    pub access: Access,
    /// A service to use instead of Amazon's.
    pub endpoint: Option<Endpoint>,
    /// Whether the bucket's name goes into the path instead of the host name.
    pub path_style: bool,
    /// How S3 encrypts the objects.
    pub encryption: Encryption,
    /// In which class they are stored; by default the bucket's, which is STANDARD.
    pub storage_class: Option<StorageClass>,
    /// What they are tagged with; needs s3:PutObjectTagging.
    pub tags: Tags,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long one upload may take, from the credentials to the answer.
    pub attempt_timeout: Duration,
}

impl S3Settings {
    /// The defaults for `bucket`.
    pub fn new(bucket: BucketName) -> Self {
        Self {
            bucket,
            access: Access::default(),
            endpoint: None,
            path_style: false,
            encryption: Encryption::BucketDefault,
            storage_class: None,
            tags: Tags::default(),
            connect_timeout: CONNECT_TIMEOUT,
            attempt_timeout: ATTEMPT_TIMEOUT,
        }
    }
}

/// How S3 encrypts the objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// As the bucket says.
    #[default]
    BucketDefault,
    /// With keys that S3 manages.
    SseS3,
    /// With a key of KMS; needs kms:GenerateDataKey on it.
    Kms {
        /// The key's id, alias or ARN; by default the account's key for S3.
        key: Option<String>,
    },
}

/// A bucket's name, or the ARN of an access point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketName(String);

impl BucketName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BucketName {
    type Err = SettingError;

    /// The rules are those of general purpose buckets in the S3 user guide.
    fn from_str(text: &str) -> Result<Self, SettingError> {
        let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let name = (3..=63).contains(&text.len())
            && text.bytes().all(|byte| alphanumeric(byte) || byte == b'.' || byte == b'-')
            && text.bytes().next().is_some_and(alphanumeric)
            && text.bytes().last().is_some_and(alphanumeric)
            && !text.contains("..");
        let access_point = text.starts_with("arn:")
            && text.contains(":accesspoint/")
            && text.is_ascii()
            && !text.contains(' ');
        if name || access_point {
            return Ok(Self(text.into()));
        }
        let expected = "3 to 63 lowercase letters, digits, '.' and '-', or the ARN of an access point";
        Err(SettingError { expected, found: text.into() })
    }
}

/// A storage class that can be read from at once. The archive classes cannot, and chunks are read soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageClass {
    /// STANDARD.
    Standard,
    /// STANDARD_IA.
    StandardIa,
    /// ONEZONE_IA.
    OneZoneIa,
    /// INTELLIGENT_TIERING.
    IntelligentTiering,
    /// GLACIER_IR.
    GlacierInstantRetrieval,
}

impl StorageClass {
    pub(super) fn on_the_wire(self) -> types::StorageClass {
        match self {
            Self::Standard => types::StorageClass::Standard,
            Self::StandardIa => types::StorageClass::StandardIa,
            Self::OneZoneIa => types::StorageClass::OnezoneIa,
            Self::IntelligentTiering => types::StorageClass::IntelligentTiering,
            Self::GlacierInstantRetrieval => types::StorageClass::GlacierIr,
        }
    }
}

impl FromStr for StorageClass {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        match text {
            "STANDARD" => Ok(Self::Standard),
            "STANDARD_IA" => Ok(Self::StandardIa),
            "ONEZONE_IA" => Ok(Self::OneZoneIa),
            "INTELLIGENT_TIERING" => Ok(Self::IntelligentTiering),
            "GLACIER_IR" => Ok(Self::GlacierInstantRetrieval),
            _ => Err(SettingError {
                expected: "STANDARD, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING or GLACIER_IR",
                found: text.into(),
            }),
        }
    }
}

/// An object's tags: at most 10, keys of 1 to 128 characters without repetition, values of at most 256.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Vec<(String, String)>);

impl Tags {
    /// The tags as the header `x-amz-tagging` holds them: the query of a URL.
    pub(super) fn header(&self) -> Option<String> {
        let pairs = self.0.iter().map(|(key, value)| format!("{}={}", url_encoded(key), url_encoded(value)));
        let pairs: Vec<String> = pairs.collect();
        (!pairs.is_empty()).then(|| pairs.join("&"))
    }
}

impl TryFrom<Vec<(String, String)>> for Tags {
    type Error = SettingError;

    fn try_from(tags: Vec<(String, String)>) -> Result<Self, SettingError> {
        let refused = |expected, found: &str| Err(SettingError { expected, found: found.into() });
        if tags.len() > TAGS_MAX {
            return refused("at most 10 tags", &tags.len().to_string());
        }
        for (index, (key, value)) in tags.iter().enumerate() {
            if !(1..=TAG_KEY_CHARS_MAX).contains(&key.chars().count()) || key.starts_with("aws:") {
                return refused("a tag's key of 1 to 128 characters, not beginning with aws:", key);
            }
            if value.chars().count() > TAG_VALUE_CHARS_MAX {
                return refused("a tag's value of at most 256 characters", value);
            }
            if tags[..index].iter().any(|(before, _)| before == key) {
                return refused("each tag's key once", key);
            }
        }
        Ok(Self(tags))
    }
}

fn url_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ if byte.is_ascii_alphanumeric() => out.push(byte as char),
            _ => write!(out, "%{byte:02X}").expect("a String takes everything"),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Result<Tags, SettingError> {
        let pairs: Vec<_> = pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        pairs.try_into()
    }

    #[test]
    fn bucket_names_follow_the_rules_of_s3() {
        let arn = "arn:aws:s3:eu-central-1:123456789012:accesspoint/logs";
        for text in ["logs", "a-b.c1", "123", &"x".repeat(63), arn] {
            assert!(text.parse::<BucketName>().is_ok(), "{text:?}");
        }
        for text in ["", "ab", "Logs", "a_b", "-ab", "ab.", "a..b", "s3://logs", "a/b", &"x".repeat(64)] {
            assert!(text.parse::<BucketName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn classes_that_cannot_be_read_at_once_are_refused() {
        assert_eq!("GLACIER_IR".parse(), Ok(StorageClass::GlacierInstantRetrieval));
        for text in ["GLACIER", "DEEP_ARCHIVE", "standard", ""] {
            assert!(text.parse::<StorageClass>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn tags_are_bounded_and_encoded() {
        assert_eq!(tags(&[]).unwrap().header(), None);
        let header = tags(&[("team", "a&b = c"), ("é", "")]).unwrap().header();
        assert_eq!(header.as_deref(), Some("team=a%26b%20%3D%20c&%C3%A9="));
        let long = "x".repeat(129);
        let many: Vec<String> = (0..11).map(|number| number.to_string()).collect();
        let many: Vec<_> = many.iter().map(|key| (key.as_str(), "")).collect();
        for pairs in [&[("", "x")][..], &[("aws:x", "")], &[("a", "1"), ("a", "2")], &[(&long, "")], &many] {
            assert!(tags(pairs).is_err(), "{pairs:?}");
        }
    }
}
