//! `cargo xtask lambda`: the sink's deployment package, `target/lambda/bootstrap.zip`, for the runtime
//! provided.al2023 of this machine's processor.
//!
//! Invariants: a program that needs a newer C library than Lambda has is an error here, and not a function that does not
//! start; the same program makes the same archive, so that a deployment sees whether there is anything new.

use crate::{
    glibc,
    steps::{cargo, run as run_command, step},
    test::target_folder,
};
use anyhow::{Context, Result};
use std::{
    fs,
    process::Command,
    time::{Duration, SystemTime},
};

/// The C library of Amazon Linux 2023.
const GLIBC_MAX: glibc::Version = glibc::Version(2, 34);
/// 1980-01-02, within the times that an archive can hold in every time zone.
const FILE_TIME: Duration = Duration::from_secs(315_619_200);

/// Builds and packs it, and says how large it is.
///
/// # Errors
/// When the build fails, the program would not start in Lambda, or python3 is missing.
pub(crate) fn run() -> Result<()> {
    step("build bootstrap for release", || {
        run_command(&mut cargo(&["build", "--release", "--package", "headrig-sink", "--bin", "bootstrap"]))
    })?;
    let folder = target_folder().join("lambda");
    fs::create_dir_all(&folder)?;
    let program = folder.join("bootstrap");
    fs::copy(target_folder().join("release/bootstrap"), &program).context("copying bootstrap")?;
    glibc::check(&program, GLIBC_MAX)?;
    fs::File::options().write(true).open(&program)?.set_modified(SystemTime::UNIX_EPOCH + FILE_TIME)?;
    let archive = folder.join("bootstrap.zip");
    step("pack bootstrap.zip", || {
        let mut zip = Command::new("python3");
        zip.args(["-m", "zipfile", "-c"]).arg(&archive).arg("bootstrap");
        // Archives hold local times.
        run_command(zip.current_dir(&folder).env("TZ", "UTC"))
    })?;
    for file in [&program, &archive] {
        println!("{}: {} bytes", file.display(), fs::metadata(file)?.len());
    }
    Ok(())
}
