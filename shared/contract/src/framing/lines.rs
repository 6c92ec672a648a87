//! Where lines end, and what they say, in each encoding.
//!
//! Invariant: a line of UTF-16 ends behind a code unit U+000A that is aligned to the file's first byte, and
//! nowhere else; half a unit ends nothing.

use super::Encoding;
use crate::ByteOffset;
use memchr::{memchr, memchr_iter, memrchr, memrchr_iter};
use std::borrow::Cow;

/// The lines of a run of bytes, which begin somewhere in a file.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    encoding: Encoding,
    /// The place in the run of the first byte that begins a code unit of UTF-16: 0 or 1.
    first_unit: usize,
}

impl Lines {
    /// Those of bytes that begin at `offset` of their file.
    pub const fn new(encoding: Encoding, offset: ByteOffset) -> Self {
        Self { encoding, first_unit: (offset.0 % 2) as usize }
    }

    /// The same, of the bytes from `at` on.
    pub const fn from(self, at: usize) -> Self {
        Self { first_unit: (self.first_unit + at) % 2, ..self }
    }

    /// The end of the line that starts at `start`, its terminator included; the bytes' end where it has none.
    #[inline]
    pub fn end(self, bytes: &[u8], start: usize) -> usize {
        match self.encoding {
            Encoding::Utf8 => {
                memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |newline| start + newline + 1)
            }
            _ => self.utf16_end(bytes, start),
        }
    }

    /// The start of the line that ends at `end`; the terminator before `end` is its own.
    pub fn start(self, bytes: &[u8], end: usize) -> usize {
        self.last_end(&bytes[..end.saturating_sub(1)]).unwrap_or(0)
    }

    /// The end of the last line that has its terminator.
    pub fn last_end(self, bytes: &[u8]) -> Option<usize> {
        match self.encoding {
            Encoding::Utf8 => memrchr(b'\n', bytes).map(|newline| newline + 1),
            _ => memrchr_iter(b'\n', bytes).find_map(|at| self.unit_end(bytes, at)),
        }
    }

    /// Whether the bytes are nothing but a line's terminator, `\n` or `\r\n`.
    pub fn is_terminator(self, bytes: &[u8]) -> bool {
        match self.encoding {
            Encoding::Utf8 => matches!(bytes, b"\n" | b"\r\n"),
            _ if self.first_unit != 0 => false,
            Encoding::Utf16Le => matches!(bytes, b"\n\0" | b"\r\0\n\0"),
            Encoding::Utf16Be => matches!(bytes, b"\0\n" | b"\0\r\0\n"),
        }
    }

    /// Whether the bytes end with a line's terminator.
    pub fn is_terminated(self, bytes: &[u8]) -> bool {
        match self.encoding {
            Encoding::Utf8 => bytes.last() == Some(&b'\n'),
            _ => {
                let ends = |at: usize| self.unit_end(bytes, at) == Some(bytes.len());
                let unit = bytes.len().saturating_sub(2);
                (unit..bytes.len()).any(|at| bytes[at] == b'\n' && ends(at))
            }
        }
    }

    /// `at`, or the place before it where no code unit is cut.
    pub const fn floor(self, at: usize) -> usize {
        match self.encoding {
            Encoding::Utf8 => at,
            _ => at.saturating_sub((at + self.first_unit) % 2),
        }
    }

    /// How many lines there are; the last may lack its terminator.
    pub fn count(self, bytes: &[u8]) -> u64 {
        let ends = match self.encoding {
            Encoding::Utf8 => memchr_iter(b'\n', bytes).count(),
            _ => memchr_iter(b'\n', bytes).filter(|at| self.unit_end(bytes, *at).is_some()).count(),
        };
        ends as u64 + u64::from(!bytes.is_empty() && !self.is_terminated(bytes))
    }

    /// The bytes as text: what is none becomes U+FFFD, and a byte order mark that UTF-16 begins with goes. Half
    /// a code unit at the beginning is left out, its other half being part of other bytes.
    pub fn text(self, bytes: &[u8]) -> Cow<'_, str> {
        let unit: fn([u8; 2]) -> u16 = match self.encoding {
            Encoding::Utf8 => return String::from_utf8_lossy(bytes),
            Encoding::Utf16Le => u16::from_le_bytes,
            Encoding::Utf16Be => u16::from_be_bytes,
        };
        let (units, half) = bytes.get(self.first_unit..).unwrap_or_default().as_chunks::<2>();
        let units = units.iter().map(|bytes| unit(*bytes));
        let mut text = String::with_capacity(bytes.len() / 2 + 4);
        text.extend(char::decode_utf16(units).map(|found| found.unwrap_or(char::REPLACEMENT_CHARACTER)));
        if !half.is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Cow::Owned(text)
    }

    #[inline(never)]
    fn utf16_end(self, bytes: &[u8], start: usize) -> usize {
        let (rest, lines) = (&bytes[start..], self.from(start));
        let end = memchr_iter(b'\n', rest).find_map(|at| lines.unit_end(rest, at));
        end.map_or(bytes.len(), |end| start + end)
    }

    /// The end of the code unit U+000A that has its byte 0x0A at `at`, if there is one.
    fn unit_end(self, bytes: &[u8], at: usize) -> Option<usize> {
        let (unit, zero) = match self.encoding {
            Encoding::Utf8 => return Some(at + 1),
            Encoding::Utf16Le => (at, at + 1),
            Encoding::Utf16Be => (at.checked_sub(1)?, at.checked_sub(1)?),
        };
        let is_unit = unit % 2 == self.first_unit && bytes.get(zero) == Some(&0);
        is_unit.then_some(unit + 2)
    }
}
