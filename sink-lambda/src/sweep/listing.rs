//! The bucket against the ledger: a bounded stretch each sweep, in the order of keys, again from the start after the
//! end. What the ledger lacks is taken in; chains of chunks are followed on the way.
//!
//! In that order all chunks of a host's source come together, so only the chains of the place where the listing
//! stands are kept, and the gaps that were found. A chain is followed from the first chunk that is listed: what a
//! lifecycle rule removed before it is no gap. Invariant: no object holds up those behind it.

use crate::{
    ingest::Examined,
    ports::{Figure, ListedObject},
    sink::{Sink, SinkError},
    telling::{News, listed},
};
use headrig_contract::{AgentId, ChunkSeq, ObjectKey};
use headrig_ledger::{FileRecord, Ledger, LedgerError, chains::Chain};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Objects listed at once: what S3 gives.
const PAGE: usize = 1_000;
/// The most chains of one host's source that are followed: each installation of an agent makes one.
const CHAINS_MAX: usize = 200;
/// The most gaps that are remembered.
const GAPS_MAX: usize = 1_000;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Walk {
    /// The last object that was looked at.
    after: Option<String>,
    /// Which time the bucket is walked through.
    pass: u64,
    /// The host and source where the listing stands.
    place: (String, String),
    /// The chains there: by agent, the number that has not come, and the runs that came behind it.
    chains: BTreeMap<String, KeptChain>,
    /// The gaps that were found, by agent, host and source.
    gaps: BTreeMap<String, KeptGap>,
    /// Chains that were told of and have no gap any more, until that is told as well.
    #[serde(default)]
    mended: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct KeptChain {
    next: u64,
    ahead: Vec<(u64, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeptGap {
    first: u64,
    last: u64,
    /// When it was first seen, in microseconds.
    since: i64,
    is_told: bool,
    /// In which pass it was last seen.
    pass: u64,
}

/// What a stretch came across.
#[derive(Default)]
struct Found {
    files: Vec<FileRecord>,
    refused: Vec<News>,
    hashed_bytes: u64,
}

impl<L: Ledger> Sink<'_, L> {
    pub(super) fn walk_bucket(&self) -> Result<(), SinkError> {
        let mut note = self.recall::<Walk>("walk")?;
        let mut found = Found::default();
        let walked = self.walk_on(&mut note.content, &mut found);
        // Also where it broke off: what was passed is passed.
        self.count(Figure::ObjectsFound, found.files.len());
        self.record(&found.files);
        self.tell_refused(&found.refused);
        // Where nobody could be told, the walk goes on and the next sweep tells.
        let told = self.tell_gaps(&mut note.content);
        self.keep(&note)?;
        walked.and(told)
    }

    fn walk_on(&self, walk: &mut Walk, found: &mut Found) -> Result<(), SinkError> {
        let mut left = self.settings.listed_per_sweep;
        while left > 0 {
            let asked = left.min(PAGE);
            let page = self.ports.objects.list(&self.settings.prefix, walk.after.as_deref(), asked)?;
            for object in &page {
                self.compare(object, found)?;
                walk.pass_by(object, self.now());
                walk.after = Some(object.key.clone());
                if found.hashed_bytes > self.settings.object_bytes_max.0 {
                    return Ok(());
                }
            }
            if page.len() < asked {
                walk.end_pass(self.now());
                return Ok(());
            }
            left -= page.len();
        }
        Ok(())
    }

    /// Takes the object in if the ledger lacks it. Fails only where the ledger does.
    fn compare(&self, object: &ListedObject, found: &mut Found) -> Result<(), SinkError> {
        let age_micros = self.now().micros_since(object.modified);
        let grace_micros = i64::try_from(self.settings.event_grace.as_micros()).unwrap_or(i64::MAX);
        if age_micros < grace_micros || object.size.0 == 0 {
            return Ok(());
        }
        let key = match ObjectKey::parse(&object.key) {
            Ok(key) => key,
            Err(error) => {
                found.refused.push(News::of_key(&object.key, error.to_string()));
                return Ok(());
            }
        };
        if self.knows(&key, object)? {
            return Ok(());
        }
        tracing::warn!(%key, "the bucket has an object that the ledger lacks");
        match self.examine(&key) {
            Examined::File(file) => {
                // Only what no agent made is read; a chunk is known by what S3 computed.
                found.hashed_bytes += if key.content_hash().is_none() { object.size.0 } else { 0 };
                found.files.push(*file);
            }
            Examined::Refused(news) => found.refused.push(news),
            // The next pass comes by again.
            Examined::Nothing | Examined::Again => {}
        }
        Ok(())
    }

    fn knows(&self, key: &ObjectKey, object: &ListedObject) -> Result<bool, LedgerError> {
        if let Some(hash) = key.content_hash()
            && self.ledger.file(hash)?.is_some()
        {
            return Ok(true);
        }
        // One that was stored after the ledger last saw a file there was overwritten.
        let files = self.ledger.files_at(key)?;
        Ok(files.iter().any(|file| file.first_seen >= object.modified))
    }

    fn tell_gaps(&self, walk: &mut Walk) -> Result<(), SinkError> {
        let now = self.now();
        let grace_micros = i64::try_from(self.settings.gap_grace.as_micros()).unwrap_or(i64::MAX);
        let has_lasted = |gap: &KeptGap| now.0.saturating_sub(gap.since) > grace_micros;
        let lasting = walk.gaps.values().filter(|gap| has_lasted(gap)).count();
        self.ports.metrics.publish(&[(Figure::Gaps, lasting as f64)]);
        let mut lines: Vec<String> =
            walk.mended.iter().map(|chain| format!("{chain}: nothing is missing any more")).collect();
        let fresh: Vec<String> = walk
            .gaps
            .iter()
            .filter(|(_, gap)| has_lasted(gap) && !gap.is_told)
            .map(|(chain, _)| chain.clone())
            .collect();
        for chain in &fresh {
            let gap = &walk.gaps[chain];
            lines.push(format!(
                "{chain}: chunks {} to {} never came, though later ones did\n    on that host: headrig-agent status tells what waits in its spool; if they were deleted from the bucket, nothing is to be done",
                gap.first, gap.last
            ));
        }
        if lines.is_empty() {
            return Ok(());
        }
        let subject =
            format!("headrig: {} gaps in what agents sent, {} mended", fresh.len(), walk.mended.len());
        self.ports.notifier.tell(&subject, &listed(lines.iter().map(String::as_str)))?;
        walk.mended.clear();
        for chain in fresh {
            if let Some(gap) = walk.gaps.get_mut(&chain) {
                gap.is_told = true;
            }
        }
        Ok(())
    }
}

impl Walk {
    /// Follows the chain that the object belongs to, if an agent made it.
    fn pass_by(&mut self, object: &ListedObject, now: headrig_contract::UnixMicros) {
        let Ok(key) = ObjectKey::parse(&object.key) else { return };
        let label = |label| key.labelled(label).unwrap_or_default().to_owned();
        let place = (label("host"), label("source"));
        if place != self.place {
            self.leave_place(now);
            self.place = place;
        }
        let Some((agent, seq)) = link(&key) else { return };
        if !self.chains.contains_key(&agent) && self.chains.len() >= CHAINS_MAX {
            return;
        }
        let kept = self.chains.entry(agent).or_insert(KeptChain { next: seq.0, ahead: Vec::new() });
        let mut chain = kept.chain(now);
        chain.arrived(seq, now);
        *kept = KeptChain::of(&chain);
    }

    /// All chunks of the place have been seen: what is missing is missing.
    fn leave_place(&mut self, now: headrig_contract::UnixMicros) {
        let (host, source) = std::mem::take(&mut self.place);
        for (agent, kept) in std::mem::take(&mut self.chains) {
            let name = format!("agent {agent} on {host}, source {source}");
            let before = self.gaps.get(&name).cloned();
            match (kept.chain(now).gap(), before) {
                (Some(gap), before) if before.is_some() || self.gaps.len() < GAPS_MAX => {
                    // Another gap is one that has just been seen, though people know that the chain has some.
                    let since = before.as_ref().filter(|before| before.first == gap.first.0);
                    let kept = KeptGap {
                        first: gap.first.0,
                        last: gap.last.0,
                        since: since.map_or(now.0, |before| before.since),
                        is_told: since.is_some_and(|before| before.is_told),
                        pass: self.pass,
                    };
                    self.gaps.insert(name, kept);
                }
                (None, Some(before)) => {
                    self.gaps.remove(&name);
                    self.mended.extend(before.is_told.then_some(name));
                }
                _ => {}
            }
        }
    }

    /// Gaps whose chains are no longer in the bucket are forgotten.
    fn end_pass(&mut self, now: headrig_contract::UnixMicros) {
        self.leave_place(now);
        let pass = self.pass;
        self.gaps.retain(|_, gap| gap.pass == pass);
        self.pass += 1;
        self.after = None;
    }
}

impl KeptChain {
    fn chain(&self, now: headrig_contract::UnixMicros) -> Chain {
        Chain::of(
            ChunkSeq(self.next),
            self.ahead.iter().map(|(first, last)| (ChunkSeq(*first), ChunkSeq(*last))),
            now,
        )
    }

    fn of(chain: &Chain) -> Self {
        Self { next: chain.next().0, ahead: chain.ahead().map(|(first, last)| (first.0, last.0)).collect() }
    }
}

/// The agent and the number that a chunk's key names; see `ChunkName::key`.
fn link(key: &ObjectKey) -> Option<(String, ChunkSeq)> {
    key.content_hash()?;
    let mut parts = key.as_str().rsplit('/').next()?.split('-');
    let (agent, seq) = (parts.next()?, parts.next()?);
    agent.parse::<AgentId>().ok()?;
    // A number near the end of the range has no next one, and no agent comes that far.
    let seq = seq.parse().ok().filter(|seq| *seq < u64::MAX / 2)?;
    Some((agent.into(), ChunkSeq(seq)))
}
