//! What was written, held against what a bucket holds: every line counted, none trusted.
//!
//! Knows the contract's chunk reader and the bucket, not the agent. Invariant: a line is delivered only where
//! it is byte for byte one that was written; anything else in the bucket is garbled.

use crate::ministack::Ministack;
use anyhow::{Context, Result, ensure};
use headrig_contract::{
    ContentHash, ObjectKey,
    chunk::{Chain, ChunkReader},
};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

/// Lines, each as often as it was written.
#[derive(Debug, Default)]
pub struct Oracle {
    written: HashMap<Box<str>, u64>,
    lines: u64,
    bytes: u64,
}

/// How it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines written.
    pub written: u64,
    /// Lines that arrived, each at most as often as it was written.
    pub delivered: u64,
    /// Lines that did not arrive.
    pub lost: u64,
    /// Lines that arrived once more than they were written.
    pub duplicated: u64,
    /// Lines that arrived and were never written.
    pub garbled: u64,
    /// The bytes of the lines that did not arrive.
    pub lost_bytes: u64,
}

/// What a bucket holds, as far as it was read. Objects do not change, so each is read once.
#[derive(Debug, Default)]
pub struct Delivery {
    lines: HashMap<Box<str>, u64>,
    count: u64,
    chunks: BTreeMap<String, Chunk>,
}

#[derive(Debug)]
struct Chunk {
    /// The key but for the hash: host, source and agent.
    chain: String,
    link: Chain,
    hash: ContentHash,
}

impl Oracle {
    /// These lines, each with its newline, were written once more.
    pub fn wrote(&mut self, text: &str) {
        for line in text.split_inclusive('\n') {
            *self.written.entry(line.into()).or_default() += 1;
            self.lines += 1;
            self.bytes += line.len() as u64;
        }
    }

    /// Lines written.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Their bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What was written against what was delivered.
    pub fn tally(&self, delivery: &Delivery) -> Tally {
        let mut tally = Tally { written: self.lines, ..Tally::default() };
        for (line, &written) in &self.written {
            let found = delivery.lines.get(line).copied().unwrap_or_default();
            tally.delivered += found.min(written);
            tally.duplicated += found.saturating_sub(written);
            let lost = written.saturating_sub(found);
            tally.lost += lost;
            tally.lost_bytes += lost * line.len() as u64;
        }
        tally.garbled = delivery.count - tally.delivered - tally.duplicated;
        tally
    }

    /// A few lines that are not as they should be, for a failure's message.
    pub fn examples(&self, delivery: &Delivery) -> String {
        const SHOWN_MAX: usize = 5;
        let count = |counts: &HashMap<Box<str>, u64>, line| counts.get(line).copied().unwrap_or_default();
        let every = self.written.keys().chain(delivery.lines.keys());
        let mut wrong: Vec<String> = every
            .filter_map(|line| {
                let (written, found) = (count(&self.written, line), count(&delivery.lines, line));
                (written != found).then(|| format!("{line:?}: written {written}, found {found}"))
            })
            .collect();
        wrong.sort_unstable();
        wrong.dedup();
        wrong.truncate(SHOWN_MAX);
        wrong.join("\n")
    }
}

impl Delivery {
    /// Reads what came to `bucket` since the last time.
    ///
    /// # Errors
    /// When an object is not the chunk that its key names.
    pub fn read(&mut self, store: &Ministack, bucket: &str) -> Result<()> {
        for key in store.keys(bucket)? {
            if !self.chunks.contains_key(&key) {
                let object = store.object(bucket, &key)?;
                let chunk = self.take(&key, &object).with_context(|| format!("object {key}"))?;
                self.chunks.insert(key, chunk);
            }
        }
        Ok(())
    }

    /// Lines read so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Objects read so far.
    pub fn objects(&self) -> usize {
        self.chunks.len()
    }

    /// The keys read so far.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.chunks.keys().map(String::as_str)
    }

    /// Checks that each agent's chunks of a source are numbered from 0 on and each names the one before.
    ///
    /// # Errors
    /// Where a chain has a gap or a fork.
    pub fn chains_are_whole(&self) -> Result<()> {
        let mut chains: BTreeMap<&str, BTreeMap<u64, &Chunk>> = BTreeMap::new();
        for chunk in self.chunks.values() {
            let twin = chains.entry(&chunk.chain).or_default().insert(chunk.link.seq.0, chunk);
            ensure!(twin.is_none(), "two chunks {} of {}", chunk.link.seq.0, chunk.chain);
        }
        for (name, chain) in chains {
            let mut previous = None;
            for (expected, (seq, chunk)) in (0..).zip(chain) {
                ensure!(seq == expected, "{name}: expected chunk {expected}, found {seq}");
                ensure!(
                    chunk.link.previous == previous,
                    "{name}: chunk {seq} names another as the one before"
                );
                previous = Some(chunk.hash);
            }
        }
        Ok(())
    }

    fn take(&mut self, key: &str, object: &[u8]) -> Result<Chunk> {
        let hash = ContentHash::of(object);
        ensure!(ObjectKey::parse(key)?.content_hash() == Some(hash), "the key does not name the hash {hash}");
        let (mut reader, mut raw) = (ChunkReader::new(object), Vec::new());
        let mut first = None;
        while let Some(provenance) = reader.next_block(&mut raw)? {
            for line in raw.split_inclusive(|&byte| byte == b'\n') {
                *self.lines.entry(String::from_utf8_lossy(line).into()).or_default() += 1;
                self.count += 1;
            }
            first.get_or_insert(provenance);
        }
        let first = first.context("a chunk without a block")?;
        let link = first.chain.context("the first block of a chunk has its place in the chain")?;
        let chain = format!("host={}/source={}/{}", first.host, first.source, first.agent);
        Ok(Chunk { chain, link, hash })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { written, delivered, lost, duplicated, garbled, .. } = self;
        write!(f, "{written} | {delivered} | {lost} | {duplicated} | {garbled}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(lines: &[&str]) -> Delivery {
        let mut delivery = Delivery { count: lines.len() as u64, ..Delivery::default() };
        lines.iter().for_each(|line| *delivery.lines.entry((*line).into()).or_default() += 1);
        delivery
    }

    #[test]
    fn each_way_to_be_wrong_is_counted_as_what_it_is() {
        let mut oracle = Oracle::default();
        oracle.wrote("a\nbb\nbb\nccc\n");
        let check = |lines: &[&str], expect: [u64; 5]| {
            let Tally { delivered, lost, duplicated, garbled, lost_bytes, .. } =
                oracle.tally(&delivery(lines));
            assert_eq!([delivered, lost, duplicated, garbled, lost_bytes], expect, "{lines:?}");
        };
        check(&["a\n", "bb\n", "bb\n", "ccc\n"], [4, 0, 0, 0, 0]);
        check(&["a\n", "bb\n", "ccc\n"], [3, 1, 0, 0, 3]);
        check(&["a\n", "bb\n", "bb\n", "bb\n", "ccc\n"], [4, 0, 1, 0, 0]);
        check(&["a\n", "bb\n", "bb\n", "cc", "c\n"], [3, 1, 0, 2, 4]);
        check(&["a", "bb\n", "bb\n", "ccc\n"], [3, 1, 0, 1, 2]);
    }
}
