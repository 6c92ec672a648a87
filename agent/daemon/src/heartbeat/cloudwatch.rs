//! Sends reports to CloudWatch by PutMetricData, one attempt each, within a bounded time.

use crate::{
    aws::{Answer, Connections, Failure, LazyClient},
    heartbeat::HeartbeatSettings,
};
use aws_sdk_cloudwatch::{
    Client,
    config::{Builder, retry::RetryConfig, timeout::TimeoutConfig},
    types::MetricDatum,
};

/// CloudWatch for one agent. It contacts nothing before the first report.
#[derive(Debug)]
pub struct CloudWatch {
    settings: HeartbeatSettings,
    connections: Connections,
    client: LazyClient<Client>,
}

impl CloudWatch {
    /// Reports as `settings` say.
    pub fn new(settings: HeartbeatSettings, connections: Connections) -> Self {
        Self { settings, connections, client: LazyClient::default() }
    }

    /// Sends `data` in one request. A report that timed out may have arrived all the same.
    ///
    /// # Errors
    /// [`ReportError`]; all of them may pass, and none is a reason to stop shipping.
    pub async fn put(&self, data: Vec<MetricDatum>) -> Result<(), ReportError> {
        let client = self.client.or_make(self.make_client()).await.ok_or(ReportError::NoRegion)?;
        let request =
            client.put_metric_data().namespace(self.settings.namespace.as_str()).set_metric_data(Some(data));
        let Err(error) = request.send().await else { return Ok(()) };
        let error = judge(error.into());
        if matches!(error, ReportError::Credentials { .. }) {
            self.client.forget().await;
        }
        Err(error)
    }

    async fn make_client(&self) -> Option<Client> {
        let endpoint_given = self.settings.endpoint.is_some();
        let config = self.connections.config(&self.settings.access, endpoint_given).await?;
        let time = TimeoutConfig::builder()
            .connect_timeout(self.settings.timeout)
            .operation_timeout(self.settings.timeout)
            .build();
        let mut builder = Builder::from(&config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(time)
            .disable_request_compression(true);
        if let Some(endpoint) = &self.settings.endpoint {
            builder = builder.endpoint_url(endpoint.as_str());
        }
        Some(Client::from_conf(builder.build()))
    }
}

/// Why a report is not known to have arrived.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The credentials are good but do not allow it.
    #[error(
        "not allowed to report to CloudWatch: {answer}; allow this agent cloudwatch:PutMetricData, or disable the heartbeat"
    )]
    AccessDenied {
        /// What CloudWatch said.
        answer: Box<Answer>,
    },
    /// There are no credentials, they could not be had, or CloudWatch does not take them.
    #[error(
        "no valid credentials for CloudWatch: {reason}; renew them, they are read again with every attempt"
    )]
    Credentials {
        /// What is wrong with them.
        reason: String,
    },
    /// Nothing tells the region.
    #[error("no region found for CloudWatch; set one in the configuration, in AWS_REGION or in the profile")]
    NoRegion,
    /// CloudWatch is away, or asks for fewer requests.
    #[error("CloudWatch is not available: {reason}; it passes by itself")]
    Unavailable {
        /// What went wrong.
        reason: String,
    },
    /// CloudWatch could not be reached in time.
    #[error("CloudWatch could not be reached: {reason}; check the network and the endpoint")]
    Unreachable {
        /// What went wrong.
        reason: String,
    },
    /// CloudWatch refused the report.
    #[error("CloudWatch refused the report: {answer}; correct the configuration it speaks of")]
    Refused {
        /// What CloudWatch said.
        answer: Box<Answer>,
    },
}

impl ReportError {
    /// A short name that stays the same over versions: the caller logs when it changes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::AccessDenied { .. } => "access_denied",
            Self::Credentials { .. } => "credentials",
            Self::NoRegion => "no_region",
            Self::Unavailable { .. } => "unavailable",
            Self::Unreachable { .. } => "unreachable",
            Self::Refused { .. } => "refused",
        }
    }
}

fn judge(failure: Failure) -> ReportError {
    match failure {
        Failure::Answered(answer) => judge_answer(answer),
        Failure::Credentials(reason) => ReportError::Credentials { reason },
        Failure::Timeout(reason) | Failure::Connection(reason) => ReportError::Unreachable { reason },
        Failure::Body(reason) | Failure::Other(reason) => ReportError::Unavailable { reason },
    }
}

/// The codes are those of the common errors of AWS; some services add "Exception".
fn judge_answer(answer: Box<Answer>) -> ReportError {
    match (answer.code.trim_end_matches("Exception"), answer.status) {
        (
            "ExpiredToken"
            | "UnrecognizedClient"
            | "InvalidClientTokenId"
            | "InvalidSignature"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "SignatureDoesNotMatch",
            _,
        )
        | (_, 401) => ReportError::Credentials { reason: answer.to_string() },
        ("Throttling" | "RequestLimitExceeded" | "TooManyRequests", _) | (_, 408 | 429 | 500..) => {
            ReportError::Unavailable { reason: answer.to_string() }
        }
        ("AccessDenied" | "NotAuthorized", _) | (_, 403) => ReportError::AccessDenied { answer },
        _ => ReportError::Refused { answer },
    }
}
