//! Reads what was stored, by the contract alone: every object is named by its hash, they make one chain without
//! a gap, and every block decompresses to what its provenance says.

use crate::null_s3::Object;
use anyhow::{Context, Result, ensure};
use headrig_contract::{
    ContentHash,
    chunk::{ChunkReader, Provenance},
};
use std::{fs, path::Path};

/// What was stored, in sum.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    pub(super) objects: usize,
    pub(super) bytes: u64,
    pub(super) raw_bytes: u64,
}

/// Calls `each` with every block and its object, in the order of the chain.
pub(super) fn read(
    objects: &[Object],
    mut each: impl FnMut(&Object, &Provenance, &[u8]) -> Result<()>,
) -> Result<Sum> {
    let mut chained: Vec<&Object> = objects.iter().collect();
    // A name begins with the agent's id and the chunk's number, in as many digits as every other.
    chained.sort_by_key(|object| object.key.as_str().rsplit('/').next());
    let (mut sum, mut previous) = (Sum::default(), None);
    let mut raw = Vec::new();
    for object in chained {
        let bytes = fs::read(&object.file)?;
        let hash = ContentHash::of(&bytes);
        ensure!(
            object.key.content_hash() == Some(hash),
            "expected the hash {hash} in the key {}",
            object.key
        );
        let mut reader = ChunkReader::new(&bytes);
        let mut chain = None;
        while let Some(provenance) = reader.next_block(&mut raw).with_context(|| object.key.to_string())? {
            chain = chain.or(provenance.chain);
            each(object, &provenance, &raw)?;
            sum.raw_bytes += raw.len() as u64;
        }
        let chain = chain.with_context(|| format!("expected a chain in {}", object.key))?;
        ensure!(
            chain.seq.0 == sum.objects as u64 && chain.previous == previous,
            "expected chunk {} after {previous:?}, found {chain:?}: a chunk is missing or was sealed twice",
            sum.objects
        );
        previous = Some(hash);
        sum.objects += 1;
        sum.bytes += bytes.len() as u64;
    }
    Ok(sum)
}

/// Compares what was stored with the one log it was cut from, byte by byte.
pub(super) fn compare(objects: &[Object], log: &Path) -> Result<Sum> {
    let mut file = fs::File::open(log)?;
    let mut expected = Vec::new();
    let mut at = 0;
    let sum = read(objects, |object, _, raw| {
        expected.resize(raw.len(), 0);
        std::io::Read::read_exact(&mut file, &mut expected)
            .with_context(|| format!("more was stored than the log's bytes, in {}", object.key))?;
        ensure!(expected == raw, "the block at byte {at} of the log was stored otherwise, in {}", object.key);
        at += raw.len() as u64;
        Ok(())
    })?;
    let length = file.metadata()?.len();
    ensure!(sum.raw_bytes == length, "expected all {length} bytes of the log, found {}", sum.raw_bytes);
    Ok(sum)
}
