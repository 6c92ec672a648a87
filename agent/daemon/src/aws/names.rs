//! Names that AWS gives meaning to, checked at the edge: a name that is no name never leaves the configuration.

use std::{fmt, str::FromStr};

/// Why a text is not the setting it was given for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found:?}")]
pub struct SettingError {
    /// What the setting takes.
    pub expected: &'static str,
    /// The text that was given.
    pub found: String,
}

/// An AWS region, such as `eu-central-1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionName(String);

/// The ARN of an IAM role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleArn(String);

/// What the session of an assumed role is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionName(String);

/// The URL of a service that is to be used instead of AWS's own: `http` or `https`, without user, query and
/// fragment, kept without a slash at its end. It never holds a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(String);

impl RegionName {
    /// The region as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RoleArn {
    /// The ARN as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SessionName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Endpoint {
    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RegionName {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let fits = (1..=63).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        checked(fits, "a region such as eu-central-1", text).map(Self)
    }
}

impl FromStr for RoleArn {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().unwrap_or_default();
        let (arn, partition, service, _, account, role) = (next(), next(), next(), next(), next(), next());
        let fits = arn == "arn"
            && partition.starts_with("aws")
            && service == "iam"
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && role.strip_prefix("role/").is_some_and(|name| !name.is_empty())
            && !role.contains(char::is_whitespace);
        checked(fits, "a role's ARN such as arn:aws:iam::123456789012:role/agent", text).map(Self)
    }
}

impl FromStr for SessionName {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let fits = (2..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte));
        checked(fits, "2 to 64 letters, digits or any of _+=,.@-", text).map(Self)
    }
}

impl FromStr for Endpoint {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let fits = rest.is_some_and(|rest| {
            !rest.is_empty()
                && !rest.starts_with(['/', ':'])
                && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"@?#\\\"<>".contains(&byte))
        });
        // A text with a user in it may hold a password: it is not repeated.
        let shown = if text.contains('@') { "a URL with a user in it" } else { text };
        checked(fits, "a URL such as https://s3.example.org without user and query", shown)?;
        Ok(Self(text.trim_end_matches('/').into()))
    }
}

fn checked(fits: bool, expected: &'static str, text: &str) -> Result<String, SettingError> {
    if fits { Ok(text.into()) } else { Err(SettingError { expected, found: text.into() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr>(good: &[&str], bad: &[&str]) {
        good.iter().for_each(|text| assert!(text.parse::<T>().is_ok(), "{text:?}"));
        bad.iter().for_each(|text| assert!(text.parse::<T>().is_err(), "{text:?}"));
    }

    #[test]
    fn names_that_aws_would_refuse_are_refused_at_once() {
        check::<RegionName>(&["eu-central-1", "us-gov-west-1", "local"], &["", "eu central", "EU-WEST-1"]);
        check::<RoleArn>(
            &["arn:aws:iam::123456789012:role/agent", "arn:aws-cn:iam::123456789012:role/path/agent"],
            &["", "agent", "arn:aws:iam::123:role/agent", "arn:aws:iam::123456789012:user/agent"],
        );
        check::<SessionName>(&["headrig", "web-1@prod"], &["", "x", "a b", &"x".repeat(65)]);
        check::<Endpoint>(
            &["http://127.0.0.1:9000", "https://s3.example.org", "https://example.org/s3", "http://[::1]:9"],
            &["", "s3.example.org", "ftp://x", "https://", "https:///x", "https://a b", "https://x?y=z"],
        );
    }

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        let error = "https://user:secret@example.org".parse::<Endpoint>().unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
