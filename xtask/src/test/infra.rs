//! `cargo xtask test infra`: the stack's template held to its rules, then deployed into MiniStack, with roles enforced,
//! and two hundred real files shipped through it twice. It ends with what came of them.

use super::Options;
use crate::{
    job, python,
    steps::{root, run, step},
};
use anyhow::Result;
use std::path::Path;

const LINTS: [&[&str]; 2] = [&["ruff", "check", "."], &["ruff", "format", "--check", "."]];

/// Runs the section, over programs that are built and a wheel that is installed.
///
/// # Errors
/// When a step or a test fails; in CI also when what they need cannot be had.
pub(super) fn test(options: &Options, wheel: &Path) -> Result<()> {
    step("what checks and deploys the stack (.venv)", python::prepare_template_checks)?;
    let folder = root().join("infra");
    step("lints of the stack's Python", || {
        LINTS.iter().try_for_each(|lint| run(job::module(lint).current_dir(&folder)))
    })?;
    step("tests of the stack", || {
        run(job::module(&["pytest", "-rs", "--durations=5"])
            .current_dir(&folder)
            .env("HEADRIG_BIN", options.binary("headrig"))
            .env("HEADRIG_AGENT_BIN", options.binary("headrig-agent"))
            .env("HEADRIG_SINK_BIN", options.binary("bootstrap"))
            .env("HEADRIG_WHEEL", wheel))
    })
}
