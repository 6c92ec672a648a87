//! What must be true of the bucket, whatever happened: byte for byte.

use crate::{
    logs::{BANNER, Life},
    world::World,
};
use headrig_contract::{
    ContentHash,
    chunk::{Chain, ChunkReader, Provenance},
};
use std::collections::BTreeMap;

/// A strand's bytes by their offsets.
type Runs = BTreeMap<u64, Vec<u8>>;

/// What the bucket holds, read through the public format alone.
#[derive(Debug, Default)]
struct Shipped {
    strands: BTreeMap<(String, u32), Runs>,
    chains: BTreeMap<String, BTreeMap<u64, (Option<ContentHash>, ContentHash)>>,
    raw_bytes: u64,
}

impl Shipped {
    fn of(objects: &BTreeMap<String, Vec<u8>>) -> Self {
        let mut shipped = Self::default();
        for (key, bytes) in objects {
            let hash = ContentHash::of(bytes);
            assert!(key.contains(&hash.to_string()), "an object is named after its bytes");
            let (mut reader, mut raw, mut first) = (ChunkReader::new(bytes), Vec::new(), true);
            while let Some(provenance) = reader.next_block(&mut raw).unwrap() {
                shipped.take_segments(&provenance, &raw);
                assert_eq!(
                    first,
                    provenance.chain.is_some(),
                    "the first block, and no other, tells the chain"
                );
                if let Some(chain) = provenance.chain {
                    shipped.take_link(provenance.source.as_str(), chain, hash);
                }
                first = false;
            }
        }
        shipped
    }

    fn take_segments(&mut self, provenance: &Provenance, raw: &[u8]) {
        let mut rest = raw;
        for segment in &provenance.segments {
            let (bytes, tail) = rest.split_at(segment.length.0 as usize);
            rest = tail;
            let runs = self.strands.entry((segment.stream.to_string(), segment.generation.0)).or_default();
            assert!(runs.insert(segment.offset.0, bytes.to_vec()).is_none(), "two segments at one offset");
            assert_eq!(
                segment.edges.ends_mid_line,
                bytes.last() != Some(&b'\n'),
                "a segment tells its edges"
            );
        }
        assert!(rest.is_empty(), "the segments of a block add up to its bytes");
        self.raw_bytes += raw.len() as u64;
    }

    fn take_link(&mut self, source: &str, chain: Chain, hash: ContentHash) {
        let links = self.chains.entry(source.into()).or_default();
        let other = links.insert(chain.seq.0, (chain.previous, hash));
        assert!(other.is_none(), "two objects have number {} of {source}", chain.seq.0);
    }

    /// Each strand in one piece.
    fn whole_strands(&self) -> Vec<Vec<u8>> {
        self.strands
            .iter()
            .map(|(strand, runs)| {
                let mut bytes = Vec::new();
                for (offset, run) in runs {
                    assert_eq!(*offset, bytes.len() as u64, "{strand:?} has a gap or an overlap");
                    bytes.extend_from_slice(run);
                }
                bytes
            })
            .collect()
    }

    fn check_chains(&self) {
        for (source, links) in &self.chains {
            let mut last = None;
            for (number, (seq, (previous, hash))) in links.iter().enumerate() {
                assert_eq!(*seq, number as u64, "the chain of {source} has a gap");
                assert_eq!(*previous, last, "number {seq} of {source} names the one before it");
                last = Some(*hash);
            }
        }
    }
}

impl World {
    /// What the bucket holds of each strand, for whoever looks for a fault.
    pub(crate) fn inventory(&self) -> Vec<String> {
        let mut paths: BTreeMap<(String, u32), Vec<String>> = BTreeMap::new();
        for bytes in self.bucket.objects.values() {
            let (mut reader, mut raw) = (ChunkReader::new(bytes), Vec::new());
            while let Ok(Some(provenance)) = reader.next_block(&mut raw) {
                let mut rest = raw.as_slice();
                for segment in &provenance.segments {
                    let (bytes, tail) = rest.split_at(segment.length.0 as usize);
                    rest = tail;
                    let numbers: Vec<usize> = lines(bytes).filter_map(number_of).collect();
                    let range = segment.offset.0..segment.offset.0 + segment.length.0;
                    let text = format!("{range:?} of {} with lines {numbers:?}", segment.path);
                    paths.entry((segment.stream.to_string(), segment.generation.0)).or_default().push(text);
                }
            }
        }
        paths.into_iter().map(|(strand, runs)| format!("{strand:?}: {}", runs.join("; "))).collect()
    }

    /// Everything that is complete, and was there to be read, is in the bucket.
    pub(crate) fn check_settled(&self) {
        let mut required = self.logs.readable();
        for (life, required) in self.logs.lives.iter().zip(&mut required) {
            let (pinned, run) = life.pinned.unwrap_or_default();
            if run == self.agent.run {
                *required = (*required).max(pinned);
            }
            *required =
                life.bytes[..*required].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        }
        self.check(&required);
    }

    /// The same, last lines without newline included, and the books are balanced.
    pub(crate) fn check_finished(&self) {
        let shipped = self.check(&self.logs.readable());
        let shipper = self.agent.shipper.as_ref().expect("the last run was not ended");
        let progress = shipper.progress();
        assert_eq!(progress.read, progress.sealed, "all that was read is sealed");
        let sealed: u64 = self.state.0.sealed.borrow().values().map(|chunk| chunk.raw_length.0).sum();
        assert_eq!(sealed, shipped.raw_bytes, "all that was sealed is stored");
        let told = self.agent.told_lost + progress.lost.0;
        let missing = self.missing(&shipped);
        assert!(told <= missing, "{told} bytes told as lost, of {missing} that were seen and are missing");
    }

    /// The bytes that the agent read or saw in its scans and that are not in the bucket. A strand of no more than the
    /// banner could be any life's, and is taken for none's.
    fn missing(&self, shipped: &Shipped) -> u64 {
        let strands: Vec<Vec<u8>> =
            shipped.whole_strands().into_iter().filter(|bytes| bytes.len() > BANNER.len()).collect();
        let read = self.disk.0.read.borrow();
        let missing_of = |(number, life): (usize, &Life)| {
            let seen = life.seen.max(read.get(&number).copied().unwrap_or(0));
            let of_it = strands.iter().filter(|bytes| life.bytes.starts_with(bytes));
            seen.saturating_sub(of_it.map(Vec::len).max().unwrap_or(0)) as u64
        };
        self.logs.lives.iter().enumerate().map(missing_of).sum()
    }

    fn check(&self, required: &[usize]) -> Shipped {
        let shipped = Shipped::of(&self.bucket.objects);
        shipped.check_chains();
        let strands = shipped.whole_strands();
        let lives = &self.logs.lives;
        for (bytes, id) in strands.iter().zip(shipped.strands.keys()) {
            let is_true = lives.iter().any(|life| life.bytes.starts_with(bytes));
            assert!(is_true, "{id:?} is not what any file held: {:?}", String::from_utf8_lossy(bytes));
        }
        let mut counts = vec![0; self.logs.lines_written as usize + 1];
        for number in strands.iter().flat_map(|bytes| lines(bytes)).filter_map(number_of) {
            counts[number] += 1;
            assert!(counts[number] <= 1, "line {number} was shipped {} times", counts[number]);
        }
        for (life, required) in lives.iter().zip(required) {
            for number in lines(&life.bytes[..*required]).filter_map(number_of) {
                let Life { bytes, pinned, destroyed, .. } = life;
                assert!(
                    counts[number] == 1,
                    "line {number} was lost, of {} bytes of which {required} were there, {destroyed} destroyed, open: {pinned:?}",
                    bytes.len()
                );
            }
        }
        shipped
    }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n')
}

/// The number of a line of which enough is there.
fn number_of(line: &[u8]) -> Option<usize> {
    let line = line.strip_prefix(b"\tat ").unwrap_or(line).strip_prefix(b"line ")?;
    std::str::from_utf8(line.get(..6)?).ok()?.parse().ok()
}
