//! `cargo xtask test packaging`: makes the packages twice, which must give the same bytes, and once more as the next
//! version; then has the tests install, break, upgrade and remove them. What was measured stands at the end.
//!
//! `cargo xtask test` packs the programs that it tests, so that what needs no machine of its own is always looked at.

use super::{List, target_folder};
use crate::{
    dist::{self, Programs},
    python,
    steps::{self, cargo, skip, step, succeeds},
};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What an upgrade leads to.
const NEXT_VERSION: &str = "0.999.0";
/// The programs that the tests call, how each is asked whether it is there, and Debian's package of it.
const TOOLS: [(&str, &str, &str); 5] = [
    ("systemd-nspawn", "--version", "systemd-container"),
    ("mmdebstrap", "--version", "mmdebstrap"),
    ("lintian", "--version", "lintian"),
    ("rpmlint", "--version", "rpmlint"),
    ("objdump", "--version", "binutils"),
];

/// Runs the section. `quick` packs the debug build.
///
/// # Errors
/// At the first step that fails.
pub(super) fn run(quick: bool) -> Result<()> {
    step("tools of this machine", tools)?;
    step("python environment (.venv)", python::prepare)?;
    let programs = if quick { Programs::In(debug_build()?) } else { Programs::Build };
    let [first, again, next] = folders(["first", "again", "next"])?;
    dist::make(&programs, &first, VERSION)?;
    // What was built a moment ago is taken again: that the compiler is deterministic is for `dist --programs` to show.
    dist::make(&programs.built(), &again, VERSION)?;
    step("the same bytes twice", || same_bytes(&first, &again))?;
    dist::make_packages(&programs.built(), &next, NEXT_VERSION)?;
    let (figures, skips) = (List::begin("figures.txt")?, List::begin("skipped-tests.txt")?);
    sizes(&first, &figures)?;
    figures.add("made twice from the same programs | the same bytes")?;
    let outcome = step("packages in a booted Debian", || {
        let mut tests = cargo(&["test", "--package", "headrig-tests", "--test", "packaging"]);
        tests.args(["--", "--test-threads", "1"]);
        tests.env("HEADRIG_DIST", &first).env("HEADRIG_DIST_NEXT", &next);
        tests.env("HEADRIG_FIGURES", &figures.path).env("HEADRIG_SKIPS", &skips.path);
        if quick {
            tests.env("HEADRIG_DIST_QUICK", "1");
        }
        steps::run(&mut tests)
    });
    figures.tell("what | measured", "")?;
    skips.tell("", "skipped: ")?;
    outcome
}

/// Packs `programs`, stripped, as deb and rpm, which must give the same bytes twice; the folder they are in, or none,
/// saying so, where the tool for it cannot be had.
///
/// # Errors
/// When packing fails, or, in CI, when the tool cannot be had.
pub(super) fn packed(programs: &[PathBuf]) -> Result<Option<PathBuf>> {
    if let Err(error) = python::prepare_packing() {
        ensure!(!python::in_ci(), "{error:#}");
        skip("packages", &format!("{error:#}"));
        return Ok(None);
    }
    let programs = Programs::In(stripped(programs)?);
    let [first, again] = folders(["quick", "quick-again"])?;
    dist::make_packages(&programs, &first, VERSION)?;
    dist::make_packages(&programs, &again, VERSION)?;
    same_bytes(&first, &again)?;
    Ok(Some(first))
}

/// Says what has to be installed for all of the tests to run.
fn tools() -> Result<()> {
    let is_there = |program: &str, question: &str| succeeds(Command::new(program).arg(question));
    let lacking: Vec<&str> = TOOLS
        .iter()
        .filter(|(program, question, _)| !is_there(program, question))
        .map(|(_, _, package)| *package)
        .collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let advice = format!("for all tests, on Debian: apt-get install {}", lacking.join(" "));
    ensure!(!python::in_ci(), "{advice}");
    skip("tests that need what is not installed", &advice);
    Ok(())
}

/// Empty folders: what an older run left would be summed up with the rest.
fn folders<const N: usize>(names: [&str; N]) -> Result<[PathBuf; N]> {
    let folders = names.map(|name| target_folder().join("packaging").join(name));
    for folder in &folders {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
    }
    Ok(folders)
}

/// The stripped programs of the debug build.
fn debug_build() -> Result<PathBuf> {
    for package in [&["headrig-agentd"][..], &["headrig", "--features", "aws"]] {
        steps::run(cargo(&["build", "--package"]).args(package))?;
    }
    let debug = target_folder().join("debug");
    stripped(&dist::PROGRAMS.map(|program| debug.join(program)))
}

fn stripped(programs: &[PathBuf]) -> Result<PathBuf> {
    let folder = target_folder().join("packaging/programs");
    fs::create_dir_all(&folder)?;
    for program in programs {
        let name = program.file_name().with_context(|| format!("{} is no program", program.display()))?;
        steps::run(Command::new("strip").args(["--strip-all", "-o"]).arg(folder.join(name)).arg(program))?;
    }
    Ok(folder)
}

fn same_bytes(first: &Path, again: &Path) -> Result<()> {
    let (first, again) = (sums(first)?, sums(again)?);
    ensure!(first == again, "the packages differ:\n{first}\n{again}");
    Ok(())
}

fn sums(folder: &Path) -> Result<String> {
    let file = folder.join("SHA256SUMS");
    fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))
}

/// What people download, and what of it is the programs.
fn sizes(folder: &Path, figures: &List) -> Result<()> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        files.push(entry?.path());
    }
    files.extend(dist::staged_programs());
    for file in files.iter().filter(|file| !file.ends_with("SHA256SUMS")) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        figures.add(&format!("size of {name} | {} bytes", fs::metadata(file)?.len()))?;
    }
    Ok(())
}
