//! What is taken of the bytes that were read: whole events, lines within their limit, and at a file's end
//! what will not go on.
//!
//! Invariant: taken bytes follow on each other without gap or overlap; what is not taken is read again.

use super::{
    Action, Core, CoreError, Fault, ReadBytes, ReadEnd,
    files::{FileState, Phase},
    open_chunk::OpenChunk,
    strand::StrandIndex,
};
use crate::identity::{FileId, Mark};
use headrig_contract::{
    ByteLength, ByteOffset, UnixMicros,
    chunk::{Segment, SegmentEdges},
    framing::{Framing, Lines},
};
use std::{ops::Range, sync::Arc};

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
    /// What follows cannot be read yet: the file is being written.
    FreshDamage,
}

/// A read that was handed out.
pub(super) struct Reading {
    file: FileId,
    strand: StrandIndex,
    source: usize,
    length: usize,
}

impl Core {
    /// The file in turn: looked into if need be, then read.
    pub(super) fn next_read(&mut self, now: UnixMicros) -> Result<Option<Action>, CoreError> {
        if let Some(source) = self.full_block() {
            return self.append(source, now).map(Some);
        }
        if let Some(action) = self.next_search(now).or_else(|| self.next_look(now)) {
            return Ok(Some(action));
        }
        while let Some(file) = self.files.current() {
            let state = self.files.state(file).expect("the current file is in the table");
            let (path, compressed) = (state.path.clone(), state.compressed);
            if state.strand.is_none() && state.size.0 == 0 {
                // What it is shows once there is something in it.
                self.files.set_phase(file, Phase::Done);
                continue;
            }
            let (Phase::Reading, Some(strand)) = (state.phase, state.strand) else {
                return Ok(Some(self.look_into(file, now)));
            };
            let fresh = !self.is_quiet(state, now);
            let Mark { offset, window, .. } = self.strands[strand.0].mark();
            let left = if compressed { u64::MAX } else { state.size.0.saturating_sub(offset.0) };
            if left == 0 {
                self.settle(file, strand, Phase::Done);
                continue;
            }
            // Bytes of a strand that wait in a source's chunk must be sealed before or with those that follow.
            let source = self.home_of(strand).unwrap_or(state.source);
            let encoding = self.strands[strand.0].encoding;
            let chunk = self.open_chunk(source, now);
            if !chunk.takes(encoding) || !chunk.has_room_for(path.to_string_lossy().len()) {
                return self.append(source, now).map(Some);
            }
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.space());
            if !compressed {
                self.strands[strand.0].see_size(offset.0 + left);
            }
            self.reading = Some(Reading { file, strand, source, length });
            return Ok(Some(Action::Read { file, path, compressed, fresh, offset, length, window }));
        }
        self.account_for_orphans();
        Ok(None)
    }

    /// Room for the bytes of the [`Action::Read`] that was just handed out; empty if there is none.
    pub fn room(&mut self) -> &mut [u8] {
        match &self.reading {
            Some(Reading { source, length, .. }) => match &mut self.open[*source] {
                Some(chunk) => chunk.room(*length),
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
                let count = read.count.min(reading.length);
                self.strands[reading.strand.0].see_bytes(count);
                let ending = self.ending(&reading, read, state, now);
                let (waiting_since, changed_at) = (state.waiting_since, state.changed_at);
                let taken = self.take(&reading, count, ending);
                if taken > 0 {
                    self.age(reading.source, waiting_since, now);
                }
                let since = if taken > 0 { changed_at } else { waiting_since.unwrap_or(changed_at) };
                let waits = ending == Ending::Fresh && taken < count;
                self.files.set_waiting(file, waits.then_some(since));
                self.after_taking(&reading, count - taken, ending);
            }
            (Ok(_), None) => {}
            (Err(fault), Some(state)) => {
                let phase = self.phase_after(fault, state, now);
                self.settle(file, reading.strand, phase);
            }
            (Err(_), None) => {}
        }
        self.trim(reading.source);
    }

    /// The chunk is as old as the bytes put into it that waited for what belongs to them: they are to be sealed
    /// as soon as others. What was left in a file for longer than an event is waited for did not wait for that.
    fn age(&mut self, source: usize, waiting_since: Option<UnixMicros>, now: UnixMicros) {
        let (Some(chunk), Some(since)) = (&mut self.open[source], waiting_since) else { return };
        let held_micros = self.settings.event_hold_ms as i64 * 1_000;
        chunk.opened_at = chunk.opened_at.min(since.max(now.saturating_add_micros(-held_micros)));
    }

    fn ending(&self, reading: &Reading, read: ReadBytes, state: &FileState, now: UnixMicros) -> Ending {
        let reached = self.strands[reading.strand.0].offset.0 + read.count as u64;
        let at_end = read.end == ReadEnd::File || !state.compressed && reached >= state.size.0;
        match read.end {
            ReadEnd::Damage if self.is_quiet(state, now) => Ending::Damage,
            ReadEnd::Damage => Ending::FreshDamage,
            // A compressed file that ends as it should was closed by its writer.
            ReadEnd::File if state.compressed => Ending::QuietTake,
            _ if !at_end => Ending::BlockFull,
            _ if !self.is_quiet(state, now) && !self.waited_for_long(state, now) => Ending::Fresh,
            _ if self.tails == Tails::Take => Ending::QuietTake,
            _ => Ending::QuietLeave,
        }
    }

    /// Whether an event that goes on and on has kept its first lines back for as long as any line may wait.
    fn waited_for_long(&self, state: &FileState, now: UnixMicros) -> bool {
        let age_max_micros = self.settings.chunk_age_max_ms as i64 * 1_000;
        state.waiting_since.is_some_and(|since| now.micros_since(since) >= age_max_micros)
    }

    /// Moves what can be taken of the `count` bytes read into the block, and says how many bytes that are.
    fn take(&mut self, reading: &Reading, count: usize, ending: Ending) -> usize {
        let (Some(state), Some(chunk)) = (self.files.state(reading.file), &mut self.open[reading.source])
        else {
            return 0;
        };
        let strand = &mut self.strands[reading.strand.0];
        let source = &self.settings.sources[reading.source];
        let framing = source.framing.in_encoding(strand.encoding);
        let bytes = &chunk.untaken()[..count];
        let wanted = takeable(&framing, bytes, strand.offset, chunk.gathered() == 0, ending);
        let lines = framing.lines(strand.offset);
        let mut runs = runs(lines, &bytes[..wanted], strand.mid_line, source.line_bytes_max);
        if ending == Ending::BlockFull
            && let Some((_, edges)) = runs.last_mut()
        {
            edges.cut |= edges.ends_mid_line;
        }
        let path: Arc<str> = state.path.to_string_lossy().into();
        let mut taken = 0;
        for (range, edges) in runs {
            let segment = Segment {
                stream: strand.id.stream,
                path: path.clone(),
                generation: strand.id.generation,
                offset: ByteOffset(strand.offset.0),
                length: ByteLength(range.len() as u64),
                modified: state.modified,
                edges,
            };
            if !chunk.admits(&segment) {
                chunk.block_is_full = true;
                break;
            }
            strand.advance(&chunk.untaken()[..range.len()]);
            chunk.take(reading.strand, segment);
            self.progress.read.0 += range.len() as u64;
            taken = range.end;
            if edges.cut && !edges.starts_mid_line {
                self.progress.cut_lines += 1;
                *self.cut_lines.entry(path.clone()).or_default() += 1;
            }
        }
        self.heads.set(reading.strand, strand.head());
        taken
    }

    fn after_taking(&mut self, reading: &Reading, left: usize, ending: Ending) {
        let (Some(state), Some(chunk)) = (self.files.state(reading.file), &mut self.open[reading.source])
        else {
            return;
        };
        chunk.block_is_full |= ending == Ending::BlockFull;
        if chunk.block_is_full {
            // A decompressor that has to come back to its place starts from the beginning.
            if !state.compressed {
                self.files.yield_turn();
            }
            return;
        }
        let phase = match ending {
            Ending::Damage => Phase::Unreadable,
            Ending::FreshDamage => Phase::Held { until: self.quiet_at(state) },
            _ if left == 0 => Phase::Done,
            Ending::Fresh | Ending::BlockFull => Phase::Held { until: self.quiet_at(state) },
            Ending::QuietLeave | Ending::QuietTake => Phase::Unterminated,
        };
        if phase == Phase::Unterminated {
            let tail = self.open[reading.source].as_ref().map_or(&[][..], OpenChunk::untaken);
            self.strands[reading.strand.0].leave_tail(&tail[..left.min(tail.len())]);
        }
        self.settle(reading.file, reading.strand, phase);
    }

    /// Nothing more is read of this file for now.
    fn settle(&mut self, file: FileId, index: StrandIndex, phase: Phase) {
        self.strands[index.0].leave_waypoint();
        self.files.set_phase(file, phase);
    }

    /// Throws away bytes that were not taken, and a chunk that nothing was put into.
    fn trim(&mut self, source: usize) {
        let Some(chunk) = &mut self.open[source] else { return };
        chunk.drop_untaken();
        if chunk.is_empty() {
            let (_, buffer) = self.open[source].take().expect("it was just seen").finish();
            self.spare_buffer = buffer;
        }
    }

    fn home_of(&self, strand: StrandIndex) -> Option<usize> {
        self.open.iter().position(|chunk| chunk.as_ref().is_some_and(|chunk| chunk.strands.contains(&strand)))
    }

    fn full_block(&self) -> Option<usize> {
        self.open.iter().position(|chunk| chunk.as_ref().is_some_and(|chunk| chunk.block_is_full))
    }
}

/// How many of the bytes make whole events; where the block is full of one event or one line, how much of it.
fn takeable(
    framing: &Framing,
    bytes: &[u8],
    offset: ByteOffset,
    block_is_empty: bool,
    ending: Ending,
) -> usize {
    let lines_end = framing.lines(offset).last_end(bytes).unwrap_or(0);
    match ending {
        Ending::QuietTake => return bytes.len(),
        Ending::QuietLeave | Ending::Damage => return lines_end,
        Ending::BlockFull | Ending::Fresh | Ending::FreshDamage => {}
    }
    let lines = &bytes[..lines_end];
    let last = framing.last_event_start(lines, offset);
    let behind = offset.plus(ByteLength(last as u64));
    let whole = if framing.may_continue(&lines[last..], behind) { last } else { lines_end };
    match whole {
        0 if ending == Ending::BlockFull && block_is_empty => {
            if lines_end > 0 {
                lines_end
            } else {
                framing.lines(offset).floor(bytes.len())
            }
        }
        whole => whole,
    }
}

/// Cuts `bytes` where a line is longer than `line_bytes_max`: into as few runs as that takes.
///
/// Looks at no more than a line's length of bytes in every `line_bytes_max`: from a line's start, the last
/// newline within the limit is searched backwards, so short lines are passed over unseen.
fn runs(
    lines: Lines,
    bytes: &[u8],
    starts_mid_line: bool,
    line_bytes_max: usize,
) -> Vec<(Range<usize>, SegmentEdges)> {
    let (mut runs, mut start, mut line, mut starts_mid_line) = (Vec::new(), 0, 0, starts_mid_line);
    while bytes.len() - line > line_bytes_max {
        match lines.from(line).last_end(&bytes[line..line + line_bytes_max]) {
            Some(end) => line += end,
            None => {
                if start < line {
                    runs.push((start..line, SegmentEdges { starts_mid_line, ..SegmentEdges::default() }));
                    starts_mid_line = false;
                }
                let end = lines.floor(line + line_bytes_max);
                runs.push((line..end, SegmentEdges { starts_mid_line, ends_mid_line: true, cut: true }));
                (start, line, starts_mid_line) = (end, end, true);
            }
        }
    }
    if start < bytes.len() {
        let ends_mid_line = !lines.is_terminated(bytes);
        runs.push((start..bytes.len(), SegmentEdges { starts_mid_line, ends_mid_line, cut: false }));
    }
    runs
}

#[cfg(test)]
mod tests;
