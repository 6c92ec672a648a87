//! What lies in the upload bucket: real chunks, as agents make them, and what others have put there.

use anyhow::Result;
use headrig_contract::{
    AgentId, ByteLength, ByteOffset, ChunkSeq, ContentHash, Generation, HostName, StreamId, UnixMicros,
    chunk::{BlockEncoder, Codec, Provenance, Segment, SegmentEdges},
    framing::FramingRule,
    key::ChunkName,
};

/// An object before it is stored.
pub(crate) struct Object {
    pub(crate) key: String,
    pub(crate) bytes: Vec<u8>,
    /// Whether whoever stores it gives its SHA-256.
    pub(crate) is_summed: bool,
    pub(crate) lines: u64,
}

impl Object {
    pub(crate) fn hash(&self) -> ContentHash {
        ContentHash::of(&self.bytes)
    }
}

/// The chunk of that number, of one of ten agents.
pub(crate) fn chunk(number: u64) -> Result<Object> {
    let (agent, seq) = (AgentId::from_bytes([(number % 10) as u8; 16]), ChunkSeq(number / 10));
    let host = HostName::from_lossy(&format!("web-{}", number % 10));
    let lines = 1 + number % 7;
    let text: String = (0..lines).map(|line| format!("line {line} of chunk {number}\n")).collect();
    let read_at = UnixMicros::from_seconds(1_790_000_000);
    let segment = Segment {
        stream: StreamId::derive(agent, 0),
        path: "/var/log/app.log".into(),
        generation: Generation::default(),
        offset: ByteOffset(number * 1_000),
        length: ByteLength(text.len() as u64),
        modified: read_at,
        edges: SegmentEdges::default(),
    };
    let provenance = Provenance {
        agent,
        host: host.clone(),
        source: "app".parse()?,
        format_hint: "".into(),
        framing: FramingRule::default(),
        read_at,
        chain: None,
        segments: vec![segment],
    };
    let mut bytes = Vec::new();
    BlockEncoder::new(Codec::Zstd, 3)?.encode(&provenance, text.as_bytes(), &mut bytes)?;
    let hash = ContentHash::of(&bytes);
    let name =
        ChunkName { host, source: "app".parse()?, sealed_at: read_at, agent, seq, hash, codec: Codec::Zstd };
    Ok(Object { key: name.key("")?.as_str().into(), bytes, is_summed: true, lines })
}

/// A file that no agent made, under a key that an event has to encode, without a checksum.
pub(crate) fn foreign(number: u64) -> Object {
    let lines = 1 + number % 3;
    let bytes = (0..lines).map(|line| format!("foreign {number} {line}\n")).collect::<String>().into();
    Object { key: format!("old logs/ä+b={number}.log"), bytes, is_summed: false, lines }
}
