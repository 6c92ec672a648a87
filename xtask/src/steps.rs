//! Steps of a command: one line when each begins, its time when it ends, the first failure stops all.

use anyhow::{Context, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// The cargo that runs this program, in the root of the checkout.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments);
    // `cargo run` tells them of this program's own package. Build scripts that watch them, ring's among others, would run
    // again each time that cargo is called by hand and by this program in turn.
    for (name, _) in std::env::vars_os() {
        let is_ours = name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
        if is_ours {
            command.env_remove(name);
        }
    }
    command
}

/// Says what begins, does it, and says how long it took.
///
/// # Errors
/// What `work` fails with, under the step's name.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("==> {name}");
    let begun = Instant::now();
    let result = work().with_context(|| name.to_owned());
    let outcome = if result.is_ok() { "done" } else { "FAILED" };
    eprintln!("<== {name}: {outcome} in {:.1} s", begun.elapsed().as_secs_f64());
    result
}

/// Says that a step is left out, and why.
pub(crate) fn skip(name: &str, reason: &str) {
    eprintln!("==> {name}: skipped, {reason}");
}

/// Runs `command` with this program's output and no input.
///
/// # Errors
/// When it cannot be started or does not end with exit code 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("starting {:?}", command.get_program()))?;
    if !status.success() {
        bail!("{:?} ended with {status}", command.get_program());
    }
    Ok(())
}

/// What `command` prints.
///
/// # Errors
/// When it cannot be started, does not end with exit code 0 or prints what is no UTF-8.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let done = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("starting {:?}", command.get_program()))?;
    if !done.status.success() {
        bail!("{:?} ended with {}", command.get_program(), done.status);
    }
    String::from_utf8(done.stdout).with_context(|| format!("what {:?} prints", command.get_program()))
}

/// Whether `command` runs and ends with exit code 0; its output is thrown away.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
