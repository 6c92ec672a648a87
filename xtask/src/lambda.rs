//! `cargo xtask lambda`: the sink's deployment package, `target/lambda/bootstrap.zip`, for the runtime
//! provided.al2023 of this machine's processor.
//!
//! Invariants: a program that needs a newer C library than Lambda has is an error here, and not a function that does not
//! start; the same program makes the same archive, so that a deployment sees whether there is anything new.

use crate::{
    steps::{cargo, run as run_command, step},
    test::target_folder,
};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

/// The C library of Amazon Linux 2023.
const GLIBC_MAX: (u32, u32) = (2, 34);
const MARK: &[u8] = b"GLIBC_";
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
    check_glibc(&program)?;
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

fn check_glibc(program: &Path) -> Result<()> {
    let needed = glibc_needed(&fs::read(program)?);
    let ((major, minor), (found_major, found_minor)) = (GLIBC_MAX, needed);
    ensure!(
        needed <= GLIBC_MAX,
        "bootstrap needs glibc {found_major}.{found_minor}, provided.al2023 has {major}.{minor}; build it on an older \
         distribution, or by cargo-zigbuild for x86_64-unknown-linux-gnu.{major}.{minor}"
    );
    Ok(())
}

/// The newest version of the C library that is named in the program: each symbol's stands there as text.
fn glibc_needed(bytes: &[u8]) -> (u32, u32) {
    let at = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    at.filter_map(|(place, _)| version(&bytes[place + MARK.len()..])).max().unwrap_or_default()
}

fn version(bytes: &[u8]) -> Option<(u32, u32)> {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_counts_by_number_and_not_by_letter() {
        let text = b"\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0GLIBC_";
        assert_eq!(glibc_needed(text), (2, 34));
        assert_eq!(glibc_needed(b"nothing"), (0, 0));
    }
}
