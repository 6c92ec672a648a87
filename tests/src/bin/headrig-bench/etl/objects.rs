//! The objects of a batch, cut from a log as an agent cuts them: zstd blocks of whole lines, at most 1 MiB each.

use anyhow::{Context, Result, ensure};
use headrig_contract::{
    AgentId, ByteLength, ByteOffset, Generation, HostName, StreamId, UnixMicros,
    chunk::{BLOCK_BYTES_MAX, BlockEncoder, Codec, Provenance, Segment, SegmentEdges},
    framing::FramingRule,
};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

/// Lines are gathered until a block might not have room for one more that a generator makes.
pub(super) const LINE_BYTES_RESERVED: usize = 32 << 10;
/// When the blocks are said to have been read: after all that the generated lines say.
const READ_AT: UnixMicros = UnixMicros::from_seconds(1_800_000_000);

/// Where one object ends.
#[derive(Clone, Copy)]
pub(super) enum Until {
    RawBytes(u64),
    StoredBytes(u64),
}

/// Objects in a folder, named so that their order by name is that of their lines.
pub(super) struct Objects {
    pub(super) folder: PathBuf,
    pub(super) number: usize,
    pub(super) raw_bytes: u64,
    pub(super) stored_bytes: u64,
    pub(super) lines: u64,
    encoder: BlockEncoder,
}

impl Objects {
    /// The whole of `log` in objects.
    pub(super) fn of_log(folder: PathBuf, log: &Path, until: Until) -> Result<Self> {
        let mut input =
            BufReader::with_capacity(BLOCK_BYTES_MAX, File::open(log).context("opening the log")?);
        let mut line = Vec::new();
        let mut next_block = |block: &mut Vec<u8>| -> Result<()> {
            loop {
                if block.len() + line.len() > BLOCK_BYTES_MAX {
                    return Ok(());
                }
                block.append(&mut line);
                if input.read_until(b'\n', &mut line)? == 0 {
                    return Ok(());
                }
                ensure!(line.len() <= BLOCK_BYTES_MAX, "the log has a line of more than a block");
            }
        };
        let mut objects = Self::none(folder)?;
        while objects.add_object(until, &mut next_block)? {}
        Ok(objects)
    }

    /// `number` objects of lines that `push_line` appends.
    pub(super) fn of_generated(
        folder: PathBuf,
        mut push_line: impl FnMut(&mut String),
        number: usize,
        until: Until,
    ) -> Result<Self> {
        let mut text = String::new();
        let mut next_block = |block: &mut Vec<u8>| -> Result<()> {
            text.clear();
            while text.len() + LINE_BYTES_RESERVED < BLOCK_BYTES_MAX {
                push_line(&mut text);
            }
            block.extend_from_slice(text.as_bytes());
            Ok(())
        };
        let mut objects = Self::none(folder)?;
        for _ in 0..number {
            objects.add_object(until, &mut next_block)?;
        }
        Ok(objects)
    }

    fn none(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder)?;
        let encoder = BlockEncoder::new(Codec::Zstd, Codec::Zstd.default_level())?;
        Ok(Self { folder, number: 0, raw_bytes: 0, stored_bytes: 0, lines: 0, encoder })
    }

    /// Writes one more object; false where there are no more lines.
    fn add_object(
        &mut self,
        until: Until,
        next_block: &mut impl FnMut(&mut Vec<u8>) -> Result<()>,
    ) -> Result<bool> {
        let (mut object, mut block) = (Vec::new(), Vec::new());
        let begun = self.raw_bytes;
        let has_room = |raw_bytes: u64, object: &[u8]| match until {
            Until::RawBytes(bytes) => raw_bytes - begun < bytes,
            Until::StoredBytes(bytes) => (object.len() as u64) < bytes,
        };
        while has_room(self.raw_bytes, &object) {
            block.clear();
            next_block(&mut block)?;
            if block.is_empty() {
                break;
            }
            self.encoder.encode(&provenance(self.raw_bytes, block.len()), &block, &mut object)?;
            self.raw_bytes += block.len() as u64;
            self.lines += block.split_inclusive(|byte| *byte == b'\n').count() as u64;
        }
        if object.is_empty() {
            return Ok(false);
        }
        fs::write(self.folder.join(format!("{:03}.log.zst", self.number)), &object)?;
        self.number += 1;
        self.stored_bytes += object.len() as u64;
        Ok(true)
    }
}

fn provenance(offset: u64, length: usize) -> Provenance {
    let agent = AgentId::from_bytes([7; 16]);
    let segment = Segment {
        stream: StreamId::derive(agent, 0),
        path: "/var/log/nginx/access.log".into(),
        generation: Generation(0),
        offset: ByteOffset(offset),
        length: ByteLength(length as u64),
        modified: READ_AT,
        edges: SegmentEdges::default(),
    };
    Provenance {
        agent,
        host: HostName::from_lossy("bench"),
        source: "nginx".parse().expect("letters make a source's name"),
        format_hint: "".into(),
        read_at: READ_AT,
        chain: None,
        framing: FramingRule::default(),
        segments: vec![segment],
    }
}
