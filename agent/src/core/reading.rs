//! What is taken of the bytes that were read: whole events, lines within their limit, and at a file's end
//! what will not go on.
//!
//! Invariant: taken bytes follow on each other without gap or overlap; what is not taken is read again.

use super::{
    Action, Core, CoreError, Fault, ReadBytes, ReadEnd,
    files::{FileState, Phase},
    open_chunk::Run,
    strand::StrandIndex,
};
use crate::identity::FileId;
use headrig_contract::{ByteOffset, UnixMicros, chunk::SegmentEdges, framing};
use memchr::memrchr;
use std::ops::Range;

/// What happens to a last line that has no newline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tails {
    /// It is left until it has one: the file is being written.
    Leave,
    /// It is taken once the file has been quiet: the file is as long as it will be.
    Take,
}

/// What a read saw of a file's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// More bytes follow, and the block is full.
    BlockFull,
    /// The file ends here, and could go on at any moment.
    Fresh,
    /// The file ends here, and goes on no more as far as can be told; a last line without newline is left.
    QuietLeave,
    /// The same, and a last line without newline is taken.
    QuietTake,
    /// What follows cannot be read.
    Damage,
}

/// A read that was handed out.
pub(super) struct Reading {
    file: FileId,
    strand: StrandIndex,
    source: usize,
    /// Where in the block the bytes begin.
    start: usize,
    length: usize,
}

impl Core {
    /// The file in turn: looked into if need be, then read.
    pub(super) fn next_read(&mut self, now: UnixMicros) -> Result<Option<Action>, CoreError> {
        if let Some(source) = self.full_block.take() {
            return self.append(source, now).map(Some);
        }
        if let Some(action) = self.second_look() {
            return Ok(Some(action));
        }
        while let Some(file) = self.files.current() {
            let state = self.files.state(file).expect("the current file is in the table");
            let (path, known, compressed) = (state.path.clone(), state.strand, state.compressed);
            let (Phase::Reading, Some(strand)) = (state.phase, known) else {
                return Ok(Some(self.look_into(file)));
            };
            let offset = self.strands[strand.0].offset;
            let left = if compressed { u64::MAX } else { state.size.0.saturating_sub(offset.0) };
            if left == 0 {
                self.settle(file, strand, Phase::Done);
                continue;
            }
            // Bytes of a strand that wait in a source's chunk must be sealed before or with those that follow.
            let source = self.home_of(strand).unwrap_or(state.source);
            if !self.has_room_for(source, &path.to_string_lossy()) {
                return self.append(source, now).map(Some);
            }
            let chunk = self.open_chunk(source, now);
            let (start, length) =
                (chunk.gathered(), usize::try_from(left).unwrap_or(usize::MAX).min(chunk.space()));
            self.reading = Some(Reading { file, strand, source, start, length });
            return Ok(Some(Action::Read { file, path, compressed, offset, length }));
        }
        Ok(None)
    }

    /// Room for the bytes of the [`Action::Read`] that was just handed out; empty if there is none.
    pub fn room(&mut self) -> &mut [u8] {
        match &self.reading {
            Some(Reading { source, start, length, .. }) => match &mut self.open[*source] {
                Some(chunk) => {
                    chunk.truncate(*start);
                    chunk.room(*length)
                }
                None => &mut [],
            },
            None => &mut [],
        }
    }

    /// Takes what can be taken of the bytes read, and decides what becomes of file and block.
    pub(super) fn read(&mut self, file: FileId, result: Result<ReadBytes, Fault>, now: UnixMicros) {
        let Some(reading) = self.reading.take().filter(|reading| reading.file == file) else { return };
        match (result, self.files.state(file)) {
            (Ok(read), Some(state)) => {
                let ending = self.ending(&reading, read, state, now);
                let taken = self.take(&reading, read.count.min(reading.length), ending);
                self.after_taking(&reading, read.count, taken, ending);
            }
            (Err(Fault::Moved), _) | (Ok(_), None) => self.settle(file, reading.strand, Phase::Missed),
            (Err(Fault::Unreadable), _) => self.settle(file, reading.strand, Phase::Unreadable),
        }
        self.trim(reading.source, reading.start);
    }

    fn ending(&self, reading: &Reading, read: ReadBytes, state: &FileState, now: UnixMicros) -> Ending {
        let reached = self.strands[reading.strand.0].offset.0 + read.count as u64;
        let at_end = read.end == ReadEnd::File || !state.compressed && reached >= state.size.0;
        let quiet = now.micros_since(state.changed_at) / 1_000 >= self.settings.event_hold_ms as i64;
        match read.end {
            ReadEnd::Damage => Ending::Damage,
            // A compressed file that ends as it should was closed by its writer.
            ReadEnd::File if state.compressed => Ending::QuietTake,
            _ if !at_end => Ending::BlockFull,
            _ if !quiet => Ending::Fresh,
            _ if self.tails == Tails::Take => Ending::QuietTake,
            _ => Ending::QuietLeave,
        }
    }

    /// Moves what can be taken of the `count` bytes read into the block, and says how many bytes that are.
    fn take(&mut self, reading: &Reading, count: usize, ending: Ending) -> usize {
        let (Some(state), Some(chunk)) = (self.files.state(reading.file), &mut self.open[reading.source])
        else {
            return 0;
        };
        let strand = &mut self.strands[reading.strand.0];
        let bytes = &chunk.bytes_from(reading.start)[..count];
        let taken = takeable(bytes, reading.start == 0, ending);
        let line_bytes_max = self.settings.sources[reading.source].line_bytes_max;
        let runs = runs(&bytes[..taken], strand.mid_line, line_bytes_max);
        let offset = strand.offset;
        strand.advance(&bytes[..taken]);
        self.progress.read.0 += taken as u64;
        self.progress.split_pieces +=
            runs.iter().filter(|(range, _)| range.len() == line_bytes_max).count() as u64;
        let path: std::sync::Arc<str> = state.path.to_string_lossy().into();
        for (range, edges) in runs {
            chunk.push(
                reading.strand,
                Run {
                    strand: strand.id,
                    path: path.clone(),
                    offset: ByteOffset(offset.0 + range.start as u64),
                    length: range.len(),
                    modified: state.modified,
                    edges,
                },
            );
        }
        chunk.truncate(reading.start + taken);
        taken
    }

    fn after_taking(&mut self, reading: &Reading, count: usize, taken: usize, ending: Ending) {
        let Some(state) = self.files.state(reading.file) else { return };
        let hold_micros = self.settings.event_hold_ms as i64 * 1_000;
        let phase = match ending {
            Ending::BlockFull => {
                self.full_block = self.open[reading.source].as_ref().map(|_| reading.source);
                return;
            }
            Ending::Damage => Phase::Unreadable,
            _ if taken == count => Phase::Done,
            Ending::Fresh => Phase::Held { until: state.changed_at.saturating_add_micros(hold_micros) },
            Ending::QuietLeave | Ending::QuietTake => Phase::Unterminated,
        };
        self.settle(reading.file, reading.strand, phase);
    }

    /// Nothing more is read of this file for now.
    fn settle(&mut self, file: FileId, strand: StrandIndex, phase: Phase) {
        self.heads.set(strand, self.strands[strand.0].mark().head);
        self.files.set_phase(file, phase);
    }

    /// Throws away bytes that were not taken, and a chunk that nothing was put into.
    fn trim(&mut self, source: usize, start: usize) {
        let Some(chunk) = &mut self.open[source] else { return };
        if chunk.is_empty() && start == 0 {
            let (_, buffer) = self.open[source].take().expect("it was just seen").finish();
            self.spare_buffer = buffer;
        } else {
            chunk.drop_untaken();
        }
    }

    fn home_of(&self, strand: StrandIndex) -> Option<usize> {
        self.open.iter().position(|chunk| chunk.as_ref().is_some_and(|chunk| chunk.strands.contains(&strand)))
    }

    fn has_room_for(&self, source: usize, path: &str) -> bool {
        let Some(chunk) = &self.open[source] else { return true };
        let names = &self.settings.sources[source];
        let fixed_bytes =
            self.settings.host.as_str().len() + names.name.as_str().len() + names.format_hint.len();
        chunk.gathered() == 0 || chunk.space() > 0 && chunk.has_room_for(path, fixed_bytes)
    }
}

/// How many of the bytes make whole events; where the block is full of one event or one line, how much of it.
fn takeable(bytes: &[u8], block_is_empty: bool, ending: Ending) -> usize {
    let lines_end = memrchr(b'\n', bytes).map_or(0, |newline| newline + 1);
    match ending {
        Ending::QuietTake => return bytes.len(),
        Ending::QuietLeave | Ending::Damage => return lines_end,
        Ending::BlockFull | Ending::Fresh => {}
    }
    let lines = &bytes[..lines_end];
    let last = framing::last_event_start(lines);
    let whole = if framing::may_continue(&lines[last..]) { last } else { lines_end };
    match whole {
        0 if ending == Ending::BlockFull && block_is_empty => {
            if lines_end > 0 {
                lines_end
            } else {
                bytes.len()
            }
        }
        whole => whole,
    }
}

/// Cuts `bytes` where a line is longer than `line_bytes_max`: into as few runs as that takes.
///
/// Looks at no more than a line's length of bytes in every `line_bytes_max`: from a line's start, the last
/// newline within the limit is searched backwards, so short lines are passed over unseen.
fn runs(bytes: &[u8], starts_mid_line: bool, line_bytes_max: usize) -> Vec<(Range<usize>, SegmentEdges)> {
    let (mut runs, mut start, mut line, mut starts_mid_line) = (Vec::new(), 0, 0, starts_mid_line);
    while bytes.len() - line > line_bytes_max {
        match memrchr(b'\n', &bytes[line..line + line_bytes_max]) {
            Some(newline) => line += newline + 1,
            None => {
                if start < line {
                    runs.push((start..line, SegmentEdges { starts_mid_line, ends_mid_line: false }));
                    starts_mid_line = false;
                }
                let end = line + line_bytes_max;
                runs.push((line..end, SegmentEdges { starts_mid_line, ends_mid_line: true }));
                (start, line, starts_mid_line) = (end, end, true);
            }
        }
    }
    if start < bytes.len() {
        let ends_mid_line = bytes.last() != Some(&b'\n');
        runs.push((start..bytes.len(), SegmentEdges { starts_mid_line, ends_mid_line }));
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_tile_the_bytes_and_no_line_in_them_is_too_long(
            lines in proptest::collection::vec(0..40usize, 0..30), newline_at_end: bool, starts_mid_line: bool,
        ) {
            let mut bytes: Vec<u8> = lines.iter().flat_map(|length| [vec![b'x'; *length], vec![b'\n']].concat()).collect();
            if !newline_at_end { bytes.pop(); }
            let (mut at, mut mid_line) = (0, starts_mid_line);
            for (range, edges) in runs(&bytes, starts_mid_line, 16) {
                prop_assert_eq!(range.start, at);
                prop_assert_eq!(edges.starts_mid_line, mid_line);
                prop_assert!(bytes[range.clone()].split(|byte| *byte == b'\n').all(|line| line.len() <= 16));
                (at, mid_line) = (range.end, edges.ends_mid_line);
                prop_assert_eq!(mid_line, bytes[at - 1] != b'\n');
            }
            prop_assert_eq!(at, bytes.len());
        }

        #[test]
        fn a_full_block_always_makes_progress(bytes in proptest::collection::vec(any::<u8>(), 1..300)) {
            let taken = takeable(&bytes, true, Ending::BlockFull);
            prop_assert!(0 < taken && taken <= bytes.len());
        }
    }

    #[test]
    fn an_event_that_could_go_on_waits_for_its_end() {
        let check = |bytes: &str, ending, expect: usize| {
            assert_eq!(takeable(bytes.as_bytes(), true, ending), expect, "{bytes:?} {ending:?}");
        };
        let trace = "2026-09-21 10:00:00 ERROR boom\n\tat f()\n";
        check(&format!("{trace}{trace}"), Ending::Fresh, trace.len());
        check(trace, Ending::Fresh, 0);
        check(trace, Ending::BlockFull, trace.len());
        check(trace, Ending::QuietLeave, trace.len());
        check(&format!("{trace}half"), Ending::QuietLeave, trace.len());
        check(&format!("{trace}half"), Ending::QuietTake, trace.len() + 4);
        check("plain\nhalf", Ending::Fresh, 6);
        check("half", Ending::BlockFull, 4);
    }
}
