//! What a service's error says, in the words that all adapters share.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use headrig_notices::CallError;
use std::{error::Error, fmt::Debug};

/// The longest text that is taken over from a service, in bytes.
const REASON_BYTES_MAX: usize = 600;

/// How far an error's causes are followed.
const CAUSES_MAX: usize = 10;

/// How the codes begin that say who calls may not, or is not who it says; DynamoDB answers all of them with 400.
const DENIED: [&str; 7] = [
    "AccessDenied",
    "AuthorizationError",
    "ExpiredToken",
    "IncompleteSignature",
    "InvalidSignature",
    "MissingAuthenticationToken",
    "UnrecognizedClient",
];

/// An error of a call.
pub type SdkError<E> = result::SdkError<E, HttpResponse>;

/// What a service said to a call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status; zero where there was no answer.
    pub status: u16,
    /// The service's name for the error; empty where it has none.
    pub code: String,
    /// The error in words, of bounded length.
    pub reason: String,
}

impl Answer {
    /// What `error` says.
    pub fn of<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E>) -> Self {
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        Self { status, code: error.code().unwrap_or_default().to_owned(), reason: reason_of(error) }
    }

    /// It as the failure of a call that was to `action`. What is not known to be for good may pass.
    pub fn into_call_error(self, action: &'static str) -> CallError {
        let is_denied = self.is_denied();
        let reason = self.reason;
        match self.status {
            404 => CallError::Missing { action },
            _ if self.code == "ResourceNotFoundException" => CallError::Missing { action },
            409 | 412 => CallError::Conflict { action },
            _ if is_denied => CallError::Denied { action, reason },
            _ => CallError::Unavailable { action, reason },
        }
    }

    /// Whether the caller may not do that.
    pub fn is_denied(&self) -> bool {
        self.status == 403 || DENIED.iter().any(|code| self.code.starts_with(code))
    }
}

/// What an error says, for people: the service's own words, or what happened on the way there.
pub(crate) fn reason_of<E, R>(error: &result::SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
    R: Debug + 'static,
{
    let mut reason = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => chain(error),
    };
    reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
    reason
}

/// The error and its causes. The SDK's own display of both adds all fields of all of them.
fn chain(error: &dyn Error) -> String {
    let (mut told, mut next): (Vec<String>, _) = (Vec::new(), Some(error));
    for _ in 0..CAUSES_MAX {
        let Some(error) = next else { break };
        let cause = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        // Some say what their cause says, too.
        if !cause.is_empty() && told.last().is_none_or(|last| !last.ends_with(&cause)) {
            told.push(cause);
        }
        next = error.source();
    }
    told.join(": ")
}
