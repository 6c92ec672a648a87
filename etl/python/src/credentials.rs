//! The credentials of boto3's session for the ledger's calls, so that a job has one place to take them from.
//!
//! Glue gives its jobs credentials in ways that boto3 knows and the Rust SDK need not know.

use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, error::CredentialsError, future},
};
use pyo3::prelude::*;
use std::time::{Duration, SystemTime};

/// The name under which the SDK tells where credentials come from.
const PROVIDER: &str = "boto3";

/// Key, secret, token, and when they end, in seconds since 1970.
type Frozen = (String, String, Option<String>, Option<u64>);

/// A Python function that gives credentials.
#[derive(Debug)]
pub(crate) struct PythonCredentials {
    source: Py<PyAny>,
}

impl PythonCredentials {
    /// Those that `source()` returns, asked again when they have ended.
    pub(crate) fn new(source: Py<PyAny>) -> Self {
        Self { source }
    }

    fn read(&self) -> provider::Result {
        let frozen: PyResult<Frozen> = Python::attach(|py| self.source.call0(py)?.extract(py));
        let (key, secret, token, ends) = frozen.map_err(CredentialsError::not_loaded)?;
        let ends = ends.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        Ok(Credentials::new(key, secret, token, ends, PROVIDER))
    }
}

impl ProvideCredentials for PythonCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(self.read())
    }
}
