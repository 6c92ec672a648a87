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
};
use std::sync::Arc;

/// The first bytes of encoded provenance.
pub(super) const MAGIC: [u8; 4] = *b"HRIG";
const VERSION: u8 = 1;
const FLAG_CHAIN: u8 = 1;
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
            + 5 * 4
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
        out.extend_from_slice(&[VERSION, if self.chain.is_some() { FLAG_CHAIN } else { 0 }]);
        out.extend_from_slice(self.agent.as_bytes());
        out.extend_from_slice(&self.read_at.0.to_le_bytes());
        put_text(out, self.host.as_str());
        put_text(out, self.source.as_str());
        put_text(out, &self.format_hint);
        if let Some(chain) = &self.chain {
            put_varint(out, chain.seq.0);
            out.extend_from_slice(&chain.previous.map_or([0; 32], |hash| *hash.as_bytes()));
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
        if flags & !FLAG_CHAIN != 0 {
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
        let segments = cursor.segments()?;
        if !cursor.rest.is_empty() {
            return Err(ProvenanceError::Length { expected: "nothing after the segments" });
        }
        Ok(Self { agent, host, source, format_hint, read_at, chain, segments })
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segment() -> impl Strategy<Value = Segment> {
        (
            any::<[u8; 16]>(),
            ".{0,20}",
            any::<u32>(),
            0..u64::MAX / 2,
            1..50_000u64,
            any::<i64>(),
            any::<[bool; 3]>(),
        )
            .prop_map(
                |(
                    stream,
                    path,
                    generation,
                    offset,
                    length,
                    modified,
                    [starts_mid_line, ends_mid_line, cut],
                )| {
                    Segment {
                        stream: StreamId::from_bytes(stream),
                        path: path.into(),
                        generation: Generation(generation),
                        offset: ByteOffset(offset),
                        length: ByteLength(length),
                        modified: UnixMicros(modified),
                        edges: SegmentEdges { starts_mid_line, ends_mid_line, cut: cut && ends_mid_line },
                    }
                },
            )
    }

    fn provenance() -> impl Strategy<Value = Provenance> {
        let chain = proptest::option::of((any::<u64>(), proptest::option::of(1..=255u8)));
        (any::<[u8; 16]>(), any::<i64>(), ".{0,9}", chain, proptest::collection::vec(segment(), 0..20))
            .prop_map(|(agent, read_at, hint, chain, segments)| Provenance {
                agent: AgentId::from_bytes(agent),
                host: HostName::from_lossy("web-1"),
                source: "nginx".parse().unwrap(),
                format_hint: hint.into(),
                read_at: UnixMicros(read_at),
                chain: chain.map(|(seq, previous)| Chain {
                    seq: ChunkSeq(seq),
                    previous: previous.map(|byte| ContentHash::from_bytes([byte; 32])),
                }),
                segments,
            })
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_and_within_the_stated_bound(value in provenance()) {
            let mut bytes = Vec::new();
            value.encode(&mut bytes).unwrap();
            let bound = value.fixed_bytes_max() + value.segments.iter().map(|segment| Segment::encoded_bytes_max(segment.path.len())).sum::<usize>();
            prop_assert!(bytes.len() <= bound, "{} > {bound}", bytes.len());
            prop_assert_eq!(Provenance::decode(&bytes).unwrap(), value);
        }

        #[test]
        fn any_cut_or_added_byte_is_refused(value in provenance(), cut in any::<prop::sample::Index>()) {
            let mut bytes = Vec::new();
            value.encode(&mut bytes).unwrap();
            prop_assert!(Provenance::decode(&bytes[..cut.index(bytes.len())]).is_err());
            bytes.push(0);
            prop_assert!(Provenance::decode(&bytes).is_err());
        }

        #[test]
        fn decoding_any_bytes_never_panics_and_is_canonical(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = [MAGIC.as_slice(), &[VERSION, 0]].concat();
            bytes.extend(noise);
            if let Ok(value) = Provenance::decode(&bytes) {
                let mut again = Vec::new();
                value.encode(&mut again).unwrap();
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
