//! The "Bad input", case by case. Each ends with the good file's lines in the lake; where a cause
//! can be taken away, a second run then brings the rest.

/// Inputs that are the lake, hold it or lead to it.
mod overlapping;
/// Files and folders that cannot be read.
mod unreadable;
/// Files whose bytes are no tidy lines.
mod untidy;
/// Lakes that cannot be written.
mod unwritable;

use anyhow::{Result, ensure};
use headrig_tests::{generate::application_lines, process::Finished, site::Site, summary::Summary};

/// The lines of the file beside the bad one.
fn good() -> String {
    application_lines("good", 0, 100)
}

/// A site with a good file.
fn site() -> Result<Site> {
    let site = Site::new()?;
    site.write("good.log", good())?;
    Ok(site)
}

/// The summary of a run in which some input failed: exit code 1, and a problem that names the file, says
/// what to do, and is told to people too.
fn failed_on(run: &Finished, name: &str) -> Result<Summary> {
    let summary = run.summary(1)?;
    names(run, &summary, name)?;
    ensure!(summary.files.failed > 0, "expected a failed file in {run}");
    Ok(summary)
}

/// Checks that a problem with `name` is told, to programs and to people.
fn names(run: &Finished, summary: &Summary, name: &str) -> Result<()> {
    let problem = summary.problem_of(name);
    ensure!(
        problem.is_some_and(|it| !it.problem.is_empty() && !it.action.is_empty()),
        "no problem of {name} in {run}"
    );
    ensure!(run.stderr.contains(name), "standard error does not name {name}: {run}");
    Ok(())
}
