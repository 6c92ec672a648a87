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
            Separator::Space => spaced(rest),
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
