//! What the core needs to know before it starts, checked once: inner code cannot see an invalid value.

use headrig_contract::{
    AgentId, ChunkSeq, ContentHash, HostName, SourceName, UnixMicros,
    chunk::{BLOCK_BYTES_MAX, Codec},
    framing::{Encoding, Framing},
    key::{ChunkName, KeyError},
};
use std::{ops::RangeInclusive, sync::Arc};

/// The least and the most bytes that a `max_line_bytes` may be.
pub const LINE_BYTES_LIMITS: RangeInclusive<usize> = 1024..=BLOCK_BYTES_MAX;

/// The least and the most bytes that a `block_bytes_max` may be.
pub const BLOCK_BYTES_LIMITS: RangeInclusive<usize> = 4096..=BLOCK_BYTES_MAX;

/// Settings of the agent's core.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The host that chunks are named after.
    pub host: HostName,
    /// The sources; files refer to them by index. Not empty.
    pub sources: Vec<SourceSettings>,
    /// A block holds at most so many raw bytes. Within [`BLOCK_BYTES_LIMITS`].
    pub block_bytes_max: usize,
    /// How blocks are compressed.
    pub codec: Codec,
    /// The codec's level.
    pub level: i32,
    /// What object keys begin with; may be empty.
    pub key_prefix: String,
    /// A chunk is sealed once it holds so many compressed bytes.
    pub chunk_bytes_max: u64,
    /// A chunk is sealed once it holds so many raw bytes, however well they compress.
    pub chunk_raw_bytes_max: u64,
    /// A chunk is sealed so long after its first byte was read.
    pub chunk_age_max_ms: u64,
    /// How long a file must have been quiet before an event that could go on counts as complete.
    pub event_hold_ms: u64,
    /// So many chunks are on their way to the store at once. At least one.
    pub uploads_max: usize,
    /// Reading stops while sealed chunks of so many bytes wait for upload.
    pub spool_bytes_max: u64,
}

/// Settings of one source.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// The name, one segment of the object key.
    pub name: SourceName,
    /// The parser that its files are known to need; empty where it is to be found.
    pub format_hint: Arc<str>,
    /// A longer line is split into pieces of so many bytes. Within [`LINE_BYTES_LIMITS`].
    pub line_bytes_max: usize,
    /// How its files' bytes become events, in UTF-8.
    pub framing: Framing,
    /// How the files are written; none where each one's byte order mark says.
    pub encoding: Option<Encoding>,
    /// Where reading begins in files that are there when the source is first met.
    pub start_at: StartAt,
}

impl SourceSettings {
    /// How a file is written that begins with these bytes.
    pub fn encoding_of(&self, head: &[u8]) -> Encoding {
        self.encoding.unwrap_or_else(|| Encoding::of_head(head))
    }
}

/// Where reading begins in the files that are there when a source is first met with a state; files that come
/// later are read from their beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartAt {
    /// At their beginning.
    #[default]
    Beginning,
    /// Behind their last whole line.
    End,
}

/// Why settings cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// There is nothing to read.
    #[error("expected at least one source, found none")]
    NoSource,
    /// Two sources would share one chain of chunks.
    #[error("expected every source to have a name of its own, found {name} twice")]
    SameName {
        /// The name.
        name: SourceName,
    },
    /// Prefix, host and source make no valid object key.
    #[error("key_prefix: {0}")]
    Key(#[from] KeyError),
    /// A number out of its range.
    #[error("expected {setting} between {low} and {high}, found {found}")]
    Range {
        /// The setting's name.
        setting: &'static str,
        /// The least value.
        low: i64,
        /// The greatest value.
        high: i64,
        /// The value given.
        found: i64,
    },
}

impl Settings {
    /// Settings for `host` with one source of this name and the defaults.
    pub fn new(host: HostName, source: SourceName) -> Self {
        Self {
            host,
            sources: vec![SourceSettings {
                name: source,
                format_hint: "".into(),
                line_bytes_max: BLOCK_BYTES_MAX,
                framing: Framing::default(),
                encoding: None,
                start_at: StartAt::Beginning,
            }],
            block_bytes_max: BLOCK_BYTES_MAX,
            codec: Codec::Zstd,
            level: Codec::Zstd.default_level(),
            key_prefix: String::new(),
            chunk_bytes_max: 8 << 20,
            chunk_raw_bytes_max: 64 << 20,
            chunk_age_max_ms: 60_000,
            event_hold_ms: 1_000,
            uploads_max: 4,
            spool_bytes_max: 1 << 30,
        }
    }

    /// These settings, if they are sound.
    ///
    /// # Errors
    /// [`SettingsError`] names the first setting that is not.
    pub fn checked(self) -> Result<Self, SettingsError> {
        if self.sources.is_empty() {
            return Err(SettingsError::NoSource);
        }
        for (index, source) in self.sources.iter().enumerate() {
            if self.sources[..index].iter().any(|other| other.name == source.name) {
                return Err(SettingsError::SameName { name: source.name.clone() });
            }
            in_range(
                "max_line_bytes",
                source.line_bytes_max as i64,
                LINE_BYTES_LIMITS.start(),
                LINE_BYTES_LIMITS.end(),
            )?;
        }
        in_range(
            "block_bytes_max",
            self.block_bytes_max as i64,
            BLOCK_BYTES_LIMITS.start(),
            BLOCK_BYTES_LIMITS.end(),
        )?;
        let levels = self.codec.levels();
        in_range("level", i64::from(self.level), levels.start(), levels.end())?;
        in_range("chunk_bytes_max", self.chunk_bytes_max as i64, &(64 << 10), &(1 << 30))?;
        in_range("chunk_raw_bytes_max", self.chunk_raw_bytes_max as i64, &BLOCK_BYTES_MAX, &(4 << 30))?;
        in_range("chunk_age_max_ms", self.chunk_age_max_ms as i64, &10, &DAY_MS)?;
        in_range("event_hold_ms", self.event_hold_ms as i64, &0, &DAY_MS)?;
        in_range("uploads_max", self.uploads_max as i64, &1, &256)?;
        in_range("spool_bytes_max", self.spool_bytes_max as i64, &(1 << 20), &i64::MAX)?;
        for source in &self.sources {
            self.sample_key(source)?;
        }
        Ok(self)
    }
}

impl Settings {
    /// A key as chunks of the source will have it: found wrong now rather than when one is sealed.
    fn sample_key(&self, source: &SourceSettings) -> Result<(), KeyError> {
        let name = ChunkName {
            host: self.host.clone(),
            source: source.name.clone(),
            sealed_at: UnixMicros(0),
            agent: AgentId::from_bytes([0; 16]),
            seq: ChunkSeq(u64::MAX),
            hash: ContentHash::from_bytes([0; 32]),
            codec: self.codec,
        };
        name.key(&self.key_prefix).map(drop)
    }
}

/// A day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

fn in_range<N: Copy + TryInto<i64>>(
    setting: &'static str,
    found: i64,
    low: &N,
    high: &N,
) -> Result<(), SettingsError> {
    let [low, high] = [*low, *high].map(|bound| bound.try_into().unwrap_or(i64::MAX));
    if (low..=high).contains(&found) {
        Ok(())
    } else {
        Err(SettingsError::Range { setting, low, high, found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unsound_setting_is_named() {
        let sound = || Settings::new(HostName::from_lossy("h"), "s".parse().unwrap());
        assert!(sound().checked().is_ok());
        let check = |spoil: fn(&mut Settings), expect: &str| {
            let mut settings = sound();
            spoil(&mut settings);
            let error = settings.checked().unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check(|s| s.sources.clear(), "at least one source");
        check(|s| s.sources.push(s.sources[0].clone()), "found s twice");
        check(|s| s.sources[0].line_bytes_max = 10, "max_line_bytes between 1024");
        check(|s| s.level = 99, "level between 1 and 19");
        check(|s| s.chunk_bytes_max = 0, "chunk_bytes_max");
        check(|s| s.key_prefix = "a//b".into(), "key_prefix: expected a relative key");
        check(|s| s.event_hold_ms = u64::MAX, "event_hold_ms");
    }
}
