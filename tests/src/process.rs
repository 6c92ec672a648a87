//! Runs the real binary. Output goes to unnamed files, so no pipe fills up; a child that is dropped is
//! killed by its own id, and every wait has a limit.

use crate::summary::Summary;
use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal};
use std::{
    ffi::OsStr,
    fs::File,
    os::unix::{fs::FileExt, process::CommandExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// How long a run that ends by itself may take; the slowest is 300 MB on a loaded machine.
pub const RUN_LIMIT: Duration = Duration::from_secs(300);
/// How long a run may take to answer: to begin, to stop when told to, to take up a line.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A command line of the binary under test.
#[derive(Debug)]
pub struct Headrig(Command);

/// A run that goes on.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: File,
    stderr: File,
    ended: bool,
}

/// A run that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

/// The `headrig` under test: what `HEADRIG_BIN` names, else the one built beside this program.
///
/// # Errors
/// When there is none; the message says how to build it.
pub fn binary() -> Result<PathBuf> {
    binary_of("HEADRIG_BIN", "headrig", "headrig")
}

/// The `headrig-agent` under test: what `HEADRIG_AGENT_BIN` names, else the one built beside this program.
///
/// # Errors
/// As [`binary`].
pub fn agent_binary() -> Result<PathBuf> {
    binary_of("HEADRIG_AGENT_BIN", "headrig-agent", "headrig-agentd")
}

/// The sink's `bootstrap` under test: what `HEADRIG_SINK_BIN` names, else the one built beside this program.
///
/// # Errors
/// As [`binary`].
pub fn sink_binary() -> Result<PathBuf> {
    binary_of("HEADRIG_SINK_BIN", "bootstrap", "headrig-sink")
}

fn binary_of(variable: &str, name: &str, package: &str) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        let path = PathBuf::from(path);
        ensure!(path.is_file(), "{variable} names {}, which is no file", path.display());
        return Ok(path);
    }
    let here = std::env::current_exe().context("finding this program")?;
    let beside = here.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    beside.into_iter().find(|path| path.is_file()).with_context(|| {
        format!("{name} is not built; run `cargo xtask test`, or `cargo build -p {package}` first")
    })
}

impl Headrig {
    /// The binary with these arguments.
    ///
    /// # Errors
    /// When there is no binary.
    pub fn new<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut command = Command::new(binary()?);
        command.args(arguments);
        Ok(Self(command))
    }

    /// `headrig local INPUT... --lake LAKE --json`, to the end of the files.
    ///
    /// # Errors
    /// When there is no binary.
    pub fn local<S: AsRef<OsStr>>(inputs: impl IntoIterator<Item = S>, lake: &Path) -> Result<Self> {
        Ok(Self::new(["local"])?.arguments(inputs).arguments(["--json", "--lake"]).arguments([lake]))
    }

    /// More arguments.
    #[must_use]
    pub fn arguments<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.0.args(arguments);
        self
    }

    /// More variables of the environment.
    #[must_use]
    pub fn variables<S: AsRef<OsStr>>(
        mut self,
        variables: impl IntoIterator<Item = (&'static str, S)>,
    ) -> Self {
        self.0.envs(variables);
        self
    }

    /// Without a variable of the environment.
    #[must_use]
    pub fn without(mut self, variable: &str) -> Self {
        self.0.env_remove(variable);
        self
    }

    /// The same arguments for `binary`, a copy of the one under test, run by the user `user`.
    #[must_use]
    pub fn as_user(self, user: u32, binary: &Path) -> Self {
        let mut command = Command::new(binary);
        command.args(self.0.get_args()).uid(user).gid(user).current_dir("/");
        Self(command)
    }

    /// Starts it, with no input.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(self) -> Result<Running> {
        Running::start(self.0)
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When it cannot be started, or has not ended within [`RUN_LIMIT`].
    pub fn run(self) -> Result<Finished> {
        self.start()?.finish(RUN_LIMIT)
    }
}

impl Running {
    /// Starts `command`, with no input.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut command: Command) -> Result<Self> {
        let (stdout, stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
        let child = command
            .stdin(Stdio::null())
            .stdout(stdout.try_clone()?)
            .stderr(stderr.try_clone()?)
            .spawn()
            .with_context(|| format!("starting {:?}", command.get_program()))?;
        Ok(Self { child, stdout, stderr, ended: false })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn has_ended(&mut self) -> Result<bool> {
        self.ended = self.child.try_wait()?.is_some();
        Ok(self.ended)
    }

    /// What it has said so far.
    ///
    /// # Errors
    /// When the file it goes to cannot be read.
    pub fn stderr_so_far(&self) -> Result<String> {
        text_of(&self.stderr)
    }

    /// What it has printed so far.
    ///
    /// # Errors
    /// When the file it goes to cannot be read.
    pub fn stdout_so_far(&self) -> Result<String> {
        text_of(&self.stdout)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = i32::try_from(self.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("a process id is a positive i32")?;
        rustix::process::kill_process(id, signal).context("signalling a child")
    }

    /// Kills it with a signal that cannot be caught. Whether that is what ended it.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn kill(mut self) -> Result<bool> {
        self.child.kill()?;
        let status = self.child.wait()?;
        self.ended = true;
        Ok(status.signal() == Some(Signal::KILL.as_raw()))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it has not ended within `limit`; it is then killed.
    pub fn finish(mut self, limit: Duration) -> Result<Finished> {
        let ended = wait_until("the program ends", limit, || self.has_ended());
        if let Err(error) = ended {
            let said = self.stderr_so_far().unwrap_or_default();
            return Err(error.context(format!("it had said:\n{said}")));
        }
        let status = self.child.wait()?;
        Ok(Finished { status, stdout: text_of(&self.stdout)?, stderr: text_of(&self.stderr)? })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            // A failure here means that it is gone, which is what is wanted.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Finished {
    /// The summary, after an end with exit code `code`.
    ///
    /// # Errors
    /// When the code is another, or standard output is not one summary.
    pub fn summary(&self, code: i32) -> Result<Summary> {
        ensure!(self.status.code() == Some(code), "expected exit code {code}, found {self}");
        serde_json::from_str(&self.stdout)
            .with_context(|| format!("expected one summary on standard output, {self}"))
    }

    /// What it said, after an end with exit code `code`.
    ///
    /// # Errors
    /// When the code is another.
    pub fn said(&self, code: i32) -> Result<&str> {
        ensure!(self.status.code() == Some(code), "expected exit code {code}, found {self}");
        Ok(&self.stderr)
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n--- stdout\n{}\n--- stderr\n{}", self.status, self.stdout, self.stderr)
    }
}

/// Asks `condition` again and again until it holds.
///
/// # Errors
/// When it fails, or has not held within `limit`.
pub fn wait_until(what: &str, limit: Duration, mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !condition()? {
        if begun.elapsed() > limit {
            bail!("waited {limit:?} in vain until {what}");
        }
        sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// Everything in `file`, leaving its position to the child that writes it.
fn text_of(file: &File) -> Result<String> {
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len())?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
