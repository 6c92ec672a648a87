//! Pseudo-random numbers, wholly determined by a seed: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).

use std::cell::Cell;

/// A generator that can be drawn from behind a shared reference, since the disk and the state draw from the
/// same one as the story.
#[derive(Debug)]
pub(crate) struct Random(Cell<u64>);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    fn bits(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut z = self.0.get();
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 where that is 0.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// An index below `bound`.
    pub(crate) fn index(&self, bound: usize) -> usize {
        self.below(bound as u64) as usize
    }

    /// Whether something happens that happens once in `times`.
    pub(crate) fn once_in(&self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<T: Copy>(&self, items: &[T]) -> T {
        items[self.index(items.len())]
    }
}
