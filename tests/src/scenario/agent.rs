//! `headrig-agent run` with a configuration of the scenario's making.

use crate::process::{ANSWER_LIMIT, Finished, Running, agent_binary, wait_until};
use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;
use std::{
    cell::RefCell,
    ffi::OsString,
    fs,
    io::Read,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// How long the status may take.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);
/// A proxy of the machine's has no part in this.
const PROXY_VARIABLES: [&str; 6] =
    ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];

/// How the agent is set up. It seals soon and small, so that a scenario takes seconds.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The bucket.
    pub bucket: String,
    /// The folder of the state database and the spool.
    pub state_dir: PathBuf,
    /// The codec.
    pub codec: &'static str,
    /// Compressed bytes after which a chunk is sealed.
    pub chunk_bytes_max: u64,
    /// Bytes in the spool at which reading stops.
    pub spool_bytes_max: u64,
    /// How many sources there are. One takes every log; of several each takes the logs `0-*`, `1-*` and so on.
    pub sources: usize,
    /// Where metrics go; none are sent where nothing is given.
    pub heartbeat_endpoint: Option<String>,
    /// More variables of the environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Words before the agent's own command line: a program that runs it.
    pub runner: Vec<OsString>,
}

/// An agent that runs; it is killed when it is dropped.
#[derive(Debug)]
pub struct Agent {
    running: RefCell<Running>,
    socket: PathBuf,
}

impl Setup {
    pub(super) fn in_folder(folder: &Path) -> Self {
        let keys = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
        Self {
            bucket: String::new(),
            state_dir: folder.join("state"),
            codec: "zstd",
            chunk_bytes_max: 256 << 10,
            spool_bytes_max: 1 << 30,
            sources: 1,
            heartbeat_endpoint: None,
            environment: keys.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            runner: Vec::new(),
        }
    }

    /// Gives the agent a variable, in place of one of the same name.
    pub fn variable(&mut self, name: &str, value: impl Into<OsString>) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.into(), value.into()));
    }

    fn config(&self, folder: &Path, endpoint: &str) -> String {
        let heartbeat = self
            .heartbeat_endpoint
            .as_ref()
            .map_or_else(|| "enabled = false".into(), |url| format!("interval = '10s'\nendpoint = '{url}'"));
        let (folder, state) = (folder.display(), self.state_dir.display());
        let source = |name: &str, logs: String| {
            format!("[[source]]\nname = '{name}'\ninclude = ['{folder}/logs{logs}']\n")
        };
        let sources: String = match self.sources {
            1 => source("app", String::new()),
            several => (0..several).map(|n| source(&format!("app-{n}"), format!("/{n}-*"))).collect(),
        };
        let Self { bucket, codec, chunk_bytes_max, spool_bytes_max, .. } = self;
        format!(
            "[agent]\nhost = 'web-1'\nstate_dir = '{state}'\nstatus_socket = '{folder}/agent.sock'\n\
             [upload]\nbucket = '{bucket}'\nprefix = 'fleet'\nregion = 'us-east-1'\nendpoint = '{endpoint}'\n\
             path_style = true\nattempt_timeout = '10s'\n\
             [chunk]\ncodec = '{codec}'\nbytes_max = {chunk_bytes_max}\nage_max = '1s'\nevent_hold = '100ms'\n\
             [spool]\nbytes_max = {spool_bytes_max}\n\
             [heartbeat]\n{heartbeat}\n{sources}"
        )
    }

    fn command(&self, config: &Path) -> Result<Command> {
        let binary = agent_binary()?;
        let mut words = self.runner.iter().cloned().chain([binary.into_os_string()]);
        let mut command = Command::new(words.next().context("a command has a first word")?);
        command.args(words).args(["run", "--config"]).arg(config);
        for name in PROXY_VARIABLES {
            command.env_remove(name);
        }
        command.env("AWS_EC2_METADATA_DISABLED", "true").envs(self.environment.iter().cloned());
        Ok(command)
    }
}

impl Agent {
    pub(super) fn start(setup: &Setup, folder: &Path, endpoint: &str) -> Result<Self> {
        let config = folder.join("agent.toml");
        fs::write(&config, setup.config(folder, endpoint))?;
        let running = RefCell::new(Running::start(setup.command(&config)?)?);
        Ok(Self { running, socket: folder.join("agent.sock") })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.running.borrow().id()
    }

    /// What it tells of itself; nothing where it does not answer.
    pub fn status(&self) -> Option<Value> {
        let mut connection = UnixStream::connect(&self.socket).ok()?;
        connection.set_read_timeout(Some(STATUS_TIMEOUT)).ok()?;
        let mut text = String::new();
        connection.read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// One figure of its status.
    pub fn figure(&self, name: &str) -> Option<u64> {
        self.status()?.get(name)?.as_u64()
    }

    /// Whether it has put off a file, the nature of which shows only later.
    pub fn waits_for_files(&self) -> bool {
        let status = self.status().unwrap_or_default();
        let mut streams = status["streams"].as_array().into_iter().flatten();
        streams.any(|stream| ["waiting", "reading", "held"].iter().any(|state| stream["state"] == *state))
    }

    /// The last error of its status.
    pub fn last_error(&self) -> Option<String> {
        Some(self.status()?.get("last_error")?.as_str()?.to_owned())
    }

    /// Waits until the status satisfies `condition`.
    ///
    /// # Errors
    /// When it has not in time.
    pub fn tells(&self, what: &str, condition: impl Fn(&Value) -> bool) -> Result<()> {
        let holds = || {
            self.lives()?;
            Ok(self.status().is_some_and(|status| condition(&status)))
        };
        wait_until(what, ANSWER_LIMIT, holds).with_context(|| format!("{:?}\n{}", self.status(), self.said()))
    }

    /// Whether it runs, as it should.
    ///
    /// # Errors
    /// When it has ended by itself.
    pub fn lives(&self) -> Result<()> {
        ensure!(!self.running.borrow_mut().has_ended()?, "the agent has ended:\n{}", self.said());
        Ok(())
    }

    /// Waits until it answers.
    ///
    /// # Errors
    /// When it does not in time.
    pub fn is_up(&self) -> Result<()> {
        self.tells("the agent answers", |_| true)
    }

    /// Waits until the last error of its status has `text` in it.
    ///
    /// # Errors
    /// When it has not in time.
    pub fn complains_of(&self, text: &str) -> Result<()> {
        self.tells(&format!("the agent tells of {text:?}"), |status| {
            status["last_error"].as_str().is_some_and(|error| error.contains(text))
        })
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.running.borrow().signal(signal)
    }

    /// Kills it. Whether it lived until then.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn kill(self) -> Result<bool> {
        self.running.into_inner().kill()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn finish(self) -> Result<Finished> {
        self.running.into_inner().finish(ANSWER_LIMIT)
    }

    /// What it logged so far.
    pub fn said(&self) -> String {
        self.running.borrow().stderr_so_far().unwrap_or_default()
    }
}
