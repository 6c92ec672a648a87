//! One agent with a state of its own, and the stand-in for S3 that it ships to.

use crate::{
    floor::Codec,
    null_s3::{NullS3, Object},
};
use anyhow::{Context, Result, bail, ensure};
use headrig_tests::{
    measure::{self, Cost},
    process,
};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use std::{
    fs::{self, File},
    io::Read,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// How long it may take until everything that was written is stored.
const DELIVERY_LIMIT: Duration = Duration::from_secs(600);
/// The agent is asked how far it is only when nothing arrived for so long: answering costs it time.
const QUIET: Duration = Duration::from_millis(500);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How often is looked at what a running agent uses.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(500);
/// Warnings of an agent that are shown.
const WARNINGS_SHOWN_MAX: usize = 5;

/// What differs from one measurement to another; all else is as it is by default.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup<'a> {
    pub(super) codec: Codec,
    /// `chunk.age_max` as it is written in a configuration.
    pub(super) age_max: &'a str,
    /// The file or folder that is shipped.
    pub(super) include: &'a Path,
}

/// A folder with a configuration, and a running stand-in.
pub(super) struct Rig {
    folder: PathBuf,
    store: NullS3,
}

/// A running agent; killed when it is dropped before its end.
pub(super) struct Agent {
    child: Child,
    folder: PathBuf,
    ended: bool,
}

/// What the agent tells over its socket, as far as it is needed here.
#[derive(Debug, Deserialize)]
pub(super) struct Status {
    files: u64,
    bytes_sealed: u64,
    bytes_lost: u64,
    spool_bytes: u64,
}

/// What an agent used while it was looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched {
    /// CPU time as a part of the time that went by.
    pub(super) core_share: f64,
    pub(super) rss_bytes_max: u64,
    pub(super) descriptors_max: usize,
}

impl Rig {
    /// A new agent's home in `folder`, which is made.
    pub(super) fn new(folder: PathBuf, setup: Setup<'_>) -> Result<Self> {
        let store = NullS3::start(&folder.join("store"))?;
        let quoted = |path: &Path| -> Result<String> {
            let text = path.to_str().filter(|text| !text.contains('\''));
            Ok(format!("'{}'", text.context("the folder for temporary files has an odd name; set TMPDIR")?))
        };
        let config = format!(
            "[agent]\nhost = 'bench-1'\nstate_dir = {}\nstatus_socket = {}\n\
             [upload]\nbucket = 'logs'\nregion = 'eu-central-1'\nendpoint = '{}'\npath_style = true\n\
             [chunk]\ncodec = '{}'\nage_max = '{}'\n[heartbeat]\nenabled = false\n\
             [[source]]\nname = 'bench'\ninclude = [{}]\n",
            quoted(&folder.join("state"))?,
            quoted(&folder.join("agent.sock"))?,
            store.url(),
            setup.codec.name(),
            setup.age_max,
            quoted(setup.include)?
        );
        fs::write(folder.join("agent.toml"), config)?;
        Ok(Self { folder, store })
    }

    /// Starts the agent, with no settings but those of the configuration.
    pub(super) fn start(&self) -> Result<Agent> {
        let child = Command::new(process::agent_binary()?)
            .args(["run", "--config"])
            .arg(self.folder.join("agent.toml"))
            .env_clear()
            .envs([
                ("AWS_ACCESS_KEY_ID", "AKIABENCH"),
                ("AWS_SECRET_ACCESS_KEY", "none"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
            ])
            .stdin(Stdio::null())
            .stderr(File::create(self.folder.join("agent.log"))?)
            .spawn()
            .context("starting the agent")?;
        Ok(Agent { child, folder: self.folder.clone(), ended: false })
    }

    /// Waits until so many raw bytes are sealed, and all that is sealed is stored.
    pub(super) fn wait_stored(&self, agent: &mut Agent, raw_bytes: u64) -> Result<()> {
        let begun = Instant::now();
        let (mut index_bytes, mut quiet_since) = (0, Instant::now());
        loop {
            agent.still_runs()?;
            let now_bytes = self.store.index_bytes();
            if now_bytes != index_bytes {
                (index_bytes, quiet_since) = (now_bytes, Instant::now());
            } else if quiet_since.elapsed() >= QUIET {
                let status = agent.status()?;
                if status.bytes_sealed >= raw_bytes && status.spool_bytes == 0 {
                    ensure!(status.bytes_lost == 0, "the agent counts {} bytes as lost", status.bytes_lost);
                    return Ok(());
                }
                ensure!(
                    begun.elapsed() < DELIVERY_LIMIT,
                    "waited {DELIVERY_LIMIT:?} in vain until {raw_bytes} bytes are stored: {status:?}; {}",
                    agent.said()
                );
                quiet_since = Instant::now();
            }
            sleep(POLL_INTERVAL);
        }
    }

    /// What was stored, in the order of arrival.
    pub(super) fn objects(&self) -> Result<Vec<Object>> {
        self.store.objects()
    }

    /// Waits until the agent knows so many files.
    pub(super) fn wait_known(agent: &mut Agent, files: u32) -> Result<()> {
        process::wait_until("the agent knows all files", process::ANSWER_LIMIT, || {
            sleep(QUIET);
            agent.still_runs()?;
            // It has no socket in its first moments.
            Ok(agent.status().is_ok_and(|status| status.files >= u64::from(files)))
        })
    }
}

impl Agent {
    /// Ends it by SIGTERM. What it cost from its start on.
    pub(super) fn end(mut self) -> Result<Cost> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("ending the agent")?;
        let watched = measure::watch(&mut self.child, process::ANSWER_LIMIT);
        self.ended = true;
        let (status, cost) = watched?;
        ensure!(status.success(), "the agent ended with {status}; {}", self.said());
        let warnings = self.warnings();
        if !warnings.is_empty() {
            println!("the agent warned {} times, such as:", warnings.len());
            warnings.iter().take(WARNINGS_SHOWN_MAX).for_each(|line| println!("    {line}"));
        }
        Ok(cost)
    }

    /// Looks at what it uses as long as `goes_on`.
    pub(super) fn watch_while(&mut self, mut goes_on: impl FnMut() -> bool) -> Result<Watched> {
        let (begun, first) = (Instant::now(), measure::usage(self.child.id())?);
        let mut watched = Watched { core_share: 0.0, rss_bytes_max: 0, descriptors_max: 0 };
        loop {
            let usage = match measure::usage(self.child.id()) {
                Ok(usage) => usage,
                // A process that is ending has no memory any more; how it ended tells more.
                Err(error) => {
                    sleep(SAMPLE_INTERVAL);
                    self.still_runs()?;
                    return Err(error);
                }
            };
            self.still_runs()?;
            watched.rss_bytes_max = watched.rss_bytes_max.max(usage.rss_bytes);
            watched.descriptors_max = watched.descriptors_max.max(usage.descriptors);
            if !goes_on() {
                let cpu = usage.cpu.saturating_sub(first.cpu);
                watched.core_share = cpu.as_secs_f64() / begun.elapsed().as_secs_f64();
                return Ok(watched);
            }
            sleep(SAMPLE_INTERVAL);
        }
    }

    fn status(&self) -> Result<Status> {
        let mut connection =
            UnixStream::connect(self.folder.join("agent.sock")).context("asking the agent for its status")?;
        connection.set_read_timeout(Some(process::ANSWER_LIMIT))?;
        let mut text = String::new();
        connection.read_to_string(&mut text)?;
        serde_json::from_str(&text).with_context(|| format!("expected the agent's status, found {text:?}"))
    }

    fn still_runs(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            self.ended = true;
            bail!("the agent ended by itself with {status}; {}", self.said());
        }
        Ok(())
    }

    fn said(&self) -> String {
        let log = fs::read_to_string(self.folder.join("agent.log")).unwrap_or_default();
        format!("it had said:\n{log}")
    }

    fn warnings(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.join("agent.log")).unwrap_or_default();
        let is_warning = |line: &&str| line.contains(" WARN ") || line.contains("ERROR ");
        log.lines().filter(is_warning).map(str::to_owned).collect()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if !self.ended {
            // A failure here means that it is gone, which is what is wanted.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Bytes as MiB.
pub(super) fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
