//! Log events of CloudWatch Logs become chunks in headrig's own format, and join the lake like any host's.
//!
//! It knows nothing of where chunks go. Invariant: the chunk, its key included, is a pure function of the
//! subscription's data, so that data which is delivered twice makes one object. Each delivery is a stream of its own,
//! since nothing tells how much of the log stream came before it.

use crate::{
    events::{LogBatch, LogEvent},
    ports::Figure,
    settings::Settings,
    sink::{Reply, Sink, SinkError, done},
};
use headrig_contract::{
    AgentId, ByteLength, ByteOffset, ChunkSeq, ContentHash, Generation, HostName, ObjectKey, SourceName,
    StreamId, UnixMicros,
    chunk::{
        BLOCK_BYTES_MAX, BlockEncoder, Codec, EncodeError, PROVENANCE_BYTES_MAX, Provenance, Segment,
        SegmentEdges,
    },
    framing::FramingRule,
    key::{ChunkName, KeyError},
};
use headrig_ledger::Ledger;
use std::sync::Arc;

/// Why log events could not be made a chunk.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The format does not take them.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The prefix of the settings makes no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The group's name makes no source's.
    #[error(transparent)]
    Source(#[from] headrig_contract::ids::IdError),
}

/// A chunk to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectedChunk {
    /// Where.
    pub key: ObjectKey,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their SHA-256.
    pub hash: ContentHash,
}

impl<L: Ledger> Sink<'_, L> {
    pub(crate) fn collect(&self, batch: &LogBatch) -> Result<Reply, SinkError> {
        let Some(chunk) = chunk_of(batch, self.settings)? else {
            return Ok(done("no log events to collect".into()));
        };
        let CollectedChunk { key, bytes, hash } = chunk;
        self.ports.objects.put_if_absent(&key, bytes, hash)?;
        self.count(Figure::LogEventsCollected, batch.events.len());
        tracing::info!(%key, events = batch.events.len(), group = batch.group, "collected log events");
        Ok(done(format!("stored {} log events as {key}", batch.events.len())))
    }
}

/// The chunk of these log events; none where there are none.
///
/// Each event is its message with a newline behind it where it has none. The time that CloudWatch gives it counts
/// for lines that tell none themselves.
///
/// # Errors
/// [`CollectError`], which only a wrong prefix should make.
pub fn chunk_of(batch: &LogBatch, settings: &Settings) -> Result<Option<CollectedChunk>, CollectError> {
    let Some(last) = batch.events.iter().map(|event| event.at_millis).max() else { return Ok(None) };
    let identity = identity(batch);
    let mut leading = [0; 16];
    leading.copy_from_slice(&identity.as_bytes()[..16]);
    let (agent, read_at) = (AgentId::from_bytes(leading), millis(last));
    let source: SourceName = HostName::from_lossy(batch.group.trim_matches('/')).as_str().parse()?;
    let host = settings.collector_host.clone();
    let mut chunk = Blocks {
        encoder: BlockEncoder::new(Codec::Zstd, Codec::Zstd.default_level())?,
        provenance: Provenance {
            agent,
            host: host.clone(),
            source: source.clone(),
            format_hint: "".into(),
            framing: FramingRule::default(),
            read_at,
            chain: None,
            segments: Vec::new(),
        },
        stream: StreamId::derive(agent, 0),
        path: format!("{}:{}", batch.group, batch.stream).into(),
        raw: Vec::new(),
        offset: ByteOffset(0),
        out: Vec::new(),
    };
    batch.events.iter().try_for_each(|event| chunk.push(event))?;
    chunk.close()?;
    let hash = ContentHash::of(&chunk.out);
    let codec = chunk.encoder.codec();
    // Number 0 of an agent that makes no other chunk: there is no chain, and no gap in one.
    let name = ChunkName { host, source, sealed_at: read_at, agent, seq: ChunkSeq(0), hash, codec };
    Ok(Some(CollectedChunk { key: name.key(&settings.prefix)?, bytes: chunk.out, hash }))
}

/// What the delivery is, whatever its messages say: each part with its length before it, so that none runs into
/// another.
fn identity(batch: &LogBatch) -> ContentHash {
    let mut bytes = b"headrig collector 1".to_vec();
    let ids = batch.events.iter().map(|event| event.id.as_str());
    for part in [batch.owner.as_str(), &batch.group, &batch.stream].into_iter().chain(ids) {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    ContentHash::of(&bytes)
}

/// The chunk in the making: blocks that are closed, and one that is open.
struct Blocks {
    encoder: BlockEncoder,
    provenance: Provenance,
    stream: StreamId,
    path: Arc<str>,
    raw: Vec<u8>,
    offset: ByteOffset,
    out: Vec<u8>,
}

impl Blocks {
    fn push(&mut self, event: &LogEvent) -> Result<(), CollectError> {
        let message = event.message.as_bytes();
        let newline: &[u8] = if message.ends_with(b"\n") { b"" } else { b"\n" };
        let mut rest = [message, newline].concat();
        let mut starts_mid_line = false;
        // CloudWatch takes events of at most 1 MiB, which with the newline may be one byte too many.
        while rest.len() > BLOCK_BYTES_MAX {
            let behind = rest.split_off(BLOCK_BYTES_MAX);
            let cut = rest.last() != Some(&b'\n');
            self.put(event, &rest, SegmentEdges { starts_mid_line, ends_mid_line: cut, cut })?;
            (rest, starts_mid_line) = (behind, cut);
        }
        self.put(event, &rest, SegmentEdges { starts_mid_line, ..SegmentEdges::default() })
    }

    /// Events of the same time share a segment: it has the time.
    fn put(&mut self, event: &LogEvent, bytes: &[u8], edges: SegmentEdges) -> Result<(), CollectError> {
        let segment_bytes = Segment::encoded_bytes_max(self.path.len());
        let used = self.provenance.fixed_bytes_max() + segment_bytes * (self.provenance.segments.len() + 1);
        if self.raw.len() + bytes.len() > BLOCK_BYTES_MAX || used > PROVENANCE_BYTES_MAX {
            self.close()?;
        }
        let length = ByteLength(bytes.len() as u64);
        let modified = millis(event.at_millis);
        let whole = SegmentEdges::default();
        match self.provenance.segments.last_mut() {
            Some(last) if last.modified == modified && last.edges == whole && edges == whole => {
                last.length.0 += length.0;
            }
            _ => self.provenance.segments.push(Segment {
                stream: self.stream,
                path: self.path.clone(),
                generation: Generation::default(),
                offset: self.offset,
                length,
                modified,
                edges,
            }),
        }
        self.raw.extend_from_slice(bytes);
        self.offset = self.offset.plus(length);
        Ok(())
    }

    fn close(&mut self) -> Result<(), CollectError> {
        if !self.raw.is_empty() {
            self.encoder.encode(&self.provenance, &self.raw, &mut self.out)?;
            self.provenance.segments.clear();
            self.raw.clear();
        }
        Ok(())
    }
}

fn millis(millis: i64) -> UnixMicros {
    UnixMicros(millis.saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use headrig_contract::chunk::ChunkReader;

    fn event(id: usize, at_millis: i64, message: &str) -> LogEvent {
        LogEvent { id: id.to_string(), at_millis, message: message.into() }
    }

    fn batch(events: Vec<LogEvent>) -> LogBatch {
        LogBatch {
            owner: "1".into(),
            group: "/aws/lambda/shop".into(),
            stream: "2026/[$LATEST]a".into(),
            events,
        }
    }

    fn chunk(batch: &LogBatch) -> CollectedChunk {
        chunk_of(batch, &Settings::for_bucket("logs")).unwrap().unwrap()
    }

    /// The plain bytes, and for each segment its time and length.
    fn read(chunk: &CollectedChunk) -> (Vec<u8>, Vec<(i64, u64)>) {
        let (mut plain, mut segments) = (Vec::new(), Vec::new());
        let mut reader = ChunkReader::new(&chunk.bytes);
        let mut raw = Vec::new();
        while let Some(provenance) = reader.next_block(&mut raw).unwrap() {
            for segment in &provenance.segments {
                assert_eq!(segment.offset.0, segments.iter().map(|(_, length)| length).sum::<u64>());
                segments.push((segment.modified.0 / 1_000, segment.length.0));
            }
            plain.extend_from_slice(&raw);
        }
        (plain, segments)
    }

    #[test]
    fn events_are_lines_with_the_times_of_cloudwatch() {
        let events = vec![event(1, 5, "a"), event(2, 5, "b\n"), event(3, 7, ""), event(4, 6, "c\nd")];
        let chunk = chunk(&batch(events));
        assert_eq!(read(&chunk), (b"a\nb\n\nc\nd\n".to_vec(), vec![(5, 4), (7, 1), (6, 4)]));
        assert!(chunk.key.as_str().starts_with("host=cloudwatch/source=aws-lambda-shop/1970/01/01/"));
        assert_eq!(chunk.key.content_hash(), Some(ContentHash::of(&chunk.bytes)));
    }

    #[test]
    fn the_same_delivery_makes_the_same_object_and_another_one_another() {
        let one = batch(vec![event(1, 5, "a")]);
        assert_eq!(chunk(&one), chunk(&one));
        let other = batch(vec![event(2, 5, "a")]);
        assert_ne!(chunk(&one).hash, chunk(&other).hash);
        let split =
            LogBatch { group: "/aws/lambda/sho".into(), stream: "p2026/[$LATEST]a".into(), ..one.clone() };
        assert_ne!(identity(&one), identity(&split));
        assert_eq!(chunk_of(&batch(Vec::new()), &Settings::for_bucket("logs")).unwrap(), None);
    }

    #[test]
    fn many_and_long_events_take_several_blocks() {
        let long = "x".repeat(BLOCK_BYTES_MAX);
        let mut events: Vec<_> = (0..3_000).map(|number| event(number, number as i64, "line")).collect();
        events.push(event(9_999, 9_999, &long));
        let (plain, segments) = read(&chunk(&batch(events)));
        assert_eq!(plain.len(), 3_000 * 5 + BLOCK_BYTES_MAX + 1);
        assert_eq!(segments.len(), 3_000 + 2);
    }
}
