//! The chains of all agents: every number there, each chunk naming the one before it.
//!
//! Chunks come in any order. Memory: each chain's gaps, and the links whose other end has not come.

use super::{
    content::Link,
    findings::{Findings, Kind},
    intervals::Intervals,
};
use headrig_contract::{AgentId, ChunkSeq, ContentHash, ObjectKey};
use std::collections::{BTreeMap, HashMap};

/// Every chain, by agent and source.
#[derive(Debug, Default)]
pub(super) struct Chains {
    numbers: BTreeMap<(AgentId, String), Intervals>,
    /// The lowest number of each chain that is recent.
    recent: BTreeMap<(AgentId, String), u64>,
    /// The last chunk that the listing named, to see two of one number.
    listed: Option<(AgentId, String, ChunkSeq)>,
    /// Chunks whose follower has not come.
    ends: HashMap<(AgentId, String, u64), ContentHash>,
    /// What the chunk before is to be, where that has not come.
    wanted: HashMap<(AgentId, String, u64), Option<ContentHash>>,
}

impl Chains {
    /// An object of that key is in the bucket. Keys come in order.
    pub(super) fn listed(&mut self, key: &ObjectKey, findings: &mut Findings) {
        let Some((agent, source, seq)) = place(key) else { return };
        let this = Some((agent, source, seq));
        if self.listed == this {
            findings.add(
                Kind::ChainForked,
                key.as_str(),
                format!("another chunk has the number {} too", seq.0),
            );
        }
        self.listed = this;
        self.known(key);
    }

    /// A chunk of that key is, or was, in the bucket.
    pub(super) fn known(&mut self, key: &ObjectKey) {
        if let Some((agent, source, seq)) = place(key) {
            self.numbers.entry((agent, source)).or_default().add((seq.0, seq.0.saturating_add(1)));
        }
    }

    /// A chunk of that key and hash says that this is its place.
    pub(super) fn link(&mut self, key: &ObjectKey, hash: ContentHash, link: &Link, findings: &mut Findings) {
        let (agent, source, seq) = (link.agent, link.source.to_string(), link.chain.seq);
        if let Some(named) = place(key).filter(|named| *named != (agent, source.clone(), seq)) {
            let finding = format!(
                "its key says number {} of {}, its content number {} of {agent}",
                named.2.0, named.0, seq.0
            );
            findings.add(Kind::ObjectMisnamed, key.as_str(), finding);
        }
        let this = (agent, source.clone(), seq.0);
        let previous = link.chain.previous;
        let mut broken = false;
        match seq.0.checked_sub(1) {
            None => broken |= previous.is_some(),
            Some(before) => match self.ends.remove(&(agent, source.clone(), before)) {
                Some(end) => broken |= previous != Some(end),
                None => drop(self.wanted.insert(this.clone(), previous)),
            },
        }
        match self.wanted.remove(&(agent, source, seq.0.saturating_add(1))) {
            Some(wanted) => broken |= wanted != Some(hash),
            None => drop(self.ends.insert(this, hash)),
        }
        if broken {
            findings.add(
                Kind::ChainBroken,
                key.as_str(),
                "its neighbour in the chain does not name it, or it names another",
            );
        }
    }

    /// A chunk of that key came in the time that is looked at; others are known only so that they are no gaps.
    pub(super) fn recent(&mut self, key: &ObjectKey) {
        if let Some((agent, source, seq)) = place(key) {
            let first = self.recent.entry((agent, source)).or_insert(seq.0);
            *first = seq.0.min(*first);
        }
    }

    /// Tells of the gaps, and how many chains there are. With `recent_only`, of gaps behind the first recent chunk of
    /// each chain: what was there before may have been deleted since, as it should.
    pub(super) fn finish(mut self, recent_only: bool, findings: &mut Findings) {
        findings.checked.chains = self.numbers.len() as u64;
        for ((agent, source), numbers) in &mut self.numbers {
            let least = match self.recent.get(&(*agent, source.clone())) {
                _ if !recent_only => 0,
                Some(first) => *first,
                None => continue,
            };
            let first = numbers.settled().first().map_or(0, |first| first.0);
            let before = (first > 0).then_some((0, first));
            let gaps = before.into_iter().chain(numbers.gaps());
            for (from, to) in gaps.filter(|(from, _)| *from >= least) {
                let finding = format!("numbers {from} to {} are in neither bucket nor ledger", to - 1);
                findings.add(Kind::ChainGap, format!("agent {agent}, source {source}"), finding);
            }
        }
    }
}

/// The chain and number that a chunk's key names.
fn place(key: &ObjectKey) -> Option<(AgentId, String, ChunkSeq)> {
    let (agent, seq) = key.chain_place()?;
    Some((agent, key.labelled("source")?.to_owned(), seq))
}
