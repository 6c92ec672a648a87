//! JSON lines: one object a line, under the key names that loggers use.
//!
//! Known names fill the event's columns (see [`super::fields`]), at the top or nested (`log.level`,
//! `{"log": {"level": …}}`, `{"fields": {"message": …}}`); all other members of the object become
//! attributes, a nested one as its JSON text, unless columns took all that is in it. A list of one
//! counts as what it holds. OpenTelemetry's lists of keys and values become attributes one by one. What
//! kind of record it is, an audit trail's or a journal's, is settled last (see [`super::kinds`]). An
//! object needs no time and no level.
//!
//! The reader walks the text once and borrows from it; strings with escapes are the only allocations.

mod batches;
mod docker;
mod scan;

use super::fields::{Fact, Fields, Value, has_prefix};
use super::time::Context;
use crate::event::Event;
pub(super) use docker::parse as parse_docker;
use std::borrow::Cow;

/// Objects whose members are looked at for known names; deeper than this nothing is.
const DEPTH_MAX: usize = 3;
/// The longest dotted name of the table of fields.
const NAME_BYTES_MAX: usize = 64;
/// An object of more members is data, not a log line: it stays unparsed and whole.
const MEMBERS_MAX: usize = 4096;
/// A message given as a list of bytes is no longer than this.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Parses one object.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    let text = text.trim_ascii();
    if !(text.starts_with('{') && text.ends_with('}')) {
        return false;
    }
    let mut object = Object { fields: Fields::default(), context, event };
    if !object.fill(text) {
        return false;
    }
    let fields = object.fields;
    if docker::wraps(&fields, event).is_some() {
        return false;
    }
    fields.finish(event);
    true
}

/// An object on its way into an event.
struct Object<'o, 'a, 'c> {
    fields: Fields<'a>,
    context: &'o Context<'c>,
    event: &'o mut Event<'a>,
}

impl<'a> Object<'_, 'a, '_> {
    /// Takes the members of the object that `text` is; false where it is malformed or too large.
    fn fill(&mut self, text: &'a str) -> bool {
        let mut members = 0;
        let whole = scan::members(text, &mut |key, value| {
            members += 1;
            let _ = (members <= MEMBERS_MAX).then(|| self.member(key, value));
        });
        whole == Some(text.len()) && (1..=MEMBERS_MAX).contains(&members)
    }

    fn member(&mut self, key: Cow<'a, str>, value: Value<'a>) {
        match value {
            Value::Null => {}
            Value::Nested(text) => {
                if !self.nested(&key, text, 1) && !batches::first(self, &key, text) {
                    self.event.attribute(key, text);
                }
            }
            scalar => {
                if let Some(value) = self.set(&key, scalar) {
                    self.event.attribute(key, value);
                }
            }
        }
    }

    fn set(&mut self, name: &str, value: Value<'a>) -> Option<Cow<'a, str>> {
        self.fields.set(name, value, self.context, self.event)
    }

    /// Looks for known names in what is nested, and says whether all of it went into columns. What is not
    /// known stays in the object's text alone.
    fn nested(&mut self, name: &str, text: &'a str, depth: usize) -> bool {
        if text.starts_with('[') {
            return self.list(name, text);
        }
        if depth > DEPTH_MAX || !has_prefix(name) {
            return false;
        }
        let (mut all, mut members) = (true, 0);
        let _ = scan::members(text, &mut |key, value| {
            members += 1;
            all &= members <= MEMBERS_MAX && self.nested_member(name, &key, value, depth);
        });
        all && members > 0
    }

    fn nested_member(&mut self, prefix: &str, key: &str, value: Value<'a>, depth: usize) -> bool {
        let mut buffer = [0; NAME_BYTES_MAX];
        let Some(name) = dotted(&mut buffer, prefix, key) else { return false };
        match value {
            Value::Null => true,
            Value::Nested(text) => self.nested(name, text, depth + 1),
            scalar => self.set(name, scalar).is_none(),
        }
    }

    /// A list: of keys and values, of a message's bytes, or of one value that a column takes.
    fn list(&mut self, name: &str, text: &'a str) -> bool {
        if matches!(name, "attributes" | "resource.attributes") && self.key_values(text) {
            return true;
        }
        if name == "MESSAGE" {
            return self.bytes_of_message(text);
        }
        let (mut first, mut count) = (None, 0);
        let whole = scan::elements(text, &mut |value| {
            count += 1;
            if count == 1 {
                first = Some(value);
            }
        });
        match first {
            Some(value @ (Value::Text(_) | Value::Plain(_))) if whole.is_some() && count == 1 => {
                self.set(name, value).is_none()
            }
            Some(value @ Value::Text(_)) if whole.is_some() && name == "sourceIPs" => {
                let _ = self.set(name, value);
                false
            }
            _ => {
                // A list of several categories tells as much as one.
                if whole.is_some() && matches!(name, "event.category" | "event.type") {
                    let _ = self.set(name, Value::Nested(text));
                }
                false
            }
        }
    }

    /// `[{"key": …, "value": {"stringValue": …}}, …]` of OpenTelemetry.
    fn key_values(&mut self, text: &'a str) -> bool {
        let mut sound = true;
        let mut count = 0;
        let whole = scan::elements(text, &mut |element| {
            count += 1;
            let pair = match element {
                Value::Nested(pair) if count <= MEMBERS_MAX => key_value(pair),
                _ => None,
            };
            sound &= pair.is_some();
            let Some((key, value)) = pair else { return };
            if let Some(value) = self.set(&key, value) {
                self.event.attribute(key, value);
            }
        });
        whole.is_some() && sound && count > 0
    }

    /// journald writes a message that is not plain text as the list of its bytes.
    fn bytes_of_message(&mut self, text: &'a str) -> bool {
        let mut bytes = Vec::new();
        let mut sound = true;
        let _ = scan::elements(text, &mut |value| match value {
            Value::Plain(number) if bytes.len() < MESSAGE_BYTES_MAX => match number.parse::<u8>() {
                Ok(byte) => bytes.push(byte),
                Err(_) => sound = false,
            },
            _ => sound = false,
        });
        let message = String::from_utf8_lossy(&bytes).into_owned();
        sound && self.set("MESSAGE", Value::Text(message.into())).is_none()
    }
}

/// Key and value of one entry of OpenTelemetry's lists.
fn key_value<'a>(pair: &'a str) -> Option<(Cow<'a, str>, Value<'a>)> {
    let (mut key, mut value) = (None, None);
    scan::members(pair, &mut |name, member| match (&*name, member) {
        ("key", Value::Text(text)) => key = Some(text),
        ("value", Value::Nested(object)) => {
            let mut inner = None;
            let _ = scan::members(object, &mut |_, member| inner = Some(member));
            value = inner.or(Some(Value::Nested(object)));
        }
        _ => {}
    })?;
    Some((key?, value.unwrap_or(Value::Null)))
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
