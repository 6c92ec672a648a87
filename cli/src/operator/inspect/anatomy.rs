//! The parts of an object, as far as its bytes let themselves be read.

use crate::operator::{Fields, bytes as size, count, table, time};
use anyhow::Result;
use headrig_contract::{
    ByteLength, ContentHash, StreamId,
    chunk::{ChunkReader, ForeignReader, Layout, Provenance, Segment},
};
use serde::Serialize;
use std::io::Read;

/// Segments shown to people; `--json` has all.
const SEGMENTS_SHOWN_MAX: usize = 100;
/// Plain bytes of a foreign object that are counted at most: what is loaded of one at most.
const FOREIGN_PLAIN_BYTES_MAX: u64 = 64 << 30;
/// How much of a foreign object is decompressed at once.
const WINDOW_BYTES: usize = 1 << 20;

/// What an object is.
#[derive(Debug, Serialize)]
pub(super) struct Anatomy {
    object: String,
    bytes: u64,
    hash: String,
    /// Whether its name or the ledger promises this hash; none where neither promises any.
    hash_as_promised: Option<bool>,
    layout: &'static str,
    plain_bytes: u64,
    newlines: u64,
    agent: Option<String>,
    host: Option<String>,
    source: Option<String>,
    format_hint: Option<String>,
    seq: Option<u64>,
    previous: Option<String>,
    blocks: Vec<Block>,
    /// What is wrong with it.
    pub(super) problem: Option<String>,
    /// The stream that its rows belong to, where no agent made it.
    stream: Option<String>,
}

#[derive(Debug, Serialize)]
struct Block {
    at: u64,
    bytes: u64,
    plain_bytes: u64,
    newlines: u64,
    read_at: String,
    segments: Vec<SegmentView>,
}

#[derive(Debug, Serialize)]
struct SegmentView {
    stream: String,
    generation: u32,
    offset: u64,
    length: u64,
    path: String,
    modified: String,
    starts_mid_line: bool,
    ends_mid_line: bool,
    cut: bool,
}

impl Anatomy {
    /// The parts of the object `name` of these bytes.
    ///
    /// # Errors
    /// When there is no memory to decompress with.
    pub(super) fn of(name: String, bytes: &[u8], promised: Option<ContentHash>) -> Result<Self> {
        let hash = ContentHash::of(bytes);
        let layout = Layout::of(bytes);
        let mut anatomy = Self {
            object: name,
            bytes: bytes.len() as u64,
            hash: hash.to_string(),
            hash_as_promised: promised.map(|promised| promised == hash),
            layout: layout_name(layout),
            plain_bytes: 0,
            newlines: 0,
            agent: None,
            host: None,
            source: None,
            format_hint: None,
            seq: None,
            previous: None,
            blocks: Vec::new(),
            problem: None,
            stream: None,
        };
        match layout {
            Layout::ChunkGzip | Layout::ChunkZstd => anatomy.read_chunk(bytes),
            Layout::Gzip | Layout::Zstd | Layout::Plain => {
                anatomy.stream = Some(StreamId::of_foreign_object(hash).to_string());
                anatomy.read_foreign(layout, bytes)?;
            }
        }
        if let Some(promised) = promised.filter(|promised| *promised != hash) {
            anatomy.problem.get_or_insert(format!("expected bytes with SHA-256 {promised}, found {hash}"));
        }
        Ok(anatomy)
    }

    fn read_chunk(&mut self, bytes: &[u8]) {
        let (mut reader, mut raw) = (ChunkReader::new(bytes), Vec::new());
        loop {
            let at = reader.position();
            match reader.next_block(&mut raw) {
                Ok(Some(provenance)) => self.add_block((at, reader.position()), &provenance, &raw),
                Ok(None) => return,
                Err(error) => {
                    self.problem = Some(error.to_string());
                    return;
                }
            }
        }
    }

    fn add_block(&mut self, (from, to): (usize, usize), provenance: &Provenance, raw: &[u8]) {
        if self.blocks.is_empty() {
            self.agent = Some(provenance.agent.to_string());
            self.host = Some(provenance.host.to_string());
            self.source = Some(provenance.source.to_string());
            self.format_hint = Some(provenance.format_hint.to_string()).filter(|hint| !hint.is_empty());
        }
        if let Some(chain) = provenance.chain {
            self.seq = Some(chain.seq.0);
            self.previous = chain.previous.map(|hash| hash.to_string());
        }
        let block = Block {
            at: from as u64,
            bytes: (to - from) as u64,
            plain_bytes: raw.len() as u64,
            newlines: newlines(raw),
            read_at: time(provenance.read_at),
            segments: provenance.segments.iter().map(SegmentView::from).collect(),
        };
        self.plain_bytes += block.plain_bytes;
        self.newlines += block.newlines;
        self.blocks.push(block);
    }

    fn read_foreign(&mut self, layout: Layout, bytes: &[u8]) -> Result<()> {
        let mut reader = ForeignReader::new(layout, bytes)?.take(FOREIGN_PLAIN_BYTES_MAX);
        let mut window = vec![0; WINDOW_BYTES];
        loop {
            match reader.read(&mut window) {
                Ok(0) => break,
                Ok(read) => {
                    self.plain_bytes += read as u64;
                    self.newlines += newlines(&window[..read]);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.problem = Some(format!("does not decompress: {error}"));
                    break;
                }
            }
        }
        if self.plain_bytes == FOREIGN_PLAIN_BYTES_MAX {
            self.problem = Some(format!("holds {FOREIGN_PLAIN_BYTES_MAX} plain bytes or more; split it"));
        }
        Ok(())
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let mut fields = Fields::new();
        fields.add("object", self.object.clone());
        fields.add("layout", self.layout);
        let promise = match self.hash_as_promised {
            Some(true) => " (as promised)",
            Some(false) => " (NOT as promised)",
            None => "",
        };
        fields.add("hash", format!("{}{promise}", self.hash));
        let plain = size(ByteLength(self.plain_bytes));
        fields.add("size", format!("{}, {plain} plain", size(ByteLength(self.bytes))));
        fields.add("newlines", count(self.newlines));
        fields.add("agent", text(&self.agent));
        fields.add("host", text(&self.host));
        fields.add("source", text(&self.source));
        fields.add("format hint", text(&self.format_hint));
        fields.add("number", self.seq.map(|seq| seq.to_string()).unwrap_or_default());
        let first = self.seq.map(|_| "none, it is the first".into());
        fields.add("previous", self.previous.clone().or(first).unwrap_or_default());
        fields.add("stream", text(&self.stream));
        fields.add("PROBLEM", text(&self.problem));
        let mut text = fields.text();
        if !self.blocks.is_empty() {
            text += &format!("\n{}\n{}", self.blocks_text(), self.segments_text());
        }
        text
    }

    fn blocks_text(&self) -> String {
        let rows = self.blocks.iter().enumerate().map(|(number, block)| {
            vec![
                number.to_string(),
                block.at.to_string(),
                count(block.bytes),
                count(block.plain_bytes),
                count(block.newlines),
                block.segments.len().to_string(),
                block.read_at.clone(),
            ]
        });
        table(&[">block", ">at", ">bytes", ">plain", ">newlines", ">segments", "read at"], rows)
    }

    fn segments_text(&self) -> String {
        let all = self.blocks.iter().enumerate();
        let all = all.flat_map(|(number, block)| block.segments.iter().map(move |segment| (number, segment)));
        let total: usize = self.blocks.iter().map(|block| block.segments.len()).sum();
        let rows = all.take(SEGMENTS_SHOWN_MAX).map(|(number, segment)| {
            vec![
                number.to_string(),
                segment.stream.clone(),
                segment.generation.to_string(),
                segment.offset.to_string(),
                segment.length.to_string(),
                segment.edges().into(),
                segment.path.clone(),
            ]
        });
        let head = [">block", "stream", ">generation", ">offset", ">length", "edges", "path"];
        let mut text = table(&head, rows);
        if total > SEGMENTS_SHOWN_MAX {
            text += &format!("and {} more; --json has all\n", count((total - SEGMENTS_SHOWN_MAX) as u64));
        }
        text
    }
}

impl SegmentView {
    fn edges(&self) -> &'static str {
        match (self.starts_mid_line, self.ends_mid_line) {
            (false, false) => "whole lines",
            (true, false) => "starts mid line",
            (false, true) => "ends mid line",
            (true, true) => "mid line",
        }
    }
}

impl From<&Segment> for SegmentView {
    fn from(segment: &Segment) -> Self {
        Self {
            stream: segment.stream.to_string(),
            generation: segment.generation.0,
            offset: segment.offset.0,
            length: segment.length.0,
            path: segment.path.to_string(),
            modified: time(segment.modified),
            starts_mid_line: segment.edges.starts_mid_line,
            ends_mid_line: segment.edges.ends_mid_line,
            cut: segment.edges.cut,
        }
    }
}

const fn layout_name(layout: Layout) -> &'static str {
    match layout {
        Layout::ChunkGzip => "chunk-gzip",
        Layout::ChunkZstd => "chunk-zstd",
        Layout::Gzip => "gzip",
        Layout::Zstd => "zstd",
        Layout::Plain => "plain",
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}
