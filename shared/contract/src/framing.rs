//! Where one event ends and the next begins.
//!
//! The agent cuts its blocks by these rules and the ETL takes them apart by the same, so both sides
//! always see the same events. Only bytes count here: no encoding is assumed, no line is parsed
//! further than its head, and what an event means is the parsers' business.
//!
//! A line ends with `\n`. By its head (see [`Head`]) it opens an event or continues the one before it:
//! a line that says nothing about itself continues an event whose first line is timestamped, up to
//! [`EVENT_LINES_MAX`] and [`EVENT_BYTES_MAX`]; from there on each such line is an event of its own.
//! Every other line is one event.
//!
//! Invariants: the ranges of [`Events`] tile the input. Cut at the end of any event, both parts
//! have the same events as the whole. [`last_event_start`] is where the last range begins.

mod head;

pub use head::{Head, HeadTimestamp, head, timestamp_in_head};

use memchr::{memchr, memrchr};
use std::ops::Range;

/// Lines joined to one event; a stack trace longer than this is a program dumping its heap.
pub const EVENT_LINES_MAX: usize = 1000;

/// Bytes joined to one event. A single line may be longer: lines are never cut here.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;

/// The events of a byte string, as ranges that include the line terminators.
#[derive(Clone, Debug)]
pub struct Events<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The head of the line at `at`, where the event before it has already looked at it.
    seen: Option<Head>,
}

impl<'a> Events<'a> {
    /// The events of `bytes`, which begin where an event begins. The last line may lack its `\n`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, seen: None }
    }
}

impl Iterator for Events<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let start = self.at;
        let mut end = line_end(self.bytes, start);
        let opens = match self.seen.take() {
            Some(head) => head == Head::Timestamped,
            None => may_continue(&self.bytes[start..end]),
        };
        if opens {
            (end, self.seen) = continuation_end(self.bytes, start, end);
        }
        self.at = end;
        Some(start..end)
    }
}

/// Where the last event of `bytes` starts; 0 where there is none. Scans backwards, and no further
/// than one event may reach.
pub fn last_event_start(bytes: &[u8]) -> usize {
    let last = line_start(bytes, bytes.len());
    let (mut start, mut lines) = (last, 1);
    loop {
        let line = &bytes[start..line_end(bytes, start)];
        match head(line) {
            Head::Timestamped => return start,
            Head::Record => return last,
            Head::Other => {}
        }
        lines += 1;
        if start == 0 || lines > EVENT_LINES_MAX {
            return last;
        }
        start = line_start(bytes, start);
        if bytes.len() - start > EVENT_BYTES_MAX {
            return last;
        }
    }
}

/// Whether lines after this first line of an event may belong to it.
pub fn may_continue(first_line: &[u8]) -> bool {
    head::is_timestamped(&first_line[..line_end(first_line, 0)])
}

/// The end of the event whose first line is `start..end`, and the head of the line there.
fn continuation_end(bytes: &[u8], start: usize, mut end: usize) -> (usize, Option<Head>) {
    let mut lines = 1;
    while end < bytes.len() {
        let next_end = line_end(bytes, end);
        let head = head(&bytes[end..next_end]);
        lines += 1;
        let fits = lines <= EVENT_LINES_MAX && next_end - start <= EVENT_BYTES_MAX;
        if head != Head::Other || !fits {
            return (end, Some(head));
        }
        end = next_end;
    }
    (end, None)
}

/// The end of the line that starts at `start`, its terminator included.
fn line_end(bytes: &[u8], start: usize) -> usize {
    memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |newline| start + newline + 1)
}

/// The start of the line that ends at `end`; the terminator before `end` is its own.
fn line_start(bytes: &[u8], end: usize) -> usize {
    memrchr(b'\n', &bytes[..end.saturating_sub(1)]).map_or(0, |newline| newline + 1)
}

#[cfg(test)]
mod tests;
