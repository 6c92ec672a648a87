//! Pieces of lines that several parsers cut alike.

use memchr::{memchr, memchr2};
use std::net::IpAddr;

/// A position in a text. It moves over whole pieces only, so every slice lies on character boundaries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub(super) const fn rest(&self) -> &'a str {
        self.rest
    }

    #[inline]
    pub(super) fn first(&self) -> Option<u8> {
        self.rest.as_bytes().first().copied()
    }

    /// Takes `prefix` if it comes next.
    #[inline]
    pub(super) fn eat(&mut self, prefix: &str) -> bool {
        let after = self.rest.strip_prefix(prefix);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// Takes spaces and tabs.
    #[inline]
    pub(super) fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Takes everything before `stop` and `stop` itself.
    #[inline]
    pub(super) fn until(&mut self, stop: u8) -> Option<&'a str> {
        debug_assert!(stop.is_ascii());
        let at = memchr(stop, self.rest.as_bytes())?;
        let (before, after) = (&self.rest[..at], &self.rest[at + 1..]);
        self.rest = after;
        Some(before)
    }

    /// Takes everything up to the next blank or line end, which stays.
    #[inline]
    pub(super) fn word(&mut self) -> &'a str {
        let bytes = self.rest.as_bytes();
        let end = bytes.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        let (word, rest) = self.rest.split_at(end.unwrap_or(bytes.len()));
        self.rest = rest;
        word
    }

    /// Takes `"…"`, in which a backslash escapes any byte, and returns what is between the quotes.
    #[inline]
    pub(super) fn quoted(&mut self) -> Option<&'a str> {
        let inner = self.rest.strip_prefix('"')?;
        let bytes = inner.as_bytes();
        let mut at = 0;
        loop {
            at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
            if bytes[at] == b'"' {
                self.rest = &inner[at + 1..];
                return Some(&inner[..at]);
            }
            at += 2;
        }
    }
}

/// A whole text of digits as a number.
#[inline]
pub(super) fn number(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > 18 {
        return None;
    }
    bytes.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

/// The text, or nothing where it is empty or a dash.
#[inline]
pub(super) fn present(text: &str) -> Option<&str> {
    (!text.is_empty() && text != "-").then_some(text)
}

/// Whether the text is an IP address. The first byte rules most words out.
pub(super) fn is_address(text: &str) -> bool {
    let likely = text.as_bytes().first().is_some_and(|first| first.is_ascii_hexdigit() || *first == b':');
    likely && text.parse::<IpAddr>().is_ok()
}

/// `1.2.3.4:5` and `[::1]:5` without the port; an IPv6 address alone is left whole.
pub(super) fn address_without_port(client: &str) -> &str {
    match client.rsplit_once(':') {
        Some((address, port)) if number(port).is_some() && !is_address(client) => {
            address.trim_matches(['[', ']'])
        }
        _ => client,
    }
}
