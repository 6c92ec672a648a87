//! `cargo xtask wheel`: the job's wheel as Glue installs it, below `target/wheels/glue`.
//!
//! Invariant: it is for x86_64 and an older C library than Glue's machines have, whatever machine builds it.

use crate::{
    python::{interpreter, prepare_linking, venv_path},
    steps::{root, run as run_command, step},
    test::target_folder,
};
use anyhow::{Context, Result};
use std::{fs, path::PathBuf, process::Command};

/// Of Enterprise Linux 8, below Amazon Linux 2023's 2.34, so that the wheel serves clusters other than Glue, too.
const COMPATIBILITY: &str = "manylinux_2_28";
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Names what builds wheels, for where it is not installed yet.
const MATURIN: &str = "maturin==1.16.0";

/// Builds it, and says where it lies and how large it is.
///
/// # Errors
/// When a tool cannot be installed, or the build fails.
pub(crate) fn run() -> Result<()> {
    step("zig and maturin (.venv)", || {
        prepare_linking()?;
        let mut pip = Command::new(interpreter());
        run_command(pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", MATURIN]))
    })?;
    let folder = target_folder().join("wheels/glue");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("emptying {}", folder.display()))?;
    }
    step("build the wheel headrig_etl for release", || run_command(&mut maturin(&folder)?))?;
    for entry in fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))? {
        let entry = entry?;
        println!("{}: {} bytes", entry.path().display(), entry.metadata()?.len());
    }
    Ok(())
}

/// The command; zig links for the old C library, and is found where `.venv` has it.
fn maturin(folder: &PathBuf) -> Result<Command> {
    let mut command = Command::new(interpreter());
    command.args(["-m", "maturin", "build", "--quiet", "--release", "--zig", "--target", TARGET]);
    command.args(["--compatibility", COMPATIBILITY, "--out"]).arg(folder);
    command.current_dir(root().join("etl/python")).env("PATH", venv_path()?);
    Ok(command)
}
