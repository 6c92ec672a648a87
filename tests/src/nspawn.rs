//! A small Debian with a real systemd, booted in a container that ends with the test.
//!
//! It shares the network of this machine, so that what listens on 127.0.0.1 here can be reached from there. It needs
//! root, systemd-nspawn and mmdebstrap. Invariants: the root that was made once is never written to, what a machine
//! writes is kept in memory and gone with it; the container is ended by its own process ids.

use crate::process::{ANSWER_LIMIT, Finished, Running, wait_until};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What the root is made of: as little as boots, and what speaks rpm.
const PACKAGES: &str = "systemd,systemd-sysv,dbus,ca-certificates,procps,rpm";
const SUITE: &str = "bookworm";
/// How long a command inside may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(120);
/// How long the root may take to be made.
const MAKING_LIMIT: Duration = Duration::from_secs(600);

/// Held by the one machine there is: without a unit of its own a container manages the control group of this process,
/// and two systemds cannot share one.
static ALONE: Mutex<()> = Mutex::new(());

/// A booted machine.
#[derive(Debug)]
pub struct Machine {
    /// Ends before the next may begin, in the order of these fields.
    container: Container,
    _alone: MutexGuard<'static, ()>,
}

/// The container's process here, and its first process.
#[derive(Debug)]
struct Container {
    nspawn: Running,
    leader: Option<u32>,
}

/// Why there can be no machine here; none where there can.
pub fn obstacle() -> Option<&'static str> {
    if !rustix::process::geteuid().is_root() {
        return Some("it needs root");
    }
    let missing = |program: &str| !Path::new("/usr/bin").join(program).is_file();
    ["systemd-nspawn", "mmdebstrap"].into_iter().any(missing).then_some(
        "systemd-nspawn or mmdebstrap is missing; on Debian install systemd-container and mmdebstrap",
    )
}

impl Machine {
    /// Boots from the root at `made`, which is made if it is not there.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn boot(made: &Path) -> Result<Self> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        make_root(made)?;
        let mut command = Command::new("systemd-nspawn");
        command.args([
            "--quiet",
            "--boot",
            "--volatile=overlay",
            "--register=no",
            "--keep-unit",
            "--link-journal=no",
            "--console=pipe",
        ]);
        // Two of one name would not both come up.
        command.arg(format!("--machine=headrig-{}", std::process::id())).arg("--directory").arg(made);
        let container = Container { nspawn: Running::start(command)?, leader: None };
        let mut machine = Self { container, _alone: alone };
        wait_until("the machine is up", ANSWER_LIMIT, || machine.is_up())?;
        Ok(machine)
    }

    fn is_up(&mut self) -> Result<bool> {
        ensure!(
            !self.container.nspawn.has_ended()?,
            "the container ended: {}",
            self.container.nspawn.stderr_so_far()?
        );
        // Asked again each time: the first child that is seen may be one that only sets up the namespaces, and ends.
        self.container.leader = child_of(self.container.nspawn.id())?;
        if self.container.leader.is_none() {
            return Ok(false);
        }
        let state = self.run("systemctl is-system-running")?;
        Ok(["running", "degraded"].contains(&state.stdout.trim()))
    }

    /// Runs a shell's line inside, to its end.
    ///
    /// # Errors
    /// When it cannot be run, or takes too long.
    pub fn run(&self, line: &str) -> Result<Finished> {
        let leader = self.leader()?;
        let mut command = Command::new("nsenter");
        command.args(["--target", &leader.to_string(), "--all", "sh", "-c", line]).env_clear();
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        Running::start(command)?.finish(COMMAND_LIMIT)
    }

    /// What a shell's line prints, both ways, that must end with 0.
    ///
    /// # Errors
    /// When it does not.
    pub fn done(&self, line: &str) -> Result<String> {
        let finished = self.run(line)?;
        ensure!(finished.status.success(), "{line}: {finished}");
        Ok(finished.stdout + &finished.stderr)
    }

    /// A property of a unit.
    ///
    /// # Errors
    /// When systemd does not tell.
    pub fn property(&self, unit: &str, name: &str) -> Result<String> {
        Ok(self.done(&format!("systemctl show --property={name} --value {unit}"))?.trim().to_owned())
    }

    /// A path inside, as it is seen from here: below the root of its first process.
    ///
    /// # Errors
    /// When there is none.
    pub fn path(&self, inside: &str) -> Result<PathBuf> {
        let root = PathBuf::from(format!("/proc/{}/root", self.leader()?));
        Ok(root.join(inside.trim_start_matches('/')))
    }

    fn leader(&self) -> Result<u32> {
        self.container.leader.context("the container has no first process")
    }

    /// Writes a file inside, as root and for everybody to read.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, inside: &str, text: &str) -> Result<()> {
        let path = self.path(inside)?;
        fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
    }
}

impl Drop for Container {
    /// Killing the first process of a container ends all others in it.
    fn drop(&mut self) {
        let leader =
            self.leader.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(leader) = leader {
            // A failure means that it is gone, which is what is wanted.
            let _ = rustix::process::kill_process(leader, rustix::process::Signal::KILL);
            let _ = wait_until("the container ends", ANSWER_LIMIT, || self.nspawn.has_ended());
        }
    }
}

/// Makes the root once. One that was not finished is made anew.
fn make_root(made: &Path) -> Result<()> {
    if made.is_dir() {
        return Ok(());
    }
    let parent = made.parent().context("a root lies in a folder")?;
    fs::create_dir_all(parent)?;
    let part = made.with_extension("part");
    if part.exists() {
        fs::remove_dir_all(&part)?;
    }
    let mut command = Command::new("mmdebstrap");
    command.args(["--variant=apt", &format!("--include={PACKAGES}"), SUITE]).arg(&part);
    let finished = Running::start(command)?.finish(MAKING_LIMIT)?;
    ensure!(finished.status.success(), "mmdebstrap: {finished}");
    Ok(fs::rename(part, made)?)
}

/// The first child of a process.
fn child_of(id: u32) -> Result<Option<u32>> {
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
    Ok(children.split_whitespace().next().map(str::parse).transpose()?)
}
