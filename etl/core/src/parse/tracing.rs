//! Rust's `tracing-subscriber`: the full, compact and pretty layouts, with colours or without.
//!
//! `2026-09-21T10:00:00.123456Z  INFO request{id=7}:db: app::server: message field=1`: the time in UTC with its
//! fraction, the level padded to five bytes, spans, the target as a path of Rust, the message with its fields. In the
//! pretty layout lines with the place and the spans follow; they stay in the message but for `at <place>`.

use super::ansi;
use super::level::severity_of_word;
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::timestamp::{Reading, Shape};

/// Bytes in which spans and target end.
const FRONT_BYTES_MAX: usize = 4_096;
/// Bytes in which a coloured line has its first escape: the time is dimmed.
const ESCAPES_BYTES_MAX: usize = 8;

/// Parses one event.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    if !matches!(text.as_bytes().first(), Some(b'0'..=b'9' | b' ' | b'\x1b')) {
        return false;
    }
    match ansi::has_escapes(text.get(..ESCAPES_BYTES_MAX).unwrap_or(text)) {
        true => ansi::parse_plain(text, context, event, plain),
        false => plain(text, context, event),
    }
}

fn plain<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let line = text.strip_prefix("  ").unwrap_or(text);
    if line.as_bytes().get(10)? != &b'T' {
        return None;
    }
    let timestamp = context.time_at_head(line).filter(|found| found.shape == Shape::Iso)?;
    let (written, rest) = line.split_at_checked(timestamp.length)?;
    let utc =
        matches!(timestamp.reading, Reading::Instant(_)) && written.ends_with('Z') && written.contains('.');
    let level = rest.strip_prefix(' ')?.get(..5)?;
    let padded = matches!(level, "TRACE" | "DEBUG" | " INFO" | " WARN" | "ERROR");
    if !utc || !padded {
        return None;
    }
    let rest = rest[6..].strip_prefix(' ')?;
    let (spans, target, message) = spans_and_target(rest)?;
    context.stamp(event, timestamp.reading, written);
    event.set_severity(severity_of_word(level.trim_start())?);
    event.event_type = EventType::Application;
    event.service = Some(target.into());
    if !spans.is_empty() {
        event.attribute("spans", spans);
    }
    place(message, event);
    event.message = Some(message.trim_end().into());
    Some(())
}

/// `a{x=1}:b: app::server: message`: spans, target, message. A span without fields looks like a target; it is one
/// unless a path of several parts follows it.
fn spans_and_target(text: &str) -> Option<(&str, &str, &str)> {
    let front = text.get(..text.len().min(FRONT_BYTES_MAX)).unwrap_or(text);
    let end = colon(front, 0)?;
    let next = colon(front, end + 2).filter(|&next| is_path(&front[end + 2..next]));
    let second = next.filter(|&next| !is_path(&front[..end]) || front[end + 2..next].contains("::"));
    let (start, end) = second.map_or((0, end), |next| (end + 2, next));
    let spans = front[..start].trim_end_matches([' ', ':']);
    is_path(&front[start..end]).then(|| (spans, &text[start..end], text[end + 1..].trim_start()))
}

/// The colon before a blank, from `start` on, on the first line and outside of a span's fields.
fn colon(text: &str, start: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b'\n' => return None,
            b':' if depth == 0 && text[at + 1..].starts_with(' ') => return Some(at),
            _ => {}
        }
    }
    None
}

/// Whether a word can be a target: a path of Rust.
fn is_path(word: &str) -> bool {
    let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let first = word.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || first == b'_');
    first && word.split("::").all(|part| !part.is_empty() && part.bytes().all(name))
}

/// `    at src/main.rs:12` on a line of its own.
fn place<'a>(message: &'a str, event: &mut Event<'a>) {
    let Some((_, lines)) = message.split_once('\n') else { return };
    if let Some(place) = lines.trim_start().strip_prefix("at ") {
        event.attribute("caller", place.lines().next().unwrap_or(place).trim_end());
    }
}
