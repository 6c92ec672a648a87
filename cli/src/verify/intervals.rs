//! Sets of half-open intervals of numbers, added in any order; what is added twice shows.
//!
//! Memory is that of what does not touch: neighbours are joined as soon as it is worth sorting them.

/// How many intervals are gathered at least before they are sorted and joined.
const SETTLE_AT_MIN: usize = 4_096;
/// Doubled intervals that are kept; more are only counted.
const DOUBLED_KEPT_MAX: usize = 16;

/// From the first number to the one behind the last.
pub(super) type Interval = (u64, u64);

/// A set of numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Intervals {
    spans: Vec<Interval>,
    settle_at: usize,
    doubled: Vec<Interval>,
    doubled_more: u64,
}

impl Intervals {
    /// Adds the numbers from `from` up to `to`.
    pub(super) fn add(&mut self, (from, to): Interval) {
        match self.spans.last_mut() {
            Some(last) if last.1 == from => last.1 = to,
            _ => self.spans.push((from, to)),
        }
        if self.spans.len() >= self.settle_at.max(SETTLE_AT_MIN) {
            self.settle();
        }
    }

    /// What was added, in order, joined where it touches.
    pub(super) fn settled(&mut self) -> &[Interval] {
        self.settle();
        &self.spans
    }

    /// What was added more than once, the first of it, and how many intervals more there are of it.
    pub(super) fn doubled(&mut self) -> (&[Interval], u64) {
        self.settle();
        (&self.doubled, self.doubled_more)
    }

    /// Adds all that was added to `other`.
    pub(super) fn append(&mut self, mut other: Self) {
        other.settle();
        other.spans.into_iter().for_each(|span| self.add(span));
        other.doubled.into_iter().for_each(|span| note(span, &mut self.doubled, &mut self.doubled_more));
        self.doubled_more += other.doubled_more;
    }

    /// Takes no more memory than what was added needs.
    pub(super) fn shrink(&mut self) {
        self.settle();
        self.spans.shrink_to_fit();
    }

    /// The memory that its parts take.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.spans[..]) + size_of_val(&self.doubled[..])
    }

    /// What of `self` is not in `other`.
    pub(super) fn without(&mut self, other: &mut Self) -> Vec<Interval> {
        let (mine, others) = (self.settled(), other.settled());
        let (mut left, mut at) = (Vec::new(), 0);
        for (from, to) in mine {
            let mut from = *from;
            while at < others.len() && others[at].1 <= from {
                at += 1;
            }
            for (start, end) in others[at..].iter().take_while(|(start, _)| start < to) {
                if *start > from {
                    left.push((from, *start));
                }
                from = from.max(*end);
            }
            if from < *to {
                left.push((from, *to));
            }
        }
        left
    }

    /// What is missing between the parts.
    pub(super) fn gaps(&mut self) -> Vec<Interval> {
        self.settled().windows(2).map(|pair| (pair[0].1, pair[1].0)).collect()
    }

    fn settle(&mut self) {
        self.spans.sort_unstable();
        let mut joined: Vec<Interval> = Vec::new();
        for (from, to) in std::mem::take(&mut self.spans) {
            match joined.last_mut() {
                Some(last) if from <= last.1 => {
                    if from < last.1 {
                        note((from, to.min(last.1)), &mut self.doubled, &mut self.doubled_more);
                    }
                    last.1 = last.1.max(to);
                }
                _ => joined.push((from, to)),
            }
        }
        self.settle_at = joined.len() * 2;
        self.spans = joined;
    }
}

fn note(doubled: Interval, kept: &mut Vec<Interval>, more: &mut u64) {
    if kept.len() < DOUBLED_KEPT_MAX {
        kept.push(doubled);
    } else {
        *more += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(spans: &[Interval]) -> Intervals {
        let mut set = Intervals::default();
        spans.iter().for_each(|span| set.add(*span));
        set
    }

    #[test]
    fn what_touches_is_joined_and_what_overlaps_is_doubled() {
        for (spans, joined, doubled) in [
            (&[][..], &[][..], &[][..]),
            (&[(0, 5), (5, 9)], &[(0, 9)], &[]),
            (&[(5, 9), (0, 5)], &[(0, 9)], &[]),
            (&[(0, 5), (7, 9), (5, 7)], &[(0, 9)], &[]),
            (&[(0, 5), (0, 5)], &[(0, 5)], &[(0, 5)]),
            (&[(0, 5), (5, 9), (4, 6)], &[(0, 9)], &[(4, 6)]),
            (&[(0, 9), (2, 3), (20, 21)], &[(0, 9), (20, 21)], &[(2, 3)]),
        ] {
            let mut found = set(spans);
            assert_eq!(found.settled(), joined, "{spans:?}");
            assert_eq!(found.doubled(), (doubled, 0), "{spans:?}");
        }
    }

    #[test]
    fn what_is_appended_is_as_if_it_had_been_added() {
        let mut one = set(&[(0, 5), (20, 25), (20, 25)]);
        one.append(set(&[(5, 9), (7, 8), (22, 23)]));
        assert_eq!(one.settled(), [(0, 9), (20, 25)]);
        let (doubled, more) = one.doubled();
        let mut doubled = doubled.to_vec();
        doubled.sort_unstable();
        assert_eq!((doubled.as_slice(), more), ([(7, 8), (20, 25), (22, 23)].as_slice(), 0));
    }

    #[test]
    fn what_one_has_and_the_other_lacks_is_found() {
        for (mine, others, left) in [
            (&[(0, 9)][..], &[][..], &[(0, 9)][..]),
            (&[(0, 9)], &[(0, 9)], &[]),
            (&[(0, 9)], &[(2, 3), (5, 20)], &[(0, 2), (3, 5)]),
            (&[(0, 3), (5, 9)], &[(2, 6)], &[(0, 2), (6, 9)]),
            (&[(4, 6), (8, 9)], &[(0, 1), (5, 6)], &[(4, 5), (8, 9)]),
        ] {
            assert_eq!(set(mine).without(&mut set(others)), left, "{mine:?} without {others:?}");
        }
    }

    #[test]
    fn numbers_that_come_shuffled_take_no_more_memory_than_their_gaps() {
        let mut set = Intervals::default();
        // 7,919 is a prime, so every number below 100,003 comes once.
        (0..100_003_u64)
            .map(|number| number * 7_919 % 100_003)
            .for_each(|number| set.add((number, number + 1)));
        assert_eq!(set.settled(), [(0, 100_003)]);
        assert_eq!(set.doubled(), (&[][..], 0));
        set.add((50, 51));
        assert_eq!(set.doubled(), (&[(50, 51)][..], 0));
    }
}
