//! The chains of chunks that agents make, and the gaps in them: a chunk that was sealed and never arrived.
//!
//! Pure: chunks and `now` come in, news comes out. Chunks may come in any order and again. Invariants: a gap is
//! told of once when it has lasted, and once when it has closed; a chain's memory has a named limit.

use headrig_contract::{ChunkSeq, UnixMicros};
use std::{collections::BTreeMap, time::Duration};

/// How many runs of numbers behind a gap are remembered of one chain. With more the oldest gap is given up.
pub const RANGES_MAX: usize = 64;

/// What is known of one agent's chain of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Every number before this one has come, or was given up.
    next: ChunkSeq,
    /// Numbers that came behind a gap: first to last.
    ahead: BTreeMap<ChunkSeq, ChunkSeq>,
    /// Since when `next` is waited for though later ones are there.
    open_since: Option<UnixMicros>,
    /// Whether the gap has been told of.
    is_told: bool,
    /// How many numbers were given up.
    given_up: u64,
}

/// The numbers that are missing before the first later one that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first.
    pub first: ChunkSeq,
    /// The last.
    pub last: ChunkSeq,
    /// Since when.
    pub since: UnixMicros,
}

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainNews {
    /// Chunks are missing for longer than uploads and events take.
    Broken(Gap),
    /// All that was told to be missing has come.
    Mended,
}

impl Chain {
    /// A chain of which this was kept: the first number that has not come, and the runs that came behind it.
    pub fn of(
        next: ChunkSeq,
        ahead: impl IntoIterator<Item = (ChunkSeq, ChunkSeq)>,
        now: UnixMicros,
    ) -> Self {
        let mut chain = Self { next, ahead: ahead.into_iter().collect(), ..Self::default() };
        chain.close(now);
        chain
    }

    /// The first number that has not come, to be kept.
    pub const fn next(&self) -> ChunkSeq {
        self.next
    }

    /// The runs of numbers behind it that came, to be kept: the first and the last of each.
    pub fn ahead(&self) -> impl Iterator<Item = (ChunkSeq, ChunkSeq)> {
        self.ahead.iter().map(|(first, last)| (*first, *last))
    }

    /// A chunk of that number has come.
    pub fn arrived(&mut self, seq: ChunkSeq, now: UnixMicros) {
        if seq < self.next || self.ahead.iter().any(|(first, last)| (*first..=*last).contains(&seq)) {
            return;
        }
        let follower = self.ahead.remove(&seq.next());
        let before = self.ahead.iter().find(|(_, last)| last.next() == seq).map(|(first, _)| *first);
        self.ahead.insert(before.unwrap_or(seq), follower.unwrap_or(seq));
        self.close(now);
        if self.ahead.len() > RANGES_MAX {
            self.give_up(now);
        }
    }

    /// What is missing now, be it long or not.
    pub fn gap(&self) -> Option<Gap> {
        let (behind, since) = (self.ahead.keys().next()?, self.open_since?);
        Some(Gap { first: self.next, last: ChunkSeq(behind.0 - 1), since })
    }

    /// Takes the gap as it is, as where its chunks are known to be lost: it is told of no more, and counted.
    pub fn give_up(&mut self, now: UnixMicros) {
        if let Some(gap) = self.gap() {
            self.given_up += gap.last.0 - gap.first.0 + 1;
            self.next = gap.last.next();
            self.close(now);
        }
    }

    /// How many chunks were given up.
    pub const fn given_up(&self) -> u64 {
        self.given_up
    }

    /// What is to be told now, once; the caller keeps the chain only when it is told.
    pub fn news(&mut self, now: UnixMicros, grace: Duration) -> Option<ChainNews> {
        let grace_micros = i64::try_from(grace.as_micros()).unwrap_or(i64::MAX);
        match self.gap() {
            Some(gap) if !self.is_told && now.micros_since(gap.since) > grace_micros => {
                self.is_told = true;
                Some(ChainNews::Broken(gap))
            }
            None if self.is_told => {
                self.is_told = false;
                Some(ChainNews::Mended)
            }
            _ => None,
        }
    }

    /// Moves on past what has come; another gap behind it is a new one.
    fn close(&mut self, now: UnixMicros) {
        let before = self.next;
        while let Some(last) = self.ahead.remove(&self.next) {
            self.next = last.next();
        }
        if self.ahead.is_empty() {
            self.open_since = None;
        } else if self.open_since.is_none() || self.next != before {
            self.open_since = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const GRACE: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> UnixMicros {
        UnixMicros::from_seconds(seconds)
    }

    fn chain(numbers: &[u64]) -> Chain {
        let mut chain = Chain::default();
        numbers.iter().for_each(|number| chain.arrived(ChunkSeq(*number), at(0)));
        chain
    }

    fn missing(chain: &Chain) -> Option<(u64, u64)> {
        chain.gap().map(|gap| (gap.first.0, gap.last.0))
    }

    #[test]
    fn a_gap_is_what_is_missing_before_the_first_that_came() {
        let cases: [(&[u64], _); 6] = [
            (&[], None),
            (&[0, 1, 2], None),
            (&[2, 0, 1, 1, 0], None),
            (&[1], Some((0, 0))),
            (&[0, 4, 6, 5], Some((1, 3))),
            (&[0, 4, 9, 2, 1], Some((3, 3))),
        ];
        for (numbers, expect) in cases {
            assert_eq!(missing(&chain(numbers)), expect, "{numbers:?}");
        }
    }

    #[test]
    fn a_gap_is_told_once_when_it_lasts_and_once_when_it_closes() {
        let mut chain = chain(&[0, 2]);
        assert_eq!(chain.news(at(60), GRACE), None);
        assert!(matches!(chain.news(at(61), GRACE), Some(ChainNews::Broken(Gap { first: ChunkSeq(1), .. }))));
        assert_eq!(chain.news(at(99), GRACE), None);
        chain.arrived(ChunkSeq(1), at(100));
        assert_eq!(chain.news(at(100), GRACE), Some(ChainNews::Mended));
        assert_eq!(chain.news(at(999), GRACE), None);
    }

    #[test]
    fn what_comes_late_within_the_grace_is_no_news() {
        let mut chain = chain(&[0, 2]);
        chain.arrived(ChunkSeq(1), at(59));
        assert_eq!((chain.news(at(999), GRACE), chain.given_up()), (None, 0));
    }

    #[test]
    fn a_gap_that_is_given_up_is_counted() {
        let mut chain = chain(&[3, 5]);
        chain.give_up(at(1));
        assert_eq!((missing(&chain), chain.given_up()), (Some((4, 4)), 3));
    }

    #[test]
    fn a_chain_full_of_holes_stays_small() {
        let mut chain = Chain::default();
        (0..1_000).for_each(|number| chain.arrived(ChunkSeq(2 * number + 1), at(0)));
        assert_eq!(chain.ahead.len(), RANGES_MAX);
        assert_eq!(chain.given_up(), 1_000 - RANGES_MAX as u64);
    }

    #[test]
    fn a_chain_that_was_kept_goes_on_as_it_was() {
        let mut chain = chain(&[0, 1, 4, 5, 9]);
        let mut kept = Chain::of(chain.next(), chain.ahead(), at(0));
        assert_eq!(kept, chain);
        for number in [3, 2, 8] {
            chain.arrived(ChunkSeq(number), at(1));
            kept.arrived(ChunkSeq(number), at(1));
            assert_eq!(missing(&kept), missing(&chain));
        }
    }

    proptest! {
        #[test]
        fn whatever_the_order_the_first_missing_number_is_known(
            numbers in proptest::collection::vec(0_u64..60, 0..120),
        ) {
            let seen: BTreeSet<u64> = numbers.iter().copied().collect();
            let next = (0..).find(|number| !seen.contains(number)).unwrap();
            let behind = seen.range(next..).next().copied();
            prop_assert_eq!(missing(&chain(&numbers)), behind.map(|behind| (next, behind - 1)));
        }
    }
}
