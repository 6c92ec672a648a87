//! `cargo xtask test packaging`: makes the packages twice, which must give the same bytes, and once more as the next
//! version; then has the tests install, break, upgrade and remove them.

use super::target_folder;
use crate::{
    dist::{self, Programs},
    python,
    steps::{self, cargo, step},
};
use anyhow::{Context, Result, ensure};
use std::{fs, path::Path, process::Command};

/// What an upgrade leads to.
const NEXT_VERSION: &str = "0.999.0";

/// Runs the section. `quick` packs the debug build.
///
/// # Errors
/// At the first step that fails.
pub(super) fn run(quick: bool) -> Result<()> {
    step("python environment (.venv)", python::prepare)?;
    let programs = if quick { Programs::In(debug_build()?) } else { Programs::Build };
    let folder = target_folder();
    let (first, second, next) = (folder.join("dist"), folder.join("dist-again"), folder.join("dist-next"));
    dist::make(&programs, &first, env!("CARGO_PKG_VERSION"))?;
    // What was built a moment ago is taken again: that the compiler is deterministic is for `dist --programs` to show.
    dist::make(&programs.built(), &second, env!("CARGO_PKG_VERSION"))?;
    step("the same bytes twice", || {
        let (first, second) = (sums(&first)?, sums(&second)?);
        ensure!(first == second, "the packages differ:\n{first}\n{second}");
        Ok(())
    })?;
    dist::make(&programs.built(), &next, NEXT_VERSION)?;
    step("packages in a booted Debian", || {
        let mut tests = cargo(&[
            "test",
            "--package",
            "headrig-tests",
            "--test",
            "packaging",
            "--",
            "--test-threads",
            "1",
        ]);
        tests.env("HEADRIG_DIST", &first).env("HEADRIG_DIST_NEXT", &next);
        if quick {
            tests.env("HEADRIG_DIST_QUICK", "1");
        }
        steps::run(&mut tests)
    })
}

/// The stripped programs of the debug build.
fn debug_build() -> Result<std::path::PathBuf> {
    let folder = target_folder().join("dist-programs");
    fs::create_dir_all(&folder)?;
    for package in [&["headrig-agentd"][..], &["headrig", "--features", "aws"]] {
        steps::run(cargo(&["build", "--package"]).args(package))?;
    }
    for program in ["headrig", "headrig-agent"] {
        let strip = ["--strip-all", "-o"];
        steps::run(
            Command::new("strip")
                .args(strip)
                .arg(folder.join(program))
                .arg(target_folder().join("debug").join(program)),
        )?;
    }
    Ok(folder)
}

fn sums(folder: &Path) -> Result<String> {
    let file = folder.join("SHA256SUMS");
    fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))
}
