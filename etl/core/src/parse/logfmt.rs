//! logfmt: `key=value key="quoted value" …`, as Go's services and Heroku write it.
//!
//! The line must begin with a pair, hold at least two, and say a time, a level or a message under one of
//! the usual names; otherwise any line with equal signs would be one. Words without `=` are flags and
//! become attributes with an empty value; a line of mostly such words is prose and refused.

use super::fields::{Fields, Value};
use super::text::Cursor;
use super::time::Context;
use crate::event::Event;
use std::borrow::Cow;

/// A key longer than this is text that happens to hold an equal sign.
const KEY_BYTES_MAX: usize = 128;

/// Parses one line of logfmt.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let mut cursor = Cursor::new(text.trim_end());
    let mut fields = Fields::default();
    let (mut pairs, mut flags) = (0, 0);
    while !cursor.rest().is_empty() {
        match key(cursor.rest()) {
            Some(key) => {
                pairs += 1;
                cursor.eat(key);
                cursor.eat("=");
                let value = Value::Text(value(&mut cursor));
                if let Some(value) = fields.set(key, value, context, event) {
                    event.attribute(key, value);
                }
            }
            None if pairs == 0 => return None,
            None => {
                flags += 1;
                event.attribute(cursor.word(), "");
            }
        }
        cursor.blanks();
        if cursor.rest().starts_with(['\n', '\r']) {
            cursor = Cursor::new(cursor.rest().trim_start());
        }
    }
    let taken = pairs >= 2 && flags <= pairs && fields.is_log(event);
    taken.then(|| fields.finish(event))
}

/// The key before an equal sign, if a pair comes next.
fn key(text: &str) -> Option<&str> {
    let allowed =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'@' | b'/');
    let length = text.as_bytes().iter().take(KEY_BYTES_MAX).take_while(|byte| allowed(byte)).count();
    (length > 0 && text.as_bytes().get(length) == Some(&b'=')).then(|| &text[..length])
}

fn value<'a>(cursor: &mut Cursor<'a>) -> Cow<'a, str> {
    match cursor.quoted() {
        Some(quoted) => unescaped(quoted),
        None => cursor.word().into(),
    }
}

/// `\n`, `\t`, `\r` and any other escaped character by itself.
pub(super) fn unescaped(quoted: &str) -> Cow<'_, str> {
    if !quoted.contains('\\') {
        return quoted.into();
    }
    let mut plain = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        let escaped = if character == '\\' { characters.next() } else { None };
        plain.push(match escaped {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some(other) => other,
            None => character,
        });
    }
    plain.into()
}

#[cfg(test)]
mod tests;
