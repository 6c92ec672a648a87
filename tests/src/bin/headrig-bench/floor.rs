//! The floor under every shipper: read a file, compress it in blocks, hash what comes out, on one thread. By
//! the same libraries, at the same level and in blocks of the same size as the program that is held against it.

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use headrig_contract::chunk;
use headrig_tests::{
    measure::{self, Cost},
    process::RUN_LIMIT,
};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

/// The floor's blocks are as large as a chunk's.
const BLOCK_BYTES: usize = chunk::BLOCK_BYTES_MAX;

/// How the blocks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Codec {
    Zstd,
    Gzip,
}

/// What is read, and how it is compressed.
#[derive(Args)]
pub(crate) struct Floor {
    file: PathBuf,
    #[arg(long, value_enum)]
    codec: Codec,
}

impl Codec {
    /// The name in a configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// The level that is used where none is set.
    pub(crate) fn level(self) -> i32 {
        match self {
            Self::Zstd => chunk::Codec::Zstd.default_level(),
            Self::Gzip => chunk::Codec::Gzip.default_level(),
        }
    }
}

/// Measures the floor for `file`, in a process of its own.
pub(crate) fn measure(file: &Path, codec: Codec) -> Result<Cost> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("floor").arg(file).args(["--codec", codec.name()]);
    measure::run(&mut command, RUN_LIMIT)
}

impl Floor {
    /// Does the work, and prints the hash, so that no optimiser may leave it out.
    pub(crate) fn run(&self) -> Result<()> {
        let mut file = File::open(&self.file).with_context(|| format!("opening {}", self.file.display()))?;
        let mut compressor = Compressor::new(self.codec)?;
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            let length = fill(&mut file, &mut block)?;
            if length == 0 {
                break;
            }
            let compressed = compressor.compress(&block[..length])?;
            hash.update(compressed);
            bytes += compressed.len();
        }
        println!(
            "floor: {} -{}, {:.1} MB, SHA-256 begins with {:02x}",
            self.codec.name(),
            self.codec.level(),
            bytes as f64 / 1e6,
            hash.finalize()[0]
        );
        Ok(())
    }
}

/// As much of the file as fits, and how much that is; less only at its end.
fn fill(file: &mut File, block: &mut [u8]) -> Result<usize> {
    let mut length = 0;
    while length < block.len() {
        match file.read(&mut block[length..])? {
            0 => break,
            count => length += count,
        }
    }
    Ok(length)
}

/// Compresses block after block into one buffer, which is as large as the worst block needs.
struct Compressor {
    library: Library,
    out: Vec<u8>,
}

enum Library {
    Zstd(zstd::bulk::Compressor<'static>),
    Gzip(Compress),
}

impl Compressor {
    fn new(codec: Codec) -> Result<Self> {
        let library = match codec {
            Codec::Zstd => Library::Zstd(zstd::bulk::Compressor::new(codec.level())?),
            Codec::Gzip => {
                Library::Gzip(Compress::new(Compression::new(codec.level().unsigned_abs()), false))
            }
        };
        // More than deflate's and zstd's bounds, which are the input and less than a hundredth of it.
        Ok(Self { library, out: vec![0; BLOCK_BYTES + BLOCK_BYTES / 8] })
    }

    /// One frame, or one member without its constant header.
    fn compress(&mut self, block: &[u8]) -> Result<&[u8]> {
        let out = &mut self.out;
        let length = match &mut self.library {
            Library::Zstd(compressor) => compressor.compress_to_buffer(block, &mut out[..])?,
            Library::Gzip(compress) => {
                compress.reset();
                let status = compress.compress(block, out, FlushCompress::Finish)?;
                ensure!(status == Status::StreamEnd, "a block was compressed to more than its bound");
                let length = usize::try_from(compress.total_out())?;
                let mut crc = Crc::new();
                crc.update(block);
                out[length..length + 4].copy_from_slice(&crc.sum().to_le_bytes());
                length + 4
            }
        };
        Ok(&self.out[..length])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_does_the_whole_work() {
        let block: Vec<u8> = (0..200_000u32).flat_map(|number| number.to_string().into_bytes()).collect();
        let block = &block[..BLOCK_BYTES];
        let mut zstd = Compressor::new(Codec::Zstd).unwrap();
        assert_eq!(zstd::bulk::decompress(zstd.compress(block).unwrap(), BLOCK_BYTES).unwrap(), block);
        let mut gzip = Compressor::new(Codec::Gzip).unwrap();
        for _ in 0..2 {
            let mut raw = Vec::new();
            flate2::read::DeflateDecoder::new(gzip.compress(block).unwrap()).read_to_end(&mut raw).unwrap();
            assert_eq!(raw, block);
        }
    }
}
