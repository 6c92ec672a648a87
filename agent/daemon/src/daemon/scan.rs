//! When to look for files, and which of those that are found are to be read.

use super::{RECONCILE_PAUSE, SCAN_PAUSE};
use crate::{config::Config, watch::Watch};
use headrig_agent::{core::FoundFile, discovery::Discovery, tail::Problem};
use headrig_contract::UnixMicros;
use std::{
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

/// Scans take at most one part in so many of a core's time.
const SCAN_SHARE: u32 = 20;

pub(super) struct Scanner {
    discovery: Discovery,
    watch: Watch,
    bases: Vec<PathBuf>,
    changed: bool,
    scanned: Option<Instant>,
    /// The time between two scans while something changes all the time.
    pause: Duration,
}

impl Scanner {
    pub(super) fn new(config: &Config, watch: Watch) -> Self {
        let discovery = config.discovery();
        Self { discovery, watch, bases: bases(config), changed: false, scanned: None, pause: SCAN_PAUSE }
    }

    pub(super) fn adopt(&mut self, config: &Config) {
        self.discovery = config.discovery();
        self.bases = bases(config);
        self.scanned = None;
    }

    /// Something in a watched folder changed.
    pub(super) fn changed(&mut self) {
        self.changed = true;
    }

    /// Whether it is time to scan; `held_until` is asked only where that could make a difference.
    pub(super) fn is_due(&self, held_until: impl Fn() -> Option<UnixMicros>, now: UnixMicros) -> bool {
        let too_early = self.scanned.is_some_and(|scanned| scanned.elapsed() < self.pause);
        !too_early && self.due_in(held_until(), now).is_zero()
    }

    /// How long until the next scan.
    pub(super) fn due_in(&self, held_until: Option<UnixMicros>, now: UnixMicros) -> Duration {
        let Some(scanned) = self.scanned else { return Duration::ZERO };
        let pause = if self.changed { self.pause } else { RECONCILE_PAUSE };
        let held =
            held_until.map(|until| Duration::from_micros(until.micros_since(now).max(0).unsigned_abs()));
        let due = pause.saturating_sub(scanned.elapsed());
        // What is held back falls due by the clock, but never sooner than a scan after a scan.
        held.map_or(due, |held| due.min(held.max(self.pause.saturating_sub(scanned.elapsed()))))
    }

    /// The files that are to be read, and inputs that cannot be. Of a source that `is_to_meet` its files, with
    /// nothing read of what is old in them, also those count that were last written long ago.
    pub(super) fn scan(
        &mut self,
        config: &Config,
        is_to_meet: impl Fn(usize) -> bool,
    ) -> (Vec<FoundFile>, Vec<Problem>) {
        let begun = Instant::now();
        self.changed = false;
        self.watch.looked();
        let none = config.sources.len();
        let scan = self.discovery.scan(|path| config.source_of(path).unwrap_or(none));
        let mut files = scan.files;
        files.retain(|file| wanted(config, file, &is_to_meet));
        self.watch.follow(files.iter().map(|file| &*file.path), &self.bases);
        self.scanned = Some(Instant::now());
        self.pause = SCAN_PAUSE.max(begun.elapsed() * SCAN_SHARE);
        (files, scan.problems)
    }
}

/// Whether the file's source takes it: not excluded, of a kind and an age that is read.
fn wanted(config: &Config, file: &FoundFile, is_to_meet: impl Fn(usize) -> bool) -> bool {
    let Some(source) = config.sources.get(file.source) else { return false };
    let modified = Duration::from_micros(file.modified.0.max(0).unsigned_abs());
    let age = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().saturating_sub(modified);
    let is_recent = source.ignore_older.is_none_or(|oldest| age <= oldest);
    (source.read_compressed || !file.compressed) && (is_recent || is_to_meet(file.source))
}

/// The folders in which files that are not there yet would appear.
fn bases(config: &Config) -> Vec<PathBuf> {
    let fixed = |input: PathBuf| {
        let is_pattern = |part: &std::path::Component<'_>| {
            part.as_os_str().as_encoded_bytes().iter().any(|byte| b"*?[".contains(byte))
        };
        input.components().take_while(|part| !is_pattern(part)).collect()
    };
    config.inputs().into_iter().map(fixed).collect()
}
