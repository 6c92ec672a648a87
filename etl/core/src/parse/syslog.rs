//! Syslog as RFC 3164 tells it and as it is written to files: `[<PRI>]time host tag[pid]: message`.
//!
//! The time is the RFC's own, or with a year (Cisco), or the one that rsyslog and syslog-ng write with
//! an offset. The tag may carry PAM's module (`su(pam_unix)[12]`); a line without a tag is all message.
//! Level: by `<PRI>` where there is one, else what the message implies (see [`classify`]).
//!
//! FreeBSD's `<kern.info>` behind the time and macOS's `<Notice>:` behind the tag are levels, too.
//!
//! A line with an offset but no `<PRI>`, or with the epoch as `journalctl -o short-unix` prints it, may be some other log: it is syslog only when a host and a tag
//! with its colon follow, and neither is a level word.

use super::classify::{bracketed_tag, classify, classify_plain};
use super::level::{severity_of_syslog, severity_of_word};
use super::text::{Cursor, is_address, number};
use super::time::Context;
use super::wrapped;
use crate::event::Event;
use headrig_contract::Timestamp;
use headrig_contract::timestamp::{Reading, Shape};

/// Names longer than this are no tags; RFC 3164 allows 32 bytes, launchd writes more.
const TAG_BYTES_MAX: usize = 96;
/// Words of a program's name on macOS.
const TAG_WORDS_MAX: usize = 4;

/// Parses one line of RFC 3164.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let mut cursor = Cursor::new(text);
    let prioritised = match priority(&mut cursor) {
        Some(priority) => {
            set_priority(priority, event)?;
            true
        }
        None if cursor.first()? == b'<' => return None,
        None => false,
    };
    if prioritised && let Some(clocked) = behind_count(cursor.rest()) {
        cursor = Cursor::new(clocked);
    }
    let timestamp = context.time_at_head(cursor.rest());
    let Some(timestamp) = timestamp.filter(|timestamp| is_syslog_time(timestamp, cursor.rest(), prioritised))
    else {
        if !prioritised || is_of_5424(cursor.rest()) {
            return None;
        }
        tagged(&mut cursor, event);
        wrapped::open_message(false, context, event);
        return Some(());
    };
    let (written, rest) = cursor.rest().split_at_checked(timestamp.length)?;
    context.stamp(event, timestamp.reading, written);
    // Cisco ends its time with a colon and leaves the host out.
    let rest = rest.strip_prefix(':').unwrap_or(rest).strip_prefix(' ')?;
    let mut cursor = Cursor::new(rest);
    if timestamp.shape == Shape::Syslog && !prioritised {
        named_priority(&mut cursor, event);
    }
    if matches!(timestamp.shape, Shape::Iso | Shape::Epoch) && !prioritised {
        let host = cursor.word();
        let (name, pid, _) = tag(cursor.rest().strip_prefix(' ')?)?;
        let sure = is_host(host)
            && severity_of_word(host).is_none()
            && severity_of_word(name).is_none()
            && (timestamp.shape == Shape::Iso || pid.is_some());
        sure.then(|| event.attribute("hostname", host))?;
    } else if !cursor.rest().starts_with('[')
        && (starts_with_host(cursor.rest()) || tag(cursor.rest()).is_none())
    {
        // metalog writes no host, and its tag in brackets.
        event.attribute("hostname", cursor.word());
    }
    cursor.blanks();
    tagged(&mut cursor, event);
    wrapped::open_message(timestamp.shape != Shape::Syslog, context, event);
    Some(())
}

/// Whether version and time of RFC 5424 follow the priority: such a line's own parser reads it whole.
fn is_of_5424(rest: &str) -> bool {
    let time = rest.strip_prefix("1 ");
    time.is_some_and(|time| time.starts_with("- ") || Timestamp::parse(time.as_bytes()).is_some())
}

/// `<kern.info> ` or `<0.6> ` behind the time, as FreeBSD's syslogd writes them when it is asked to.
fn named_priority<'a>(cursor: &mut Cursor<'a>, event: &mut Event<'a>) -> Option<()> {
    let (inner, rest) = cursor.rest().strip_prefix('<')?.split_once("> ")?;
    let (facility, level) = inner.split_once('.')?;
    let severity = match number(level) {
        Some(level) => severity_of_syslog(u32::try_from(level).ok()?)?,
        None => severity_of_word(level)?,
    };
    let name = match number(facility) {
        Some(facility) => *FACILITIES.get(usize::try_from(facility).ok()?)?,
        None => facility,
    };
    event.set_severity(severity);
    event.attribute("facility", name);
    *cursor = Cursor::new(rest);
    Some(())
}

/// Whether a word can be a host: a name or an address.
fn is_host(word: &str) -> bool {
    let named = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    (named && !word.is_empty()) || is_address(word)
}

/// Whether the first word is no tag, so that the first is the host.
fn starts_with_host(rest: &str) -> bool {
    rest.split_once(' ').is_some_and(|(host, _)| !host.ends_with(':') && !host.contains('['))
}

/// `<PRI>`, 0 to 191.
pub(super) fn priority(cursor: &mut Cursor<'_>) -> Option<u32> {
    let mut ahead = *cursor;
    if !ahead.eat("<") {
        return None;
    }
    let digits = ahead.until(b'>')?;
    let priority = number(digits).filter(|priority| digits.len() <= 3 && *priority < 192)?;
    *cursor = ahead;
    u32::try_from(priority).ok()
}

/// Takes level and facility from a priority.
pub(super) fn set_priority(priority: u32, event: &mut Event<'_>) -> Option<()> {
    event.set_severity(severity_of_syslog(priority % 8)?);
    event.attribute("facility", FACILITIES[(priority / 8) as usize]);
    Some(())
}

/// The facilities by number, as RFC 5424 section 6.2.1 lists and `syslog(3)` names them.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// Whether a time is one that syslog writes. `Sep 21, 2026` is Java's, `Mon Sep 21` anybody's.
fn is_syslog_time(timestamp: &Timestamp, text: &str, prioritised: bool) -> bool {
    match timestamp.shape {
        Shape::Syslog => true,
        Shape::MonthDayYear => prioritised || !text[..timestamp.length].contains(','),
        Shape::Asctime => prioritised,
        Shape::Iso => prioritised || matches!(timestamp.reading, Reading::Instant(_)),
        // `journalctl -o short-unix`.
        Shape::Epoch => text[..timestamp.length].contains('.'),
        _ => false,
    }
}

/// `tag[pid]: message`, or a message alone; then what it tells.
pub(super) fn tagged<'a>(cursor: &mut Cursor<'a>, event: &mut Event<'a>) {
    match tag(without_sequence(cursor.rest())) {
        Some((name, pid, message)) => {
            let message = apple_level(message, event);
            event.service = Some(name.into());
            event.pid = pid.and_then(number);
            event.message = Some(message.into());
            classify(name, message, event);
        }
        None => {
            event.message = Some(cursor.rest().into());
            match bracketed_tag(cursor.rest()) {
                Some(tag) => {
                    event.service = Some(tag.name.into());
                    event.message = Some(tag.message.into());
                    classify(tag.name, tag.message, event);
                }
                None => classify_plain(cursor.rest(), event),
            }
        }
    }
}

/// The text from the time on behind `123: *`, Cisco's count and its mark for a clock that nobody set.
fn behind_count(text: &str) -> Option<&str> {
    let (count, clocked) = text.split_once(": ")?;
    let clocked = clocked.trim_start_matches(['*', '.']);
    (number(count).is_some() && Timestamp::parse(clocked.as_bytes()).is_some()).then_some(clocked)
}

/// The text from the tag on behind `123: *Mar  1 18:46:11.001: `, the count and the clock of Cisco's IOS.
fn without_sequence(text: &str) -> &str {
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return text;
    }
    let after = text.split_once(": ").filter(|(count, _)| number(count).is_some()).map(|(_, after)| after);
    let from_tag = after.and_then(|after| {
        let at = after.get(..after.floor_char_boundary(TAG_BYTES_MAX))?.find('%')?;
        let clock = after[..at].trim_start_matches(['*', '.']);
        (clock.is_empty() || Timestamp::parse(clock.as_bytes()).is_some()).then(|| &after[at..])
    });
    from_tag.unwrap_or(text)
}

/// Takes `<Notice>: ` off a message, as macOS's syslog writes levels between tag and colon.
fn apple_level<'a>(message: &'a str, event: &mut Event<'_>) -> &'a str {
    let found = message.strip_prefix('<').and_then(|rest| {
        let (word, message) = rest.split_once(">: ")?;
        Some((severity_of_word(word)?, message))
    });
    match found {
        Some((severity, message)) if event.severity_number == 0 => {
            event.set_severity(severity);
            message
        }
        _ => message,
    }
}

/// The tag, its process id and the message. The tag ends with a colon; between it and the colon may
/// stand the process id, and words such as a version (`syslogd 1.4.1:`) or a unit in parentheses.
fn tag(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let front = text.get(..text.len().min(TAG_BYTES_MAX)).unwrap_or(text);
    let end = front.bytes().position(|byte| matches!(byte, b'[' | b':' | b' '))?;
    let name = &text[..end];
    let rest = &text[end..];
    // polkitd tells what it is in parentheses: `polkitd(authority=local)`.
    let bare = name.split('(').next().unwrap_or(name);
    let valid = !bare.is_empty()
        && !bare.contains('=')
        && !name.bytes().any(|byte| matches!(byte, b'"' | b'{' | b'<' | b','));
    if !valid {
        return None;
    }
    if let Some(message) = rest.strip_prefix(": ").or_else(|| rest.strip_prefix(':')) {
        let plain = !message.starts_with(':');
        return plain.then(|| (name, None, message.trim_start_matches(' ')));
    }
    if let Some(bracketed) = rest.strip_prefix('[') {
        let (pid, after) = bracketed.split_once(']')?;
        let after = after.trim_start_matches(' ');
        let message = match after.strip_prefix(':') {
            Some(message) => message,
            None if after.starts_with('(') => after_reference(after),
            None => after,
        };
        return Some((name, Some(pid), message.trim_start_matches(' ')));
    }
    versioned(name, rest.trim_start_matches(' ')).or_else(|| spaced(text))
}

/// `Microsoft Word[14463]: message`: programs of macOS, by the capitals of their words.
fn spaced(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let front = text.get(..text.len().min(TAG_BYTES_MAX)).unwrap_or(text);
    let name = &front[..front.find('[')?];
    let (pid, message) =
        text[name.len() + 1..].split_once("]: ").or_else(|| text[name.len() + 1..].split_once("] "))?;
    let capital = |word: &str| word.bytes().next().is_some_and(|first| first.is_ascii_uppercase());
    let named = name.split(' ').count() <= TAG_WORDS_MAX && name.split(' ').all(capital);
    (named && number(pid).is_some()).then_some((name, Some(pid), message))
}

/// The message behind launchd's `(job): ` and `(job) <Notice>: `.
fn after_reference(text: &str) -> &str {
    let colon = text.split_once("):").map(|(_, rest)| rest);
    let level = || text.split_once(") ").map(|(_, rest)| rest).filter(|rest| rest.starts_with('<'));
    colon.or_else(level).unwrap_or(text)
}

/// `syslogd 1.4.1: message`, `-- root[2421]: message`.
fn versioned<'a>(name: &'a str, rest: &'a str) -> Option<(&'a str, Option<&'a str>, &'a str)> {
    let (word, message) = rest.split_once(": ")?;
    let version = word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !word.is_empty();
    if version {
        return Some((name, None, message));
    }
    let (_, pid) = word.strip_suffix(']')?.split_once('[')?;
    (name == "--").then_some((name, Some(pid), message))
}

#[cfg(test)]
mod tests;
