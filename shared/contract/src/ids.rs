//! Identities: agents, streams, chunks, sources and hosts. Parsed once at the edge, valid ever after.

use sha2::{Digest, Sha256};
use std::{fmt, marker::PhantomData, str::FromStr};

/// The longest host or source name, in bytes: with `source=` before it, it still is a file's name where
/// objects lie in folders (255 bytes), and a host's name is seldom near it.
pub const NAME_BYTES_MAX: usize = 240;

/// Why a text is not the identity it was taken for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// A hexadecimal id of the wrong length or with other characters.
    #[error("expected {expected} lowercase hexadecimal digits, found {found:?}")]
    Hex {
        /// How many digits the id has.
        expected: usize,
        /// The text that was given.
        found: String,
    },
    /// A name that would not be one path segment of an object key.
    #[error(
        "expected 1 to {NAME_BYTES_MAX} characters out of letters, digits, '.', '_' and '-', not beginning with '.', found {found:?}"
    )]
    Name {
        /// The text that was given.
        found: String,
    },
}

/// An id of `N` bytes, written as lowercase hexadecimal; `Kind` keeps ids of different things apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<Kind, const N: usize> {
    bytes: [u8; N],
    kind: PhantomData<Kind>,
}

/// Marks [`AgentId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentKind {}
/// Marks [`StreamId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamKind {}
/// Marks [`ContentHash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentKind {}

/// One installation of the agent: 16 random bytes drawn when its state database is made.
pub type AgentId = Id<AgentKind, 16>;
/// One log file's life through renames and compression. See [`StreamId::derive`].
pub type StreamId = Id<StreamKind, 16>;
/// SHA-256 (FIPS 180-4) of a chunk's bytes: the identity of the chunk.
pub type ContentHash = Id<ContentKind, 32>;

impl<Kind, const N: usize> Id<Kind, N> {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; N]) -> Self {
        Self { bytes, kind: PhantomData }
    }

    /// The bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; N] {
        &self.bytes
    }
}

impl StreamId {
    /// The stream that the agent `agent` opened as its `number`th: the first 16 bytes of
    /// SHA-256 over the agent id and the number (little-endian), so that no two agents share one.
    pub fn derive(agent: AgentId, number: u64) -> Self {
        let digest = Sha256::new_with_prefix(agent.as_bytes()).chain_update(number.to_le_bytes()).finalize();
        Self::leading(digest.as_slice())
    }

    /// The stream of an object that no agent made: the first 16 bytes of its content hash.
    pub fn of_foreign_object(hash: ContentHash) -> Self {
        Self::leading(hash.as_bytes())
    }

    fn leading(digest: &[u8]) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self::from_bytes(bytes)
    }
}

impl ContentHash {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_bytes(Sha256::digest(bytes).into())
    }
}

impl<Kind, const N: usize> fmt::Display for Id<Kind, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<Kind, const N: usize> fmt::Debug for Id<Kind, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<Kind, const N: usize> FromStr for Id<Kind, N> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::Hex { expected: 2 * N, found: text.into() };
        let digits = text.as_bytes();
        if digits.len() != 2 * N {
            return Err(wrong());
        }
        let mut bytes = [0; N];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_digit(pair[0]).ok_or_else(wrong)? << 4 | hex_digit(pair[1]).ok_or_else(wrong)?;
        }
        Ok(Self::from_bytes(bytes))
    }
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Number of a chunk among those of one agent and source, from 0 without gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkSeq(pub u64);

impl ChunkSeq {
    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// How often a stream's file has begun anew under the same identity (truncated, then written again).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u32);

impl Generation {
    /// The generation after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The host that wrote the lines; one segment of an object key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

/// The configured source that the lines belong to (nginx, auth, ...); one segment of an object key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceName(String);

impl HostName {
    /// The host name made of `text`, with every character that a key may not hold turned into '-'.
    /// An empty text gives `unknown`.
    pub fn from_lossy(text: &str) -> Self {
        Self(lossy_name(text))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SourceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        checked_name(text).map(Self)
    }
}

impl FromStr for SourceName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        checked_name(text).map(Self)
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn checked_name(text: &str) -> Result<String, IdError> {
    let fits = (1..=NAME_BYTES_MAX).contains(&text.len())
        && !text.starts_with('.')
        && text.bytes().all(is_name_byte);
    if fits { Ok(text.into()) } else { Err(IdError::Name { found: text.into() }) }
}

fn lossy_name(text: &str) -> String {
    let name: String = text
        .trim_start_matches('.')
        .bytes()
        .take(NAME_BYTES_MAX)
        .map(|byte| if is_name_byte(byte) { byte as char } else { '-' })
        .collect();
    if name.is_empty() { "unknown".into() } else { name }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_through_text() {
        let hash = ContentHash::of(b"headrig");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(hash.to_string().len(), 64);
    }

    #[test]
    fn ids_refuse_uppercase_and_wrong_lengths() {
        for text in ["", "ab", &"A".repeat(32), &"g".repeat(32), &"é".repeat(16)] {
            assert!(text.parse::<AgentId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_are_one_safe_path_segment() {
        for text in ["web-1", "a", "db.example.org", "x_y"] {
            assert_eq!(text.parse::<HostName>().map(|name| name.0), Ok(text.into()));
        }
        for text in ["", ".", "..", "a/b", "a b", "é", &"x".repeat(241)] {
            assert!(text.parse::<HostName>().is_err(), "{text:?}");
            assert!(HostName::from_lossy(text).0.parse::<HostName>().is_ok(), "{text:?}");
        }
    }
}
