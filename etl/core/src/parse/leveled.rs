//! Lines that say a level at their very head and no time: `[INFO] message`, `ERROR: message`, `WARN - message`,
//! `<error> message`, `level: message`. The last resort but for none at all.
//!
//! A level is believed alone in brackets, or as the first word before a colon, a dash, a bar or a tab; in front of a mere blank only in
//! capitals with two blanks behind it, as columns have it. Common words (`note:`, `system:`, `config:`) are none.

use super::ansi;
use super::level::{is_plain_level, severity_of_word};
use super::text::number;
use super::time::Context;
use crate::event::{Event, EventType};

/// Words of logrus, and their bytes.
const LOGRUS: [(&str, i32); 7] =
    [("TRAC", 1), ("DEBU", 5), ("INFO", 9), ("WARN", 13), ("ERRO", 17), ("FATA", 21), ("PANI", 21)];
const LOGRUS_BYTES: usize = 4;
/// What Python and Java begin an error with that nobody caught.
const BROKEN: [&str; 2] = ["Traceback (most recent call last):", "Exception in thread \""];
const ERROR: i32 = 17;
/// The longest level word with its marks.
const HEAD_BYTES_MAX: usize = 24;

/// Parses one event.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    match ansi::has_escapes(text.lines().next().unwrap_or("")) {
        true => ansi::parse_plain(text, context, event, plain),
        false => plain(text, context, event),
    }
}

fn plain<'a>(text: &'a str, _: &Context<'_>, event: &mut Event<'a>) -> bool {
    let found = bracketed(text).or_else(|| marked(text)).or_else(|| clocked(text)).or_else(|| broken(text));
    let Some((severity, message)) = found else { return false };
    event.set_severity(severity);
    event.event_type = EventType::Application;
    event.message = Some(message.into());
    true
}

/// `[INFO] message`, `<warn> message`, `(error) message`.
fn bracketed(text: &str) -> Option<(i32, &str)> {
    let close = match text.as_bytes().first()? {
        b'[' => ']',
        b'<' => '>',
        b'(' => ')',
        _ => return None,
    };
    let end = text.as_bytes().iter().take(HEAD_BYTES_MAX).position(|byte| *byte == close as u8)?;
    let word = text[1..end].trim();
    // haproxy's alerts; a sentence has no brackets around its capitals.
    let severity = severity_of_word(word).filter(|_| is_plain_level(word) || word == "ALERT")?;
    Some((severity, text[end + 1..].trim_start_matches([' ', '\t', ':', '-'])))
}

/// `WARN[0012] message` of logrus on a terminal: four capitals and the seconds since its start.
fn clocked(text: &str) -> Option<(i32, &str)> {
    let (word, rest) = text.split_at_checked(LOGRUS_BYTES)?;
    let (_, severity) = LOGRUS.into_iter().find(|(name, _)| *name == word)?;
    let (clock, message) = rest.strip_prefix('[')?.split_once("] ")?;
    (clock.len() <= HEAD_BYTES_MAX && number(clock).is_some()).then_some((severity, message))
}

/// Errors that a runtime writes itself when nobody caught them. They are one in its own words.
fn broken(text: &str) -> Option<(i32, &str)> {
    let line = text.lines().next().unwrap_or("");
    let rust = line.starts_with("thread '") && line.contains("' panicked at ");
    (rust || BROKEN.iter().any(|head| line.starts_with(head))).then_some((ERROR, text))
}

/// `ERROR: message`, `error - message`, `INFO | message`, `WARN  message`.
fn marked(text: &str) -> Option<(i32, &str)> {
    let length = text.bytes().take(HEAD_BYTES_MAX).take_while(u8::is_ascii_alphabetic).count();
    let (word, rest) = text.split_at(length);
    let severity = severity_of_word(word).filter(|_| is_plain_level(word))?;
    let after = rest.trim_start_matches(' ');
    let capitals = word.bytes().all(|byte| byte.is_ascii_uppercase());
    let ended = rest.starts_with([':', '\t'])
        || ["- ", "| "].iter().any(|mark| after.starts_with(mark) && after.len() < rest.len())
        || (capitals && rest.starts_with("  "));
    let joined = rest.starts_with(':') && !rest[1..].starts_with([' ', '\t']) && rest.len() > 1;
    (ended && !joined).then(|| (severity, rest.trim_start_matches([' ', '\t', ':', '-', '|'])))
}
