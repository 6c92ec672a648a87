//! What a configuration costs in memory, at most.
//!
//! Invariant: every part is bounded by a setting or a constant named here; only the number of files is the
//! world's, and each costs no more than [`FILE_BYTES`].

use super::Config;
use headrig_contract::{
    chunk::{BLOCK_BYTES_MAX, Codec, PROVENANCE_BYTES_MAX},
    framing::PATTERN_MEMORY_MAX,
};

/// The program, its libraries, certificates and the database's cache.
pub const PROGRAM_BYTES: u64 = 12 << 20;
/// What an open chunk holds beside its block: the list of segments, as many as provenance has room for.
pub const SEGMENTS_BYTES: u64 = 128 << 10;
/// An upload reads its spool file in pieces: buffers of the connection and of TLS.
pub const UPLOAD_BYTES: u64 = 512 << 10;
/// A decompressor with a window of 8 MiB, what `zstd` asks for up to level 19, and its buffers.
pub const DECOMPRESSOR_BYTES: u64 = 9 << 20;
/// A file and its stream: a path of some 200 bytes held twice, the first KiB while the file is no longer than
/// that, the last KiB before the offset until it is sealed, identities, and their places in the tables.
pub const FILE_BYTES: u64 = 4 << 10;
/// A multiline pattern: compiled forwards and backwards, and what matching keeps of both.
pub const PATTERN_BYTES: u64 = 4 * PATTERN_MEMORY_MAX as u64;
/// zlib's window, hash chains and pending output, at every level.
const GZIP_BYTES: u64 = 512 << 10;
/// The compressor of zstd 1.5.7 for a block of 1 MiB, as `ZSTD_sizeof_CCtx` tells, by the highest level that
/// needs no more, in KiB.
const ZSTD_KIB: [(i32, u64); 8] =
    [(1, 640), (2, 832), (3, 1_344), (4, 2_624), (6, 3_136), (8, 5_760), (12, 10_880), (i32::MAX, 17_920)];

/// The most memory that the agent takes, by its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryCeiling {
    /// What takes memory, and how many bytes.
    pub parts: Vec<(String, u64)>,
}

impl MemoryCeiling {
    /// The sum of the parts, in bytes.
    pub fn total(&self) -> u64 {
        self.parts.iter().map(|(_, bytes)| bytes).sum()
    }

    /// The ceiling of `config` with so many `files`.
    pub(super) fn of(config: &Config, files: usize) -> Self {
        let (sources, files) = (config.sources.len() as u64, files as u64);
        let uploads = config.upload.parallel_max as u64;
        let block = BLOCK_BYTES_MAX as u64;
        // ZSTD_compressBound and deflate's stored blocks both add less than a 128th.
        let encoded = block + block / 128 + PROVENANCE_BYTES_MAX as u64;
        let mut parts = vec![
            ("the program".into(), PROGRAM_BYTES),
            (format!("blocks being filled, one a source: {sources}"), sources * (block + SEGMENTS_BYTES)),
            ("the compressed block".into(), encoded),
            ("the compressor".into(), compressor_bytes(config.chunk.codec, config.chunk.level)),
            (format!("uploads at once: {uploads}"), uploads * UPLOAD_BYTES),
            (format!("files: {files}"), files * FILE_BYTES),
        ];
        if config.sources.iter().any(|source| source.read_compressed) {
            parts.push(("a decompressor".into(), DECOMPRESSOR_BYTES));
        }
        let with_pattern = |source: &&super::Source| source.framing.rule().multiline.pattern().is_some();
        let patterns = config.sources.iter().filter(with_pattern).count() as u64;
        if patterns > 0 {
            parts.push((format!("multiline patterns: {patterns}"), patterns * PATTERN_BYTES));
        }
        Self { parts }
    }
}

fn compressor_bytes(codec: Codec, level: i32) -> u64 {
    match codec {
        Codec::Gzip => GZIP_BYTES,
        Codec::Zstd => ZSTD_KIB.iter().find(|(highest, _)| level <= *highest).map_or(0, |(_, kib)| kib << 10),
    }
}
