//! The ports over AWS, each a thin adapter: one call, and its failure in the sink's words.
//!
//! It decides nothing. The core waits for each call, so an adapter blocks ([`headrig_aws::Calls`]). Clients are made when they are first needed, so that a cold start pays for none.

mod cloudwatch;
mod glue;
mod notes;
mod s3;
mod sns;

pub use cloudwatch::CloudWatchHeartbeats;
pub use glue::GlueJobs;
pub use notes::TableNotes;
pub use s3::{S3Lake, S3Objects};
pub use sns::SnsNotifier;

use crate::ports::CallError;
use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};
use std::error::Error;

/// The longest text that is taken over from a service, in bytes.
const REASON_BYTES_MAX: usize = 600;

/// What a service's error says.
struct Answer {
    /// Zero where there was none.
    status: u16,
    code: String,
    reason: String,
}

type SdkError<E> = aws_smithy_runtime_api::client::result::SdkError<
    E,
    aws_smithy_runtime_api::client::orchestrator::HttpResponse,
>;

impl Answer {
    fn of<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E>) -> Self {
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let code = error.code().unwrap_or_default().to_owned();
        let mut reason = match error.message() {
            Some(message) => format!("{status} {code}: {message}"),
            None => DisplayErrorContext(error).to_string(),
        };
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        Self { status, code, reason }
    }

    fn is_denied(&self) -> bool {
        self.status == 403 || self.code.starts_with("AccessDenied") || self.code == "AuthorizationError"
    }

    /// What is not known to be for good may pass.
    fn into_call_error(self, action: &'static str) -> CallError {
        let is_denied = self.is_denied();
        let reason = self.reason;
        match self.status {
            404 => CallError::Missing { action },
            409 | 412 => CallError::Conflict { action },
            _ if is_denied => CallError::Denied { action, reason },
            _ => CallError::Unavailable { action, reason },
        }
    }
}

fn failed<E: ProvideErrorMetadata + Error + 'static>(
    action: &'static str,
) -> impl FnOnce(SdkError<E>) -> CallError {
    move |error| Answer::of(&error).into_call_error(action)
}
