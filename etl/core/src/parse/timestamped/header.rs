//! Thread, logger, process and caller around a level.

use super::level_at::LevelAt;
use crate::event::{Event, EventType};
use crate::parse::text::number;

/// Names longer than this are no names.
const NAME_BYTES_MAX: usize = 160;
/// Parts taken between a level and its message.
const PARTS_MAX: usize = 4;

/// Reads what stands between timestamp and level.
pub(super) fn before<'a>(between: &'a str, level: &LevelAt, event: &mut Event<'a>) {
    let mut rest = without_separators(between);
    let mut numbers = 0;
    for _ in 0..PARTS_MAX {
        let start = rest;
        let Some((part, bracketed, after)) = part(rest) else { break };
        rest = without_separators(after);
        if let Some(value) = number(part) {
            numbers += 1;
            match numbers {
                1 => event.pid = Some(value),
                _ => event.attribute("thread", part),
            }
        } else if bracketed {
            event.attribute("thread", part);
        } else if let (true, Some((user, database))) = (level.postgres, part.split_once('@')) {
            event.user_name = Some(user.into());
            event.attribute("database", database);
        } else if is_name(part) && !rest.starts_with(|next: char| next.is_ascii_alphanumeric()) {
            event.service = Some(part.trim_end_matches('.').into());
        } else if !part.ends_with('=') {
            return unknown(start, event);
        }
    }
    unknown(rest, event);
}

/// Keeps what no column was found for, unless it is marks alone.
fn unknown<'a>(text: &'a str, event: &mut Event<'a>) {
    if text.contains(|mark: char| mark.is_alphanumeric()) {
        event.attribute("context", text.trim_end());
    }
}

/// Reads what stands between level and message, and returns the message.
pub(super) fn after<'a>(text: &'a str, event: &mut Event<'a>) -> &'a str {
    if let Some((process, message)) = text.strip_prefix('/').and_then(|rest| rest.split_once("] ")) {
        // Celery's process.
        event.attribute("thread", process);
        return message;
    }
    let adjacent = text.starts_with(':') && !text.starts_with(": ");
    let mut rest = without_separators(text);
    if columns(text, &mut rest, event) || (adjacent && colon_logger(&mut rest, event)) {
        return rest;
    }
    if let Some(after) = spring_pid(rest, event) {
        rest = after;
    }
    let mut bracketed = false;
    for _ in 0..PARTS_MAX {
        let Some((inner, true, after)) = part(rest) else { break };
        if !bracket(inner, event) {
            break;
        }
        (rest, bracketed) = (without_separators(after), true);
    }
    match logger(rest, bracketed) {
        Some((name, after)) if event.service.is_none() => {
            event.service = Some(name.into());
            after
        }
        _ => rest,
    }
}

/// The text after blanks and the marks that part headers from messages.
pub(super) fn without_separators(text: &str) -> &str {
    let unquoted = text.strip_prefix('"').unwrap_or(text);
    let dashed = without_leading(unquoted, |mark| {
        matches!(mark, b' ' | b'\t' | b']' | b')' | b':' | b'|' | b',' | b';' | b'>')
    });
    let after = dashed.strip_prefix("- ").unwrap_or(dashed);
    without_escapes(without_leading(after, |mark| matches!(mark, b' ' | b'\t' | b'|')))
}

/// The text after the marks, which are ASCII, that `is_mark` knows.
#[inline]
fn without_leading(text: &str, is_mark: impl Fn(u8) -> bool) -> &str {
    let length = text.bytes().take_while(|byte| byte.is_ascii() && is_mark(*byte)).count();
    &text[length..]
}

/// The text after ANSI escapes.
pub(super) fn without_escapes(mut text: &str) -> &str {
    while let Some(after) = text.strip_prefix("\x1b[") {
        let Some(end) = after.find(|mark: char| mark.is_ascii_alphabetic()) else { return text };
        text = &after[end + 1..];
    }
    text
}

/// Columns: `level\tlogger\tcaller.go:12\tmessage` of zap, `Info   CBS   message` of Windows.
fn columns<'a>(text: &'a str, rest: &mut &'a str, event: &mut Event<'a>) -> bool {
    let mut found = false;
    if text.starts_with('\t') {
        for _ in 0..2 {
            let Some((field, after)) = rest.split_once('\t') else { break };
            // A word before zap's fields is the message.
            if field.contains(' ') || !is_name(field) || after.starts_with('{') {
                break;
            }
            if is_caller(field) {
                event.attribute("caller", field);
            } else {
                event.service = Some(field.into());
            }
            (*rest, found) = (after, true);
        }
    } else if text.starts_with("  ")
        && let Some((name, after)) = word_before_gap(rest)
        && is_name(name)
        && !after.trim_start().starts_with(':')
    {
        event.service = Some(name.into());
        (*rest, found) = (after.trim_start(), true);
    }
    found
}

/// The first word and what stands behind it and two blanks.
fn word_before_gap(text: &str) -> Option<(&str, &str)> {
    let (word, after) = text.split_once(' ')?;
    Some((word, after.strip_prefix(' ')?))
}

/// `LEVEL:logger:message` of Python's basic configuration.
fn colon_logger<'a>(rest: &mut &'a str, event: &mut Event<'a>) -> bool {
    match rest.split_once(':') {
        Some((name, message)) if is_name(name) => {
            event.service = Some(name.into());
            *rest = message;
            true
        }
        _ => false,
    }
}

/// `1234 --- ` of Spring Boot.
fn spring_pid<'a>(rest: &'a str, event: &mut Event<'a>) -> Option<&'a str> {
    let (pid, after) = rest.split_at(rest.find(|mark: char| !mark.is_ascii_digit())?);
    let after = after.strip_prefix(" --- ")?;
    event.pid = Some(number(pid)?);
    Some(after.trim_start())
}

/// A bracketed part after the level: a thread, a caller, a code. False where it may be the message's.
fn bracket<'a>(inner: &'a str, event: &mut Event<'a>) -> bool {
    if inner.is_empty() || inner.len() > NAME_BYTES_MAX {
        return false;
    }
    if inner.starts_with("MY-") {
        event.event_type = EventType::Database;
        if let Some(thread) = event.pid.take() {
            event.attribute("thread", thread.to_string());
        }
        event.attribute("code", inner);
    } else if event.event_type == EventType::Database {
        event.service = Some(inner.into());
    } else if let Some((thread, class)) = zookeeper(inner) {
        event.attribute("thread", thread);
        event.service = Some(class.into());
    } else if is_caller(inner) {
        event.attribute("caller", inner);
    } else if event.service.is_none() && is_dotted(inner.trim()) {
        event.service = Some(inner.trim().into());
    } else {
        event.attribute("thread", inner.trim());
    }
    true
}

/// A logger's name by its dots, as Elasticsearch has it in brackets; those in numbers and versions are none.
fn is_dotted(word: &str) -> bool {
    is_name(word) && word.split('.').count() > 1 && word.split('.').all(starts_with_letter)
}

fn starts_with_letter(part: &str) -> bool {
    part.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
}

/// `thread:Class@line`: log4j's `[%t:%C{1}@%L]`.
fn zookeeper(inner: &str) -> Option<(&str, &str)> {
    let (front, line) = inner.rsplit_once('@')?;
    number(line)?;
    front.rsplit_once(':')
}

/// A logger and what ends it: `a.b.C: …`, `a.b.C - …`, `C   : …`, `a.b.c [req] …`.
fn logger(text: &str, bracketed: bool) -> Option<(&str, &str)> {
    let end = text.bytes().position(|byte| matches!(byte, b' ' | b'\t' | b'\n'))?;
    let (word, after) = text.split_at(end);
    let gap = after.trim_start_matches(' ');
    // env_logger closes behind the module the bracket that it opened before the time.
    if let Some(name) = word.strip_suffix(']').filter(|name| is_logger(name) && !name.contains('[')) {
        return Some((name, gap));
    }
    if let Some(name) = word.strip_suffix(':') {
        return ((bracketed && is_name(name)) || is_logger(name)).then_some((name, gap));
    }
    // Tomcat's containers: `o.a.c.c.C.[Tomcat].[localhost]`.
    let container = word.contains(".[")
        && word.ends_with(']')
        && word.starts_with(|first: char| first.is_ascii_alphabetic());
    let trusted = container || is_logger(word) || (bracketed && is_name(word));
    for mark in [": ", "- ", "> ", "| ", "-- "] {
        if let (true, Some(message)) = (trusted, gap.strip_prefix(mark)) {
            return Some((word, message.trim_start_matches(' ')));
        }
    }
    let dotted = is_logger(word) && word.matches('.').count() >= 2 && !word.ends_with('.');
    (dotted && (bracketed || gap.starts_with('['))).then_some((word, gap))
}

/// Whether a word is a logger by itself: a name with a mark or a capital inside, as classes and
/// modules have them.
fn is_logger(word: &str) -> bool {
    let inside = word.as_bytes().get(1..).unwrap_or_default();
    let marked = || inside.iter().any(|byte| matches!(byte, b'.' | b'$' | b'/' | b'_' | b':' | b'-'));
    let humps =
        || inside.iter().any(u8::is_ascii_uppercase) && word.bytes().any(|byte| byte.is_ascii_lowercase());
    is_name(word) && (marked() || humps())
}

/// Whether a word can name a logger or a thread.
fn is_name(word: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$' | b'/' | b':' | b'-' | b'@' | b'#')
    };
    word.len() <= NAME_BYTES_MAX
        && word.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && word.bytes().all(allowed)
        && !word.as_bytes().windows(3).any(|three| three == b"://")
}

/// `file.ext:123`.
fn is_caller(word: &str) -> bool {
    word.rsplit_once(':').is_some_and(|(file, line)| file.contains('.') && number(line).is_some())
}

/// The next part of a header: a bracketed group or a word, whether it had brackets, and what follows.
fn part(text: &str) -> Option<(&str, bool, &str)> {
    let close = match text.as_bytes().first()? {
        b'[' => b']',
        b'(' => b')',
        _ => {
            let ends = |byte| matches!(byte, b' ' | b'\t' | b',' | b'|' | b'[' | b'\n');
            let end = text.bytes().position(ends).unwrap_or(text.len());
            return (end > 0).then(|| (text[..end].trim_end_matches(':'), false, &text[end..]));
        }
    };
    let (open, mut depth) = (text.as_bytes()[0], 0_u32);
    for (index, byte) in text.bytes().enumerate().take(NAME_BYTES_MAX) {
        if byte == open {
            depth += 1;
        } else if byte == close {
            depth -= 1;
        } else if byte == b'\n' {
            return None;
        }
        if depth == 0 {
            return Some((&text[1..index], true, &text[index + 1..]));
        }
    }
    None
}
