//! The bytes of an object that have no row, added up: how much a rule may leave out without its being a gap.
//!
//! Which events were dropped cannot be kept for each of them. Kept is a sum that comes out the same only where the
//! bytes without a row are the same bytes: each span from a to b adds f(b) - f(a), so spans that touch add up to what
//! the one span of both would, and who finds the gaps between rows need not know the events in them. f is a mixing
//! function of the place. That is against mishaps; who forges a lake can forge a sum.

use crate::{ByteLength, ByteOffset, Generation, StreamId};

/// What spans of an object's bytes add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GapSum {
    /// How many bytes.
    pub bytes: ByteLength,
    /// Which, as docs/formats/lake.md has it.
    pub sum: u64,
}

impl GapSum {
    /// Adds the bytes from `from` up to `to`.
    pub fn add(&mut self, strand: (StreamId, Generation), from: ByteOffset, to: ByteOffset) {
        self.bytes.0 += to.0 - from.0;
        self.sum = self.sum.wrapping_add(place(strand, to)).wrapping_sub(place(strand, from));
    }

    /// Adds what other spans add up to.
    pub fn merge(&mut self, other: Self) {
        self.bytes.0 += other.bytes.0;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// A number for a place in a strand, such that neighbours have nothing in common.
pub fn place((stream, generation): (StreamId, Generation), offset: ByteOffset) -> u64 {
    let stream = stream.as_bytes();
    let mut half = [0; 8];
    let strand = stream.chunks_exact(8).fold(u64::from(generation.0), |sum, bytes| {
        half.copy_from_slice(bytes);
        mixed(sum ^ u64::from_le_bytes(half))
    });
    mixed(strand ^ offset.0)
}

/// SplitMix64's step (Steele, Lea, Flood 2014): every bit of the outcome depends on every bit of `number`.
pub const fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AgentId;

    fn sum(spans: &[(u64, u64, u64)]) -> GapSum {
        let mut sum = GapSum::default();
        for (stream, from, to) in spans {
            let stream = StreamId::derive(AgentId::from_bytes([7; 16]), *stream);
            sum.add((stream, Generation(0)), ByteOffset(*from), ByteOffset(*to));
        }
        sum
    }

    #[test]
    fn spans_that_touch_add_up_to_the_span_of_both_in_any_order() {
        assert_eq!(sum(&[(0, 3, 5), (0, 5, 9)]), sum(&[(0, 3, 9)]));
        assert_eq!(sum(&[(1, 0, 2), (0, 5, 9), (0, 3, 5)]), sum(&[(0, 3, 9), (1, 0, 2)]));
    }

    #[test]
    fn other_bytes_add_up_to_something_else() {
        for other in [&[(0, 3, 8)][..], &[(0, 4, 10)], &[(1, 3, 9)], &[(0, 2, 5), (0, 6, 9)], &[]] {
            assert_ne!(sum(other), sum(&[(0, 3, 9)]), "{other:?}");
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_format() {
        assert_eq!(mixed(0), 0xe220_a839_7b1d_cdaf);
    }
}
