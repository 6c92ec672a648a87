//! Objects that no agent made: told apart by their first bytes, read as a plain stream.

use super::{
    provenance::MAGIC,
    reader::{ZSTD_MAGIC, gzip_payload, skippable_payload},
};
use std::io::{self, Read};

/// The largest zstd window that is decoded, as a power of two: 32 MiB. `zstd` up to level 19 asks for no
/// more than 8 MiB.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 25;

/// What an object's first bytes say it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A chunk of gzip members with provenance.
    ChunkGzip,
    /// A chunk of zstd frames with provenance.
    ChunkZstd,
    /// gzip without provenance.
    Gzip,
    /// zstd without provenance.
    Zstd,
    /// Anything else: taken as it is.
    Plain,
}

/// Reads an object's plain bytes, decompressing every member or frame in turn.
pub struct ForeignReader<'a>(Box<dyn Read + 'a>);

impl Layout {
    /// The layout of the object that begins with `bytes`. A headrig chunk is known by its first block's
    /// provenance, which stands in the first 64 KiB.
    pub fn of(bytes: &[u8]) -> Self {
        let ours =
            |payload: Option<(&[u8], usize)>| payload.is_some_and(|(payload, _)| payload.starts_with(&MAGIC));
        let skippable = bytes.len() >= 4 && bytes[0] & 0xf0 == 0x50 && bytes[1..4] == [0x2a, 0x4d, 0x18];
        if ours(skippable_payload(bytes)) {
            Self::ChunkZstd
        } else if ours(gzip_payload(bytes)) {
            Self::ChunkGzip
        } else if bytes.starts_with(&[0x1f, 0x8b]) {
            Self::Gzip
        } else if bytes.starts_with(&ZSTD_MAGIC) || skippable {
            Self::Zstd
        } else {
            Self::Plain
        }
    }
}

impl<'a> ForeignReader<'a> {
    /// A reader of the plain bytes behind `source`, which is laid out as `layout`. Memory is bounded: a
    /// zstd frame that asks for a window over [`ZSTD_WINDOW_LOG_MAX`] is refused.
    ///
    /// # Errors
    /// When the zstd library has no memory for its context.
    pub fn new(layout: Layout, source: impl Read + 'a) -> io::Result<Self> {
        Ok(Self(match layout {
            Layout::ChunkGzip | Layout::Gzip => Box::new(flate2::read::MultiGzDecoder::new(source)),
            Layout::ChunkZstd | Layout::Zstd => Box::new(zstd_decoder(source)?),
            Layout::Plain => Box::new(source),
        }))
    }
}

fn zstd_decoder<'a>(source: impl Read + 'a) -> io::Result<impl Read + 'a> {
    let mut decoder = zstd::stream::read::Decoder::new(source)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

impl Read for ForeignReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}
