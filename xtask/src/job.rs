//! The Spark job's tests: the wheel `headrig_etl`, built and installed into `.venv`, then pytest.
//!
//! Invariant: what is tested is the wheel as it is shipped, from the sources as they are now.

use crate::{
    python::{self, in_ci, interpreter},
    steps::{root, run, skip, step, succeeds},
};
use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest Python that the wheel is for.
const PYTHON_MIN: (u32, u32) = (3, 11);

/// What the Python has to pass; the job itself is outside of the package's folder.
const LINTS: [&[&str]; 3] =
    [&["ruff", "check", ".", "../job.py"], &["ruff", "format", "--check", ".", "../job.py"], &["mypy"]];

/// How the wheel is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quickly.
    Dev,
    /// As it is shipped.
    Release,
}

/// Builds, installs and tests; `headrig` is the program whose lake the job's is held against. Gives the wheel, or none
/// where the tests were left out.
///
/// # Errors
/// When a step or a test fails; in CI also when what they need cannot be had.
pub(crate) fn test(target: &Path, headrig: &Path) -> Result<Option<PathBuf>> {
    let Some(wheel) = installed(target, "tests of the Spark job")? else { return Ok(None) };
    step("lints of the Python", || LINTS.iter().try_for_each(|lint| run(&mut module(lint))))?;
    step("tests of the Spark job", || {
        run(module(&["pytest", "-rs", "--durations=5"]).env("HEADRIG_BIN", headrig))
    })?;
    Ok(Some(wheel))
}

/// The wheel as the sources are now, built and installed for `what`; none, and that is left out, where something is
/// lacking.
///
/// # Errors
/// When it does not build; in CI also when something is lacking.
pub(crate) fn installed(target: &Path, what: &str) -> Result<Option<PathBuf>> {
    if let Some(reason) = lacking() {
        if in_ci() {
            bail!("the {what} cannot run in CI: {reason}");
        }
        skip(what, &reason);
        return Ok(None);
    }
    let wheel = step("build the wheel headrig_etl", || wheel(target, Profile::Dev))?;
    step("install the wheel", || install(&wheel, &[]))?;
    Ok(Some(wheel))
}

/// Builds the wheel and says where it lies.
///
/// # Errors
/// When it does not build.
pub(crate) fn wheel(target: &Path, profile: Profile) -> Result<PathBuf> {
    let folder = target.join("wheels").join(if profile == Profile::Dev { "dev" } else { "release" });
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("emptying {}", folder.display()))?;
    }
    let mut maturin = module(&["maturin", "build", "--quiet", "--compatibility", "linux", "--profile"]);
    maturin.arg(if profile == Profile::Dev { "dev" } else { "release" });
    maturin.arg("--interpreter").arg(interpreter()).arg("--out").arg(&folder);
    run(&mut maturin)?;
    let found = fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))?;
    let wheel = found.filter_map(|entry| Some(entry.ok()?.path())).next();
    wheel.with_context(|| format!("maturin left no wheel in {}", folder.display()))
}

/// Installs the wheel, with `options` of pip's.
///
/// # Errors
/// When pip fails.
pub(crate) fn install(wheel: &Path, options: &[&str]) -> Result<()> {
    let mut pip =
        module(&["pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]);
    run(pip.arg("--force-reinstall").args(options).arg(wheel))
}

/// What the tests lack here, if anything.
pub(crate) fn lacking() -> Option<String> {
    let (major, minor) = PYTHON_MIN;
    let version = format!("import sys; assert sys.version_info >= ({major}, {minor})");
    if !succeeds(Command::new(interpreter()).args(["-c", &version])) {
        return Some(format!(
            "the wheel is for Python {major}.{minor} and later, .venv has an older one or none"
        ));
    }
    if let Some(needed) = python::job_packages_lacking() {
        return Some(format!("{needed} could not be installed into .venv"));
    }
    let java = succeeds(Command::new("java").arg("-version"));
    (!java).then(|| "Spark needs Java 17; on Debian install openjdk-17-jre-headless".into())
}

/// A module of `.venv`'s Python, run in the package's folder.
pub(crate) fn module(arguments: &[&str]) -> Command {
    let mut command = Command::new(interpreter());
    command.arg("-m").args(arguments).current_dir(root().join("etl/python"));
    command
}
