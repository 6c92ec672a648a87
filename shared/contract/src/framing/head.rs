//! What the first bytes of a line say about it.

use crate::timestamp::{Reading, Shape, Timestamp};
use memchr::memchr_iter;

/// Bytes in which an access log's bracketed time is looked for.
const RECORD_HEAD_BYTES: usize = 200;
/// Decorations and level words before a timestamp, such as `[`, `INFO`, `] [`.
const PREFIX_PARTS_MAX: usize = 6;
/// A word that collectors put before the line's own timestamp: a container, a file, an alert class.
const LABEL_BYTES_MAX: usize = 64;

/// Level words that may stand before a timestamp, in lower case.
const LEVEL_WORDS: [&[u8]; 24] = [
    b"info",
    b"warn",
    b"error",
    b"debug",
    b"trace",
    b"warning",
    b"fatal",
    b"notice",
    b"critical",
    b"err",
    b"crit",
    b"alert",
    b"emerg",
    b"panic",
    b"severe",
    b"config",
    b"fine",
    b"finer",
    b"finest",
    b"information",
    b"informational",
    b"verbose",
    b"wrn",
    b"inf",
];

/// What stands before the time of an event's first line, where that is no level and no word alone: MySQL's slow
/// log, apt's history and terminal log.
const TITLES: [&[u8]; 3] = [b"# Time: ", b"Start-Date: ", b"Log started: "];
/// The first line of an entry of MySQL's slow log, unless its time stands before it.
const SLOW_LOG_USER: &[u8] = b"# User@Host: ";
/// Both are shorter than this where a server wrote them.
const SLOW_LOG_LINE_BYTES_MAX: usize = 1024;
/// What the W3C's extended log format says of itself between its lines.
const DIRECTIVES: [&[u8]; 5] = [b"#Fields:", b"#Software:", b"#Version:", b"#Date:", b"#Remark:"];
/// The levels of Python's logging as it writes them before a colon and a logger's name.
const PYTHON_LEVELS: [&[u8]; 5] = [b"INFO:", b"WARNING:", b"ERROR:", b"DEBUG:", b"CRITICAL:"];

/// How a line begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// With a timestamp, perhaps decorated, or as Python's logging and MySQL's slow log begin an entry; lines may
    /// follow that belong to it.
    Timestamped,
    /// As a record of a format that has one line an event.
    Record,
    /// With neither: it continues a timestamped event, or stands alone.
    Other,
}

/// The timestamp in a line's head and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadTimestamp {
    /// The bytes before it: a byte order mark, escapes, brackets, a level word, a label.
    pub prefix_length: usize,
    /// The timestamp.
    pub timestamp: Timestamp,
    /// Whether nothing but a byte order mark stands before it.
    bare: bool,
    /// Whether nothing stands after it.
    alone: bool,
}

impl HeadTimestamp {
    /// The head of the line that begins so. The bare time of RFC 3164 opens no event: syslog has one
    /// line an event. A number alone on its line says nothing.
    pub fn head(&self) -> Head {
        match self.timestamp.shape {
            Shape::Syslog if self.bare => Head::Record,
            Shape::Epoch if self.alone => Head::Other,
            _ => Head::Timestamped,
        }
    }
}

/// The head of a line; its terminator may be there or not.
pub fn head(line: &[u8]) -> Head {
    match head_by_beginning(line) {
        Some(head) => head,
        None if has_access_time(line) => Head::Record,
        None => Head::Other,
    }
}

/// Whether [`head`] is [`Head::Timestamped`], without looking further than that takes.
pub(super) fn is_timestamped(line: &[u8]) -> bool {
    head_by_beginning(line) == Some(Head::Timestamped)
}

/// The head, where the line's beginning tells.
fn head_by_beginning(line: &[u8]) -> Option<Head> {
    match line.first() {
        Some(b' ') if is_pretty_tracing(line) => Some(Head::Timestamped),
        None | Some(b' ' | b'\t' | b'\r' | b'\n') => Some(Head::Other),
        Some(b'<') if is_priority(line) => Some(Head::Record),
        Some(b'{') if is_json_object(line) => Some(Head::Record),
        Some(b'#') if line.starts_with(SLOW_LOG_USER) => Some(Head::Timestamped),
        Some(b'#') if DIRECTIVES.iter().any(|directive| line.starts_with(directive)) => Some(Head::Record),
        _ => match timestamp_in_head(line) {
            Some(found) => Some(found.head()),
            None => is_python_record(line).then_some(Head::Timestamped),
        },
    }
}

/// Whether `line` goes on with the entry of MySQL's slow log whose time is the line before: the one line that opens
/// an event by itself and yet does not always.
pub(super) fn follows_its_time(previous: &[u8], line: &[u8]) -> bool {
    line.starts_with(SLOW_LOG_USER)
        && previous.starts_with(TITLES[0])
        && previous.len().max(line.len()) <= SLOW_LOG_LINE_BYTES_MAX
}

/// `WARNING:root:message`, which a traceback may follow.
fn is_python_record(line: &[u8]) -> bool {
    let Some(level) = PYTHON_LEVELS.iter().find(|level| line.starts_with(level)) else { return false };
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let length = line[level.len()..].iter().take(LABEL_BYTES_MAX).take_while(|byte| name(byte)).count();
    length > 0 && line.get(level.len() + length) == Some(&b':')
}

/// The timestamp that a line begins with, after what may stand before one.
#[inline]
pub fn timestamp_in_head(line: &[u8]) -> Option<HeadTimestamp> {
    if line.first()?.is_ascii_digit() {
        if let Some(timestamp) = Timestamp::parse(line) {
            return Some(found(line, 0, timestamp, true));
        }
        return after_label(line);
    }
    decorated(line).or_else(|| after_label(line)).or_else(|| after_title(line))
}

fn after_title(line: &[u8]) -> Option<HeadTimestamp> {
    let title = TITLES.iter().find(|title| line.starts_with(title))?;
    Some(found(line, title.len(), Timestamp::parse(&line[title.len()..])?, false))
}

/// The first line of the pretty layout of Rust's tracing: two blanks, a time in UTC, a level in capitals. Any other
/// line that begins with a blank continues.
fn is_pretty_tracing(line: &[u8]) -> bool {
    let Some(text) = line.strip_prefix(b"  ") else { return false };
    let start = escape_length(text);
    let Some(timestamp) = text.get(start..).and_then(Timestamp::parse) else { return false };
    let end = start + timestamp.length;
    if timestamp.shape != Shape::Iso || text[end - 1] != b'Z' {
        return false;
    }
    let mut at = end;
    while at < text.len() && (text[at] == b' ' || escape_length(&text[at..]) > 0) {
        at += escape_length(&text[at..]).max(1);
    }
    let level = text[at..].iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count();
    LEVEL_WORDS.iter().any(|word| word.eq_ignore_ascii_case(&text[at..at + level]))
}

fn found(line: &[u8], prefix_length: usize, timestamp: Timestamp, bare: bool) -> HeadTimestamp {
    let rest = &line[prefix_length + timestamp.length..];
    let alone = rest.iter().all(|byte| byte.is_ascii_whitespace());
    HeadTimestamp { prefix_length, timestamp, bare, alone }
}

/// A timestamp after decorations and level words in any order.
fn decorated(line: &[u8]) -> Option<HeadTimestamp> {
    let mark = if line.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let mut at = mark;
    for _ in 0..PREFIX_PARTS_MAX {
        at += decoration_length(&line[at..]);
        if let Some(timestamp) = Timestamp::parse(&line[at..]) {
            return Some(found(line, at, timestamp, at == mark));
        }
        at += level_length(&line[at..])?;
        at += thread_length(&line[at..]);
    }
    None
}

/// `[thread] ` between level and time, as Cassandra writes it. Its name may be anything but another bracket.
fn thread_length(bytes: &[u8]) -> usize {
    if bytes.first() != Some(&b'[') || Timestamp::parse(&bytes[1..]).is_some() {
        return 0;
    }
    let end = bytes.iter().take(LABEL_BYTES_MAX).position(|&byte| matches!(byte, b']' | b'\n'));
    match end {
        Some(end) if bytes[end] == b']' && bytes.get(end + 1) == Some(&b' ') => end + 2,
        _ => 0,
    }
}

/// A full date after one word that is no ordinary one: it has a digit, or is in capitals, or is `-`.
/// Epoch numbers are taken only after the latter two, as supercomputers' alert classes have them.
fn after_label(line: &[u8]) -> Option<HeadTimestamp> {
    let escape = escape_length(line);
    let text = &line[escape..];
    let label_length = text.iter().take(LABEL_BYTES_MAX + 1).position(|&byte| byte == b' ')?;
    let label = &text[..label_length];
    let capital = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'_';
    let capitals = label.iter().all(capital) || label == b"-";
    if label.is_empty() || !(capitals || label.iter().any(u8::is_ascii_digit)) {
        return None;
    }
    let gap = text[label_length..].iter().take_while(|byte| matches!(byte, b' ' | b'|')).count();
    let at = escape + label_length + gap;
    let timestamp = Timestamp::parse(&line[at..])?;
    let full = matches!(timestamp.reading, Reading::Instant(_) | Reading::Local(_));
    let trusted = full && (capitals || timestamp.shape == Shape::Iso);
    trusted.then(|| found(line, at, timestamp, false))
}

/// Escapes and opening brackets.
fn decoration_length(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let escape = escape_length(&bytes[at..]);
        if escape > 0 {
            at += escape;
        } else if matches!(bytes.get(at), Some(b'[' | b'(' | b'"' | b'<')) {
            // logcat's long layout has a blank behind the bracket, and so has PostgreSQL's prefix on Red Hat.
            let blank = matches!(bytes[at], b'[' | b'<') && bytes.get(at + 1) == Some(&b' ');
            at += 1 + usize::from(blank);
        } else if bytes[at..].starts_with(b"####<") {
            // WebLogic's log files; its console leaves the marks out.
            at += 5;
        } else {
            return at;
        }
    }
}

/// An ANSI control sequence: ESC `[`, parameters, a final letter.
fn escape_length(bytes: &[u8]) -> usize {
    let Some(parameters) = bytes.strip_prefix(b"\x1b[") else {
        return 0;
    };
    let count = parameters.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b';' | b'?')).count();
    if parameters.get(count).is_some_and(u8::is_ascii_alphabetic) { count + 3 } else { 0 }
}

/// A level word with the punctuation after it; or glog's letter, which has none.
fn level_length(bytes: &[u8]) -> Option<usize> {
    let word = bytes.iter().take(14).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let after = bytes.get(word)?;
    if word == 1 {
        let letter = matches!(bytes[0], b'I' | b'W' | b'E' | b'F' | b'D' | b'C' | b'V' | b'T');
        return match after {
            b'0'..=b'9' if letter => Some(1),
            b' ' if letter => Some(2),
            // Ruby's Logger: `I, [2026-09-21T10:00:00.123456 #1234]`.
            b',' if bytes.get(2..4) == Some(b" [") => Some(3),
            _ => None,
        };
    }
    if !LEVEL_WORDS.iter().any(|level| level.eq_ignore_ascii_case(&bytes[..word])) {
        return None;
    }
    let escape = escape_length(&bytes[word..]);
    let punctuation = bytes[word + escape..]
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b']' | b')' | b':' | b'|' | b'-' | b','))
        .count();
    (punctuation > 0).then_some(word + escape + punctuation)
}

/// `<PRI>` of syslog: up to three digits in angle brackets.
fn is_priority(line: &[u8]) -> bool {
    let digits = line[1..].iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    (1..=3).contains(&digits) && line.get(digits + 1) == Some(&b'>')
}

/// A JSON object whole on its line. A lone `{` is the beginning of a dump, and continues.
fn is_json_object(line: &[u8]) -> bool {
    line.trim_ascii_end().ends_with(b"}") && line[1..].trim_ascii_start().starts_with(b"\"")
}

/// `[dd/Mon/yyyy:` near the front.
fn has_access_time(line: &[u8]) -> bool {
    let front = &line[..line.len().min(RECORD_HEAD_BYTES)];
    memchr_iter(b'[', front).any(|bracket| {
        matches!(
            front.get(bracket + 1..bracket + 13),
            Some([b'0'..=b'3', b'0'..=b'9', b'/', _, _, _, b'/', _, _, _, b'0'..=b'9', b':'])
        )
    })
}
