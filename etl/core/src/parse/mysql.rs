//! The error log of MySQL, MariaDB and Percona, from 5.x to 8.x and 11.x.
//!
//! - 8: `2026-09-21T10:00:00.123456Z 0 [Note] [MY-012487] [InnoDB] message`
//! - 5.7: `2026-09-21T10:00:00.123456Z 0 [Note] InnoDB: message`
//! - 5.6 and MariaDB: `2026-09-21 10:00:00 1234 [Note] message`
//! - 5.5: `260921 10:00:00 [Note] message`, `260921 10:00:00  InnoDB: message`
//! - their starter: `260921 10:00:00 mysqld_safe message`
//!
//! Level by the bracket: `System` is info, `Note` is notice. A bracket that other loggers have, too
//! (`[Warning]`, `[ERROR]`), counts behind a thread's number or a short year.

use super::classify::classify;
use super::text::{Cursor, number};
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::timestamp::Shape;
use memchr::{memchr, memchr_iter};

/// Bytes in which the first mark begins: behind the time and a thread.
const MARK_BYTES_MAX: usize = 64;

/// Parses one event.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    if !text.as_bytes().first()?.is_ascii_digit() || !has_mark(text) {
        return None;
    }
    let timestamp = context.time_at_head(text)?;
    let short = timestamp.shape == Shape::ShortYear && text.as_bytes()[2] != b'/';
    if !(short || timestamp.shape == Shape::Iso) {
        return None;
    }
    let (written, rest) = text.split_at_checked(timestamp.length)?;
    let mut cursor = Cursor::new(rest.strip_prefix(' ')?);
    cursor.blanks();
    let thread = thread(&mut cursor);
    if cursor.eat("[") {
        let severity = match cursor.until(b']')? {
            "System" => 9,
            "Note" => 10,
            "Warning" if short || thread.is_some() => 13,
            "ERROR" if short || thread.is_some() => 17,
            _ => return None,
        };
        event.set_severity(severity);
        cursor.blanks();
    } else if !(cursor.rest().starts_with("InnoDB: ") || cursor.rest().starts_with("mysqld_safe ")) {
        return None;
    }
    context.stamp(event, timestamp.reading, written);
    event.event_type = EventType::Database;
    if let Some(thread) = thread {
        event.attribute("thread", thread);
    }
    subsystem(&mut cursor, event);
    event.message = Some(cursor.rest().into());
    classify("mysqld", cursor.rest(), event);
    Some(())
}

/// Whether any of the marks stands near the front: cheaper to see than a time is to read.
fn has_mark(text: &str) -> bool {
    let front = &text.as_bytes()[..text.len().min(MARK_BYTES_MAX)];
    let bracket = memchr(b'[', front).map(|at| &text.as_bytes()[at..]);
    let levels: [&[u8]; 4] = [b"[Note]", b"[Warning]", b"[ERROR]", b"[System]"];
    bracket.is_some_and(|rest| levels.iter().any(|level| rest.starts_with(level)))
        || memchr_iter(b'I', front).any(|at| text.as_bytes()[at..].starts_with(b"InnoDB: "))
        || memchr_iter(b'_', front).any(|at| text.as_bytes()[..at].ends_with(b" mysqld"))
}

/// A connection's number; 5.6's InnoDB writes its thread in hexadecimal.
fn thread<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let mut ahead = *cursor;
    let word = ahead.word();
    let hexadecimal = word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    (number(word).is_some() || hexadecimal).then_some(())?;
    ahead.blanks();
    *cursor = ahead;
    Some(word)
}

/// `[MY-012487] [InnoDB] ` of version 8, `InnoDB: ` and `mysqld_safe ` before it.
fn subsystem<'a>(cursor: &mut Cursor<'a>, event: &mut Event<'a>) {
    let mut ahead = *cursor;
    if ahead.eat("[MY-") {
        let Some(end) = cursor.rest().find(']') else { return };
        event.attribute("code", &cursor.rest()[1..end]);
        ahead = Cursor::new(&cursor.rest()[end + 1..]);
        ahead.blanks();
        *cursor = ahead;
        if ahead.eat("[")
            && let Some(name) = ahead.until(b']')
        {
            event.service = Some(name.into());
            ahead.blanks();
            *cursor = ahead;
        }
    } else if cursor.eat("InnoDB: ") {
        event.service = Some("InnoDB".into());
    } else if cursor.eat("mysqld_safe ") {
        event.service = Some("mysqld_safe".into());
    }
}
