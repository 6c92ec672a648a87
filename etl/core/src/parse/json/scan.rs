//! The members of a JSON object, walked without building a tree.
//!
//! Strings and the object's own structure are checked; what is inside nested values only as far as
//! finding their end needs, so nothing here recurses.

use crate::parse::fields::Value;
use memchr::{memchr, memchr2};
use std::borrow::Cow;

/// Calls `member` with each key and value of the object that `text` begins with, and returns where the
/// object ends; nothing where it is malformed, though members before the fault were told.
pub(super) fn members<'a>(text: &'a str, member: &mut dyn FnMut(Cow<'a, str>, Value<'a>)) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    (bytes.first()? == &b'{').then_some(())?;
    at = blanks(bytes, at);
    if bytes.get(at)? == &b'}' {
        return Some(at + 1);
    }
    loop {
        let (key, after_key) = string(text, blanks(bytes, at))?;
        let key = key.into_text()?;
        at = blanks(bytes, after_key);
        (bytes.get(at)? == &b':').then_some(())?;
        let (value, after_value) = value(text, blanks(bytes, at + 1))?;
        member(key, value);
        at = blanks(bytes, after_value);
        match bytes.get(at)? {
            b',' => at += 1,
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// Calls `element` with each element of the array that `text` begins with, and returns where the array
/// ends; nothing where it is malformed.
pub(super) fn elements<'a>(text: &'a str, element: &mut dyn FnMut(Value<'a>)) -> Option<usize> {
    let bytes = text.as_bytes();
    (bytes.first()? == &b'[').then_some(())?;
    let mut at = blanks(bytes, 1);
    if bytes.get(at)? == &b']' {
        return Some(at + 1);
    }
    loop {
        let (value, after) = value(text, blanks(bytes, at))?;
        element(value);
        at = blanks(bytes, after);
        match bytes.get(at)? {
            b',' => at += 1,
            b']' => return Some(at + 1),
            _ => return None,
        }
    }
}

fn blanks(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or(&[]);
    at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count()
}

fn value(text: &str, at: usize) -> Option<(Value<'_>, usize)> {
    let bytes = text.as_bytes();
    match bytes.get(at)? {
        b'"' => string(text, at),
        b'{' | b'[' => {
            let end = nested_end(bytes, at)?;
            Some((Value::Nested(&text[at..end]), end))
        }
        _ => {
            let plain = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
            let end = at + bytes[at..].iter().take_while(plain).count();
            let word = &text[at..end];
            let value = match word {
                "" => return None,
                "null" => Value::Null,
                // Python and JavaScript write numbers that are none so, though JSON has no words for them.
                "true" | "false" | "NaN" | "Infinity" => Value::Plain(word),
                _ if word.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
                    Value::Plain(word)
                }
                _ => return None,
            };
            Some((value, end))
        }
    }
}

/// The string that opens at `at`, and where it ends.
fn string(text: &str, at: usize) -> Option<(Value<'_>, usize)> {
    let bytes = text.as_bytes();
    (bytes.get(at)? == &b'"').then_some(())?;
    let start = at + 1;
    let (mut end, mut escaped) = (start, false);
    loop {
        end += memchr2(b'"', b'\\', bytes.get(end..)?)?;
        if bytes[end] == b'"' {
            let inner = text.get(start..end)?;
            let value = match inner.strip_suffix("\\n") {
                _ if !escaped => Value::Text(inner.into()),
                Some(line) if memchr(b'\\', line.as_bytes()).is_none() => Value::Line(line),
                _ => Value::Text(unescaped(inner)?.into()),
            };
            return Some((value, end + 1));
        }
        (end, escaped) = (end + 2, true);
    }
}

/// The end of the object or array that opens at `at`.
fn nested_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match bytes.get(at)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'"' => {
                at += 1;
                loop {
                    at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
                    if bytes[at] == b'"' {
                        break;
                    }
                    at += 2;
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// The string with its escapes resolved (RFC 8259 section 7). A surrogate without its other half
/// becomes the replacement character.
fn unescaped(inner: &str) -> Option<String> {
    let mut plain = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(backslash) = rest.find('\\') {
        plain.push_str(&rest[..backslash]);
        let escape = rest[backslash + 1..].chars().next()?;
        rest = &rest[backslash + 1 + escape.len_utf8()..];
        match escape {
            '"' | '\\' | '/' => plain.push(escape),
            'b' => plain.push('\u{8}'),
            'f' => plain.push('\u{c}'),
            'n' => plain.push('\n'),
            'r' => plain.push('\r'),
            't' => plain.push('\t'),
            'u' => {
                let (character, after) = unicode(rest)?;
                plain.push(character);
                rest = after;
            }
            _ => return None,
        }
    }
    plain.push_str(rest);
    Some(plain)
}

/// The character of `XXXX`, or of `XXXX\uXXXX` where that is a pair of surrogates.
fn unicode(text: &str) -> Option<(char, &str)> {
    let unit = hex(text)?;
    let after = &text[4..];
    if (0xD800..0xDC00).contains(&unit)
        && let Some(second) = after.strip_prefix("\\u").and_then(hex)
        && (0xDC00..0xE000).contains(&second)
    {
        let code = 0x1_0000 + ((unit - 0xD800) << 10) + (second - 0xDC00);
        return Some((char::from_u32(code)?, &after[6..]));
    }
    Some((char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), after))
}

fn hex(text: &str) -> Option<u32> {
    let digits = text.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}
