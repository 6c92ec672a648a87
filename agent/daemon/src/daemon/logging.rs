//! Where the agent's own messages go: to the journal with their levels where standard error is the journal's,
//! to standard error with the time elsewhere.

use crate::config::LogLevel;
use anyhow::{Context, Result};
use rustix::fs::fstat;
use std::io::stderr;
use tracing_subscriber::{
    Layer, Registry, filter::LevelFilter, fmt, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

/// The level of the messages, which a new configuration may change.
pub(super) struct Logging {
    level: reload::Handle<LevelFilter, Registry>,
}

impl Logging {
    /// Sends messages from `level` up from here on.
    ///
    /// # Errors
    /// When the process has a subscriber already.
    pub(super) fn start(level: LogLevel) -> Result<Self> {
        let (filter, handle) = reload::Layer::new(threshold(level));
        let journal = if stderr_is_the_journal() { tracing_journald::layer().ok() } else { None };
        let text = || {
            let layer = fmt::layer().with_writer(stderr).with_ansi(false).with_target(false);
            layer.boxed()
        };
        let layer = match journal {
            Some(journal) => journal.with_field_prefix(None).boxed(),
            None => text(),
        };
        tracing_subscriber::registry()
            .with(filter)
            .with(layer)
            .try_init()
            .context("messages cannot be written")?;
        Ok(Self { level: handle })
    }

    /// Sends messages from `level` up from here on.
    pub(super) fn adopt(&self, level: LogLevel) {
        // It fails only where the subscriber is gone, and then nobody would read of it.
        let _ = self.level.reload(threshold(level));
    }
}

fn threshold(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// Whether standard error is the very stream that systemd made for the journal: the variable alone is
/// inherited by what is started in a service's shell, too (systemd.exec(5), `$JOURNAL_STREAM`).
fn stderr_is_the_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    fstat(stderr()).is_ok_and(|status| stream == format!("{}:{}", status.st_dev, status.st_ino))
}
