//! What a service's error says, in the words that all adapters share.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result};
use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};
use std::error::Error;

/// The longest text that is taken over from a service, in bytes.
const REASON_BYTES_MAX: usize = 600;

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
        let code = error.code().unwrap_or_default().to_owned();
        let mut reason = match error.message() {
            Some(message) => format!("{status} {code}: {message}"),
            None => DisplayErrorContext(error).to_string(),
        };
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        Self { status, code, reason }
    }

    /// Whether the caller may not do that.
    pub fn is_denied(&self) -> bool {
        self.status == 403 || self.code.starts_with("AccessDenied") || self.code == "AuthorizationError"
    }
}
