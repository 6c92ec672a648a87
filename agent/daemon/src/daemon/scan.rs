//! When to look for files, and which of those that are found are to be read.

use super::{RECONCILE_PAUSE, SCAN_PAUSE};
use crate::{config::Config, watch::Watch};
use headrig_agent::{
    core::{Core, FoundFile},
    discovery::{Discovery, plain_file},
    identity::FileId,
    tail::Problem,
};
use headrig_contract::UnixMicros;
use std::{
    collections::HashSet,
    fs,
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

/// Scans of all files take at most one part in so many of a core's time.
const SCAN_SHARE: u32 = 20;
/// Looks at files that were written to take at most this: they are work that is wanted.
const LOOK_SHARE: u32 = 4;

pub(super) struct Scanner {
    discovery: Discovery,
    watch: Watch,
    bases: Vec<PathBuf>,
    changed: bool,
    /// Something was seen that only a scan can make out.
    scan_wanted: bool,
    scanned: Option<Instant>,
    /// The time from one scan to the next while something changes all the time.
    scan_pause: Duration,
    looked: Option<Instant>,
    /// The same for looks at some files; a scan counts as one.
    look_pause: Duration,
    /// When it was last found out whether a look is due.
    asked: Option<Instant>,
    /// Files that the last scan found and that are not read, whatever is written to them.
    left_out: HashSet<FileId>,
}

/// What was looked at.
pub(super) enum Seen {
    /// All files that are to be read, and inputs that cannot be.
    All(Vec<FoundFile>, Vec<Problem>),
    /// Files that have only grown. Nothing is said of others.
    Grown(Vec<FoundFile>),
    /// More happened than that files have grown, and it is too early for another scan.
    Nothing,
}

impl Scanner {
    pub(super) fn new(config: &Config, watch: Watch) -> Self {
        Self {
            discovery: config.discovery(),
            watch,
            bases: bases(config),
            changed: false,
            scan_wanted: false,
            scanned: None,
            scan_pause: SCAN_PAUSE,
            looked: None,
            look_pause: SCAN_PAUSE,
            asked: None,
            left_out: HashSet::new(),
        }
    }

    pub(super) fn adopt(&mut self, config: &Config) {
        self.discovery = config.discovery();
        self.bases = bases(config);
    }

    /// Whoever is told of files from here on knows of none yet, as a core does that was just opened.
    pub(super) fn begin(&mut self) {
        self.scanned = None;
    }

    /// Something in a watched folder changed.
    pub(super) fn changed(&mut self) {
        self.changed = true;
    }

    /// A file was not where it was seen.
    pub(super) fn missed(&mut self) {
        self.scan_wanted = true;
    }

    /// Whether it is time to look; `held_until` is asked only where that could make a difference.
    pub(super) fn is_due(
        &mut self,
        held_until: impl Fn() -> Option<UnixMicros>,
        is_busy: bool,
        now: UnixMicros,
    ) -> bool {
        // Whoever has ten thousand files does not look through them for each that is read.
        let since = if is_busy { self.asked.max(self.looked) } else { self.looked };
        if since.is_some_and(|since| since.elapsed() < self.look_pause) {
            return false;
        }
        self.asked = Some(Instant::now());
        self.due_in(held_until(), now).is_zero()
    }

    /// How long until the next look.
    pub(super) fn due_in(&self, held_until: Option<UnixMicros>, now: UnixMicros) -> Duration {
        let (Some(scanned), Some(looked)) = (self.scanned, self.looked) else { return Duration::ZERO };
        let looking = self.look_pause.saturating_sub(looked.elapsed());
        let scanning = self.scan_pause.saturating_sub(scanned.elapsed());
        let reconciling = RECONCILE_PAUSE.saturating_sub(scanned.elapsed());
        if self.needs_scan() {
            // What has grown is looked at beside what came and went.
            return scanning.max(looking).min(reconciling.max(looking));
        }
        let due = if self.changed { looking } else { reconciling };
        let held =
            held_until.map(|until| Duration::from_micros(until.micros_since(now).max(0).unsigned_abs()));
        // What is held back falls due by the clock, but never sooner than a look after a look.
        held.map_or(due, |held| due.min(held.max(looking)))
    }

    /// Looks at the files that were written to or are held back no longer, or at all where that does not do.
    pub(super) fn look(&mut self, config: &Config, core: &Core, now: UnixMicros) -> Seen {
        let begun = Instant::now();
        let is_early = |scanned: Instant, pause: Duration| scanned.elapsed() < pause;
        let may_scan = self.scanned.is_none_or(|scanned| !is_early(scanned, self.scan_pause));
        let must_scan = self.scanned.is_none_or(|scanned| !is_early(scanned, RECONCILE_PAUSE));
        let grown = if must_scan || self.needs_scan() { None } else { self.grown(config, core, now) };
        let seen = match grown {
            Some(grown) => Seen::Grown(grown),
            None if may_scan => self.scan(config, core),
            None => {
                self.scan_wanted = true;
                Seen::Nothing
            }
        };
        self.looked = Some(Instant::now());
        self.look_pause = SCAN_PAUSE.max(begun.elapsed() * LOOK_SHARE);
        seen
    }

    fn needs_scan(&self) -> bool {
        self.scan_wanted || self.watch.more_happened()
    }

    /// The files that were written to or are held back no longer, if they are as they were but for that.
    fn grown(&mut self, config: &Config, core: &Core, now: UnixMicros) -> Option<Vec<FoundFile>> {
        let changes = self.watch.take_changes();
        self.changed = false;
        if changes.more {
            self.watch.put_back(changes);
            return None;
        }
        let due = core.due(now);
        let paths = changes.written.iter().map(PathBuf::as_path).chain(due.iter().map(|path| &**path));
        let mut files = Vec::new();
        for path in paths {
            let path = self.watch.listed(path);
            let Some(source) = config.source_of(path) else { continue };
            let found = match fs::metadata(path) {
                Ok(metadata) if metadata.is_file() => plain_file(path.into(), &metadata),
                // A folder that may be looked into by now, or not any more; or a file that is gone.
                Ok(_) | Err(_) => return None,
            };
            let found = FoundFile { source, ..found };
            let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if self.discovery.refuses(found.file) || self.left_out.contains(&found.file) {
                continue;
            }
            if is_hidden && !core.knows(found.file) {
                // In folders they are passed over; one that is named is known since it came.
                continue;
            }
            if !core.has_only_grown(&found) {
                return None;
            }
            files.push(found);
        }
        Some(files)
    }

    /// All files that are to be read, and inputs that cannot be. Of a source that is still to be met its files,
    /// with nothing read of what is old in them, also those count that were last written long ago.
    fn scan(&mut self, config: &Config, core: &Core) -> Seen {
        let begun = Instant::now();
        self.changed = false;
        let gone = self.watch.take_changes().gone;
        let none = config.sources.len();
        let scan = self.discovery.scan(|path| config.source_of(path).unwrap_or(none));
        let mut files = scan.files;
        let is_left_out = |file: &FoundFile| {
            file.compressed && config.sources.get(file.source).is_none_or(|source| !source.read_compressed)
        };
        self.left_out = files.iter().filter(|file| is_left_out(file)).map(|file| file.file).collect();
        files.retain(|file| wanted(config, file, |source| core.is_to_meet(source)));
        // What came into a folder before it was watched is seen by one more scan.
        self.scan_wanted = self.watch.follow(&files, &[&self.bases, &scan.folders], &gone);
        self.scanned = Some(Instant::now());
        self.scan_pause = SCAN_PAUSE.max(begun.elapsed() * SCAN_SHARE);
        Seen::All(files, scan.problems)
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
