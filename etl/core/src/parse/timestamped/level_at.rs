//! Where near the front of a line its level stands.
//!
//! The words after the timestamp are looked at until one is a level or the front is over. What counts:
//! - a word in brackets alone: `[error]`, `(info)`, `[E]`;
//! - a word in capitals: `INFO`, `WARN`, and PostgreSQL's `LOG:`;
//! - the first word in any case, before a colon or the end of its column: `Warning:`, `Info   `;
//! - a word after `level=` and its like;
//! - a word between two separators: `| error |`, `- info -`, tabs;
//! - a word in capitals behind Monolog's channel: `production.ERROR:`;
//! - a letter where logcat and MongoDB have one;
//! - what PHP writes behind its name: `PHP Warning:`, `PHP Fatal error:`;
//! - a word in capitals before Celery's process: `INFO/MainProcess]`.
//!
//! Prose ends the front soon: plain words cost more of the budget than numbers, brackets and names with
//! marks in them, so that an `ERROR` in a sentence is none.

use crate::parse::level::{is_plain_level, severity_of_letter, severity_of_word};
use headrig_contract::timestamp::Shape;

/// What may be passed before the front is over, in the costs of [`cost`].
const FRONT_BUDGET: u32 = 9;
/// Bytes of the front.
const FRONT_BYTES_MAX: usize = 240;

/// What PHP tells of, with the colon that ends it. What is deprecated has no level.
const PHP_KINDS: [(&str, i32); 8] = [
    ("Warning:", 13),
    ("Notice:", 10),
    ("Fatal error:", 21),
    ("Parse error:", 17),
    ("Recoverable fatal error:", 17),
    ("Core Warning:", 13),
    ("Compile Error:", 17),
    ("User Error:", 17),
];

/// A level found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LevelAt {
    /// Where it starts, its bracket included.
    pub start: usize,
    /// Where it ends, its bracket included.
    pub end: usize,
    /// What it says.
    pub severity: i32,
    /// Whether it is written as PostgreSQL does: capitals, a colon, two spaces.
    pub postgres: bool,
}

/// A word and what stands around it.
struct Word<'a> {
    text: &'a str,
    start: usize,
    first: bool,
    /// The mark passed just before it, if any.
    mark_before: Option<u8>,
    named_level: bool,
    rest: &'a str,
}

/// Finds the level in what follows a timestamp of `shape`.
pub(super) fn find(text: &str, shape: Shape) -> Option<LevelAt> {
    let bytes = text.as_bytes();
    let (mut at, mut budget, mut first, mut named_level) = (0, FRONT_BUDGET, true, false);
    let mut numbers = 0;
    while budget > 0 && at < FRONT_BYTES_MAX {
        let (gap, mark_before) = gap(&bytes[at..]);
        at += gap;
        let opening = *bytes.get(at)?;
        if opening == b'\n' {
            return None;
        }
        if let Some(end) = group_end(bytes, at) {
            // `user=[ERROR]` is a pair's value.
            let value = at > 0 && bytes[at - 1] == b'=' && !named_level;
            if let Some(severity) = group_severity(text[at + 1..end - 1].trim()).filter(|_| !value) {
                return Some(LevelAt { start: at, end, severity, postgres: false });
            }
            (at, budget, first) = (end, budget - 1, false);
            continue;
        }
        let length = word_length(&text[at..]);
        if length == 0 {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        }
        let rest = &text[at + length..];
        let word = Word { text: &text[at..at + length], start: at, first, mark_before, named_level, rest };
        let found = word.level().or_else(|| word.channel()).or_else(|| word.letter(shape, numbers));
        let found = found.or_else(|| word.of_php()).or_else(|| word.of_celery());
        if found.is_some() {
            return found;
        }
        named_level = word.names_level();
        numbers += usize::from(word.text.bytes().all(|byte| byte.is_ascii_digit()));
        budget = budget.saturating_sub(if named_level { 0 } else { cost(word.text) });
        (at, first) = (at + length, false);
    }
    None
}

impl Word<'_> {
    fn level(&self) -> Option<LevelAt> {
        let capitals = self.text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let colon = self.rest.starts_with(':');
        let postgres = capitals && self.rest.starts_with(":  ");
        let severity = match severity_of_word(self.text) {
            Some(severity) => severity,
            None if postgres && is_postgres_word(self.text) => 9,
            None => return None,
        };
        let plain = is_plain_level(self.text);
        let counts = self.named_level
            || (capitals && (plain || colon))
            || (self.first && (colon || (plain && self.ends_column())))
            || self.between_marks()
            || (postgres && is_postgres_word(self.text));
        // What others have, too, is PostgreSQL's own parser's to tell from theirs.
        let postgres = postgres && is_postgres_word(self.text);
        counts.then(|| LevelAt { start: self.start, end: self.start + self.text.len(), severity, postgres })
    }

    /// `channel.LEVEL:` of Monolog.
    fn channel(&self) -> Option<LevelAt> {
        let (channel, word) = self.text.rsplit_once('.')?;
        let capitals = word.bytes().all(|byte| byte.is_ascii_uppercase());
        if !capitals || !self.rest.starts_with(':') {
            return None;
        }
        let severity = severity_of_word(word)?;
        let end = self.start + self.text.len();
        Some(LevelAt { start: self.start + channel.len() + 1, end, severity, postgres: false })
    }

    /// `PHP Warning:` and its like, at the beginning.
    fn of_php(&self) -> Option<LevelAt> {
        if !self.first || self.text != "PHP" {
            return None;
        }
        let rest = self.rest.strip_prefix(' ')?;
        let (kind, severity) = PHP_KINDS.into_iter().find(|(kind, _)| rest.starts_with(kind))?;
        let start = self.start + self.text.len() + 1;
        Some(LevelAt { start, end: start + kind.len() - 1, severity, postgres: false })
    }

    /// `INFO/MainProcess]`.
    fn of_celery(&self) -> Option<LevelAt> {
        let (word, process) = self.text.split_once('/').filter(|_| self.rest.starts_with(']'))?;
        let capitals = word.bytes().all(|byte| byte.is_ascii_uppercase()) && !process.is_empty();
        let severity = severity_of_word(word).filter(|_| capitals)?;
        Some(LevelAt { start: self.start, end: self.start + word.len(), severity, postgres: false })
    }

    /// A level letter: after two numbers in logcat, first and before a word in capitals in MongoDB,
    /// between marks anywhere.
    fn letter(&self, shape: Shape, numbers: usize) -> Option<LevelAt> {
        let &[letter] = self.text.as_bytes() else { return None };
        let logcat = shape == Shape::MonthDay && numbers == 2;
        let mongo = self.first
            && self.rest.starts_with(' ')
            && self.rest[1..].bytes().take(3).all(|byte| byte.is_ascii_uppercase());
        if !(logcat || mongo || self.between_marks()) {
            return None;
        }
        let severity = severity_of_letter(letter)?;
        Some(LevelAt { start: self.start, end: self.start + 1, severity, postgres: false })
    }

    /// Whether a column ends here: after `Info` a single space goes on with a sentence, after `info`
    /// seldom.
    fn ends_column(&self) -> bool {
        let lower = self.text.bytes().all(|byte| byte.is_ascii_lowercase());
        let wide = ["  ", "\t", "|", ",", "\n"].iter().any(|end| self.rest.starts_with(end));
        wide || self.rest.is_empty() || (lower && self.rest.starts_with(' '))
    }

    /// Whether a mark stands before the word and the same after it, blanks apart.
    fn between_marks(&self) -> bool {
        let Some(mark) = self.mark_before else { return false };
        match mark {
            b'\t' => self.rest.starts_with('\t'),
            _ => self.rest.trim_start_matches(' ').as_bytes().first() == Some(&mark),
        }
    }

    fn names_level(&self) -> bool {
        let names = ["level", "lvl", "severity", "loglevel", "log_level"];
        self.rest.starts_with(['=', ':']) && names.iter().any(|name| name.eq_ignore_ascii_case(self.text))
    }
}

/// Bytes between words, and the last mark among them.
fn gap(bytes: &[u8]) -> (usize, Option<u8>) {
    let (mut at, mut mark) = (0, None);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'|' | b',' | b';' | b'-' | b'\t' => mark = Some(byte),
            b' ' | b':' | b'=' | b']' | b')' | b'>' | b'"' | b'\'' => {}
            b'\x1b' => at += escape_tail(&bytes[at..]),
            _ => break,
        }
        at += 1;
    }
    (at.min(bytes.len()), mark)
}

/// The bytes of an ANSI sequence after its first.
fn escape_tail(bytes: &[u8]) -> usize {
    let end = bytes.iter().take(16).position(u8::is_ascii_alphabetic);
    if bytes.get(1) == Some(&b'[') { end.unwrap_or(0) } else { 0 }
}

/// The end of the bracketed group that opens at `at`, on the same line and not far.
fn group_end(bytes: &[u8], at: usize) -> Option<usize> {
    let (open, close) = match bytes[at] {
        b'[' => (b'[', b']'),
        b'(' => (b'(', b')'),
        b'<' => (b'<', b'>'),
        b'{' => (b'{', b'}'),
        _ => return None,
    };
    let mut depth = 0_u32;
    for (index, &byte) in bytes[at..].iter().enumerate().take(FRONT_BYTES_MAX) {
        if byte == open {
            depth += 1;
        } else if byte == close {
            depth -= 1;
            if depth == 0 {
                return Some(at + index + 1);
            }
        } else if byte == b'\n' {
            return None;
        }
    }
    None
}

fn group_severity(inner: &str) -> Option<i32> {
    match inner.as_bytes() {
        [letter] => severity_of_letter(*letter),
        _ => severity_of_word(inner),
    }
}

fn word_length(text: &str) -> usize {
    let ends = |mark: u8| {
        mark.is_ascii_whitespace()
            || matches!(
                mark,
                b',' | b';' | b'|' | b':' | b'=' | b'[' | b']' | b'(' | b')' | b'<' | b'>' | b'"' | b'\x1b'
            )
    };
    text.bytes().position(ends).unwrap_or(text.len())
}

/// What passing a word costs: prose more than the names and numbers of a header.
fn cost(word: &str) -> u32 {
    let plain = word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let capitals = word.bytes().all(|byte| byte.is_ascii_uppercase());
    match (plain, capitals) {
        (true, false) => 3,
        _ => 1,
    }
}

fn is_postgres_word(word: &str) -> bool {
    matches!(word, "LOG" | "DETAIL" | "HINT" | "STATEMENT" | "CONTEXT" | "QUERY" | "LOCATION" | "NOTICE")
}
