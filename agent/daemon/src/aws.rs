//! How the agent reaches AWS: in which region, with whose credentials, over which connections.
//!
//! Knows no S3 and no CloudWatch. Invariants: nothing is contacted and no file is read before the first call
//! that needs it, so the agent starts without a network; and what was found once is looked up anew after it
//! was refused, so new credentials need no restart.

mod failure;
mod names;

pub use failure::Answer;
pub(crate) use failure::Failure;
pub use names::{Endpoint, RegionName, RoleArn, SessionName, SettingError};

use aws_config::{
    AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig,
    environment::EnvironmentVariableRegionProvider,
    meta::region::RegionProviderChain,
    profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider},
    provider_config::ProviderConfig,
    sts::AssumeRoleProvider,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_smithy_http_client::{
    Builder, ConnectorBuilder,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use std::{fmt, future::Future, path::PathBuf, time::Duration};
use tokio::sync::Mutex;

/// The region signed for where an endpoint is given and nothing names one: what S3's look-alikes expect.
const REGION_OF_ENDPOINTS: Region = Region::from_static("us-east-1");
/// How long an unused connection is kept. S3 closes them after about as long.
const CONNECTION_IDLE: Duration = Duration::from_secs(20);
/// Unused connections kept to one host: as many as there are uploads at once.
const CONNECTIONS_IDLE_MAX: usize = 4;

/// Where the region and the credentials come from; the default is the usual chain (environment, profile,
/// web identity, container, instance).
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The region; by default that of the environment, the profile or the instance.
    pub region: Option<RegionName>,
    /// The profile to use, and nothing else.
    pub profile: Option<String>,
    /// The credentials file to use instead of `~/.aws/credentials`, and nothing else.
    pub credentials_file: Option<PathBuf>,
    /// A role to assume with those credentials.
    pub assume_role: Option<AssumeRole>,
}

/// A role to assume.
#[derive(Clone)]
pub struct AssumeRole {
    /// Which one.
    pub arn: RoleArn,
    /// What the session is called in CloudTrail.
    pub session_name: SessionName,
    /// What the role's owner asks for, where it belongs to another account.
    pub external_id: Option<String>,
}

impl fmt::Debug for AssumeRole {
    /// Some owners treat the external id as a secret: it is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (arn, session_name) = (&self.arn, &self.session_name);
        let mut shown = f.debug_struct("AssumeRole");
        shown.field("arn", arn).field("session_name", session_name).finish_non_exhaustive()
    }
}

/// Connections to AWS, shared by all clients; TLS by rustls with the system's certificates, through the
/// proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connections {
    http: SharedHttpClient,
}

impl Default for Connections {
    fn default() -> Self {
        let http = Builder::new()
            .pool_idle_timeout(CONNECTION_IDLE)
            .pool_max_idle_per_host(CONNECTIONS_IDLE_MAX)
            .build_with_connector_fn(|settings, components| {
                let mut connector =
                    ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::Ring));
                connector.set_connector_settings(settings.cloned());
                connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
                connector.set_proxy_config(Some(ProxyConfig::from_env()));
                connector.build()
            });
        Self { http }
    }
}

impl From<SharedHttpClient> for Connections {
    /// Connections of another kind, such as those of a test.
    fn from(http: SharedHttpClient) -> Self {
        Self { http }
    }
}

impl Connections {
    /// What a client is made from; nothing when no region is to be found. `endpoint_given` says that the
    /// service is not AWS's own, so that the instance need not be asked for its region.
    pub(crate) async fn config(&self, access: &Access, endpoint_given: bool) -> Option<SdkConfig> {
        let mut config = self.loader(access, endpoint_given).load().await;
        config.region()?;
        if access.profile.is_some() || access.credentials_file.is_some() {
            let provider = SharedCredentialsProvider::new(self.profile_credentials(access, &config));
            config = config.into_builder().credentials_provider(provider).build();
        }
        if let Some(role) = &access.assume_role {
            let provider = SharedCredentialsProvider::new(assumed(role, &config).await);
            config = config.into_builder().credentials_provider(provider).build();
        }
        Some(config)
    }

    fn loader(&self, access: &Access, endpoint_given: bool) -> ConfigLoader {
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(self.http.clone())
            .app_name(AppName::new("headrig").expect("letters are valid in an application name"));
        if let Some(profile) = &access.profile {
            loader = loader.profile_name(profile);
        }
        if access.credentials_file.is_some() {
            loader = loader.profile_files(profile_files(access));
        }
        match &access.region {
            Some(region) => loader.region(Region::new(region.as_str().to_owned())),
            None if endpoint_given => loader.region(region_without_instance(access)),
            None => loader,
        }
    }

    fn profile_credentials(&self, access: &Access, config: &SdkConfig) -> ProfileFileCredentialsProvider {
        let connections = ProviderConfig::without_region()
            .with_http_client(self.http.clone())
            .with_region(config.region().cloned());
        let mut provider = ProfileFileCredentialsProvider::builder()
            .configure(&connections)
            .profile_files(profile_files(access));
        if let Some(profile) = &access.profile {
            provider = provider.profile_name(profile);
        }
        provider.build()
    }
}

/// A client that is made when it is first needed, and anew after [`LazyClient::forget`].
pub(crate) struct LazyClient<C> {
    made: Mutex<Option<C>>,
}

impl<C> Default for LazyClient<C> {
    fn default() -> Self {
        Self { made: Mutex::new(None) }
    }
}

impl<C: Clone> LazyClient<C> {
    /// The client, made by `make` where there is none.
    pub(crate) async fn or_make(&self, make: impl Future<Output = Option<C>>) -> Option<C> {
        let mut made = self.made.lock().await;
        if made.is_none() {
            *made = make.await;
        }
        made.clone()
    }

    /// Has the client made anew: its files read again, its credentials asked for again.
    pub(crate) async fn forget(&self) {
        *self.made.lock().await = None;
    }
}

impl<C> fmt::Debug for LazyClient<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyClient").finish_non_exhaustive()
    }
}

async fn assumed(role: &AssumeRole, config: &SdkConfig) -> AssumeRoleProvider {
    let mut provider = AssumeRoleProvider::builder(role.arn.as_str())
        .session_name(role.session_name.as_str())
        .configure(config);
    if let Some(external_id) = &role.external_id {
        provider = provider.external_id(external_id);
    }
    provider.build().await
}

fn profile_files(access: &Access) -> EnvConfigFiles {
    let files = EnvConfigFiles::builder().include_default_config_file(true);
    match &access.credentials_file {
        Some(path) => files.with_file(EnvConfigFileKind::Credentials, path).build(),
        None => files.include_default_credentials_file(true).build(),
    }
}

fn region_without_instance(access: &Access) -> RegionProviderChain {
    let mut profile = ProfileFileRegionProvider::builder().profile_files(profile_files(access));
    if let Some(name) = &access.profile {
        profile = profile.profile_name(name);
    }
    RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(profile.build())
        .or_else(REGION_OF_ENDPOINTS)
}
