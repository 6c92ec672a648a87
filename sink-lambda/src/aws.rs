//! The ports over AWS, each a thin adapter: one call, and its failure in the sink's words.
//!
//! It decides nothing. The core waits for each call, so an adapter blocks: [`Calls`] runs the SDK's futures on the
//! runtime that serves the function. Clients are made when they are first needed, so that a cold start pays for none.

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
use aws_config::{AppName, BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};
use std::{error::Error, future::Future, time::Duration};
use tokio::runtime::Handle;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long one attempt of a call may take until its answer begins.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Attempts of a call that may be repeated without harm.
const ATTEMPTS_MAX: u32 = 3;
/// The longest text that is taken over from a service, in bytes.
const REASON_BYTES_MAX: usize = 600;

/// Waits for AWS on behalf of code that blocks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Calls {
    handle: Handle,
    config: SdkConfig,
}

impl Calls {
    /// Calls on the runtime of `handle`. Contacts nothing: region and credentials are the environment's.
    pub async fn new(handle: Handle) -> Self {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let times = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .timeout_config(times)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX))
            .app_name(
                AppName::new("headrig-sink").expect("letters and a dash are valid in an application name"),
            )
            .load()
            .await;
        Self { handle, config }
    }

    /// What clients are made from.
    pub const fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// Waits for a call. Not to be used on a thread that serves the runtime.
    pub fn wait<T>(&self, call: impl Future<Output = T>) -> T {
        self.handle.block_on(call)
    }
}

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
