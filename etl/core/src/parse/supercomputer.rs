//! Logs of supercomputers as their operators published them (Blue Gene/L, Thunderbird, Spirit, Liberty):
//! `<alert class or -> <epoch seconds> <yyyy.mm.dd> <node> …`.
//!
//! What follows is Blue Gene's record, `<local time> <node> <type> <component> <level> <message>`, or a line of
//! syslog. The epoch is the time: the other is of the machine's own zone.

use super::classify::classify;
use super::level::severity_of_word;
use super::syslog;
use super::text::{Cursor, number};
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::Timestamp;
use headrig_contract::timestamp::Shape;

/// The longest alert class.
const LABEL_BYTES_MAX: usize = 32;

/// Parses one line.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let mut cursor = Cursor::new(text);
    let label = cursor.word();
    if !is_label(label) {
        return None;
    }
    let (epoch, date, node) = (next_word(&mut cursor)?, next_word(&mut cursor)?, next_word(&mut cursor)?);
    if epoch.len() != 10 || !is_dotted_date(date) {
        return None;
    }
    let timestamp = Timestamp::parse_whole(epoch.as_bytes())?;
    context.stamp(event, timestamp.reading, epoch);
    if label != "-" {
        event.attribute("label", label);
    }
    event.attribute("node", node);
    event.event_type = EventType::Application;
    cursor.blanks();
    if cursor.first().is_some_and(|first| first.is_ascii_digit()) {
        record(&mut cursor, event);
    } else {
        syslog_line(cursor, event);
    }
    Some(())
}

fn next_word<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    cursor.eat(" ").then(|| cursor.word())
}

/// Blue Gene's columns; where they are not as told, the rest is the message.
fn record<'a>(cursor: &mut Cursor<'a>, event: &mut Event<'a>) {
    let whole = cursor.rest();
    let mut columns = || {
        let written = cursor.word();
        let (_, kind) = (next_word(cursor)?, next_word(cursor)?);
        let (component, level) = (next_word(cursor)?, next_word(cursor)?);
        Some((written, kind, component, severity_of_word(level)?))
    };
    match columns() {
        Some((written, kind, component, severity)) => {
            event.set_severity(severity);
            event.service = Some(component.into());
            event.attribute("type", kind);
            event.attribute("local_time", written);
            event.message = Some(cursor.rest().trim_start().into());
        }
        None => event.message = Some(whole.into()),
    }
}

/// `Mon d HH:MM:SS host tag[pid]: message`.
fn syslog_line<'a>(mut cursor: Cursor<'a>, event: &mut Event<'a>) {
    let whole = cursor.rest();
    let timestamp = Timestamp::parse(whole.as_bytes()).filter(|found| found.shape == Shape::Syslog);
    let after = timestamp.and_then(|found| whole.get(found.length..)?.strip_prefix(' '));
    let Some(after) = after else {
        event.message = Some(whole.into());
        return classify("", whole, event);
    };
    cursor = Cursor::new(after);
    event.attribute("hostname", cursor.word());
    cursor.blanks();
    syslog::tagged(&mut cursor, event);
}

fn is_label(word: &str) -> bool {
    let capital = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    word == "-" || (!word.is_empty() && word.len() <= LABEL_BYTES_MAX && word.bytes().all(capital))
}

fn is_dotted_date(word: &str) -> bool {
    let mut parts = word.split('.');
    let mut part =
        |length: usize| parts.next().is_some_and(|part| part.len() == length && number(part).is_some());
    part(4) && part(2) && part(2) && parts.next().is_none()
}
