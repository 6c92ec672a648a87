//! `headrig local`: the whole pipeline over one folder.
//!
//! Two threads: this one tails and seals; the pipeline's owns the ledger, runs batches and writes the lake.
//! A bounded channel of sealed chunks goes from the one to the other. Invariant: whatever stops either,
//! the next run goes on from what is durable.

mod alerting;
mod folder;
mod pipeline;
mod progress;
mod ship;
mod sink;

use crate::{args::LocalArguments, config::Config, summary::Summary};
use anyhow::{Context, Result};
pub(crate) use folder::Folder;
pub(crate) use pipeline::Loaded;
use pipeline::Pipeline;
use progress::{Progress, ProgressBar};
pub(crate) use ship::{Note, Shipped};
use std::{
    io::IsTerminal,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

/// Exit status after a second Ctrl-C: 128 + SIGINT, as shells have it.
const EXIT_INTERRUPTED_TWICE: i32 = 130;

/// Runs the command and prints its summary.
///
/// # Errors
/// What kept it from beginning: wrong configuration, or a lake that cannot be used or is in use. Nothing
/// was changed then.
pub(crate) fn run(arguments: &LocalArguments) -> Result<Summary> {
    let started = Instant::now();
    let config = Arc::new(Config::load(arguments.config.as_deref(), arguments.max_wait)?);
    let folder = Arc::new(Folder::open(&arguments.lake, "headrig local")?);
    let interrupted = watch_for_interrupt()?;
    let progress = Arc::new(Progress::default());
    let bar = (std::io::stderr().is_terminal() && !arguments.json)
        .then(|| ProgressBar::start(progress.clone(), arguments.follow));
    let pipeline = Pipeline::start(
        folder.clone(),
        config.clone(),
        progress.clone(),
        arguments.follow,
        interrupted.clone(),
    )?;
    let shipped = ship::run(arguments, &config, &folder, &pipeline, &progress, &interrupted);
    let loaded = pipeline.finish();
    if let Some(bar) = bar {
        bar.stop();
    }
    let summary = Summary::of(
        folder.root(),
        shipped,
        loaded,
        interrupted.load(Ordering::Relaxed) && !arguments.follow,
        started.elapsed(),
    );
    summary.print(arguments.json);
    Ok(summary)
}

/// A flag that Ctrl-C or SIGTERM raises. The second time the process ends at once: what is durable suffices.
fn watch_for_interrupt() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            process::exit(EXIT_INTERRUPTED_TWICE);
        }
    })
    .context("Ctrl-C cannot be watched for")?;
    Ok(interrupted)
}
