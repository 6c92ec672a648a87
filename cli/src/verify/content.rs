//! What an object holds: which bytes of which strands, and its place in its agent's chain.
//!
//! It reads an object's bytes as the ETL does, and shares no code with it beyond the contract.

use super::intervals::{Interval, Intervals};
use headrig_contract::{
    AgentId, ContentHash, Generation, SourceName, StreamId,
    chunk::{Chain, ChunkReader, ForeignReader, Layout, Provenance},
    framing::Lines,
};
use std::{collections::BTreeMap, io::Read};

/// How much of a foreign object is decompressed at once.
const WINDOW_BYTES: usize = 1 << 20;
/// The longest terminator, `\r\n`.
const TERMINATOR_BYTES_MAX: u64 = 2;

/// One generation of one stream.
pub(super) type Strand = (StreamId, Generation);

/// What an object holds.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The bytes of each strand.
    pub(super) strands: BTreeMap<Strand, Intervals>,
    /// Lone terminators of lines that were cut before: the contract allows them to have no row.
    pub(super) terminators: BTreeMap<Strand, Vec<Interval>>,
    /// Whether an agent made it.
    pub(super) link: Option<Link>,
    /// Whether it is an agent's chunk, of any kind.
    pub(super) is_chunk: bool,
}

/// A chunk's place in its chain.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) agent: AgentId,
    pub(super) source: SourceName,
    pub(super) chain: Chain,
}

impl Content {
    /// What `bytes`, whose hash is `hash`, hold.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub(super) fn of(bytes: &[u8], hash: ContentHash) -> Result<Self, String> {
        let mut content = Self::default();
        match Layout::of(bytes) {
            Layout::ChunkGzip | Layout::ChunkZstd => content.read_chunk(bytes)?,
            layout => content.read_foreign(layout, bytes, hash)?,
        }
        Ok(content)
    }

    /// Whether a row may be missing there: the terminator alone of a line that was cut before it.
    pub(super) fn is_lone_terminator(&self, strand: Strand, gap: Interval) -> bool {
        if !self.is_chunk {
            // A foreign object is cut by its reader, wherever a line is too long.
            return gap.1 - gap.0 <= TERMINATOR_BYTES_MAX;
        }
        self.terminators.get(&strand).is_some_and(|known| known.contains(&gap))
    }

    fn read_chunk(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.is_chunk = true;
        let (mut reader, mut raw) = (ChunkReader::new(bytes), Vec::new());
        while let Some(provenance) = reader.next_block(&mut raw).map_err(|error| error.to_string())? {
            if let Some(chain) = provenance.chain {
                let (agent, source) = (provenance.agent, provenance.source.clone());
                self.link = Some(Link { agent, source, chain });
            }
            self.add_block(&provenance, &raw);
        }
        Ok(())
    }

    fn add_block(&mut self, provenance: &Provenance, raw: &[u8]) {
        let mut at = 0;
        for segment in &provenance.segments {
            let strand = (segment.stream, segment.generation);
            let (from, to) = (segment.offset.0, segment.offset.plus(segment.length).0);
            self.strands.entry(strand).or_default().add((from, to));
            let bytes = &raw[at..at + segment.length.0 as usize];
            at += bytes.len();
            let lines = Lines::new(provenance.framing.encoding, segment.offset);
            let head = lines.end(bytes, 0);
            if segment.edges.starts_mid_line && lines.is_terminator(&bytes[..head]) {
                self.terminators.entry(strand).or_default().push((from, from + head as u64));
            }
        }
    }

    fn read_foreign(&mut self, layout: Layout, bytes: &[u8], hash: ContentHash) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("does not decompress: {error}");
        let mut reader = ForeignReader::new(layout, bytes).map_err(failed)?;
        let (mut window, mut length) = (vec![0; WINDOW_BYTES], 0);
        loop {
            match reader.read(&mut window) {
                Ok(0) => break,
                Ok(read) => length += read as u64,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        if length > 0 {
            let strand = (StreamId::of_foreign_object(hash), Generation(0));
            self.strands.entry(strand).or_default().add((0, length));
        }
        Ok(())
    }
}
