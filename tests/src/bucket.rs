//! Reads the chunks in `.headrig/bucket` and puts the files together again that they were cut from.

use crate::lake::{Lake, StreamKey};
use anyhow::{Context, Result, ensure};
use headrig_contract::{
    ContentHash, ObjectKey,
    chunk::{ChunkReader, Provenance, Segment},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};
use walkdir::WalkDir;

/// What the chunks hold.
#[derive(Debug, Default)]
pub struct Bucket {
    /// Every file's bytes, as far as they were shipped.
    pub streams: BTreeMap<StreamKey, Stream>,
    /// Every chunk, by its hash.
    pub chunks: BTreeSet<ContentHash>,
}

/// One file's bytes.
#[derive(Debug, Default)]
pub struct Stream {
    /// The paths it had when it was read.
    pub paths: BTreeSet<String>,
    /// The bytes, from the first on.
    pub bytes: Vec<u8>,
}

struct Piece {
    offset: u64,
    bytes: Vec<u8>,
    path: String,
}

impl Bucket {
    /// Reads every chunk of `lake`.
    ///
    /// # Errors
    /// When a chunk is damaged or not named by its hash, or a file's bytes were shipped twice or with a gap.
    pub fn read(lake: &Lake) -> Result<Self> {
        let folder = lake.folder().join(".headrig/bucket");
        let (mut chunks, mut pieces) = (BTreeSet::new(), Pieces::new());
        for entry in WalkDir::new(&folder).sort_by_file_name() {
            let entry = entry.context("listing the bucket")?;
            if entry.file_type().is_file() {
                let hash = read_object(&folder, entry.path(), &mut pieces)
                    .with_context(|| format!("chunk {}", entry.path().display()))?;
                ensure!(chunks.insert(hash), "two objects of the bucket are the same chunk {hash}");
            }
        }
        Ok(Self { streams: join_all(pieces)?, chunks })
    }

    /// What one chunk holds.
    ///
    /// # Errors
    /// When it is damaged, or does not begin at its files' first bytes.
    pub fn of_chunk(bytes: &[u8]) -> Result<Self> {
        let mut pieces = Pieces::new();
        read_chunk(bytes, &mut pieces)?;
        Ok(Self { streams: join_all(pieces)?, chunks: BTreeSet::from([ContentHash::of(bytes)]) })
    }
}

fn join_all(pieces: Pieces) -> Result<BTreeMap<StreamKey, Stream>> {
    pieces
        .into_iter()
        .map(|(key, pieces)| Ok((key, join(pieces).with_context(|| format!("{key:?}"))?)))
        .collect()
}

type Pieces = BTreeMap<StreamKey, Vec<Piece>>;

fn read_object(folder: &Path, file: &Path, pieces: &mut Pieces) -> Result<ContentHash> {
    let key = file.strip_prefix(folder)?.to_str().context("a key is UTF-8")?;
    let bytes = fs::read(file)?;
    let hash = ContentHash::of(&bytes);
    ensure!(ObjectKey::parse(key)?.content_hash() == Some(hash), "the key does not name the hash {hash}");
    read_chunk(&bytes, pieces)?;
    Ok(hash)
}

fn read_chunk(bytes: &[u8], pieces: &mut Pieces) -> Result<()> {
    let (mut reader, mut raw) = (ChunkReader::new(bytes), Vec::new());
    while let Some(provenance) = reader.next_block(&mut raw)? {
        for (segment, bytes) in cut(&provenance, &raw) {
            let piece =
                Piece { offset: segment.offset.0, bytes: bytes.to_vec(), path: segment.path.to_string() };
            pieces.entry((segment.stream, segment.generation)).or_default().push(piece);
        }
    }
    Ok(())
}

/// The segments of a block, each with its bytes.
fn cut<'a>(provenance: &'a Provenance, mut raw: &'a [u8]) -> impl Iterator<Item = (&'a Segment, &'a [u8])> {
    provenance.segments.iter().map(move |segment| {
        let (head, rest) = raw.split_at(segment.length.0 as usize);
        raw = rest;
        (segment, head)
    })
}

fn join(mut pieces: Vec<Piece>) -> Result<Stream> {
    pieces.sort_by_key(|piece| piece.offset);
    let mut stream = Stream::default();
    for piece in pieces {
        let (expected, found) = (stream.bytes.len() as u64, piece.offset);
        ensure!(found >= expected, "bytes {found} to {expected} of {} were shipped twice", piece.path);
        ensure!(found <= expected, "bytes {expected} to {found} of {} were not shipped", piece.path);
        stream.bytes.extend_from_slice(&piece.bytes);
        stream.paths.insert(piece.path);
    }
    Ok(stream)
}
