//! glog and Kubernetes' klog: `I0921 10:00:00.123456    7 server.go:12] message`, in newer glog with the year
//! (`I20260921 10:00:00.123456`).
//!
//! The letter is the level. klog's structured lines, `"message" key="value" …`, give their message and
//! attributes; where they are not quite so, the message is the whole rest.

use super::level::severity_of_letter;
use super::logfmt::unescaped;
use super::text::{Cursor, number};
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::Timestamp;
use headrig_contract::timestamp::Shape;

/// Pairs behind a message; more stay in the message.
const PAIRS_MAX: usize = 64;

/// Parses one event.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let &letter = text.as_bytes().first()?;
    if !(matches!(letter, b'I' | b'W' | b'E' | b'F') && text.as_bytes().get(1)?.is_ascii_digit()) {
        return None;
    }
    let timestamp = Timestamp::parse(&text.as_bytes()[1..])?;
    if !matches!(timestamp.shape, Shape::Glog | Shape::Compact) {
        return None;
    }
    let (written, rest) = text[1..].split_at_checked(timestamp.length)?;
    let mut cursor = Cursor::new(rest);
    cursor.blanks();
    let thread = cursor.word();
    number(thread)?;
    cursor.blanks();
    let caller = cursor.until(b']').filter(|caller| !caller.contains(' ') && caller.contains(':'))?;
    cursor.eat(" ");
    context.stamp(event, timestamp.reading, written);
    event.set_severity(severity_of_letter(letter)?);
    event.event_type = EventType::Application;
    event.attribute("thread", thread);
    event.attribute("caller", caller);
    let before = event.attributes.len();
    if structured(cursor, event).is_none() {
        event.attributes.truncate(before);
        event.message = Some(cursor.rest().into());
    }
    Some(())
}

/// `"message" key="value" key=value`, to the end.
fn structured<'a>(mut cursor: Cursor<'a>, event: &mut Event<'a>) -> Option<()> {
    let message = cursor.quoted()?;
    for _ in 0..PAIRS_MAX {
        if cursor.rest().is_empty() {
            event.message = Some(unescaped(message));
            return Some(());
        }
        cursor.eat(" ").then_some(())?;
        let key = cursor.until(b'=')?;
        if key.is_empty() || key.contains([' ', '"', '\n']) {
            return None;
        }
        match cursor.first() {
            Some(b'"') => event.attribute(key, unescaped(cursor.quoted()?)),
            _ => event.attribute(key, cursor.word()),
        }
    }
    None
}
