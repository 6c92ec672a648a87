//! The bill of materials: every crate that is in the programs, as CycloneDX, by cargo-cyclonedx.
//!
//! The tool writes beside each member's Cargo.toml; what belongs to the two programs is moved away, the rest removed.

use crate::steps::{cargo, root, run, succeeds};
use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

const TOOL: &str = "cargo-cyclonedx@0.5.9";
/// What the tool calls its files.
const FILE: &str = "headrig-bill";
/// The members that become programs, and where they stand.
const PROGRAMS: [(&str, &str); 2] = [("headrig-agent", "agent/daemon"), ("headrig", "cli")];

/// Writes `<program>-<version>.cdx.json` for each program into `folder`.
pub(super) fn write(folder: &Path, version: &str, triple: &str, epoch: u64) -> Result<()> {
    let tools = tools();
    if !succeeds(cargo(&["cyclonedx", "--version"]).env("PATH", path_with(&tools)?)) {
        run(cargo(&["install", "--locked", "--quiet", TOOL, "--root"]).arg(&tools))?;
    }
    let made =
        run(cargo(&["cyclonedx", "--format", "json", "--target", triple, "--override-filename", FILE])
            .env("PATH", path_with(&tools)?)
            // With it the tool leaves out the random serial number.
            .env("SOURCE_DATE_EPOCH", epoch.to_string()));
    let moved = made.and_then(|()| {
        PROGRAMS.iter().try_for_each(|(program, member)| {
            let from = root().join(member).join(format!("{FILE}.json"));
            let to = folder.join(format!("{program}-{version}.cdx.json"));
            fs::copy(&from, &to).map(|_| ()).with_context(|| format!("copying {}", from.display()))
        })
    });
    sweep(&root())?;
    moved
}

/// Removes what the tool left beside the members.
fn sweep(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_ours =
            entry.file_type()?.is_dir() && !matches!(name.to_str(), Some("target" | ".git" | ".venv"));
        if is_ours {
            sweep(&entry.path())?;
        } else if name.to_str() == Some(&format!("{FILE}.json")) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn tools() -> PathBuf {
    crate::test::target_folder().join("tools")
}

fn path_with(tools: &Path) -> Result<String> {
    let path = std::env::var("PATH").context("PATH is not set")?;
    Ok(format!("{}:{path}", tools.join("bin").display()))
}
