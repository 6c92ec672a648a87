//! The chunk that a source is filling: one block of raw bytes being gathered, and what was already written.
//!
//! Invariants: the segments of the gathered block add up to the bytes taken of it; its provenance fits.

use super::strand::StrandIndex;
use headrig_contract::{
    ByteLength, ContentHash, UnixMicros,
    chunk::{BlockEncoder, Chain, EncodeError, PROVENANCE_BYTES_MAX, Provenance, Segment},
    framing::Encoding,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

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
    /// The gathered block can take no more and is to be written.
    pub(super) block_is_full: bool,
    block_bytes_max: usize,
    hasher: Sha256,
    /// The bytes taken, behind them what was read and not taken yet, and behind that memory for more: it grows
    /// to what was once wanted and is never cleared, since clearing costs as much as hashing.
    raw: Vec<u8>,
    taken: usize,
    /// The end of what was read.
    read: usize,
    /// That of the gathered block.
    provenance: Provenance,
    provenance_bytes: usize,
}

impl OpenChunk {
    /// An empty chunk whose first block has this provenance, still without segments; `buffer` is another
    /// chunk's, used again.
    pub(super) fn new(
        opened_at: UnixMicros,
        chain: Chain,
        provenance: Provenance,
        block_bytes_max: usize,
        buffer: Vec<u8>,
    ) -> Self {
        Self {
            opened_at,
            chain,
            length: ByteLength(0),
            raw_length: ByteLength(0),
            strands: BTreeSet::new(),
            block_is_full: false,
            block_bytes_max,
            hasher: Sha256::new(),
            raw: buffer,
            taken: 0,
            read: 0,
            provenance_bytes: provenance.fixed_bytes_max(),
            provenance: Provenance { chain: Some(chain), ..provenance },
        }
    }

    /// The bytes taken into the gathered block.
    pub(super) fn gathered(&self) -> usize {
        self.taken
    }

    pub(super) fn space(&self) -> usize {
        self.block_bytes_max - self.taken
    }

    /// Whether nothing was ever put into it.
    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0 && self.length.0 == 0
    }

    /// Whether the gathered block is of text in this encoding; an empty one is from here on.
    pub(super) fn takes(&mut self, encoding: Encoding) -> bool {
        if self.taken == 0 {
            self.provenance.framing.encoding = encoding;
        }
        self.provenance.framing.encoding == encoding
    }

    /// Whether one more segment of a file at a path of so many bytes fits.
    pub(super) fn has_room_for(&self, path_bytes: usize) -> bool {
        let segment_bytes = Segment::encoded_bytes_max(path_bytes);
        self.space() > 0 && self.provenance_bytes + segment_bytes <= PROVENANCE_BYTES_MAX
    }

    /// `length` bytes behind the taken ones, to read into.
    pub(super) fn room(&mut self, length: usize) -> &mut [u8] {
        if self.raw.capacity() == 0 {
            self.raw.reserve_exact(self.block_bytes_max);
        }
        self.read = self.taken + length.min(self.space());
        if self.raw.len() < self.read {
            self.raw.resize(self.read, 0);
        }
        &mut self.raw[self.taken..self.read]
    }

    /// What was read and not taken yet.
    pub(super) fn untaken(&self) -> &[u8] {
        &self.raw[self.taken..self.read]
    }

    /// Throws away what was read and not taken.
    pub(super) fn drop_untaken(&mut self) {
        self.read = self.taken;
    }

    /// Whether the segment fits, as one more or as the last one's end.
    pub(super) fn admits(&self, segment: &Segment) -> bool {
        self.has_room_for(segment.path.len())
            || self.space() > 0 && self.provenance.segments.last().is_some_and(|last| joins(last, segment))
    }

    /// Takes the next `segment.length` bytes that were read, which it admits.
    pub(super) fn take(&mut self, index: StrandIndex, segment: Segment) {
        debug_assert!(segment.length.0 as usize <= self.untaken().len());
        self.strands.insert(index);
        self.taken += segment.length.0 as usize;
        match self.provenance.segments.last_mut() {
            Some(last) if joins(last, &segment) => {
                last.length.0 += segment.length.0;
                (last.edges.ends_mid_line, last.edges.cut) = (segment.edges.ends_mid_line, segment.edges.cut);
            }
            _ => {
                self.provenance_bytes += Segment::encoded_bytes_max(segment.path.len());
                self.provenance.segments.push(segment);
            }
        }
    }

    /// Encodes the gathered block to `out`, whose former content goes, and begins the next.
    pub(super) fn encode_block(
        &mut self,
        read_at: UnixMicros,
        encoder: &mut BlockEncoder,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        out.clear();
        self.drop_untaken();
        self.provenance.read_at = read_at;
        encoder.encode(&self.provenance, &self.raw[..self.taken], out)?;
        self.hasher.update(&out);
        self.length.0 += out.len() as u64;
        self.raw_length.0 += self.taken as u64;
        self.provenance.chain = None;
        self.provenance.segments.clear();
        self.provenance_bytes = self.provenance.fixed_bytes_max();
        (self.taken, self.read, self.block_is_full) = (0, 0, false);
        Ok(())
    }

    /// The hash of the blocks, and the buffer for the next chunk.
    pub(super) fn finish(self) -> (ContentHash, Vec<u8>) {
        (ContentHash::from_bytes(self.hasher.finalize().into()), self.raw)
    }
}

/// Whether `next` goes on where `last` ends, at the end of a line.
fn joins(last: &Segment, next: &Segment) -> bool {
    (last.stream, last.generation) == (next.stream, next.generation)
        && last.offset.plus(last.length) == next.offset
        && !last.edges.ends_mid_line
        && last.path == next.path
}
