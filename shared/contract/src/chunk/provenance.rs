//! Where a block's bytes come from, and its encoding. The layout is docs/formats/chunk.md, version 1.
//!
//! Decoding trusts nothing: every length is checked against what is left, and the segments must add up
//! to the block's raw length.

use super::{
    BLOCK_BYTES_MAX, PROVENANCE_BYTES_MAX,
    encoding::{Cursor, put_text, put_varint, unzigzag, zigzag},
};
use crate::{
    AgentId, ByteLength, ByteOffset, ChunkSeq, ContentHash, Generation, HostName, SourceName, StreamId,
    UnixMicros,
    framing::{Encoding, FramingRule, Multiline, Pattern},
};
use std::sync::Arc;

/// The first bytes of encoded provenance.
pub(super) const MAGIC: [u8; 4] = *b"HRIG";
const VERSION: u8 = 1;
const FLAG_CHAIN: u8 = 1;
const FLAG_FRAMING: u8 = 2;
const EDGE_STARTS_MID_LINE: u8 = 1;
const EDGE_ENDS_MID_LINE: u8 = 2;
const EDGE_CUT: u8 = 4;
/// What a segment takes at least: id, empty path, and one byte for each varint and the edges.
const SEGMENT_BYTES_MIN: usize = 16 + 6;

/// The provenance of one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The agent that read the bytes.
    pub agent: AgentId,
    /// The host it ran on.
    pub host: HostName,
    /// The source the files belong to.
    pub source: SourceName,
    /// The parser that the configuration names for the source; empty where it names none.
    pub format_hint: Arc<str>,
    /// When the block was closed.
    pub read_at: UnixMicros,
    /// In a chunk's first block: its place in the chain of its agent and source.
    pub chain: Option<Chain>,
    /// How the raw bytes fall into events; the default takes no room.
    pub framing: FramingRule,
    /// What the raw bytes are, in order, without gap or overlap.
    pub segments: Vec<Segment>,
}

/// A chunk's place among those of its agent and source; a gap in it shows a lost chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The chunk's number.
    pub seq: ChunkSeq,
    /// The hash of the chunk before it; none for the first.
    pub previous: Option<ContentHash>,
}

/// A run of bytes of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The file's stream.
    pub stream: StreamId,
    /// The file's path when it was read; not UTF-8 is replaced, as it is for people.
    pub path: Arc<str>,
    /// The stream's generation.
    pub generation: Generation,
    /// Where the run begins in the stream's plain bytes.
    pub offset: ByteOffset,
    /// How long it is; at least one byte.
    pub length: ByteLength,
    /// The file's modification time, from which lines without a year take it.
    pub modified: UnixMicros,
    /// Whether the run was cut inside a line.
    pub edges: SegmentEdges,
}

/// Whether a segment's ends fall inside a line: a line longer than the limit, or one that had no newline
/// yet when the reader had to take it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentEdges {
    /// The first byte goes on with a line whose beginning another segment holds.
    pub starts_mid_line: bool,
    /// The last line has no end here.
    pub ends_mid_line: bool,
    /// The last line was cut here because it is too long; goes with `ends_mid_line`.
    pub cut: bool,
}

/// Why bytes are no provenance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProvenanceError {
    /// Another writer's extra field or skippable frame.
    #[error("expected provenance beginning with \"HRIG\", found other bytes")]
    Magic,
    /// A version this reader does not know.
    #[error("expected provenance version {VERSION}, found {found}; a newer headrig wrote this chunk")]
    Version {
        /// The version in the bytes.
        found: u8,
    },
    /// The bytes end before the value does, or go on after the last one.
    #[error("expected {expected} in the provenance, found its end or excess bytes")]
    Length {
        /// What should stand there.
        expected: &'static str,
    },
    /// A value out of its range.
    #[error("expected {expected} in the provenance, found another value")]
    Value {
        /// What should stand there.
        expected: &'static str,
    },
    /// The encoding is longer than a block can carry.
    #[error(
        "expected at most {PROVENANCE_BYTES_MAX} bytes of provenance, found {found}; close the block earlier"
    )]
    TooLong {
        /// Its encoded length.
        found: usize,
    },
}

impl Segment {
    /// An upper bound of the bytes that a segment takes when encoded, its path being of so many bytes.
    pub const fn encoded_bytes_max(path_bytes: usize) -> usize {
        SEGMENT_BYTES_MIN + path_bytes + 5 * 9
    }
}

impl Provenance {
    /// The raw length of the block: the sum of its segments.
    pub fn raw_length(&self) -> ByteLength {
        ByteLength(self.segments.iter().map(|segment| segment.length.0).sum())
    }

    /// An upper bound of the bytes that everything but the segments takes when encoded.
    pub fn fixed_bytes_max(&self) -> usize {
        4 + 2
            + 16
            + 8
            + 4
            + 48
            + 5 * 5
            + 2
            + self.framing.multiline.pattern().map_or(0, |pattern| pattern.as_str().len())
            + self.host.as_str().len()
            + self.source.as_str().len()
            + self.format_hint.len()
    }

    /// Appends the encoding to `out`.
    ///
    /// # Errors
    /// [`ProvenanceError::TooLong`] past [`PROVENANCE_BYTES_MAX`]; `out` is then unchanged.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), ProvenanceError> {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        let chain = if self.chain.is_some() { FLAG_CHAIN } else { 0 };
        let framing = if self.framing.is_default() { 0 } else { FLAG_FRAMING };
        out.extend_from_slice(&[VERSION, chain | framing]);
        out.extend_from_slice(self.agent.as_bytes());
        out.extend_from_slice(&self.read_at.0.to_le_bytes());
        put_text(out, self.host.as_str());
        put_text(out, self.source.as_str());
        put_text(out, &self.format_hint);
        if let Some(chain) = &self.chain {
            put_varint(out, chain.seq.0);
            out.extend_from_slice(&chain.previous.map_or([0; 32], |hash| *hash.as_bytes()));
        }
        if !self.framing.is_default() {
            put_framing(out, &self.framing);
        }
        put_varint(out, self.segments.len() as u64);
        for segment in &self.segments {
            put_segment(out, segment);
        }
        let found = out.len() - start;
        if found > PROVENANCE_BYTES_MAX {
            out.truncate(start);
            return Err(ProvenanceError::TooLong { found });
        }
        Ok(())
    }

    /// Reads an encoding that fills `bytes` exactly.
    ///
    /// # Errors
    /// [`ProvenanceError`] for anything that [`Provenance::encode`] could not have written.
    pub fn decode(bytes: &[u8]) -> Result<Self, ProvenanceError> {
        let mut cursor = Cursor { rest: bytes };
        if cursor.array::<4>("the magic").map_err(|_| ProvenanceError::Magic)? != MAGIC {
            return Err(ProvenanceError::Magic);
        }
        let [version, flags] = cursor.array("version and flags")?;
        if version != VERSION {
            return Err(ProvenanceError::Version { found: version });
        }
        if flags & !(FLAG_CHAIN | FLAG_FRAMING) != 0 {
            return Err(ProvenanceError::Value { expected: "known flags" });
        }
        let agent = AgentId::from_bytes(cursor.array("an agent id")?);
        let read_at = UnixMicros(i64::from_le_bytes(cursor.array("the time of reading")?));
        let host =
            cursor.text("a host")?.parse().map_err(|_| ProvenanceError::Value { expected: "a host name" })?;
        let source = cursor
            .text("a source")?
            .parse()
            .map_err(|_| ProvenanceError::Value { expected: "a source name" })?;
        let format_hint = cursor.text("a format hint")?.into();
        let chain = if flags & FLAG_CHAIN != 0 { Some(cursor.chain()?) } else { None };
        let framing = if flags & FLAG_FRAMING != 0 { cursor.framing()? } else { FramingRule::default() };
        let segments = cursor.segments()?;
        if !cursor.rest.is_empty() {
            return Err(ProvenanceError::Length { expected: "nothing after the segments" });
        }
        Ok(Self { agent, host, source, format_hint, read_at, chain, framing, segments })
    }
}

fn put_framing(out: &mut Vec<u8>, framing: &FramingRule) {
    let encoding = match framing.encoding {
        Encoding::Utf8 => 0,
        Encoding::Utf16Le => 1,
        Encoding::Utf16Be => 2,
    };
    let multiline = match framing.multiline {
        Multiline::Auto => 0,
        Multiline::Off => 1,
        Multiline::Start(_) => 2,
        Multiline::Continue(_) => 3,
    };
    out.extend_from_slice(&[encoding, multiline]);
    if let Some(pattern) = framing.multiline.pattern() {
        put_text(out, pattern.as_str());
    }
}

fn put_segment(out: &mut Vec<u8>, segment: &Segment) {
    out.extend_from_slice(segment.stream.as_bytes());
    put_text(out, &segment.path);
    put_varint(out, u64::from(segment.generation.0));
    put_varint(out, segment.offset.0);
    put_varint(out, segment.length.0);
    put_varint(out, zigzag(segment.modified.0));
    let edges = segment.edges;
    let bits = [
        (edges.starts_mid_line, EDGE_STARTS_MID_LINE),
        (edges.ends_mid_line, EDGE_ENDS_MID_LINE),
        (edges.cut, EDGE_CUT),
    ];
    out.push(bits.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum());
}

impl Cursor<'_> {
    fn chain(&mut self) -> Result<Chain, ProvenanceError> {
        let seq = ChunkSeq(self.varint("a sequence number")?);
        let previous: [u8; 32] = self.array("the previous chunk's hash")?;
        Ok(Chain { seq, previous: (previous != [0; 32]).then(|| ContentHash::from_bytes(previous)) })
    }

    /// A rule that is not the default; whether its pattern is one, only who applies it needs to know.
    fn framing(&mut self) -> Result<FramingRule, ProvenanceError> {
        let expected = "a known rule of framing other than the default";
        let wrong = ProvenanceError::Value { expected };
        let [encoding, multiline] = self.array(expected)?;
        let encoding = match encoding {
            0 => Encoding::Utf8,
            1 => Encoding::Utf16Le,
            2 => Encoding::Utf16Be,
            _ => return Err(wrong),
        };
        let multiline = match multiline {
            0 => Multiline::Auto,
            1 => Multiline::Off,
            2 => Multiline::Start(self.pattern()?),
            3 => Multiline::Continue(self.pattern()?),
            _ => return Err(wrong),
        };
        let rule = FramingRule { encoding, multiline };
        if rule.is_default() { Err(wrong) } else { Ok(rule) }
    }

    fn pattern(&mut self) -> Result<Pattern, ProvenanceError> {
        let expected = "a pattern that is neither empty nor too long";
        Pattern::new(self.text(expected)?).map_err(|_| ProvenanceError::Value { expected })
    }

    fn segments(&mut self) -> Result<Vec<Segment>, ProvenanceError> {
        let count = usize::try_from(self.varint("a count of segments")?).unwrap_or(usize::MAX);
        if count > self.rest.len() / SEGMENT_BYTES_MIN {
            return Err(ProvenanceError::Length { expected: "as many segments as it counts" });
        }
        let mut segments: Vec<Segment> = Vec::with_capacity(count);
        let mut raw_bytes = 0u64;
        for _ in 0..count {
            let path = segments.last().map(|segment| segment.path.clone());
            let segment = self.segment(path)?;
            raw_bytes = raw_bytes.saturating_add(segment.length.0);
            segments.push(segment);
        }
        if raw_bytes > BLOCK_BYTES_MAX as u64 {
            return Err(ProvenanceError::Value { expected: "segments that fit in a block" });
        }
        Ok(segments)
    }

    /// `path_before` is shared where the same path stands again, as it does in most blocks.
    fn segment(&mut self, path_before: Option<Arc<str>>) -> Result<Segment, ProvenanceError> {
        let stream = StreamId::from_bytes(self.array("a stream id")?);
        let path = self.text("a path")?;
        let path = path_before.filter(|before| **before == *path).unwrap_or_else(|| path.into());
        let generation = u32::try_from(self.varint("a generation")?)
            .map_err(|_| ProvenanceError::Value { expected: "a generation below 2^32" })?;
        let offset = self.varint("an offset")?;
        let length = self.varint("a length")?;
        if length == 0 || offset.checked_add(length).is_none() {
            return Err(ProvenanceError::Value {
                expected: "a segment of at least one byte that ends below 2^64",
            });
        }
        let modified = UnixMicros(unzigzag(self.varint("a modification time")?));
        let [edges] = self.array("the segment's edges")?;
        let known = edges & !(EDGE_STARTS_MID_LINE | EDGE_ENDS_MID_LINE | EDGE_CUT) == 0;
        if !known || edges & (EDGE_ENDS_MID_LINE | EDGE_CUT) == EDGE_CUT {
            return Err(ProvenanceError::Value { expected: "known edges" });
        }
        Ok(Segment {
            stream,
            path,
            generation: Generation(generation),
            offset: ByteOffset(offset),
            length: ByteLength(length),
            modified,
            edges: SegmentEdges {
                starts_mid_line: edges & EDGE_STARTS_MID_LINE != 0,
                ends_mid_line: edges & EDGE_ENDS_MID_LINE != 0,
                cut: edges & EDGE_CUT != 0,
            },
        })
    }
}

#[cfg(test)]
mod tests;
