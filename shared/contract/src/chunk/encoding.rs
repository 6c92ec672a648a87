//! The pieces that provenance is encoded of: varints, texts, fixed arrays. Drawn in docs/formats/chunk.md.
//!
//! Reading trusts nothing: every length is checked against what is left, and only the shortest form of a
//! number is taken, so that a value has one encoding.

use super::ProvenanceError;

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// LEB128: seven bits a byte, least significant first, the top bit set on all but the last.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// What is left to read.
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn array<const N: usize>(
        &mut self,
        expected: &'static str,
    ) -> Result<[u8; N], ProvenanceError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(ProvenanceError::Length { expected })?;
        self.rest = rest;
        Ok(*head)
    }

    pub(super) fn varint(&mut self, expected: &'static str) -> Result<u64, ProvenanceError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array(expected)?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 || shift > 0 && byte == 0 {
                return Err(ProvenanceError::Value { expected: "the shortest form of a number below 2^64" });
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ProvenanceError::Value { expected: "a number of at most ten bytes" })
    }

    pub(super) fn text(&mut self, expected: &'static str) -> Result<&'a str, ProvenanceError> {
        let length = usize::try_from(self.varint(expected)?).unwrap_or(usize::MAX);
        let (head, rest) = self.rest.split_at_checked(length).ok_or(ProvenanceError::Length { expected })?;
        self.rest = rest;
        std::str::from_utf8(head).map_err(|_| ProvenanceError::Value { expected: "UTF-8" })
    }
}
