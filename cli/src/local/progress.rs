//! How far the run is: counters that the threads write, and the bar that reads them.

use indicatif::{HumanCount, ProgressStyle};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How often the bar is drawn.
const REDRAW: Duration = Duration::from_millis(120);

/// Counters since the run began.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Bytes found in files and not yet taken.
    pub(crate) unread: AtomicU64,
    /// Bytes taken from files.
    pub(crate) read: AtomicU64,
    /// Bytes that were gone before they could be taken.
    pub(crate) lost: AtomicU64,
    /// Plain bytes whose rows are made.
    pub(crate) loaded: AtomicU64,
    /// Lines whose rows are made.
    pub(crate) lines: AtomicU64,
}

/// The bar on the terminal.
pub(crate) struct ProgressBar {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl ProgressBar {
    /// Starts to draw; without an end to wait for when `endless`.
    pub(crate) fn start(progress: Arc<Progress>, endless: bool) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || draw(&progress, endless, &stopped));
        Self { stop, thread }
    }

    /// Clears the bar.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        let _ = self.thread.join();
    }
}

fn draw(progress: &Progress, endless: bool, stopped: &AtomicBool) {
    let bar = indicatif::ProgressBar::new(0);
    let template = if endless {
        "{spinner} {bytes} in the lake, {msg}   Ctrl-C to stop"
    } else {
        "{bar:32} {bytes}/{total_bytes}  {msg}  {eta} left"
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    let started = Instant::now();
    while !stopped.load(Ordering::Relaxed) {
        let read = progress.read.load(Ordering::Relaxed);
        let loaded = progress.loaded.load(Ordering::Relaxed);
        let lines = progress.lines.load(Ordering::Relaxed);
        let per_second = (lines as f64 / started.elapsed().as_secs_f64().max(0.001)) as u64;
        bar.set_length((read + progress.unread.load(Ordering::Relaxed)).max(loaded));
        bar.set_position(loaded);
        bar.set_message(format!("{} lines, {} lines/s", HumanCount(lines), HumanCount(per_second)));
        thread::park_timeout(REDRAW);
    }
    bar.finish_and_clear();
}
