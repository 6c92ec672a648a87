//! Reads the blocks of a chunk that an agent made.
//!
//! A chunk is all blocks or it is refused: after an error nothing more is read from it.

use super::{
    BLOCK_BYTES_MAX, Provenance, ProvenanceError,
    foreign::Layout,
    writer::{GZIP_SUBFIELD_ID, SKIPPABLE_MAGIC},
};
use flate2::{Crc, Decompress, FlushDecompress, Status};

/// The first four bytes of a zstd frame (RFC 8878, section 3.1.1).
pub(super) const ZSTD_MAGIC: [u8; 4] = 0xFD2F_B528u32.to_le_bytes();
const GZIP_FEXTRA: u8 = 4;
const GZIP_HEADER_BYTES: usize = 10;
const GZIP_TRAILER_BYTES: usize = 8;

/// Why a chunk could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes are not laid out as a chunk's are.
    #[error("expected {expected} at byte {at} of the chunk, found something else")]
    Layout {
        /// What should stand there.
        expected: &'static str,
        /// Where in the chunk.
        at: usize,
    },
    /// A block's provenance is wrong.
    #[error("block at byte {at} of the chunk: {source}")]
    Provenance {
        /// Where the block begins.
        at: usize,
        /// What is wrong.
        source: ProvenanceError,
    },
    /// A block's compressed bytes are damaged or larger than a block may be.
    #[error("block at byte {at} of the chunk does not decompress: {reason}")]
    Decompress {
        /// Where the block begins.
        at: usize,
        /// What the library says.
        reason: String,
    },
    /// A block decompressed to a length that its segments do not add up to.
    #[error("block at byte {at} of the chunk: expected {expected} raw bytes, found {found}")]
    RawLength {
        /// Where the block begins.
        at: usize,
        /// The sum of the segments.
        expected: u64,
        /// The bytes that came out.
        found: usize,
    },
}

/// Reads a chunk block by block. Memory: one block, given by the caller, and the library's context.
pub struct ChunkReader<'a> {
    bytes: &'a [u8],
    at: usize,
    failed: bool,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
    gzip: Option<Decompress>,
}

impl<'a> ChunkReader<'a> {
    /// A reader of the chunk in `bytes`; see [`Layout::of`] for telling chunks from other objects.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, failed: false, zstd: None, gzip: None }
    }

    /// Where in the chunk the next block begins; after an error, the block that could not be read.
    pub const fn position(&self) -> usize {
        self.at
    }

    /// Decompresses the next block into `raw`, whose former content goes, and returns its provenance;
    /// `None` after the last block or after an error.
    ///
    /// # Errors
    /// [`ReadError`] where the chunk is damaged.
    pub fn next_block(&mut self, raw: &mut Vec<u8>) -> Result<Option<Provenance>, ReadError> {
        if self.failed || self.at == self.bytes.len() {
            return Ok(None);
        }
        let block = self.read_block(raw);
        self.failed = block.is_err();
        block.map(Some)
    }

    fn read_block(&mut self, raw: &mut Vec<u8>) -> Result<Provenance, ReadError> {
        let block_at = self.at;
        let rest = &self.bytes[block_at..];
        let (provenance, compressed_at) = match Layout::of(rest) {
            Layout::ChunkZstd => skippable_payload(rest),
            Layout::ChunkGzip => gzip_payload(rest),
            Layout::Zstd | Layout::Gzip | Layout::Plain => None,
        }
        .ok_or(ReadError::Layout { expected: "a block with provenance", at: block_at })?;
        let provenance = Provenance::decode(provenance)
            .map_err(|source| ReadError::Provenance { at: block_at, source })?;
        raw.clear();
        raw.reserve_exact(BLOCK_BYTES_MAX);
        let compressed = &rest[compressed_at..];
        let used = if rest.starts_with(&SKIPPABLE_MAGIC) {
            self.inflate_zstd(compressed, raw)
        } else {
            self.inflate_gzip(compressed, raw)
        }
        .map_err(|reason| ReadError::Decompress { at: block_at, reason })?;
        let expected = provenance.raw_length().0;
        if raw.len() as u64 != expected {
            return Err(ReadError::RawLength { at: block_at, expected, found: raw.len() });
        }
        self.at = block_at + compressed_at + used;
        Ok(provenance)
    }

    fn inflate_zstd(&mut self, compressed: &[u8], raw: &mut Vec<u8>) -> Result<usize, String> {
        if !compressed.starts_with(&ZSTD_MAGIC) {
            return Err("no zstd frame after its provenance".into());
        }
        let frame_bytes = zstd::zstd_safe::find_frame_compressed_size(compressed)
            .map_err(|code| zstd::zstd_safe::get_error_name(code).to_owned())?;
        let decompressor = match &mut self.zstd {
            Some(decompressor) => decompressor,
            slot => slot.insert(zstd::bulk::Decompressor::new().map_err(|error| error.to_string())?),
        };
        // The buffer's capacity is the bound: a frame that claims more fails instead of growing it.
        decompressor
            .decompress_to_buffer(&compressed[..frame_bytes], raw)
            .map_err(|error| error.to_string())?;
        Ok(frame_bytes)
    }

    fn inflate_gzip(&mut self, compressed: &[u8], raw: &mut Vec<u8>) -> Result<usize, String> {
        let inflate = self.gzip.get_or_insert_with(|| Decompress::new(false));
        inflate.reset(false);
        let status = inflate
            .decompress_vec(compressed, raw, FlushDecompress::Finish)
            .map_err(|error| error.to_string())?;
        let deflated = inflate.total_in() as usize;
        if status != Status::StreamEnd {
            return Err(format!("cut short, or more than {BLOCK_BYTES_MAX} raw bytes"));
        }
        let trailer: &[u8; GZIP_TRAILER_BYTES] =
            compressed[deflated..].first_chunk().ok_or("cut short in the gzip trailer")?;
        let mut crc = Crc::new();
        crc.update(raw);
        if trailer[..4] != crc.sum().to_le_bytes() || trailer[4..] != (raw.len() as u32).to_le_bytes() {
            return Err("gzip checksum or length does not match".into());
        }
        Ok(deflated + GZIP_TRAILER_BYTES)
    }
}

/// The provenance in the skippable frame at the head of `bytes`, and where the frame ends.
pub(super) fn skippable_payload(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let rest = bytes.strip_prefix(&SKIPPABLE_MAGIC)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    Some((rest.get(..length)?, 8 + length))
}

/// The provenance in the extra field of the gzip member at the head of `bytes`, and where its deflate
/// stream begins. Only headers as the writer makes them count: no name, no comment, one subfield.
pub(super) fn gzip_payload(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let header = bytes.get(..GZIP_HEADER_BYTES)?;
    if header[..4] != [0x1f, 0x8b, 8, GZIP_FEXTRA] {
        return None;
    }
    let (extra_length, rest) = bytes[GZIP_HEADER_BYTES..].split_first_chunk::<2>()?;
    let extra = rest.get(..usize::from(u16::from_le_bytes(*extra_length)))?;
    let subfield = extra.strip_prefix(&GZIP_SUBFIELD_ID)?;
    let (length, payload) = subfield.split_first_chunk::<2>()?;
    (usize::from(u16::from_le_bytes(*length)) == payload.len())
        .then_some((payload, GZIP_HEADER_BYTES + 2 + extra.len()))
}
