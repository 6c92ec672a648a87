//! A row's fields, one after another.

use super::Separator;
use memchr::memchr;
use std::borrow::Cow;

/// A field, and whether quotes within it are doubled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    doubled: bool,
}

/// The fields of a row. Every row has at least one, perhaps empty.
pub(super) struct Split<'a> {
    separator: Separator,
    rest: Option<&'a str>,
}

impl<'a> Split<'a> {
    pub(super) fn new(separator: Separator, text: &'a str) -> Self {
        let tabbed = memchr(b'\t', text.as_bytes()).is_some();
        let separator = match separator {
            Separator::TabOrSpace if tabbed => Separator::Mark(b'\t'),
            Separator::TabOrSpace => Separator::Space,
            known => known,
        };
        Self { separator, rest: Some(text) }
    }
}

impl<'a> Piece<'a> {
    /// The value with doubled quotes made single.
    pub(super) fn unquoted(self) -> Cow<'a, str> {
        if self.doubled { self.text.replace("\"\"", "\"").into() } else { self.text.into() }
    }
}

impl<'a> Iterator for Split<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let rest = self.rest.take()?;
        let (piece, after) = match self.separator {
            Separator::Mark(mark) => marked(rest, mark),
            Separator::Space | Separator::TabOrSpace => spaced(rest),
        };
        self.rest = after;
        Some(piece)
    }
}

/// A field of CSV (RFC 4180): in quotes, where two stand for one, or up to the next mark.
fn marked(rest: &str, mark: u8) -> (Piece<'_>, Option<&str>) {
    if let Some(inner) = rest.strip_prefix('"') {
        let bytes = inner.as_bytes();
        let (mut at, mut doubled) = (0, false);
        while let Some(quote) = memchr(b'"', &bytes[at..]).map(|found| at + found) {
            match bytes.get(quote + 1) {
                Some(b'"') => (at, doubled) = (quote + 2, true),
                None => return (Piece { text: &inner[..quote], doubled }, None),
                Some(next) if *next == mark => {
                    return (Piece { text: &inner[..quote], doubled }, Some(&inner[quote + 2..]));
                }
                // A quote in the middle of a field is written by those who do not know the rule.
                Some(_) => at = quote + 1,
            }
        }
    }
    match memchr(mark, rest.as_bytes()) {
        Some(at) => (Piece { text: &rest[..at], doubled: false }, Some(&rest[at + 1..])),
        None => (Piece { text: rest, doubled: false }, None),
    }
}

/// A field up to the next space; one that begins with a quote or a bracket up to the other.
fn spaced(rest: &str) -> (Piece<'_>, Option<&str>) {
    let bytes = rest.as_bytes();
    let close = match bytes.first() {
        Some(b'"') => Some(b'"'),
        Some(b'[') => Some(b']'),
        _ => None,
    };
    if let Some(close) = close {
        let mut at = 1;
        while let Some(end) = memchr(close, bytes.get(at..).unwrap_or(&[])).map(|found| at + found) {
            match bytes.get(end + 1) {
                None => return (Piece { text: &rest[1..end], doubled: false }, None),
                Some(b' ') => {
                    return (Piece { text: &rest[1..end], doubled: false }, Some(&rest[end + 2..]));
                }
                Some(_) => at = end + 1,
            }
        }
    }
    match memchr(b' ', bytes) {
        Some(at) => (Piece { text: &rest[..at], doubled: false }, Some(&rest[at + 1..])),
        None => (Piece { text: rest, doubled: false }, None),
    }
}

/// A user agent as W3C's format has it: `+` for a space (IIS), or percent-encoded (CloudFront).
pub(super) fn decoded(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains('%') {
        return if text.contains('+') { text.replace('+', " ").into() } else { text };
    }
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = (byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => {
                plain.push(decoded);
                at += 3;
            }
            None => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned().into()
}
