//! The agent's decisions: which file is which stream, what is read, where a block and a chunk end, what is
//! uploaded when. It knows no files, no database, no network and no clock: [`Core::next_action`] says what
//! to do, the shell does it and tells the result to [`Core::handle`].
//!
//! Invariants: every byte of a complete line goes into exactly one sealed chunk, in file order per strand; a
//! strand's recorded offset moves only with the chunk that holds the bytes; only sealed chunks are uploaded.
//! A shell that cannot append or seal drops the core and recovers a new one, as after a crash: there is one
//! way back, and the tests take it at every step.

mod clock;
mod files;
mod kin;
mod messages;
mod open_chunk;
mod questions;
mod reading;
mod resolve;
mod start;
mod strand;
mod uploads;

use crate::{
    identity::{FileId, StrandId},
    settings::{Settings, SourceSettings},
    state::{ChainRecord, ChunkRecord, Recovered, Seal},
};
use files::FileTable;
use headrig_contract::{
    AgentId, ByteLength, ChunkSeq, Generation, StreamId, UnixMicros,
    chunk::{BlockEncoder, Chain, EncodeError, Provenance},
    key::{ChunkName, KeyError},
};
use open_chunk::OpenChunk;
use resolve::{HeadIndex, Looking};
use start::OldFiles;
use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
};
use strand::{Strand, StrandIndex};
use uploads::Uploads;

pub use files::{FileStatus, Found as FoundFile};
pub use messages::{Action, Event, Fault, Probe, ReadBytes, ReadEnd, WindowBytes};
use reading::Reading;
pub use reading::Tails;

/// Why the core cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// A block could not be compressed.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The settings' prefix makes no valid key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// How much was done since the core was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Plain bytes taken from files.
    pub read: ByteLength,
    /// Plain bytes in sealed chunks.
    pub sealed: ByteLength,
    /// Compressed bytes in sealed chunks.
    pub sealed_compressed: ByteLength,
    /// Sealed chunks.
    pub chunks: u64,
    /// Lines that were cut because they were too long.
    pub cut_lines: u64,
    /// Plain bytes that were seen in files and gone before they could be read.
    pub lost: ByteLength,
    /// Files that began anew under the same identity.
    pub restarts: u64,
}

/// The agent's core. See the module.
pub struct Core {
    settings: Settings,
    tails: Tails,
    agent: AgentId,
    streams_opened: u64,
    strands: Vec<Strand>,
    strand_by_id: HashMap<StrandId, StrandIndex>,
    heads: HeadIndex,
    files: FileTable,
    looking: Option<Looking>,
    old: OldFiles,
    chains: Vec<Option<ChainRecord>>,
    open: Vec<Option<OpenChunk>>,
    spare_buffer: Vec<u8>,
    encoder: BlockEncoder,
    block: Vec<u8>,
    uploads: Uploads,
    /// The time when the core was last called.
    clock: UnixMicros,
    /// The read that was handed out.
    reading: Option<Reading>,
    /// Lines cut in each file since they were asked for.
    cut_lines: HashMap<Arc<str>, u64>,
    /// Files that are there but no input now.
    elsewhere: HashSet<FileId>,
    /// Files went since strands without one were last accounted for.
    orphans_unchecked: bool,
    /// The step that was handed out and not yet recorded.
    sealing: Option<(usize, Box<Seal>)>,
    finishing: bool,
    progress: Progress,
}

impl Core {
    /// A core with these settings that goes on where `recovered` stopped.
    ///
    /// # Errors
    /// [`CoreError::Encode`] when the compressor has no memory.
    pub fn new(settings: Settings, tails: Tails, recovered: Recovered) -> Result<Self, CoreError> {
        let encoder = BlockEncoder::new(settings.codec, settings.level)?;
        let mut strands: Vec<Strand> = recovered.strands.iter().map(Strand::recovered).collect();
        let indexed = strands.iter().enumerate();
        let strand_by_id: HashMap<_, _> =
            indexed.map(|(index, strand)| (strand.id, StrandIndex(index))).collect();
        for record in &recovered.files {
            if let Some(index) = strand_by_id.get(&record.strand) {
                let last_file = &mut strands[index.0].last_file;
                *last_file = last_file.or(Some(record.file));
            }
        }
        let chain_of = |source: &SourceSettings| {
            recovered.chains.iter().find(|chain| chain.source == source.name).cloned()
        };
        Ok(Self {
            chains: settings.sources.iter().map(chain_of).collect(),
            open: settings.sources.iter().map(|_| None).collect(),
            files: FileTable::recovered(&recovered.files, &recovered.old_files, &strand_by_id),
            old: OldFiles::recovered(&recovered),
            uploads: Uploads::new(recovered.unshipped, settings.uploads_max),
            agent: recovered.agent,
            streams_opened: recovered.streams_opened,
            heads: HeadIndex::of(&recovered.strands),
            looking: None,
            strands,
            strand_by_id,
            settings,
            tails,
            spare_buffer: Vec::new(),
            encoder,
            block: Vec::new(),
            clock: UnixMicros(i64::MIN),
            reading: None,
            cut_lines: HashMap::new(),
            elsewhere: HashSet::new(),
            orphans_unchecked: false,
            sealing: None,
            finishing: false,
            progress: Progress::default(),
        })
    }

    /// Takes note of what happened.
    pub fn handle(&mut self, event: Event, now: UnixMicros) {
        self.follow_clock(now);
        match event {
            Event::Scanned { found, elsewhere } => {
                self.elsewhere = elsewhere;
                self.scanned(found, now);
            }
            Event::Grew(found) => {
                self.looking = None;
                self.files.grew(found, now);
            }
            Event::Probed { file, result } => self.probed(file, result, now),
            Event::Read { file, result } => self.read(file, result, now),
            Event::Appended => {}
            Event::Sealed => self.sealed(),
            Event::Uploaded(hash) => self.uploads.done(hash),
            Event::UploadFailed(hash) => self.uploads.failed(hash, now),
            Event::Met => self.old.met(),
            Event::Anchored => self.old.anchored(),
            Event::Remembered => self.files.remembered(),
            Event::Finish => self.finishing = true,
        }
    }

    /// What to do now; `None` when there is nothing before the next event or [`Core::deadline`].
    ///
    /// # Errors
    /// [`CoreError`]: nothing is lost, but the core is of no more use.
    pub fn next_action(&mut self, now: UnixMicros) -> Result<Option<Action>, CoreError> {
        self.follow_clock(now);
        if let meeting @ Some(_) = self.next_meeting() {
            return Ok(meeting);
        }
        if let Some(chunk) = self.uploads.next(now) {
            return Ok(Some(Action::Upload(chunk)));
        }
        if self.sealing.is_some() {
            return Ok(None);
        }
        if let Some(source) = self.source_to_flush(now) {
            return self.flush(source, now).map(Some);
        }
        let may_read = !self.finishing && self.uploads.waiting_bytes() <= self.settings.spool_bytes_max;
        if let Some(action) = self.next_anchoring(may_read) {
            return Ok(Some(action));
        }
        if may_read && let Some(action) = self.next_read(now)? {
            return Ok(Some(action));
        }
        if let anchoring @ Some(_) = self.next_anchoring(false) {
            return Ok(anchoring);
        }
        if self.open.iter().all(Option::is_none) {
            return Ok(self.files.to_remember(&self.strands).map(Action::Remember));
        }
        Ok(None)
    }

    /// When to call [`Core::next_action`] again though nothing happened.
    pub fn deadline(&self) -> Option<UnixMicros> {
        let age_micros = self.settings.chunk_age_max_ms as i64 * 1_000;
        let oldest =
            self.open.iter().flatten().map(|chunk| chunk.opened_at.saturating_add_micros(age_micros));
        oldest.chain(self.uploads.deadline()).min()
    }

    /// The chunk of a source that is due: full, too old, or the last.
    fn source_to_flush(&self, now: UnixMicros) -> Option<usize> {
        let settings = &self.settings;
        let due = |chunk: &OpenChunk| {
            let age_ms = now.micros_since(chunk.opened_at) / 1_000;
            self.finishing
                || chunk.length.0 >= settings.chunk_bytes_max
                || chunk.raw_length.0 >= settings.chunk_raw_bytes_max
                || age_ms >= settings.chunk_age_max_ms as i64
        };
        self.open.iter().position(|chunk| chunk.as_ref().is_some_and(due))
    }

    fn flush(&mut self, source: usize, now: UnixMicros) -> Result<Action, CoreError> {
        if self.open[source].as_ref().is_some_and(|chunk| chunk.gathered() > 0) {
            return self.append(source, now);
        }
        let chunk = self.open[source].take().expect("only a source with an open chunk is flushed");
        self.seal(source, chunk, now)
    }

    fn append(&mut self, source: usize, now: UnixMicros) -> Result<Action, CoreError> {
        let chunk = self.open[source].as_mut().expect("only a source with an open chunk is appended to");
        let begins = chunk.length.0 == 0;
        chunk.encode_block(now, &mut self.encoder, &mut self.block)?;
        Ok(Action::Append { source, begins })
    }

    fn seal(&mut self, source: usize, chunk: OpenChunk, now: UnixMicros) -> Result<Action, CoreError> {
        let (chain, length, raw_length) = (chunk.chain, chunk.length, chunk.raw_length);
        let strands: Vec<StrandIndex> = chunk.strands.iter().copied().collect();
        let (hash, buffer) = chunk.finish();
        self.spare_buffer = buffer;
        let name = self.settings.sources[source].name.clone();
        let key = ChunkName {
            host: self.settings.host.clone(),
            source: name.clone(),
            sealed_at: now,
            agent: self.agent,
            seq: chain.seq,
            hash,
            codec: self.settings.codec,
        }
        .key(&self.settings.key_prefix)?;
        let seal = Box::new(Seal {
            chunk: ChunkRecord { hash, key, length, raw_length, sealed_at: now },
            chain: ChainRecord { source: name, next_seq: chain.seq.next(), last: hash },
            strands: strands.iter().map(|index| self.strands[index.0].record()).collect(),
            files: self.files.records_of(&strands, &self.strands),
            streams_opened: self.streams_opened,
        });
        self.sealing = Some((source, seal.clone()));
        Ok(Action::Seal { source, seal })
    }

    fn sealed(&mut self) {
        let Some((source, seal)) = self.sealing.take() else { return };
        for record in &seal.strands {
            if let Some(index) = self.strand_by_id.get(&record.id) {
                self.strands[index.0].settle();
            }
        }
        self.progress.sealed.0 += seal.chunk.raw_length.0;
        self.progress.sealed_compressed.0 += seal.chunk.length.0;
        self.progress.chunks += 1;
        self.chains[source] = Some(seal.chain);
        self.uploads.add(seal.chunk);
    }

    /// The source's open chunk, opened now if there is none.
    fn open_chunk(&mut self, source: usize, now: UnixMicros) -> &mut OpenChunk {
        let (settings, agent, buffer) = (&self.settings, self.agent, &mut self.spare_buffer);
        let chain = self.chains[source].as_ref();
        self.open[source].get_or_insert_with(|| {
            let chain = Chain {
                seq: chain.map_or(ChunkSeq(0), |chain| chain.next_seq),
                previous: chain.map(|chain| chain.last),
            };
            let provenance = Provenance {
                agent,
                host: settings.host.clone(),
                source: settings.sources[source].name.clone(),
                format_hint: settings.sources[source].format_hint.clone(),
                read_at: now,
                chain: None,
                framing: settings.sources[source].framing.rule().clone(),
                segments: Vec::new(),
            };
            OpenChunk::new(now, chain, provenance, settings.block_bytes_max, std::mem::take(buffer))
        })
    }

    fn add_strand(&mut self, id: StrandId, path: Arc<Path>, file: FileId) -> StrandIndex {
        let index = StrandIndex(self.strands.len());
        self.strands.push(Strand::new(id, path, file));
        self.strand_by_id.insert(id, index);
        index
    }

    fn new_stream(&mut self) -> StrandId {
        let stream = StreamId::derive(self.agent, self.streams_opened);
        self.streams_opened += 1;
        StrandId { stream, generation: Generation(0) }
    }
}
