//! Compresses blocks. A chunk is the concatenation of what [`BlockEncoder::encode`] appends.

use super::{BLOCK_BYTES_MAX, Codec, Provenance, ProvenanceError};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use std::io::{Cursor, Seek, SeekFrom};

/// The skippable frame that carries provenance: magic 0x184D2A58 (RFC 8878, section 3.1.2), little-endian.
pub(super) const SKIPPABLE_MAGIC: [u8; 4] = 0x184D_2A58u32.to_le_bytes();
/// The gzip extra subfield that carries provenance (RFC 1952, section 2.3.1.1).
pub(super) const GZIP_SUBFIELD_ID: [u8; 2] = *b"HR";
/// ID1, ID2, CM = deflate, FLG = FEXTRA, MTIME = 0, XFL = 0, OS = unknown: nothing that varies.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255];

/// Why a block could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// Raw bytes past [`BLOCK_BYTES_MAX`], or not as many as the segments say.
    #[error("expected a block of {expected} raw bytes and at most {BLOCK_BYTES_MAX}, found {found}")]
    RawLength {
        /// The sum of the segments' lengths.
        expected: u64,
        /// The raw bytes given.
        found: usize,
    },
    /// The provenance does not fit.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// The compression library failed.
    #[error("compression failed: {0}")]
    Compress(String),
}

/// A compressor for blocks, used again and again; holds the library's working memory.
pub struct BlockEncoder {
    codec: Codec,
    compressor: Compressor,
}

enum Compressor {
    Gzip(Compress),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl BlockEncoder {
    /// An encoder at `level`, which is clamped to [`Codec::levels`].
    ///
    /// # Errors
    /// [`EncodeError::Compress`] when the library has no memory for its context.
    pub fn new(codec: Codec, level: i32) -> Result<Self, EncodeError> {
        let level = level.clamp(*codec.levels().start(), *codec.levels().end());
        let compressor = match codec {
            Codec::Gzip => Compressor::Gzip(Compress::new(Compression::new(level.unsigned_abs()), false)),
            Codec::Zstd => Compressor::Zstd(zstd::bulk::Compressor::new(level).map_err(compress_error)?),
        };
        Ok(Self { codec, compressor })
    }

    /// The codec of the blocks.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Appends the block of `raw` with its provenance to `out`.
    ///
    /// # Errors
    /// [`EncodeError`]; `out` may then hold part of the block and is to be thrown away.
    pub fn encode(
        &mut self,
        provenance: &Provenance,
        raw: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let expected = provenance.raw_length().0;
        if raw.len() as u64 != expected || raw.len() > BLOCK_BYTES_MAX {
            return Err(EncodeError::RawLength { expected, found: raw.len() });
        }
        match &mut self.compressor {
            Compressor::Gzip(compress) => encode_gzip(compress, provenance, raw, out),
            Compressor::Zstd(compressor) => encode_zstd(compressor, provenance, raw, out),
        }
    }
}

fn encode_zstd(
    compressor: &mut zstd::bulk::Compressor<'_>,
    provenance: &Provenance,
    raw: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    out.extend_from_slice(&SKIPPABLE_MAGIC);
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    provenance.encode(out)?;
    let length = (out.len() - length_at - 4) as u32;
    out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
    // Behind what is there, into memory that was not cleared before.
    out.reserve(zstd::zstd_safe::compress_bound(raw.len()));
    let mut frame = Cursor::new(out);
    frame.seek(SeekFrom::End(0)).map_err(compress_error)?;
    compressor.compress_to_buffer(raw, &mut frame).map_err(compress_error)?;
    Ok(())
}

fn encode_gzip(
    compress: &mut Compress,
    provenance: &Provenance,
    raw: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    out.extend_from_slice(&GZIP_HEADER);
    let extra_at = out.len();
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&GZIP_SUBFIELD_ID);
    out.extend_from_slice(&[0; 2]);
    provenance.encode(out)?;
    // PROVENANCE_BYTES_MAX leaves room for the subfield's header, so both lengths fit 16 bits.
    let payload_bytes = (out.len() - extra_at - 6) as u16;
    out[extra_at..extra_at + 2].copy_from_slice(&(payload_bytes + 4).to_le_bytes());
    out[extra_at + 4..extra_at + 6].copy_from_slice(&payload_bytes.to_le_bytes());
    deflate(compress, raw, out)?;
    let mut crc = Crc::new();
    crc.update(raw);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&(raw.len() as u32).to_le_bytes());
    Ok(())
}

fn deflate(compress: &mut Compress, raw: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    compress.reset();
    out.reserve(raw.len() / 4 + 64);
    loop {
        let taken = compress.total_in() as usize;
        match compress.compress_vec(&raw[taken..], out, FlushCompress::Finish) {
            Ok(Status::StreamEnd) => return Ok(()),
            Ok(Status::Ok | Status::BufError) => out.reserve(raw.len() / 4 + 64),
            Err(error) => return Err(EncodeError::Compress(error.to_string())),
        }
    }
}

fn compress_error(error: std::io::Error) -> EncodeError {
    EncodeError::Compress(error.to_string())
}
