//! The key under which a chunk is stored; see docs/formats/chunk.md.
//!
//! A key is a pure function of what the chunk is, so a retry always names the same object.

use crate::{AgentId, ChunkSeq, ContentHash, HostName, SourceName, UnixMicros, chunk::Codec};
use std::fmt;

/// The longest key S3 takes, in bytes of UTF-8.
pub const KEY_BYTES_MAX: usize = 1024;

/// An object's key in the upload bucket: not empty, relative, no empty, `.` or `..` segments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

/// Why a text is no object key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a relative key of at most {KEY_BYTES_MAX} bytes without empty, '.' or '..' segments and without control characters, found {found:?}"
)]
pub struct KeyError {
    /// The text that was given.
    pub found: String,
}

/// All that a chunk's key tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkName {
    /// The host that made the chunk.
    pub host: HostName,
    /// The source whose lines it holds.
    pub source: SourceName,
    /// When it was sealed; only the UTC date goes into the key.
    pub sealed_at: UnixMicros,
    /// The agent that made it.
    pub agent: AgentId,
    /// Its number in the agent's and source's chain.
    pub seq: ChunkSeq,
    /// The hash of its bytes.
    pub hash: ContentHash,
    /// How its blocks are compressed.
    pub codec: Codec,
}

impl ChunkName {
    /// The chunk's key: `<prefix>/host=<host>/source=<source>/<yyyy>/<mm>/<dd>/<agent>-<seq>-<sha256>.log.<gz|zst>`,
    /// without the first segment where `prefix` is empty. Slashes at the ends of `prefix` do not count.
    ///
    /// # Errors
    /// [`KeyError`] when `prefix` makes it no valid key.
    pub fn key(&self, prefix: &str) -> Result<ObjectKey, KeyError> {
        let (year, month, day) = self.sealed_at.utc_date();
        let Self { host, source, agent, seq, hash, codec, .. } = self;
        let prefix = prefix.trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        ObjectKey::parse(&format!(
            "{prefix}{slash}host={host}/source={source}/{year:04}/{month:02}/{day:02}/{agent}-{:012}-{hash}.log.{}",
            seq.0,
            codec.extension()
        ))
    }
}

impl ObjectKey {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`KeyError`] for a text that is no key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let fits = text.len() <= KEY_BYTES_MAX
            && !text.contains(|c: char| c.is_control())
            && text.split('/').all(|segment| !matches!(segment, "" | "." | ".."));
        if fits { Ok(Self(text.into())) } else { Err(KeyError { found: text.into() }) }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The content hash that the key's last segment names, where an agent made it.
    pub fn content_hash(&self) -> Option<ContentHash> {
        self.stem()?.rsplit('-').next()?.parse().ok()
    }

    /// The agent and the chunk's number in its chain, where the key's last segment is a chunk's name.
    pub fn chain_place(&self) -> Option<(AgentId, ChunkSeq)> {
        self.content_hash()?;
        let mut parts = self.stem()?.split('-');
        let (agent, seq, _hash) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = seq.len() >= 12 && seq.bytes().all(|byte| byte.is_ascii_digit());
        (digits && parts.next().is_none()).then_some(())?;
        Some((agent.parse().ok()?, ChunkSeq(seq.parse().ok()?)))
    }

    /// The last segment without the ending that every chunk's name has.
    fn stem(&self) -> Option<&str> {
        let name = self.0.rsplit('/').next()?;
        name.strip_suffix(".log.gz").or_else(|| name.strip_suffix(".log.zst"))
    }

    /// The value of the segment `<label>=<value>`, such as `host` or `source`.
    pub fn labelled(&self, label: &str) -> Option<&str> {
        self.0.split('/').find_map(|segment| segment.strip_prefix(label)?.strip_prefix('='))
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> ChunkName {
        ChunkName {
            host: HostName::from_lossy("web-1"),
            source: "nginx".parse().unwrap(),
            sealed_at: UnixMicros::from_seconds(1_790_000_000),
            agent: AgentId::from_bytes([0xab; 16]),
            seq: ChunkSeq(42),
            hash: ContentHash::of(b"x"),
            codec: Codec::Zstd,
        }
    }

    #[test]
    fn a_chunk_key_names_its_hash_host_and_source() {
        let key = name().key("raw/").unwrap();
        let expect = "raw/host=web-1/source=nginx/2026/09/21/abababababababababababababababab-000000000042-";
        assert!(key.as_str().starts_with(expect), "{key}");
        assert!(key.as_str().ends_with(".log.zst"), "{key}");
        assert_eq!(key.content_hash(), Some(ContentHash::of(b"x")));
        assert_eq!((key.labelled("host"), key.labelled("source")), (Some("web-1"), Some("nginx")));
        assert_eq!(key.chain_place(), Some((AgentId::from_bytes([0xab; 16]), ChunkSeq(42))));
    }

    #[test]
    fn keys_stay_inside_their_store() {
        for text in ["", "/a", "a/", "a//b", "../a", "a/./b", "a\nb", &"x".repeat(1025)] {
            assert!(ObjectKey::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(ObjectKey::parse("old/app.log").unwrap().content_hash(), None);
    }

    #[test]
    fn only_a_chunks_name_has_a_place_in_a_chain() {
        let hash = ContentHash::of(b"x");
        let agent = AgentId::from_bytes([1; 16]);
        for name in [
            format!("app-{hash}.log.gz"),
            format!("{agent}-1-{hash}.log.gz"),
            format!("{agent}-000000000001-{hash}.log"),
            format!("x-{agent}-000000000001-{hash}.log.gz"),
        ] {
            assert_eq!(ObjectKey::parse(&name).unwrap().chain_place(), None, "{name}");
        }
    }
}
