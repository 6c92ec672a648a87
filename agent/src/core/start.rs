//! Where reading begins: in files that were there when a source was first met with `start_at = "end"`, behind
//! their last whole line; else at the beginning.
//!
//! Invariants: what is old is settled by one look and recorded before anything is read of it, so that a
//! line written after that look is never skipped, whatever stops the agent; a file that comes later is read
//! from its beginning; how much is skipped is known for as long as the state is.

use super::{
    Action, Core, Fault, Probe,
    files::{FileState, Found, Phase},
    strand::Strand,
};
use crate::{
    identity::{FINGERPRINT_BYTES_MAX, FileId},
    settings::StartAt,
    state::{Anchoring, Meeting, OldFile, Recovered, StrandRecord},
};
use headrig_contract::{ByteLength, ByteOffset, SourceName, UnixMicros, framing::Lines};
use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
};

/// The bytes before a file's old end in which a line's end is looked for first; most lines are shorter.
const REACH_FIRST: u64 = 64 << 10;
/// Settled files are recorded once they are so many, or nothing else is to be done: a transaction for each
/// would make a first start of ten thousand files one of minutes.
const SETTLED_MAX: usize = 256;

/// The files that were there at first, and what is known of them.
pub(super) struct OldFiles {
    met: HashSet<SourceName>,
    /// Those where no strand says yet where reading begins, and those that are left alone.
    files: HashMap<FileId, OldFile>,
    /// What is to be recorded before anything is read.
    meeting: Option<Meeting>,
    /// The file in which the end of the last line is being looked for.
    search: Option<Search>,
    /// Files of which it is known where to begin; none where that is the beginning.
    settled: Vec<(FileId, Option<StrandRecord>)>,
}

/// A look for the last line's end before `end`, within `reach` bytes.
struct Search {
    file: FileId,
    end: u64,
    reach: u64,
}

/// The bytes before the place where reading begins, and where in the file they begin.
struct Before<'b> {
    start: ByteOffset,
    bytes: &'b [u8],
    lines: Lines,
}

/// What becomes of an unknown file.
enum Start {
    /// It is read from its beginning.
    Beginning,
    /// It is read from the last line's end before this place on.
    Before(ByteLength),
    /// It is not read.
    Nowhere,
}

impl OldFiles {
    /// What a former run recorded. A source that ever sealed a chunk is met, whatever it began with.
    pub(super) fn recovered(recovered: &Recovered) -> Self {
        let sealed = recovered.chains.iter().map(|chain| &chain.source);
        Self {
            met: recovered.met.iter().chain(sealed).cloned().collect(),
            files: recovered.old_files.iter().map(|old| (old.file, *old)).collect(),
            meeting: None,
            search: None,
            settled: Vec::new(),
        }
    }

    /// The bytes on disk of files that are left alone.
    fn left_alone(&self) -> u64 {
        self.files.values().filter(|old| old.compressed).map(|old| old.size.0).sum()
    }

    /// A scan ends what was being looked for: the file may be another one by now.
    pub(super) fn scanned(&mut self) {
        self.search = None;
    }

    pub(super) fn met(&mut self) {
        if let Some(meeting) = self.meeting.take() {
            self.met.extend(meeting.sources);
            self.files.extend(meeting.files.into_iter().map(|old| (old.file, old)));
        }
    }

    pub(super) fn anchored(&mut self) {
        self.settled.clear();
    }

    /// The file is no old one any more: it is known what it is, and which strand it has.
    pub(super) fn settle(&mut self, file: FileId, strand: Option<StrandRecord>) {
        if self.files.remove(&file).is_some() {
            self.settled.push((file, strand));
        }
    }
}

impl Core {
    /// Whether the next scan is the one that tells which files of the source are old.
    pub fn is_to_meet(&self, source: usize) -> bool {
        let settings = &self.settings.sources[source];
        settings.start_at == StartAt::End && !self.old.met.contains(&settings.name)
    }

    /// Whether sources are met and that is not recorded yet: lines written from then on are to be read.
    pub fn is_meeting(&self) -> bool {
        self.old.meeting.is_some()
    }

    /// The bytes that were there when their sources were first met and are not read, as long as the state is
    /// kept; compressed files count as they are.
    pub fn skipped(&self) -> ByteLength {
        let before: u64 = self.strands.iter().map(|strand| strand.began.0).sum();
        ByteLength(before + self.old.left_alone())
    }

    /// Takes note of what sources have that are seen for the first time.
    pub(super) fn meet(&mut self, found: &[Found]) {
        let unmet: Vec<usize> =
            (0..self.settings.sources.len()).filter(|source| self.is_to_meet(*source)).collect();
        if unmet.is_empty() || self.is_meeting() {
            return;
        }
        let is_old = |found: &&Found| {
            unmet.contains(&found.source) && found.size.0 > 0 && !self.files.is_known(found.file)
        };
        let old = |found: &Found| {
            let Found { file, size, modified, compressed, .. } = *found;
            OldFile { file, size, modified, compressed }
        };
        self.old.meeting = Some(Meeting {
            sources: unmet.iter().map(|source| self.settings.sources[*source].name.clone()).collect(),
            files: found.iter().filter(is_old).map(old).collect(),
        });
    }

    /// What is to be recorded before anything else is done.
    pub(super) fn next_meeting(&self) -> Option<Action> {
        self.old.meeting.clone().map(Action::Meet)
    }

    /// Settled files, to be recorded: many of them, or all there are where nothing else `is_left`.
    pub(super) fn next_anchoring(&self, is_left: bool) -> Option<Action> {
        let settled = &self.old.settled;
        if settled.is_empty() || is_left && settled.len() < SETTLED_MAX {
            return None;
        }
        let file = |(file, strand): &(FileId, Option<StrandRecord>)| {
            self.files.unread_record(*file, strand.as_ref()?.id, &self.strands)
        };
        Some(Action::Anchor(Anchoring {
            settled: settled.iter().map(|(file, _)| *file).collect(),
            strands: settled.iter().filter_map(|(_, strand)| strand.clone()).collect(),
            files: settled.iter().filter_map(file).collect(),
            streams_opened: self.streams_opened,
        }))
    }

    /// Begins with a file that is no strand's so far.
    pub(super) fn begin_unknown(&mut self, file: FileId, path: Arc<Path>) {
        match self.start_of(file) {
            Start::Nowhere => self.files.set_phase(file, Phase::Skipped),
            Start::Before(end) => {
                self.old.search = Some(Search { file, end: end.0, reach: REACH_FIRST });
            }
            Start::Beginning => self.begin_at_first_byte(file, path),
        }
    }

    fn begin_at_first_byte(&mut self, file: FileId, path: Arc<Path>) {
        self.old.settle(file, None);
        let id = self.new_stream();
        self.begin(file, path, id);
    }

    fn start_of(&self, file: FileId) -> Start {
        match (self.old.files.get(&file), self.files.state(file)) {
            (Some(old), Some(state)) if old.compressed && state.compressed && is_same(old, state) => {
                Start::Nowhere
            }
            // A file that is shorter than it was has begun anew.
            (Some(old), Some(state)) if !old.compressed && !state.compressed && old.size <= state.size => {
                Start::Before(old.size)
            }
            _ => Start::Beginning,
        }
    }

    /// The next look for the end of an old file's last line.
    pub(super) fn next_search(&mut self, now: UnixMicros) -> Option<Action> {
        let search = self.old.search.as_ref()?;
        let Some(state) = self.files.state(search.file) else {
            self.old.search = None;
            return None;
        };
        let fresh = !self.is_quiet(state, now);
        let windows = std::iter::once(search.start()..search.end).collect();
        Some(Action::Probe { file: search.file, path: state.path.clone(), compressed: false, fresh, windows })
    }

    /// Takes the answer, if it is one to [`Core::next_search`].
    pub(super) fn searched(
        &mut self,
        file: FileId,
        result: Result<Probe, Fault>,
        now: UnixMicros,
    ) -> Option<Result<Probe, Fault>> {
        let Some(search) = self.old.search.take().filter(|search| search.file == file) else {
            return Some(result);
        };
        let state = self.files.state(file)?;
        let (path, source) = (state.path.clone(), state.source);
        let probe = match result {
            Ok(probe) if probe.windows.first().is_some_and(|window| !window.unreadable) => probe,
            Ok(_) => {
                self.files.set_phase(file, self.phase_after(Fault::Unreadable, state, now));
                return None;
            }
            Err(fault) => {
                self.files.set_phase(file, self.phase_after(fault, state, now));
                return None;
            }
        };
        let bytes = &probe.windows[0].bytes;
        let settings = &self.settings.sources[source];
        let line_bytes_max = settings.line_bytes_max as u64;
        let start = ByteOffset(search.start());
        let lines = Lines::new(settings.encoding_of(&probe.head), start);
        let before = |end: usize| Before { start, bytes: &bytes[..end], lines };
        let is_shorter = bytes.len() as u64 != search.end - start.0;
        match lines.last_end(bytes) {
            _ if is_shorter => self.begin_at_first_byte(file, path),
            Some(end) => self.begin_behind(file, path, &before(end), &probe.head),
            None if start.0 == 0 => self.begin_at_first_byte(file, path),
            None if search.reach < line_bytes_max => {
                self.old.search = Some(Search { reach: line_bytes_max, ..search });
            }
            // The line is longer than one may be: it is cut here, as it would be anyway.
            None => self.begin_behind(file, path, &before(lines.floor(bytes.len())), &probe.head),
        }
        self.read_as(file, &probe.head);
        None
    }

    /// Begins with a file behind the bytes `before`; `head` are its first.
    fn begin_behind(&mut self, file: FileId, path: Arc<Path>, before: &Before<'_>, head: &[u8]) {
        let Before { start, bytes, lines } = before;
        let offset = start.plus(ByteLength(bytes.len() as u64));
        let head_bytes = FINGERPRINT_BYTES_MAX.min(usize::try_from(offset.0).unwrap_or(usize::MAX));
        let Some(head) = head.get(..head_bytes) else { return self.begin_at_first_byte(file, path) };
        let window = &bytes[bytes.len().saturating_sub(FINGERPRINT_BYTES_MAX)..];
        let id = self.new_stream();
        self.begin(file, path.clone(), id);
        let index = self.strand_by_id[&id];
        let is_mid_line = !lines.is_terminated(bytes);
        let strand = Strand::new(id, path, file).anchored(offset, is_mid_line, head, window);
        self.heads.set(index, strand.head());
        self.old.settle(file, Some(strand.record()));
        self.strands[index.0] = strand;
    }
}

impl Search {
    fn start(&self) -> u64 {
        self.end.saturating_sub(self.reach)
    }
}

/// Whether the compressed file is still that one. Where the file system keeps no births, an inode that was
/// given out again shows only by its size and time; what is in doubt is read.
fn is_same(old: &OldFile, state: &FileState) -> bool {
    old.file.born != UnixMicros(0) || (old.size, old.modified) == (state.size, state.modified)
}
