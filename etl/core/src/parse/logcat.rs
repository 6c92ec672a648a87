//! Android's logcat, in the layouts of `-v`: threadtime (the default), time, brief, tag, process, thread and long.
//!
//! - `09-21 10:00:00.123  1702  2395 D WindowManager: message`, perhaps with year, zone and a user before the process
//! - `09-21 10:00:00.123 D/WindowManager( 1702): message`
//! - `D/WindowManager( 1702): message`, `D/WindowManager: message`
//! - `D( 1702) message  (WindowManager)`, `D( 1702: 2395) message`
//! - `[ 09-21 10:00:00.123  1702: 2395 D/WindowManager ]` and the message on the lines behind
//!
//! The letter is the level; `A` (assert) is fatal. The marks `--------- beginning of main` say none.

use super::level::severity_of_letter;
use super::text::{Cursor, number};
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::Timestamp;
use headrig_contract::timestamp::{Reading, Shape};

/// Tags longer than this are none; Android cut them at 23 bytes for long.
const TAG_BYTES_MAX: usize = 80;
/// The bytes that a tag and a process are padded to.
const TAG_BYTES_MIN: usize = 8;
const PROCESS_BYTES_MIN: usize = 5;

/// Parses one event.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    match text.as_bytes().first()? {
        b'0'..=b'9' => timed(text, context, event)?,
        b'[' => long(text, context, event)?,
        b'V' | b'D' | b'I' | b'W' | b'E' | b'F' | b'A' if is_padded(text) => brief(text, event)?,
        b'-' => {
            text.starts_with("--------- beginning of ").then_some(())?;
            event.message = Some(text.into());
        }
        _ => return None,
    }
    event.event_type = EventType::Application;
    Some(())
}

/// Whether the line's columns are as wide as logcat makes them: a tag fills eight bytes, a process five. Without a time
/// `I/O: failed` and `E(1) x` are anybody's.
fn is_padded(text: &str) -> bool {
    let (mark, rest) = (text.as_bytes().get(1), text.get(2..).unwrap_or_default());
    let (ends, width): (&[char], _) = match mark {
        Some(b'/') => (&['(', ':'], TAG_BYTES_MIN),
        _ => (&[')', ':'], PROCESS_BYTES_MIN),
    };
    rest.find(ends).is_some_and(|end| end >= width)
}

/// Takes logcat's time and the blanks behind it.
fn time<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<Cursor<'a>> {
    let bytes = text.as_bytes();
    // The places of blank and point in both layouts, so that other logs' times need not be read.
    let likely = matches!((bytes.get(5), bytes.get(14)), (Some(b' '), Some(b'.')))
        || matches!((bytes.get(10), bytes.get(19)), (Some(b' '), Some(b'.')));
    if !likely {
        return None;
    }
    let timestamp = Timestamp::parse(bytes)?;
    let dashed = match timestamp.shape {
        Shape::MonthDay => text.as_bytes()[2] == b'-',
        Shape::Iso => text.as_bytes()[4] == b'-' && text.as_bytes()[10] == b' ',
        _ => false,
    };
    let (written, rest) = text.split_at_checked(timestamp.length)?;
    if !dashed || (matches!(timestamp.reading, Reading::Yearless { .. }) && !written.contains('.')) {
        return None;
    }
    let mut cursor = Cursor::new(rest.strip_prefix(' ')?);
    cursor.blanks();
    context.stamp(event, timestamp.reading, written);
    Some(cursor)
}

fn timed<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let mut cursor = time(text, context, event)?;
    if cursor.rest().as_bytes().get(1)? == &b'/' {
        return brief(cursor.rest(), event);
    }
    let mut words = [cursor.word(), "", ""];
    for word in &mut words[1..] {
        cursor.blanks();
        *word = cursor.word();
    }
    let user = number(words[2]).is_some().then_some(words[0]);
    let [pid, thread] = if user.is_some() { [words[1], words[2]] } else { [words[0], words[1]] };
    let letter = if user.is_some() {
        cursor.blanks();
        cursor.word()
    } else {
        words[2]
    };
    event.pid = Some(number(pid)?);
    number(thread)?;
    set_level(letter, event)?;
    cursor.eat(" ").then_some(())?;
    tagged(cursor.rest(), event)?;
    event.attribute("thread", thread);
    if let Some(user) = user {
        event.attribute("uid", user);
    }
    Some(())
}

/// `Tag  : message`.
fn tagged<'a>(text: &'a str, event: &mut Event<'a>) -> Option<()> {
    let (tag, message) = text.split_once(':').filter(|(tag, _)| tag.len() <= TAG_BYTES_MAX)?;
    event.service = Some(tag.trim_end()).filter(|tag| !tag.is_empty()).map(Into::into);
    event.message = Some(message.strip_prefix(' ').unwrap_or(message).into());
    Some(())
}

fn set_level(letter: &str, event: &mut Event<'_>) -> Option<()> {
    let severity = match letter.as_bytes() {
        b"A" => 21,
        [letter @ (b'V' | b'D' | b'I' | b'W' | b'E' | b'F')] => severity_of_letter(*letter)?,
        _ => return None,
    };
    event.set_severity(severity);
    Some(())
}

/// `D/Tag( 1702): message`, `D/Tag: message`, `D( 1702) message  (Tag)`, `D( 1702: 2395) message`.
fn brief<'a>(text: &'a str, event: &mut Event<'a>) -> Option<()> {
    set_level(text.get(..1)?, event)?;
    let rest = text.get(2..)?;
    match text.as_bytes()[1] {
        b'/' => {
            let end = rest.find([':', '(', '\n'])?;
            let tag = rest[..end].trim_end();
            if tag.is_empty() || tag.len() > TAG_BYTES_MAX || tag.contains(' ') {
                return None;
            }
            let Some(process) = rest[end..].strip_prefix('(') else { return tagged(rest, event) };
            let (pid, message) = process.split_once("):")?;
            event.pid = Some(number(pid.trim())?);
            event.service = Some(tag.into());
            event.message = Some(message.strip_prefix(' ').unwrap_or(message).into());
        }
        b'(' => {
            let (process, message) = rest.split_once(") ")?;
            let (pid, thread) = process.split_once(':').unwrap_or((process, ""));
            event.pid = Some(number(pid.trim())?);
            if !thread.is_empty() {
                number(thread.trim())?;
                event.attribute("thread", thread.trim());
            }
            event.message = Some(process_message(message, event).into());
        }
        _ => return None,
    }
    Some(())
}

/// The message before the tag in brackets, where there is one.
fn process_message<'a>(text: &'a str, event: &mut Event<'a>) -> &'a str {
    let tag = text.strip_suffix(')').and_then(|front| front.rsplit_once("  ("));
    let Some((message, tag)) = tag else { return text };
    event.service = Some(tag.trim_end().into());
    message
}

/// `[ 09-21 10:00:00.123  1702: 2395 D/WindowManager ]`, then the message.
fn long<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let (head, message) = text.strip_prefix("[ ")?.split_once('\n').unwrap_or((text.get(2..)?, ""));
    let mut cursor = time(head.trim_end().strip_suffix(']')?, context, event)?;
    let pid = cursor.until(b':')?;
    cursor.blanks();
    let thread = cursor.word();
    cursor.blanks();
    event.pid = Some(number(pid)?);
    number(thread)?;
    let (letter, tag) = cursor.rest().split_once('/')?;
    set_level(letter, event)?;
    event.service = Some(tag.trim()).filter(|tag| !tag.is_empty()).map(Into::into);
    event.attribute("thread", thread);
    event.message = Some(message.trim_end().into());
    Some(())
}
