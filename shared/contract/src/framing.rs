//! Where one event ends and the next begins.
//!
//! The agent cuts its blocks by these rules and the ETL takes them apart by the same, so both sides
//! always see the same events: what departs from the default travels with the block as a [`FramingRule`].
//! No line is parsed further than to tell whether it opens an event, and what an event means is the
//! parsers' business.
//!
//! A line ends with `\n`, in UTF-16 with its code unit. It opens an event to which further lines may belong, stands
//! alone, or continues the event before it: by its head (see [`Head`]) or by a pattern (see [`Multiline`]). A
//! line that continues belongs to an event that such a line opens, up to [`EVENT_LINES_MAX`] and
//! [`EVENT_BYTES_MAX`]; from there on, and where no event was opened, each is an event of its own.
//!
//! Invariants: the ranges of [`Events`] tile the input. Cut at the end of any event, both parts
//! have the same events as the whole. [`Framing::last_event_start`] is where the last range begins.

mod head;
mod lines;
mod rule;

pub use head::{Head, HeadTimestamp, head, timestamp_in_head};
pub use lines::Lines;
pub use rule::{Encoding, FramingRule, Multiline, PATTERN_BYTES_MAX, Pattern, PatternError};

use crate::ByteOffset;
use regex::bytes::{Regex, RegexBuilder};
use std::{borrow::Cow, fmt, ops::Range, sync::Arc};

/// Lines joined to one event; a stack trace longer than this is a program dumping its heap.
pub const EVENT_LINES_MAX: usize = 1000;

/// Bytes joined to one event. A single line may be longer: lines are never cut here.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;

/// The memory that a compiled pattern takes, and again what matching keeps; what needs more is refused, so
/// that a pattern from elsewhere costs no more than this.
pub const PATTERN_MEMORY_MAX: usize = 1 << 20;

/// A [`FramingRule`] that can be applied.
#[derive(Clone, Default)]
pub struct Framing {
    rule: FramingRule,
    /// The rule's pattern, compiled; shared, since what matching keeps belongs to it.
    pattern: Option<Arc<Regex>>,
}

/// What a line is to the event before it and to the lines behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It opens an event, and lines may follow that belong to it.
    Opens,
    /// It is an event of its own.
    Alone,
    /// It continues an event that was opened, or stands alone where none was.
    Continues,
}

/// The events of a byte string, as ranges that include the line terminators.
#[derive(Clone, Debug)]
pub struct Events<'a> {
    framing: &'a Framing,
    lines: Lines,
    bytes: &'a [u8],
    at: usize,
    /// The role of the line at `at`, where the event before it has already looked at it.
    seen: Option<Role>,
}

impl Iterator for Events<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let start = self.at;
        let mut end = self.lines.end(self.bytes, start);
        let opens = match self.seen.take() {
            Some(role) => role == Role::Opens,
            None => self.framing.opens(self.lines.from(start), &self.bytes[start..end]),
        };
        if opens {
            (end, self.seen) = self.continuation_end(start, end);
        }
        self.at = end;
        Some(start..end)
    }
}

impl Events<'_> {
    /// The end of the event whose first line is `start..end`, and the role of the line there.
    fn continuation_end(&self, start: usize, mut end: usize) -> (usize, Option<Role>) {
        let (mut lines, mut last) = (1, start);
        while end < self.bytes.len() {
            let next_end = self.lines.end(self.bytes, end);
            let line = self.lines.from(end);
            let role = self.framing.role(line, &self.bytes[end..next_end]);
            let role =
                self.framing.role_after(role, self.lines.from(last), self.bytes, last..end, end..next_end);
            lines += 1;
            let fits = lines <= EVENT_LINES_MAX && next_end - start <= EVENT_BYTES_MAX;
            if role != Role::Continues || !fits {
                return (end, Some(role));
            }
            (last, end) = (end, next_end);
        }
        (end, None)
    }
}

impl Framing {
    /// Makes `rule` one that can be applied.
    ///
    /// # Errors
    /// [`PatternError::Syntax`] where its pattern is no regular expression, or needs more than
    /// [`PATTERN_MEMORY_MAX`].
    pub fn new(rule: FramingRule) -> Result<Self, PatternError> {
        let pattern = rule.multiline.pattern().map(compiled).transpose()?;
        Ok(Self { rule, pattern })
    }

    /// The rule.
    pub const fn rule(&self) -> &FramingRule {
        &self.rule
    }

    /// The same of text in another encoding.
    #[must_use]
    pub fn in_encoding(&self, encoding: Encoding) -> Self {
        let Self { rule, pattern } = self;
        Self { rule: FramingRule { encoding, multiline: rule.multiline.clone() }, pattern: pattern.clone() }
    }

    /// The lines of bytes that begin at `offset` of their file.
    pub const fn lines(&self, offset: ByteOffset) -> Lines {
        Lines::new(self.rule.encoding, offset)
    }

    /// The events of `bytes`, which begin at `offset` of their file and where an event begins. The last line may
    /// lack its terminator.
    pub const fn events<'a>(&'a self, bytes: &'a [u8], offset: ByteOffset) -> Events<'a> {
        Events { framing: self, lines: self.lines(offset), bytes, at: 0, seen: None }
    }

    /// Where the last event of `bytes`, which begin at `offset` of their file, starts; 0 where there is none.
    /// Scans backwards, and no further than one event may reach.
    pub fn last_event_start(&self, bytes: &[u8], offset: ByteOffset) -> usize {
        let lines = self.lines(offset);
        let last = lines.start(bytes, bytes.len());
        let (mut start, mut count) = (last, 1);
        loop {
            let end = lines.end(bytes, start);
            let before = lines.start(bytes, start);
            let role = self.role(lines.from(start), &bytes[start..end]);
            match self.role_after(role, lines.from(before), bytes, before..start, start..end) {
                Role::Opens => return start,
                Role::Alone => return last,
                Role::Continues => {}
            }
            count += 1;
            if start == 0 || count > EVENT_LINES_MAX {
                return last;
            }
            start = before;
            if bytes.len() - start > EVENT_BYTES_MAX {
                return last;
            }
        }
    }

    /// Whether lines after the first line of this event, which begins at `offset` of its file, may belong to it.
    pub fn may_continue(&self, event: &[u8], offset: ByteOffset) -> bool {
        let lines = self.lines(offset);
        self.opens(lines, &event[..lines.end(event, 0)])
    }

    /// Whether the role is [`Role::Opens`], without looking further than that takes.
    fn opens(&self, lines: Lines, line: &[u8]) -> bool {
        match (&self.rule.multiline, self.rule.encoding) {
            (Multiline::Auto, Encoding::Utf8) => head::is_timestamped(line),
            _ => self.role(lines, line) == Role::Opens,
        }
    }

    #[inline]
    fn role(&self, lines: Lines, line: &[u8]) -> Role {
        match (&self.rule.multiline, self.rule.encoding) {
            (Multiline::Auto, Encoding::Utf8) => head(line).into(),
            _ => self.role_by_rule(lines, line),
        }
    }

    /// The role of a line that opens an event by its own head, `line` of `bytes`, behind the line `previous`, which
    /// begins at `at`: it continues where MySQL's slow log has put the entry's time before it.
    #[inline]
    fn role_after(
        &self,
        role: Role,
        at: Lines,
        bytes: &[u8],
        previous: Range<usize>,
        line: Range<usize>,
    ) -> Role {
        let opens_by_head = role == Role::Opens && self.rule.multiline == Multiline::Auto;
        let comment = || bytes[line.clone()].iter().take(3).any(|byte| *byte == b'#');
        if !opens_by_head || previous.is_empty() || !comment() {
            return role;
        }
        let behind = at.from(previous.len());
        let (previous, line) = (self.utf8(at, &bytes[previous]), self.utf8(behind, &bytes[line]));
        if head::follows_its_time(&previous, &line) { Role::Continues } else { role }
    }

    /// Apart from the default's, whose few instructions the loops over all lines take in.
    #[inline(never)]
    fn role_by_rule(&self, lines: Lines, line: &[u8]) -> Role {
        match &self.rule.multiline {
            Multiline::Auto => head(&self.utf8(lines, line)).into(),
            Multiline::Off => Role::Alone,
            Multiline::Start(_) if self.matches(lines, line) => Role::Opens,
            Multiline::Continue(_) if !self.matches(lines, line) => Role::Opens,
            Multiline::Start(_) | Multiline::Continue(_) => Role::Continues,
        }
    }

    /// Whether the pattern matches the line without its terminator.
    fn matches(&self, lines: Lines, line: &[u8]) -> bool {
        let text = self.utf8(lines, line);
        let text = text.strip_suffix(b"\n").unwrap_or(&text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
    }

    fn utf8<'b>(&self, lines: Lines, line: &'b [u8]) -> Cow<'b, [u8]> {
        match self.rule.encoding {
            Encoding::Utf8 => Cow::Borrowed(line),
            _ => Cow::Owned(lines.text(line).into_owned().into_bytes()),
        }
    }
}

impl From<Head> for Role {
    fn from(head: Head) -> Self {
        match head {
            Head::Timestamped => Self::Opens,
            Head::Record => Self::Alone,
            Head::Other => Self::Continues,
        }
    }
}

impl fmt::Debug for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rule.fmt(f)
    }
}

impl PartialEq for Framing {
    fn eq(&self, other: &Self) -> bool {
        self.rule == other.rule
    }
}

impl Eq for Framing {}

fn compiled(pattern: &Pattern) -> Result<Arc<Regex>, PatternError> {
    let built = RegexBuilder::new(pattern.as_str())
        .size_limit(PATTERN_MEMORY_MAX)
        .dfa_size_limit(PATTERN_MEMORY_MAX)
        .build();
    built.map(Arc::new).map_err(|error| {
        let reason = match error {
            regex::Error::CompiledTooBig(_) => "it takes too much memory; repeat less, or write (?-u)".into(),
            // The message draws the pattern first; what is wrong stands in its last line.
            other => other.to_string().lines().last().unwrap_or_default().replace("error: ", ""),
        };
        PatternError::Syntax { pattern: pattern.to_string(), reason }
    })
}

#[cfg(test)]
mod tests;
