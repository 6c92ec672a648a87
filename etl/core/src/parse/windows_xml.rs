//! Events of Windows as XML, one a line: `<Event xmlns='…'><System>…</System><EventData>…`.
//!
//! Only what the lake has columns for is looked up; the named data become attributes. This is no reader
//! of XML in general: elements are found by their names, and nothing nests here.

use super::fields::{Fields, Value};
use super::time::Context;
use crate::event::Event;
use memchr::memmem;
use std::borrow::Cow;

/// Named data beyond this are left out.
const DATA_MAX: usize = 128;
/// The longest name of an entity, between its marks.
const ENTITY_BYTES_MAX: usize = 8;

/// Parses one event.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    let text = text.trim_ascii();
    if !(text.starts_with("<Event ") && text.ends_with("</Event>") && text.contains("<System>")) {
        return false;
    }
    let mut fields = Fields::default();
    let system = between(text, "<System>", "</System>").unwrap_or(text);
    let members = [
        ("TimeCreated", attribute(system, "<TimeCreated", "SystemTime")),
        ("ProviderName", attribute(system, "<Provider", "Name")),
        ("EventID", element(system, "EventID")),
        ("Level", element(system, "Level")),
        ("Channel", element(system, "Channel")),
        ("ProcessID", attribute(system, "<Execution", "ProcessID")),
        ("Computer", element(system, "Computer")),
        ("EventRecordID", element(system, "EventRecordID")),
        ("Message", element(text, "Message")),
    ];
    for (name, value) in members {
        if let Some(value) = value {
            set(name, value, &mut fields, context, event);
        }
    }
    let data = between(text, "<EventData>", "</EventData>").unwrap_or_default();
    for item in data.split("<Data ").skip(1).take(DATA_MAX) {
        let name = attribute(item, "", "Name");
        let value = item.split_once('>').and_then(|(_, rest)| rest.split_once("</Data>"));
        if let (Some(name), Some((value, _))) = (name, value) {
            set(name, value, &mut fields, context, event);
        }
    }
    fields.finish(event);
    true
}

fn set<'a>(
    name: &'a str,
    value: &'a str,
    fields: &mut Fields<'a>,
    context: &Context<'_>,
    event: &mut Event<'a>,
) {
    if value.is_empty() || value == "-" {
        return;
    }
    if let Some(value) = fields.set(name, Value::Text(unescaped(value)), context, event) {
        event.attribute(name, value);
    }
}

/// The text of an element.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut from = 0;
    loop {
        let rest = &text[from..];
        let start = memmem::find(rest.as_bytes(), name.as_bytes())?;
        let after = &rest[start + name.len()..];
        if rest[..start].ends_with('<') && after.starts_with(['>', ' ']) {
            let (_, inner) = after.split_once('>')?;
            return inner.split_once('<').map(|(inner, _)| inner);
        }
        from += start + name.len();
    }
}

/// The value of an attribute, in either kind of quotes, behind `tag`.
fn attribute<'a>(text: &'a str, tag: &str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(tag)?;
    let inner = &rest[..rest.find('>')?];
    let start = inner.find(name)? + name.len();
    let value = inner[start..].strip_prefix('=')?;
    let quote = value.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    value[1..].split_once(quote).map(|(value, _)| value)
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(inner, _)| inner)
}

/// The text with XML's own entities resolved.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let entity = after.get(..after.len().min(ENTITY_BYTES_MAX)).unwrap_or(after);
        let found = entity.split_once(';').and_then(|(name, _)| Some((name.len(), character(name)?)));
        match found {
            Some((length, character)) => {
                plain.push(character);
                rest = &after[length + 1..];
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain.into()
}

fn character(entity: &str) -> Option<char> {
    Some(match entity {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}
