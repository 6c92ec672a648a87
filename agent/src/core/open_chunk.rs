//! The chunk that a source is filling: one block of raw bytes being gathered, and what was already written.
//!
//! Invariant: the segments of the gathered block add up to its raw bytes.

use super::strand::StrandIndex;
use crate::{identity::StrandId, settings::Settings, settings::SourceSettings};
use headrig_contract::{
    AgentId, ByteLength, ByteOffset, ContentHash, UnixMicros,
    chunk::{
        BLOCK_BYTES_MAX, BlockEncoder, Chain, EncodeError, PROVENANCE_BYTES_MAX, Provenance, Segment,
        SegmentEdges,
    },
};
use sha2::{Digest, Sha256};
use std::{collections::BTreeSet, sync::Arc};

pub(super) struct OpenChunk {
    /// When its first byte was taken.
    pub(super) opened_at: UnixMicros,
    pub(super) chain: Chain,
    /// The compressed bytes of the blocks so far.
    pub(super) length: ByteLength,
    /// The raw bytes of the blocks so far, the gathered one not counted.
    pub(super) raw_length: ByteLength,
    /// The strands it holds bytes of.
    pub(super) strands: BTreeSet<StrandIndex>,
    hasher: Sha256,
    raw: Vec<u8>,
    segments: Vec<Segment>,
    segment_bytes: usize,
}

/// Bytes of one strand that stand next to each other.
pub(super) struct Run {
    pub(super) strand: StrandId,
    pub(super) path: Arc<str>,
    pub(super) offset: ByteOffset,
    pub(super) length: usize,
    pub(super) modified: UnixMicros,
    pub(super) edges: SegmentEdges,
}

impl OpenChunk {
    /// An empty chunk; `buffer` is another chunk's, used again.
    pub(super) fn new(opened_at: UnixMicros, chain: Chain, mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self {
            opened_at,
            chain,
            length: ByteLength(0),
            raw_length: ByteLength(0),
            strands: BTreeSet::new(),
            hasher: Sha256::new(),
            raw: buffer,
            segments: Vec::new(),
            segment_bytes: 0,
        }
    }

    pub(super) fn gathered(&self) -> usize {
        self.raw.len()
    }

    pub(super) fn space(&self) -> usize {
        BLOCK_BYTES_MAX - self.raw.len()
    }

    /// `length` bytes behind the gathered ones, to read into.
    pub(super) fn room(&mut self, length: usize) -> &mut [u8] {
        let start = self.raw.len();
        if self.raw.capacity() == 0 {
            self.raw.reserve_exact(BLOCK_BYTES_MAX);
        }
        self.raw.resize(start + length.min(BLOCK_BYTES_MAX - start), 0);
        &mut self.raw[start..]
    }

    /// The bytes from `start` on.
    pub(super) fn bytes_from(&self, start: usize) -> &[u8] {
        &self.raw[start..]
    }

    /// Whether nothing was ever put into it.
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.length.0 == 0
    }

    /// Throws away what was read but not taken.
    pub(super) fn drop_untaken(&mut self) {
        let taken: u64 = self.segments.iter().map(|segment| segment.length.0).sum();
        self.raw.truncate(taken as usize);
    }

    /// Throws away the bytes from `length` on.
    pub(super) fn truncate(&mut self, length: usize) {
        self.raw.truncate(length);
    }

    /// Whether the provenance has room for one more run of a file at `path`.
    pub(super) fn has_room_for(&self, path: &str, fixed_bytes: usize) -> bool {
        fixed_bytes + self.segment_bytes + segment_bytes_max(path) <= PROVENANCE_BYTES_MAX
    }

    /// Takes the next `run.length` gathered bytes.
    pub(super) fn push(&mut self, index: StrandIndex, run: Run) {
        self.strands.insert(index);
        let length = ByteLength(run.length as u64);
        if let Some(last) = self.segments.last_mut()
            && (last.stream, last.generation) == (run.strand.stream, run.strand.generation)
            && last.offset.plus(last.length) == run.offset
            && !last.edges.ends_mid_line
            && last.path == run.path
        {
            last.length.0 += length.0;
            last.edges.ends_mid_line = run.edges.ends_mid_line;
            return;
        }
        self.segment_bytes += segment_bytes_max(&run.path);
        self.segments.push(Segment {
            stream: run.strand.stream,
            path: run.path,
            generation: run.strand.generation,
            offset: run.offset,
            length,
            modified: run.modified,
            edges: run.edges,
        });
    }

    /// Encodes the gathered block to `out`, whose former content goes, and begins the next.
    pub(super) fn encode_block(
        &mut self,
        agent: AgentId,
        settings: &Settings,
        source: &SourceSettings,
        read_at: UnixMicros,
        encoder: &mut BlockEncoder,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        out.clear();
        let provenance = Provenance {
            agent,
            host: settings.host.clone(),
            source: source.name.clone(),
            format_hint: source.format_hint.clone(),
            read_at,
            chain: (self.length.0 == 0).then_some(self.chain),
            segments: std::mem::take(&mut self.segments),
        };
        encoder.encode(&provenance, &self.raw, out)?;
        self.hasher.update(&out);
        self.length.0 += out.len() as u64;
        self.raw_length.0 += self.raw.len() as u64;
        self.raw.clear();
        self.segments = provenance.segments;
        self.segments.clear();
        self.segment_bytes = 0;
        Ok(())
    }

    /// The hash of the blocks, and the buffer for the next chunk.
    pub(super) fn finish(self) -> (ContentHash, Vec<u8>) {
        (ContentHash::from_bytes(self.hasher.finalize().into()), self.raw)
    }
}

/// What a segment with this path takes at most in the provenance; the bound of `Segment::encoded_bytes_max`.
fn segment_bytes_max(path: &str) -> usize {
    16 + 6 + path.len() + 5 * 9
}
