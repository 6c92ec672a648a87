//! moto, the stand-in that keeps Glue's limits, as a process of the test: a run is starting, runs and has succeeded
//! after a while, and a start over the job's MaxConcurrentRuns is refused.
//!
//! Invariant: it is killed, by its own id, when it is dropped.

use crate::{
    http::{self, Message},
    ministack::python_with,
    process::{ANSWER_LIMIT, Running, wait_until},
    site::skip,
};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Command,
};

/// A port that was free a moment ago may be taken by now.
const START_TRIES: u32 = 3;

/// A running moto.
#[derive(Debug)]
pub struct Moto {
    process: Running,
    address: SocketAddr,
}

/// A run of a job, as Glue tells of it.
#[derive(Clone, Debug)]
pub struct GlueRun {
    /// Its id.
    pub id: String,
    /// Its argument `--batches`.
    pub batches: String,
    /// `RUNNING`, say.
    pub state: String,
}

impl Moto {
    /// One for the test `what`, in which a run is starting for so many seconds and runs for as many; none, and the
    /// test is noted as skipped, where moto is not installed.
    ///
    /// # Errors
    /// When it does not start; in CI also when it is not installed.
    pub fn start(what: &str, run_seconds: u32) -> Result<Option<Self>> {
        let Some(python) = python_with("moto_server") else {
            ensure!(std::env::var_os("CI").is_none(), "CI has moto in .venv; run `cargo xtask test`");
            skip(what, "no moto in .venv; `cargo xtask test` installs it");
            return Ok(None);
        };
        for _ in 0..START_TRIES {
            if let Some(started) = Self::start_by(&python.with_file_name("moto_server"))? {
                started.slow_down(run_seconds)?;
                return Ok(Some(started));
            }
        }
        bail!("moto ended at once, {START_TRIES} times")
    }

    fn start_by(program: &Path) -> Result<Option<Self>> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &address.port().to_string()]);
        let mut process = Running::start(command)?;
        let health = Message::request("GET", "/moto-api/data.json");
        let mut answers = false;
        wait_until("moto answers", ANSWER_LIMIT, || {
            answers = http::ask(address, &health).is_ok_and(|answer| answer.status().ok() == Some(200));
            Ok(answers || process.has_ended()?)
        })?;
        let alive = answers && !process.has_ended()?;
        Ok(alive.then_some(Self { process, address }))
    }

    fn slow_down(&self, seconds: u32) -> Result<()> {
        let mut request = Message::request("POST", "/moto-api/state-manager/set-transition")
            .with("content-type", "application/json");
        let transition = json!({"progression": "time", "seconds": seconds});
        request.body = json!({"model_name": "glue::job_run", "transition": transition}).to_string().into();
        let answer = http::ask(self.address, &request)?;
        ensure!((200..300).contains(&answer.status()?), "{}", answer.start);
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes a job of which so many runs may be under way at once.
    ///
    /// # Errors
    /// When it is refused.
    pub fn make_job(&self, name: &str, runs_max: u32) -> Result<()> {
        let parameters = json!({
            "Name": name,
            "Role": "arn:aws:iam::123456789012:role/job",
            "Command": {"Name": "glueetl", "ScriptLocation": "s3://scripts/job.py"},
            "ExecutionProperty": {"MaxConcurrentRuns": runs_max},
        });
        self.glue("CreateJob", &parameters).map(drop)
    }

    /// Every run of the job, whatever became of it.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn runs(&self, job: &str) -> Result<Vec<GlueRun>> {
        let mut runs = Vec::new();
        let mut token = Value::Null;
        loop {
            let mut parameters = json!({"JobName": job, "MaxResults": 200});
            if token.is_string() {
                parameters["NextToken"] = token;
            }
            let page = self.glue("GetJobRuns", &parameters)?;
            for run in page["JobRuns"].as_array().context("a list of runs")? {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                runs.push(GlueRun {
                    id: text(&run["Id"]),
                    batches: text(&run["Arguments"]["--batches"]),
                    state: text(&run["JobRunState"]),
                });
            }
            token = page["NextToken"].clone();
            if !token.is_string() {
                return Ok(runs);
            }
        }
    }

    fn glue(&self, operation: &str, parameters: &Value) -> Result<Value> {
        let mut request = Message::request("POST", "/")
            .with("content-type", "application/x-amz-json-1.1")
            .with("x-amz-target", &format!("AWSGlue.{operation}"))
            .with("authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/glue/aws4_request, SignedHeaders=host, Signature=0");
        request.body = parameters.to_string().into();
        let answer = http::ask(self.address, &request)
            .with_context(|| format!("{operation}: {}", self.process.stderr_so_far().unwrap_or_default()))?;
        let body = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status()? == 200, "{operation}: {} {body}", answer.start);
        Ok(serde_json::from_str(&body)?)
    }
}
