//! What the agent did since it started, over all the cores it had, as status and as heartbeat.

use crate::{
    config::Config,
    heartbeat::Figures,
    status::{FILES_LISTED_MAX, Status, Stream},
};
use headrig_agent::{core::Progress, shipper::Shipper, state::SqliteState};
use headrig_contract::{ByteLength, HostName, UnixMicros};
use std::time::Instant;

pub(super) struct Tally {
    host: HostName,
    started: Instant,
    /// What cores did that are gone.
    before: Progress,
    bytes_shipped: u64,
    chunks_shipped: u64,
    upload_errors: u64,
    last_upload: Option<Instant>,
    last_error: Option<String>,
    /// Why uploads fail at present, as it was logged.
    upload_trouble: Option<String>,
    /// How it was when the last core was given up.
    settled: Status,
}

impl Tally {
    pub(super) fn new(host: HostName) -> Self {
        Self {
            host,
            started: Instant::now(),
            before: Progress::default(),
            bytes_shipped: 0,
            chunks_shipped: 0,
            upload_errors: 0,
            last_upload: None,
            last_error: None,
            upload_trouble: None,
            settled: Status::default(),
        }
    }

    /// The host is called otherwise from here on.
    pub(super) fn adopt(&mut self, host: HostName) {
        self.host = host;
    }

    pub(super) fn stored(&mut self, length: ByteLength) {
        self.bytes_shipped += length.0;
        self.chunks_shipped += 1;
        self.last_upload = Some(Instant::now());
        if self.upload_trouble.take().is_some() {
            tracing::info!("chunks are stored again");
        }
    }

    /// Counts the failure, and says whether it is another one than before.
    pub(super) fn not_stored(&mut self, reason: &str) -> bool {
        self.upload_errors += 1;
        self.trouble(reason.into());
        let is_new = self.upload_trouble.as_deref() != Some(reason);
        self.upload_trouble = Some(reason.into());
        is_new
    }

    pub(super) fn trouble(&mut self, error: String) {
        self.last_error = Some(error);
    }

    /// The core is given up; what it did still counts.
    pub(super) fn settle(&mut self, shipper: &Shipper<SqliteState>, config: &Config, now: UnixMicros) {
        self.settled = self.status(shipper, config, now);
        self.before = self.progress(shipper);
    }

    /// How it is while there is no core: as it was, but for the time and what went wrong.
    pub(super) fn status_at_rest(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").into(),
            host: self.host.to_string(),
            uptime_seconds: self.started.elapsed().as_secs(),
            last_error: self.last_error.clone(),
            ..self.settled.clone()
        }
    }

    pub(super) fn figures(&self, shipper: &Shipper<SqliteState>, now: UnixMicros) -> Figures {
        Figures {
            bytes_shipped: self.bytes_shipped,
            bytes_lost: self.progress(shipper).lost.0,
            upload_errors: self.upload_errors,
            lag_seconds: lag_seconds(shipper, now),
            spool_bytes: shipper.core().spool_bytes().0,
        }
    }

    /// The same while there is no core.
    pub(super) fn figures_at_rest(&self) -> Figures {
        Figures {
            bytes_shipped: self.bytes_shipped,
            bytes_lost: self.before.lost.0,
            upload_errors: self.upload_errors,
            lag_seconds: self.settled.lag_seconds,
            spool_bytes: self.settled.spool_bytes,
        }
    }

    pub(super) fn one_line(&self, shipper: &Shipper<SqliteState>) -> String {
        format!(
            "{} chunks stored, {} bytes in the spool, {} uploads failed",
            self.chunks_shipped,
            shipper.core().spool_bytes(),
            self.upload_errors
        )
    }

    pub(super) fn status(&self, shipper: &Shipper<SqliteState>, config: &Config, now: UnixMicros) -> Status {
        let progress = self.progress(shipper);
        let mut files: Vec<_> = shipper.core().file_statuses().collect();
        files.sort_by_key(|file| (std::cmp::Reverse(file.size.0.saturating_sub(file.offset.0)), file.path));
        let source = |index: usize| {
            config.sources.get(index).map_or_else(String::new, |source| source.name.to_string())
        };
        Status {
            version: env!("CARGO_PKG_VERSION").into(),
            host: self.host.to_string(),
            uptime_seconds: self.started.elapsed().as_secs(),
            files: files.len() as u64,
            streams: files
                .iter()
                .take(FILES_LISTED_MAX)
                .map(|file| Stream {
                    path: file.path.to_string_lossy().into_owned(),
                    source: source(file.source),
                    size: file.size.0,
                    offset: file.offset.0,
                    state: file.state.into(),
                })
                .collect(),
            bytes_read: progress.read.0,
            bytes_sealed: progress.sealed.0,
            bytes_shipped: self.bytes_shipped,
            bytes_lost: progress.lost.0,
            bytes_skipped: shipper.core().skipped().0,
            chunks_sealed: progress.chunks,
            chunks_shipped: self.chunks_shipped,
            spool_bytes: shipper.core().spool_bytes().0,
            unread_bytes: shipper.core().unread().0,
            lag_seconds: lag_seconds(shipper, now),
            upload_errors: self.upload_errors,
            last_upload_seconds_ago: self.last_upload.map(|upload| upload.elapsed().as_secs()),
            last_error: self.last_error.clone(),
        }
    }

    fn progress(&self, shipper: &Shipper<SqliteState>) -> Progress {
        let (before, now) = (self.before, shipper.progress());
        Progress {
            read: ByteLength(before.read.0 + now.read.0),
            sealed: ByteLength(before.sealed.0 + now.sealed.0),
            sealed_compressed: ByteLength(before.sealed_compressed.0 + now.sealed_compressed.0),
            chunks: before.chunks + now.chunks,
            cut_lines: before.cut_lines + now.cut_lines,
            lost: ByteLength(before.lost.0 + now.lost.0),
            restarts: before.restarts + now.restarts,
        }
    }
}

fn lag_seconds(shipper: &Shipper<SqliteState>, now: UnixMicros) -> u64 {
    let oldest = shipper.core().oldest_unshipped();
    oldest.map_or(0, |oldest| now.micros_since(oldest).max(0).unsigned_abs() / 1_000_000)
}
