//! A strand in memory: how far it is read, and the bytes by which its file is known again.

use crate::{
    identity::{FINGERPRINT_BYTES_MAX, FileId, Fingerprint, Mark, StrandId},
    state::StrandRecord,
};
use headrig_contract::{
    ByteLength, ByteOffset,
    framing::{Encoding, Lines},
};
use std::{collections::VecDeque, path::Path, sync::Arc};

/// A strand's place in the core's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StrandIndex(pub(super) usize);

pub(super) struct Strand {
    pub(super) id: StrandId,
    /// Where its file was last.
    pub(super) path: Arc<Path>,
    /// The file that carries it on; none when it is gone or begun anew.
    pub(super) file: Option<FileId>,
    /// The file it was read from last, be it there or not.
    pub(super) last_file: Option<FileId>,
    pub(super) offset: ByteOffset,
    /// Where reading began.
    pub(super) began: ByteOffset,
    pub(super) mid_line: bool,
    /// How its text is written, as its file's first bytes say whenever it is looked into.
    pub(super) encoding: Encoding,
    /// The most plain bytes its file was seen to have; what is beyond the offset is lost with the file.
    pub(super) seen: u64,
    /// The size that the scan told may be a former life's: nothing was read yet that proves otherwise.
    pub(super) size_is_unproven: bool,
    /// Settled scans in a row after which no file carried it on.
    pub(super) scans_without_file: u8,
    head: Head,
    window: Window,
    /// The first bytes behind the offset where its file ends in a line without an end: copies have them, too.
    tail: Vec<u8>,
    /// Earlier marks' offsets and windows, oldest first: a copy that is shorter is compared at one of them.
    trail: VecDeque<Waypoint>,
}

/// A place that was passed, and the window before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waypoint {
    pub(super) offset: ByteOffset,
    pub(super) window: Fingerprint,
}

/// How many places are remembered: at two looks a second, what a copy of a few seconds needs.
const TRAIL_MAX: usize = 16;

/// The first bytes up to the offset: kept while the fingerprint still grows.
enum Head {
    Growing(Vec<u8>),
    Fixed(Fingerprint),
}

/// The last bytes before the offset: only their hash where nothing was read since it was taken.
enum Window {
    Bytes(Vec<u8>),
    Hashed(Fingerprint),
}

impl Strand {
    /// A strand that nothing was read of.
    pub(super) fn new(id: StrandId, path: Arc<Path>, file: FileId) -> Self {
        Self {
            id,
            path,
            file: Some(file),
            last_file: Some(file),
            offset: ByteOffset(0),
            began: ByteOffset(0),
            mid_line: false,
            encoding: Encoding::Utf8,
            seen: 0,
            size_is_unproven: true,
            scans_without_file: 0,
            head: Head::Growing(Vec::new()),
            window: Window::Bytes(Vec::new()),
            tail: Vec::new(),
            trail: VecDeque::new(),
        }
    }

    /// A strand that is read from `offset` on. `head` are its first bytes and `window` those before the
    /// offset, as many of both as are hashed.
    pub(super) fn anchored(self, offset: ByteOffset, mid_line: bool, head: &[u8], window: &[u8]) -> Self {
        let head = match head.len() {
            FINGERPRINT_BYTES_MAX => Head::Fixed(Fingerprint::of(head)),
            _ => Head::Growing(head.to_vec()),
        };
        let window = Window::Hashed(Fingerprint::of(window));
        Self { offset, began: offset, mid_line, seen: offset.0, head, window, ..self }
    }

    /// A strand as it was sealed; its file is not found yet.
    pub(super) fn recovered(record: &StrandRecord) -> Self {
        Self {
            id: record.id,
            path: record.path.clone(),
            file: None,
            last_file: None,
            offset: record.mark.offset,
            began: record.began,
            mid_line: record.mark.mid_line,
            encoding: Encoding::Utf8,
            seen: record.mark.offset.0,
            size_is_unproven: true,
            scans_without_file: 0,
            head: Head::Fixed(record.mark.head),
            window: Window::Hashed(record.mark.window),
            tail: Vec::new(),
            trail: VecDeque::from([Waypoint { offset: record.mark.offset, window: record.mark.window }]),
        }
    }

    /// The fingerprint of the first bytes.
    pub(super) fn head(&self) -> Fingerprint {
        match &self.head {
            Head::Growing(bytes) => Fingerprint::of(bytes),
            Head::Fixed(fingerprint) => *fingerprint,
        }
    }

    /// The fingerprints at the present offset.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            offset: self.offset,
            head: self.head(),
            window: match &self.window {
                Window::Bytes(bytes) => Fingerprint::of(bytes),
                Window::Hashed(fingerprint) => *fingerprint,
            },
            mid_line: self.mid_line,
        }
    }

    /// The present place, or the last one passed at or before `length`.
    pub(super) fn waypoint_within(&self, length: u64) -> Waypoint {
        let mark = self.mark();
        let present = Waypoint { offset: mark.offset, window: mark.window };
        let passed = self.trail.iter().rev().find(|passed| passed.offset.0 <= length);
        if length < mark.offset.0 { passed.copied().unwrap_or(present) } else { present }
    }

    /// Every place that is remembered, and the present one.
    pub(super) fn waypoints(&self) -> Vec<Waypoint> {
        let mark = self.mark();
        let present = Waypoint { offset: mark.offset, window: mark.window };
        let passed = self.trail.iter().filter(|passed| passed.offset != present.offset);
        passed.copied().chain([present]).collect()
    }

    /// The file ends with these bytes, which are left until their line has its end.
    pub(super) fn leave_tail(&mut self, bytes: &[u8]) {
        self.tail = bytes[..bytes.len().min(FINGERPRINT_BYTES_MAX)].to_vec();
    }

    /// Where the bytes of a line without an end are, if any are left.
    pub(super) fn tail_place(&self) -> Option<Waypoint> {
        let window = Fingerprint::of(&self.tail);
        let offset = self.offset.plus(ByteLength(self.tail.len() as u64));
        (!self.tail.is_empty()).then_some(Waypoint { offset, window })
    }

    /// Whether the bytes that were left are these, or begin with them where there are fewer.
    pub(super) fn tail_begins_with(&self, bytes: &[u8]) -> bool {
        self.tail.starts_with(bytes)
    }

    /// The file has this size, by the last scan.
    pub(super) fn see_size(&mut self, size: u64) {
        if !self.size_is_unproven {
            self.seen = self.seen.max(size);
        }
    }

    /// So many bytes stand behind the offset.
    pub(super) fn see_bytes(&mut self, count: usize) {
        let reached = self.offset.0 + count as u64;
        self.seen = if self.size_is_unproven { reached } else { self.seen.max(reached) };
    }

    /// Remembers the present place.
    pub(super) fn leave_waypoint(&mut self) {
        let mark = self.mark();
        if self.trail.back().is_some_and(|last| last.offset == mark.offset) || mark.offset.0 == 0 {
            return;
        }
        if self.trail.len() == TRAIL_MAX {
            self.trail.pop_front();
        }
        self.trail.push_back(Waypoint { offset: mark.offset, window: mark.window });
    }

    pub(super) fn record(&self) -> StrandRecord {
        StrandRecord { id: self.id, mark: self.mark(), path: self.path.clone(), began: self.began }
    }

    /// The file `file` was found to carry it on; `head` is the file's, of which the bytes up to the offset
    /// are known to be this strand's.
    pub(super) fn attach(&mut self, file: FileId, path: Arc<Path>, head: &[u8]) {
        (self.file, self.last_file) = (Some(file), Some(file));
        self.path = path;
        self.tail = Vec::new();
        self.size_is_unproven = self.offset.0 == 0;
        let read = usize::try_from(self.offset.0).unwrap_or(usize::MAX);
        if read < FINGERPRINT_BYTES_MAX && head.len() >= read {
            self.head = Head::Growing(head[..read].to_vec());
        }
    }

    /// `bytes` were taken from the present offset on.
    pub(super) fn advance(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.tail = Vec::new();
        let lines = Lines::new(self.encoding, self.offset);
        if let Head::Growing(head) = &mut self.head {
            let missing = FINGERPRINT_BYTES_MAX - head.len();
            head.extend_from_slice(&bytes[..bytes.len().min(missing)]);
            if head.len() == FINGERPRINT_BYTES_MAX {
                self.head = Head::Fixed(Fingerprint::of(head));
            }
        }
        let tail = &bytes[bytes.len().saturating_sub(FINGERPRINT_BYTES_MAX)..];
        match &mut self.window {
            Window::Bytes(window) => {
                let excess = (window.len() + tail.len()).saturating_sub(FINGERPRINT_BYTES_MAX);
                window.drain(..excess);
                window.extend_from_slice(tail);
            }
            Window::Hashed(_) => self.window = Window::Bytes(tail.to_vec()),
        }
        self.offset.0 += bytes.len() as u64;
        self.mid_line = !lines.is_terminated(bytes);
    }

    /// Gives back the window's bytes once they are sealed: only the hash is needed from here on.
    pub(super) fn settle(&mut self) {
        if let Window::Bytes(bytes) = &self.window {
            self.window = Window::Hashed(Fingerprint::of(bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headrig_contract::{Generation, StreamId};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_mark_is_that_of_the_bytes_however_they_were_read(
            bytes in proptest::collection::vec(any::<u8>(), 1..4_000), cuts in proptest::collection::vec(0..4_000usize, 0..6),
        ) {
            let id = StrandId { stream: StreamId::from_bytes([1; 16]), generation: Generation(0) };
            let mut strand = Strand::new(id, Path::new("/a").into(), FileId { device: 1, inode: 1, born: Default::default() });
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            for pair in cuts.windows(2) {
                strand.advance(&bytes[pair[0]..pair[1]]);
            }
            let mark = strand.mark();
            prop_assert_eq!(mark.offset.0, bytes.len() as u64);
            prop_assert!(mark.head.matches_start_of(&bytes));
            prop_assert_eq!(usize::from(mark.head.length), bytes.len().min(FINGERPRINT_BYTES_MAX));
            let window = mark.window_range();
            prop_assert!(mark.window.matches_start_of(&bytes[window.start as usize..]));
            prop_assert_eq!(mark.mid_line, bytes.last() != Some(&b'\n'));
        }
    }
}
