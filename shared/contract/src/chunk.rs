//! The chunk: concatenated gzip members or zstd frames, each a *block* that carries its provenance where
//! plain tools ignore it. Drawn byte by byte in docs/formats/chunk.md.
//!
//! Invariants: `zcat` and `zstdcat` print exactly the raw lines; every raw byte belongs to exactly one
//! segment of its block; a reader never allocates more than a block's bound, whatever the bytes say.

mod encoding;
mod foreign;
mod provenance;
mod reader;
mod writer;

pub use foreign::{ForeignReader, Layout, ZSTD_WINDOW_LOG_MAX};
pub use provenance::{Chain, Provenance, ProvenanceError, Segment, SegmentEdges};
pub use reader::{ChunkReader, ReadError};
pub use writer::{BlockEncoder, EncodeError};

/// The most raw bytes in a block.
pub const BLOCK_BYTES_MAX: usize = 1 << 20;

/// The most bytes of encoded provenance in a block: what a gzip extra field holds (65,535, RFC 1952
/// section 2.3.1.1) less its subfield's header.
pub const PROVENANCE_BYTES_MAX: usize = 65_535 - 4;

/// How a chunk's blocks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// gzip members (RFC 1952).
    Gzip,
    /// zstd frames (RFC 8878).
    Zstd,
}

impl Codec {
    /// The file name's ending, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Zstd => "zst",
        }
    }

    /// The levels that this codec knows; anything else is a configuration error.
    pub const fn levels(self) -> std::ops::RangeInclusive<i32> {
        match self {
            Self::Gzip => 1..=9,
            Self::Zstd => 1..=19,
        }
    }

    /// The level used where none is set.
    pub const fn default_level(self) -> i32 {
        match self {
            Self::Gzip => 4,
            Self::Zstd => 3,
        }
    }
}
