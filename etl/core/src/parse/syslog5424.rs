//! Syslog of RFC 5424: `<PRI>1 time host app pid msgid [structured data] message`.
//!
//! Structured data becomes attributes, its escapes resolved. The priority is the level.

use super::classify::classify;
use super::syslog::{priority, set_priority};
use super::text::{Cursor, number, present};
use super::time::Context;
use super::wrapped;
use crate::event::{Event, TsSource};
use std::borrow::Cow;

/// Structured data elements and their parameters beyond this stay in the message.
const PARAMETERS_MAX: usize = 256;

/// Parses one line of RFC 5424.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let mut cursor = Cursor::new(text);
    let priority = priority(&mut cursor)?;
    if !cursor.eat("1 ") {
        return None;
    }
    set_priority(priority, event)?;
    let written = cursor.until(b' ')?;
    if written != "-" && !context.stamp_text(event, written) {
        return None;
    }
    let (host, app) = (cursor.until(b' ')?, cursor.until(b' ')?);
    let (pid, id) = (cursor.until(b' ')?, cursor.word());
    cursor.eat(" ");
    for (key, value) in [("hostname", host), ("msgid", id)] {
        if let Some(value) = present(value) {
            event.attribute(key, value);
        }
    }
    match number(pid) {
        Some(pid) => event.pid = Some(pid),
        None if pid != "-" => event.attribute("procid", pid),
        None => {}
    }
    structured_data(&mut cursor, event)?;
    let message = cursor.rest().trim_start_matches(' ').trim_start_matches('\u{feff}');
    event.service = present(app).map(Into::into);
    event.message = Some(message.into());
    classify(app, message, event);
    wrapped::open_message(event.ts_source == TsSource::Event, context, event);
    Some(())
}

/// `-`, or elements `[id name="value" …]` without anything between them.
fn structured_data<'a>(cursor: &mut Cursor<'a>, event: &mut Event<'a>) -> Option<()> {
    if cursor.eat("-") || cursor.rest().is_empty() {
        return Some(());
    }
    let mut parameters = 0;
    while cursor.eat("[") {
        let end = cursor.rest().find([' ', ']'])?;
        *cursor = Cursor::new(&cursor.rest()[end..]);
        while !cursor.eat("]") {
            cursor.blanks();
            let key = cursor.until(b'=')?;
            let value = cursor.quoted()?;
            parameters += 1;
            if parameters <= PARAMETERS_MAX {
                event.attribute(key, unescaped(value));
            }
        }
    }
    (parameters > 0 || cursor.rest().is_empty() || cursor.rest().starts_with(' ')).then_some(())
}

/// `\"`, `\\` and `\]` stand for the second character; any other backslash for itself.
fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return value.into();
    }
    let mut plain = String::with_capacity(value.len());
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        let escape = character == '\\' && characters.peek().is_some_and(|next| "\"\\]".contains(*next));
        plain.extend(if escape { characters.next() } else { Some(character) });
    }
    plain.into()
}

#[cfg(test)]
mod tests;
