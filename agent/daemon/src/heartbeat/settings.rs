//! What an operator says about the heartbeat.

use crate::aws::{Access, Endpoint, SettingError};
use std::{fmt, str::FromStr, time::Duration};

/// How often by default.
const INTERVAL: Duration = Duration::from_secs(60);
/// How long a report may take by default. The next one makes up for it.
const TIMEOUT: Duration = Duration::from_secs(10);
/// CloudWatch's longest namespace, in characters.
const NAMESPACE_CHARS_MAX: usize = 255;

/// Whether, where and how often the agent reports.
#[derive(Clone, Debug)]
pub struct HeartbeatSettings {
    /// Whether at all; needs cloudwatch:PutMetricData.
    pub enabled: bool,
    /// How often.
    pub interval: Duration,
    /// The namespace of the metrics.
    pub namespace: Namespace,
    /// The region and the credentials.
    pub access: Access,
    /// A service to use instead of Amazon's.
    pub endpoint: Option<Endpoint>,
    /// How long a report may take.
    pub timeout: Duration,
}

impl Default for HeartbeatSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: INTERVAL,
            namespace: Namespace::default(),
            access: Access::default(),
            endpoint: None,
            timeout: TIMEOUT,
        }
    }
}

/// The namespace of metrics: 1 to 255 characters, not beginning with `AWS/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace(String);

impl Namespace {
    /// The namespace as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self("headrig".into())
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Namespace {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let fits = (1..=NAMESPACE_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" ._-/#:".contains(&byte))
            && !text.trim().is_empty()
            && !text.starts_with("AWS/");
        if fits {
            return Ok(Self(text.into()));
        }
        let expected = "1 to 255 letters, digits, spaces or any of ._-/#:, not beginning with AWS/";
        Err(SettingError { expected, found: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_follow_the_rules_of_cloudwatch() {
        for text in ["headrig", "shop/logs", "a b"] {
            assert!(text.parse::<Namespace>().is_ok(), "{text:?}");
        }
        for text in ["", " ", "AWS/S3", "é", "a\nb", &"x".repeat(256)] {
            assert!(text.parse::<Namespace>().is_err(), "{text:?}");
        }
        assert_eq!(Namespace::default().as_str().parse(), Ok(Namespace::default()));
    }
}
