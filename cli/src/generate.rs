//! Man pages and completions, from the command line's own description: what the packages install cannot fall behind it.

use crate::{
    args::{Arguments, GenerateArguments},
    failed,
};
use anyhow::{Context, Result};
use clap::CommandFactory;
use std::{io, path::Path, process::ExitCode};

/// Writes what is asked for.
pub(crate) fn run(arguments: &GenerateArguments) -> ExitCode {
    if let Some(shell) = arguments.completions {
        clap_complete::generate(shell, &mut Arguments::command(), "headrig", &mut io::stdout().lock());
    }
    match arguments.man.as_deref().map_or(Ok(()), man_pages) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, false, 1),
    }
}

/// One page for the program and one for each command that people see: `headrig.1`, `headrig-status.1`, …
fn man_pages(folder: &Path) -> Result<()> {
    clap_mangen::generate_to(Arguments::command(), folder)
        .with_context(|| format!("writing man pages into {}", folder.display()))
}
