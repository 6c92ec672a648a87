//! JSON lines: one object a line, under the key names that loggers use.
//!
//! Known names fill the event's columns (see [`super::fields`]), at the top or nested (`log.level`,
//! `{"log": {"level": …}}`, `{"fields": {"message": …}}`); all other members of the object become
//! attributes, a nested one as its JSON text. journald's entries are classified like syslog lines; an
//! object with a status and a request is an access line. An object needs no time and no level.
//!
//! The reader walks the text once and borrows from it; strings with escapes are the only allocations.

mod scan;

use super::fields::{Fields, Value, has_prefix};
use super::time::Context;
use crate::event::Event;
use std::borrow::Cow;

/// Objects whose members are looked at for known names; deeper than this nothing is.
const DEPTH_MAX: usize = 3;
/// The longest dotted name of the table of fields.
const NAME_BYTES_MAX: usize = 64;

/// Parses one object.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    let text = text.trim_ascii();
    if !(text.starts_with('{') && text.ends_with('}')) {
        return false;
    }
    let mut fields = Fields::default();
    let mut members = 0;
    let whole = scan::members(text, &mut |key, value| {
        members += 1;
        member(key, value, context, &mut fields, event);
    });
    if whole != Some(text.len()) || members == 0 {
        return false;
    }
    fields.finish(event);
    true
}

fn member<'a>(
    key: Cow<'a, str>,
    value: Value<'a>,
    context: &Context<'_>,
    fields: &mut Fields<'a>,
    event: &mut Event<'a>,
) {
    match value {
        Value::Null => {}
        Value::Nested(text) => {
            nested(&key, text, 1, context, fields, event);
            event.attribute(key, text);
        }
        Value::Text(_) | Value::Plain(_) => {
            if let Some(value) = fields.set(&key, value, context, event) {
                event.attribute(key, value);
            }
        }
    }
}

/// Looks for known names in a nested object. What is not known stays in the object's text alone.
fn nested<'a>(
    prefix: &str,
    text: &'a str,
    depth: usize,
    context: &Context<'_>,
    fields: &mut Fields<'a>,
    event: &mut Event<'a>,
) {
    if depth > DEPTH_MAX || !text.starts_with('{') || !has_prefix(prefix) {
        return;
    }
    let _ = scan::members(text, &mut |key, value| {
        let mut buffer = [0; NAME_BYTES_MAX];
        let Some(name) = dotted(&mut buffer, prefix, &key) else { return };
        match value {
            Value::Null => {}
            Value::Nested(text) => nested(name, text, depth + 1, context, fields, event),
            Value::Text(_) | Value::Plain(_) => {
                let _ = fields.set(name, value, context, event);
            }
        }
    });
}

/// `prefix.key`, where it fits.
fn dotted<'b>(buffer: &'b mut [u8; NAME_BYTES_MAX], prefix: &str, key: &str) -> Option<&'b str> {
    let length = prefix.len() + 1 + key.len();
    let name = buffer.get_mut(..length)?;
    name[..prefix.len()].copy_from_slice(prefix.as_bytes());
    name[prefix.len()] = b'.';
    name[prefix.len() + 1..].copy_from_slice(key.as_bytes());
    std::str::from_utf8(name).ok()
}

#[cfg(test)]
mod tests;
