//! The files that were found: what is known of each, and which of them have something to be done.
//!
//! Invariant: a file without anything new costs no action, only its place in the table.

mod growth;
mod records;

use super::strand::{Strand, StrandIndex};
use crate::{
    identity::{FileId, StrandId, is_compressed_name, is_rotated_name},
    state::{FileRecord, OldFile},
};
use headrig_contract::{ByteLength, ByteOffset, UnixMicros};
use std::{
    collections::{HashMap, VecDeque},
    path::Path,
    sync::Arc,
};

/// A file as a scan finds it.
#[derive(Clone, Debug)]
pub struct Found {
    /// Device and inode.
    pub file: FileId,
    /// Where it is.
    pub path: Arc<Path>,
    /// The index of its source; of no account for a file that the core knows already.
    pub source: usize,
    /// Its size on disk.
    pub size: ByteLength,
    /// Its modification time.
    pub modified: UnixMicros,
    /// Its bytes are gzip or zstd: read through a decompressor, after the plain files.
    pub compressed: bool,
    /// No path leads to it any more that a scan would find; it is still open here.
    pub unlisted: bool,
}

/// A file, and how far it is read.
#[derive(Clone, Copy, Debug)]
pub struct FileStatus<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// The index of its source.
    pub source: usize,
    /// Its size on disk.
    pub size: ByteLength,
    /// The plain bytes read; for compressed files not comparable with the size.
    pub offset: ByteOffset,
    /// One word for what it waits for.
    pub state: &'static str,
}

/// What is to be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has changed, or was never looked into.
    Changed,
    /// It was looked into as part of its strand, and is to be read from the strand's offset on.
    Reading,
    /// An event at its end could go on, or what it is cannot be told yet: look again then.
    Held {
        /// When it will have been quiet for long enough.
        until: UnixMicros,
    },
    /// Its last line has no end yet, and is left until it has.
    Unterminated,
    /// All of it is taken that there is to take.
    Done,
    /// It was there when its source was first met, and is left alone.
    Skipped,
    /// It could not be read; a change makes it worth another try.
    Unreadable,
    /// Another file stood at its path when it was opened: the next scan tells where it went.
    Missed,
}

/// Size and modification time.
type Extent = (ByteLength, UnixMicros);

#[derive(Debug)]
pub(super) struct FileState {
    pub(super) path: Arc<Path>,
    pub(super) source: usize,
    pub(super) strand: Option<StrandIndex>,
    pub(super) size: ByteLength,
    pub(super) modified: UnixMicros,
    /// Since when size and modification time are as they are, as far as this core saw.
    pub(super) changed_at: UnixMicros,
    pub(super) compressed: bool,
    pub(super) unlisted: bool,
    /// Since when bytes are known that wait for what belongs to them.
    pub(super) waiting_since: Option<UnixMicros>,
    /// It was looked at by itself since the last scan: what else there is now is not known.
    pub(super) seen_alone: bool,
    pub(super) phase: Phase,
    pub(super) done: Extent,
    remembered: bool,
}

impl FileState {
    /// Whether nothing but its name can have changed since it was read to its end.
    pub(super) fn is_renamed_only(&self) -> bool {
        self.phase == Phase::Done && !self.unlisted && self.done == (self.size, self.modified)
    }

    /// Whether it is as long as it was when it had been read to its end.
    pub(super) fn has_size_done(&self) -> bool {
        self.done.0 == self.size && self.done != NEVER_DONE
    }
}

/// What `done` is for a file that was never read to its end: no file was modified then.
const NEVER_DONE: Extent = (ByteLength(0), UnixMicros(i64::MIN));

pub(super) struct FileTable {
    states: HashMap<FileId, FileState>,
    /// What is known of files that the last scan did not find: by a former run, or before they went out of sight.
    absent: HashMap<FileId, (StrandIndex, Extent)>,
    /// Likewise of files that are left alone as long as they have this size and modification time.
    skipped: HashMap<FileId, Extent>,
    queue: VecDeque<FileId>,
}

impl FileTable {
    pub(super) fn recovered(
        records: &[FileRecord],
        old_files: &[OldFile],
        strand_by_id: &HashMap<StrandId, StrandIndex>,
    ) -> Self {
        let skipped = old_files.iter().filter(|old| old.compressed);
        let known = records.iter().filter_map(|record| Some((record, *strand_by_id.get(&record.strand)?)));
        Self {
            states: HashMap::new(),
            absent: known.map(|(r, strand)| (r.file, (strand, (r.size_done, r.modified_done)))).collect(),
            skipped: skipped.map(|old| (old.file, (old.size, old.modified))).collect(),
            queue: VecDeque::new(),
        }
    }

    /// Takes note of all files there are, and returns the strands whose files are there, unchanged or not.
    pub(super) fn scanned(&mut self, found: Vec<Found>, now: UnixMicros) -> Vec<(StrandIndex, FileId)> {
        let mut states = HashMap::with_capacity(found.len());
        for file in found {
            let before = self.states.remove(&file.file);
            states.entry(file.file).or_insert_with(|| self.seen(file, before, now));
        }
        // A scan misses a file that is renamed while it runs: it is known again when it is back.
        for (id, gone) in std::mem::replace(&mut self.states, states) {
            match gone.strand {
                Some(strand) => self.absent.insert(id, (strand, gone.done)),
                None => self.absent.remove(&id),
            };
        }
        let changed = self.states.iter().filter(|(_, state)| state.phase == Phase::Changed);
        let mut queue: Vec<FileId> = changed.map(|(id, _)| *id).collect();
        // Known files first, so that what is left can be told from them; compressed ones last, since they
        // may be copies of what the plain ones still hold.
        queue.sort_by_cached_key(|id| {
            let state = &self.states[id];
            (state.strand.is_none(), state.compressed, state.path.clone(), *id)
        });
        self.queue = queue.into();
        let mut present: Vec<_> =
            self.states.iter().filter_map(|(id, state)| Some((state.strand?, *id))).collect();
        // Where two files stand for one strand, which of them is taken must not be left to chance.
        present.sort_unstable();
        present
    }

    fn seen(&self, found: Found, before: Option<FileState>, now: UnixMicros) -> FileState {
        let Found { file, path, source, size, modified, compressed, unlisted } = found;
        let Some(mut state) = before else {
            let known = self.absent.get(&file);
            let (strand, done) = known.map_or((None, NEVER_DONE), |(strand, done)| (Some(*strand), *done));
            let phase = match strand {
                Some(_) if done == (size, modified) => Phase::Done,
                None if self.skipped.get(&file) == Some(&(size, modified)) => Phase::Skipped,
                _ => Phase::Changed,
            };
            return FileState {
                path,
                source,
                strand,
                size,
                modified,
                changed_at: modified.min(now),
                compressed,
                unlisted,
                waiting_since: None,
                seen_alone: false,
                phase,
                done,
                remembered: true,
            };
        };
        let changed = (state.size, state.modified) != (size, modified);
        if changed {
            state.changed_at = now;
        }
        if state.compressed != compressed {
            // It was looked at when it was empty, or is another file's content by now.
            (state.compressed, state.strand) = (compressed, None);
        }
        let due = matches!(state.phase, Phase::Held { until } if until <= now);
        if changed || due || matches!(state.phase, Phase::Reading | Phase::Missed) {
            state.phase = Phase::Changed;
        }
        (state.path, state.size, state.modified, state.unlisted) = (path, size, modified, unlisted);
        state.seen_alone = false;
        state
    }

    /// Whether no strand is to be looked for that the file could carry on: it has its own, or none and nothing
    /// new in it.
    pub(super) fn is_settled(&self, found: &Found) -> bool {
        let now = (found.size, found.modified);
        match self.states.get(&found.file) {
            Some(state) => {
                let at_rest = matches!(state.phase, Phase::Done | Phase::Skipped | Phase::Unreadable);
                state.strand.is_some() || at_rest && (state.size, state.modified) == now
            }
            None => self.absent.get(&found.file).is_some_and(|(_, done)| *done == now),
        }
    }

    /// Whether it has a strand, or had one when it was seen last.
    pub(super) fn is_known(&self, file: FileId) -> bool {
        let present = self.states.get(&file).map(|state| state.strand.is_some());
        present.unwrap_or_else(|| self.absent.contains_key(&file))
    }

    pub(super) fn state(&self, file: FileId) -> Option<&FileState> {
        self.states.get(&file)
    }

    pub(super) fn set_phase(&mut self, file: FileId, phase: Phase) {
        if let Some(state) = self.states.get_mut(&file) {
            state.phase = phase;
            if matches!(phase, Phase::Done) && state.strand.is_some() {
                let done = (state.size, state.modified);
                state.remembered &= state.done == done;
                state.done = done;
            }
        }
    }

    pub(super) fn set_waiting(&mut self, file: FileId, since: Option<UnixMicros>) {
        if let Some(state) = self.states.get_mut(&file) {
            state.waiting_since = since;
        }
    }

    pub(super) fn set_strand(&mut self, file: FileId, strand: Option<StrandIndex>) {
        if let Some(state) = self.states.get_mut(&file) {
            state.strand = strand;
        }
    }

    /// The file that is next in turn, which stays so until its phase is settled.
    pub(super) fn current(&mut self) -> Option<FileId> {
        while let Some(file) = self.queue.front() {
            match self.states.get(file).map(|state| state.phase) {
                Some(Phase::Changed | Phase::Reading) => return Some(*file),
                _ => self.queue.pop_front(),
            };
        }
        None
    }

    /// Lets the other known files have their turn before the current one goes on. Unknown ones stay behind all
    /// known ones: what they are shows only when those are read.
    pub(super) fn yield_turn(&mut self) {
        let known = |file: &FileId| self.states.get(file).is_some_and(|state| state.strand.is_some());
        let others = self.queue.iter().skip(1).take_while(|file| known(file)).count();
        if let Some(current) = self.queue.pop_front() {
            self.queue.insert(others, current);
        }
    }

    /// Puts the current file behind all others: it was taken for one that is known, and is not.
    pub(super) fn postpone_current(&mut self) {
        self.queue.rotate_left(usize::from(!self.queue.is_empty()));
    }

    /// Whether files were not where the last scan saw them.
    pub(super) fn any_missed(&self) -> bool {
        self.states.values().any(|state| state.phase == Phase::Missed)
    }

    /// Whether there are files of which it is not known yet whose strand they carry on.
    pub(super) fn any_unknown(&self) -> bool {
        let is_open = |phase| matches!(phase, Phase::Changed | Phase::Held { .. } | Phase::Missed);
        self.states.values().any(|state| state.strand.is_none() && is_open(state.phase))
    }

    pub(super) fn statuses<'a>(&'a self, strands: &'a [Strand]) -> impl Iterator<Item = FileStatus<'a>> {
        self.states.values().map(|state| FileStatus {
            path: &state.path,
            source: state.source,
            size: state.size,
            offset: state.strand.map_or(ByteOffset(0), |index| strands[index.0].offset),
            state: match state.phase {
                Phase::Changed | Phase::Missed => "waiting",
                Phase::Reading => "reading",
                Phase::Held { .. } => "held",
                Phase::Unterminated => "unterminated",
                Phase::Done => "idle",
                Phase::Skipped => "skipped",
                Phase::Unreadable => "unreadable",
            },
        })
    }

    /// Whether the file is by its name the compressed copy of one that is there and not read yet: what it holds
    /// shows once that one is. One that is only open here may have had another name when it was compressed.
    pub(super) fn is_copy_of_unread(&self, file: FileId) -> bool {
        let Some(copy) = self.states.get(&file).filter(|state| state.compressed) else { return false };
        self.states.values().any(|state| {
            let is_unread = matches!(state.phase, Phase::Changed | Phase::Reading | Phase::Held { .. });
            let [name, of] = [&copy.path, &state.path];
            let is_named_after = is_compressed_name(name, of) || state.unlisted && is_rotated_name(name, of);
            is_unread && !state.compressed && name.parent() == of.parent() && is_named_after
        })
    }

    /// Files that are held back or missed.
    pub(super) fn unsettled(&self) -> Vec<Arc<Path>> {
        let open = |state: &&FileState| matches!(state.phase, Phase::Held { .. } | Phase::Missed);
        self.states.values().filter(open).map(|state| state.path.clone()).collect()
    }

    /// When each of the files that are held back can be looked at again.
    pub(super) fn held_until(&self) -> impl Iterator<Item = UnixMicros> {
        self.states.values().filter_map(|state| match state.phase {
            Phase::Held { until } => Some(until),
            _ => None,
        })
    }

    /// Whether the file, of this size by now, has bytes to be taken. A last line that never got its end is not
    /// waited for.
    pub(super) fn wants(&self, file: FileId, size: ByteLength, strands: &[Strand]) -> bool {
        self.states.get(&file).is_some_and(|state| {
            let read = state.strand.map_or(0, |strand| strands[strand.0].offset.0);
            let ended = matches!(state.phase, Phase::Unterminated | Phase::Unreadable) && state.size == size;
            size.0 != read && !ended
        })
    }

    /// The clock was set back by so much.
    pub(super) fn set_back(&mut self, micros: i64) {
        for state in self.states.values_mut() {
            state.changed_at = state.changed_at.saturating_add_micros(-micros);
            state.waiting_since = state.waiting_since.map(|since| since.saturating_add_micros(-micros));
            if let Phase::Held { until } = &mut state.phase {
                *until = until.saturating_add_micros(-micros);
            }
        }
    }

    pub(super) fn unread(&self, strands: &[Strand]) -> ByteLength {
        let open =
            self.states.values().filter(|state| matches!(state.phase, Phase::Changed | Phase::Reading));
        let left = |state: &FileState| match state.strand {
            Some(strand) if !state.compressed => state.size.0.saturating_sub(strands[strand.0].offset.0),
            _ => state.size.0,
        };
        ByteLength(open.map(left).sum())
    }
}
