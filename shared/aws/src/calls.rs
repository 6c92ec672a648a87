//! How calls to AWS are made: one set of connections, time limits and retries, and a way to wait for them.
//!
//! It decides nothing, and contacts nothing by itself. The cores wait for each call, so an adapter blocks: [`Calls`]
//! runs the SDK's futures on a runtime that somebody else drives.

use crate::DynamoLedger;
use aws_config::{AppName, BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use std::{future::Future, time::Duration};
use tokio::runtime::Handle;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long one attempt of a call may take until its answer begins.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Attempts of a call that may be repeated without harm.
const ATTEMPTS_MAX: u32 = 3;

/// Waits for AWS on behalf of code that blocks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Calls {
    handle: Handle,
    config: SdkConfig,
}

impl Calls {
    /// Calls on the runtime of `handle`, which name themselves `app` to AWS. Contacts nothing: region and credentials
    /// are the environment's.
    pub async fn new(handle: Handle, app: AppName) -> Self {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let times = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .timeout_config(times)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX))
            .app_name(app)
            .load()
            .await;
        Self { handle, config }
    }

    /// Calls by that configuration: for stand-ins.
    pub const fn over(handle: Handle, config: SdkConfig) -> Self {
        Self { handle, config }
    }

    /// What clients are made from.
    pub const fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The ledger in the table `name`, over the same connections.
    pub fn ledger(&self, name: &str) -> DynamoLedger {
        let config = aws_sdk_dynamodb::config::Builder::from(&self.config);
        DynamoLedger::new(config, name, self.handle.clone())
    }

    /// Waits for a call. Not to be used on a thread that serves the runtime.
    pub fn wait<T>(&self, call: impl Future<Output = T>) -> T {
        self.handle.block_on(call)
    }
}
