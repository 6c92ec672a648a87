//! What became of a call that did not succeed, in the agent's own words.
//!
//! Refuses to know which service was called. Invariant: no text in here holds more than the service's own
//! message and the chain of causes; requests, headers and credentials stay out.

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, client::result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::{error::Error, fmt};

/// The longest message taken over, in bytes; what a proxy puts into its error pages is endless.
const MESSAGE_BYTES_MAX: usize = 600;
/// Links of a chain of causes that tell an operator nothing.
const EMPTY_WORDS: [&str; 3] = ["dispatch failure", "io error", "other"];

/// An answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The service's error code, empty where it gave none.
    pub code: String,
    /// The service's message, empty where it gave none.
    pub message: String,
    /// The request's id, which AWS's support asks for.
    pub request_id: Option<String>,
    /// The region the bucket is in, where S3 told it.
    pub bucket_region: Option<String>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

/// Why a call did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The service answered, but not with a success.
    Answered(Box<Answer>),
    /// There are no credentials, or they could not be had.
    Credentials(String),
    /// No answer in time.
    Timeout(String),
    /// No connection, or it broke.
    Connection(String),
    /// What was to be sent could not be read or was too short.
    Body(String),
    /// Anything else.
    Other(String),
}

impl<E> From<SdkError<E, HttpResponse>> for Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        if let Some(answer) = answer(&error) {
            return Self::Answered(Box::new(answer));
        }
        let reason = causes(&error);
        if is_about_credentials(&error) {
            return Self::Credentials(reason);
        }
        match &error {
            SdkError::TimeoutError(_) => Self::Timeout(reason),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::Timeout(reason),
            SdkError::DispatchFailure(failure) if failure.is_user() => Self::Body(reason),
            // A connection that the other side closes half-way counts as "other" with a kind.
            SdkError::DispatchFailure(failure) if failure.is_io() || failure.as_other().is_some() => {
                Self::Connection(reason)
            }
            _ => Self::Other(reason),
        }
    }
}

fn answer<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<Answer> {
    let response = error.raw_response()?;
    let header = |name: &str| response.headers().get(name).map(|value| shortened(value.into()));
    let meta = error.as_service_error().map(ProvideErrorMetadata::meta);
    Some(Answer {
        status: response.status().as_u16(),
        code: meta.and_then(|meta| meta.code()).unwrap_or_default().into(),
        message: shortened(in_one_line(meta.and_then(|meta| meta.message()).unwrap_or_default())),
        request_id: header("x-amz-request-id").or_else(|| header("x-amzn-requestid")),
        bucket_region: header("x-amz-bucket-region"),
    })
}

fn is_about_credentials(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| cause.is::<CredentialsError>())
}

/// The chain of causes in one line, each text once.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for text in chain(error).map(|cause| in_one_line(&cause.to_string())) {
        if !EMPTY_WORDS.contains(&text.as_str()) && !texts.iter().any(|before| before.contains(&text)) {
            texts.push(text);
        }
    }
    shortened(texts.join(": "))
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn in_one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join("; ").replace(":; ", ": ")
}

fn shortened(mut text: String) -> String {
    if text.len() > MESSAGE_BYTES_MAX {
        text.truncate(text.floor_char_boundary(MESSAGE_BYTES_MAX));
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::client::result::ConnectorError;

    #[test]
    fn an_answer_is_told_in_one_line() {
        let mut answer = Answer {
            status: 403,
            code: "AccessDenied".into(),
            message: "Access Denied".into(),
            request_id: Some("4442587FB7D0A2F9".into()),
            bucket_region: None,
        };
        assert_eq!(answer.to_string(), "403 AccessDenied: Access Denied (request 4442587FB7D0A2F9)");
        (answer.code, answer.message, answer.request_id) = (String::new(), String::new(), None);
        assert_eq!(answer.to_string(), "403");
    }

    #[test]
    fn causes_are_told_in_one_line_without_empty_words() {
        let lost = std::io::Error::other("none found. Tried:\n  Environment: unset\n  Profile: none");
        let error =
            SdkError::<std::fmt::Error, HttpResponse>::dispatch_failure(ConnectorError::io(lost.into()));
        assert_eq!(causes(&error), "none found. Tried: Environment: unset; Profile: none");
    }

    #[test]
    fn messages_are_bounded_and_cut_between_characters() {
        let text = shortened("é".repeat(1_000));
        assert!(text.len() <= MESSAGE_BYTES_MAX + 3 && text.ends_with("..."));
    }
}
