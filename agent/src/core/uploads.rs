//! Sealed chunks on their way to the store, oldest first, a bounded number at a time, each tried again
//! with a growing pause for as long as it takes. Pauses are jittered by the chunk's hash: no two agents have the
//! same, so a fleet that failed together does not come back together, and a simulation still repeats itself.

use crate::state::ChunkRecord;
use headrig_contract::{ByteLength, ContentHash, UnixMicros};
use std::collections::VecDeque;

/// The pause after the first failure; doubled with each further one.
const PAUSE_FIRST_MS: i64 = 250;
/// The longest pause.
const PAUSE_MAX_MS: i64 = 60_000;

pub(super) struct Uploads {
    waiting: VecDeque<ChunkRecord>,
    in_flight: Vec<ChunkRecord>,
    waiting_bytes: u64,
    failures: u32,
    not_before: Option<UnixMicros>,
    /// Chunks under way at once.
    in_flight_max: usize,
}

impl Uploads {
    pub(super) fn new(unshipped: Vec<ChunkRecord>, in_flight_max: usize) -> Self {
        Self {
            waiting_bytes: unshipped.iter().map(|chunk| chunk.length.0).sum(),
            waiting: unshipped.into(),
            in_flight: Vec::new(),
            failures: 0,
            not_before: None,
            in_flight_max,
        }
    }

    pub(super) fn add(&mut self, chunk: ChunkRecord) {
        self.waiting_bytes += chunk.length.0;
        self.waiting.push_back(chunk);
    }

    pub(super) fn next(&mut self, now: UnixMicros) -> Option<ChunkRecord> {
        if self.in_flight.len() >= self.in_flight_max || self.not_before.is_some_and(|time| now < time) {
            return None;
        }
        let chunk = self.waiting.pop_front()?;
        self.in_flight.push(chunk.clone());
        Some(chunk)
    }

    /// The chunk is stored, be it by an upload that an earlier core handed out.
    pub(super) fn done(&mut self, hash: ContentHash) {
        let waiting = |uploads: &mut Self| {
            let position = uploads.waiting.iter().position(|chunk| chunk.hash == hash)?;
            uploads.waiting.remove(position)
        };
        if let Some(chunk) = self.take(hash).or_else(|| waiting(self)) {
            self.waiting_bytes -= chunk.length.0;
            (self.failures, self.not_before) = (0, None);
        }
    }

    pub(super) fn failed(&mut self, hash: ContentHash, now: UnixMicros) {
        if let Some(chunk) = self.take(hash) {
            self.waiting.push_front(chunk);
            let pause_micros = pause_micros(hash, self.failures);
            self.failures += 1;
            self.not_before = Some(now.saturating_add_micros(pause_micros));
        }
    }

    /// The clock was set back by so much.
    pub(super) fn set_back(&mut self, micros: i64) {
        self.not_before = self.not_before.map(|time| time.saturating_add_micros(-micros));
    }

    /// The bytes that are sealed and not known to be stored.
    pub(super) fn waiting_bytes(&self) -> u64 {
        self.waiting_bytes
    }

    pub(super) fn length_in_flight(&self, hash: ContentHash) -> Option<ByteLength> {
        self.in_flight.iter().find(|chunk| chunk.hash == hash).map(|chunk| chunk.length)
    }

    /// When the oldest of them was sealed.
    pub(super) fn oldest(&self) -> Option<UnixMicros> {
        self.waiting.iter().chain(&self.in_flight).map(|chunk| chunk.sealed_at).min()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.in_flight.is_empty()
    }

    pub(super) fn deadline(&self) -> Option<UnixMicros> {
        self.not_before.filter(|_| !self.waiting.is_empty())
    }

    fn take(&mut self, hash: ContentHash) -> Option<ChunkRecord> {
        let position = self.in_flight.iter().position(|chunk| chunk.hash == hash)?;
        Some(self.in_flight.swap_remove(position))
    }
}

/// The pause after one more failure than `failures`: between half of the doubled one and all of it.
fn pause_micros(hash: ContentHash, failures: u32) -> i64 {
    let full = (PAUSE_FIRST_MS << failures.min(16)).min(PAUSE_MAX_MS) * 1_000;
    // Each failure takes its share from another byte of the hash.
    let share = i64::from(hash.as_bytes()[failures as usize % hash.as_bytes().len()]);
    full / 2 + full / 2 * share / 255
}

#[cfg(test)]
mod tests {
    use super::*;
    use headrig_contract::{ByteLength, ObjectKey};

    fn chunk(number: u8) -> ChunkRecord {
        let hash = ContentHash::from_bytes([number; 32]);
        let key = ObjectKey::parse("key").unwrap();
        let length = ByteLength(10);
        ChunkRecord { hash, key, length, raw_length: length, sealed_at: UnixMicros(i64::from(number)) }
    }

    #[test]
    fn no_more_chunks_are_under_way_than_allowed_and_the_oldest_goes_first() {
        let mut uploads = Uploads::new((0..3).map(chunk).collect(), 2);
        let now = UnixMicros(0);
        assert_eq!(
            [uploads.next(now), uploads.next(now), uploads.next(now)],
            [Some(chunk(0)), Some(chunk(1)), None]
        );
        uploads.done(chunk(1).hash);
        assert_eq!(uploads.next(now), Some(chunk(2)));
        assert_eq!((uploads.waiting_bytes(), uploads.oldest()), (20, Some(UnixMicros(0))));
    }

    #[test]
    fn failures_are_tried_again_after_a_pause_that_grows_to_a_bound() {
        let mut uploads = Uploads::new(vec![chunk(0)], 1);
        let (mut now, mut pauses) = (UnixMicros(0), Vec::new());
        for _ in 0..20 {
            assert_eq!(uploads.next(now), Some(chunk(0)));
            uploads.failed(chunk(0).hash, now);
            assert_eq!(uploads.next(now), None);
            let due = uploads.deadline().unwrap();
            pauses.push(due.micros_since(now) / 1_000);
            now = due;
        }
        // The hash of zeros waits the least.
        assert_eq!(
            (pauses[0], pauses[1], pauses[19]),
            (PAUSE_FIRST_MS / 2, PAUSE_FIRST_MS, PAUSE_MAX_MS / 2)
        );
    }

    #[test]
    fn agents_that_failed_together_come_back_one_by_one() {
        let pauses: std::collections::BTreeSet<i64> =
            (0..=255).map(|byte| pause_micros(ContentHash::from_bytes([byte; 32]), 20)).collect();
        assert_eq!(pauses.len(), 256);
        let (least, most) = (PAUSE_MAX_MS * 500, PAUSE_MAX_MS * 1_000);
        assert_eq!((pauses.first(), pauses.last()), (Some(&least), Some(&most)));
    }

    #[test]
    fn a_pause_stays_as_long_as_it_is_when_the_clock_is_set_back() {
        let mut uploads = Uploads::new(vec![chunk(0)], 1);
        assert_eq!(uploads.next(UnixMicros(0)), Some(chunk(0)));
        uploads.failed(chunk(0).hash, UnixMicros(0));
        uploads.set_back(3_600_000_000);
        assert_eq!(uploads.deadline(), Some(UnixMicros(pause_micros(chunk(0).hash, 0) - 3_600_000_000)));
    }

    #[test]
    fn what_an_earlier_core_had_under_way_counts_when_it_arrives() {
        let mut uploads = Uploads::new(vec![chunk(0), chunk(1)], 1);
        uploads.done(chunk(1).hash);
        assert_eq!(uploads.next(UnixMicros(0)), Some(chunk(0)));
        uploads.done(chunk(0).hash);
        uploads.failed(chunk(0).hash, UnixMicros(0));
        assert!(uploads.is_empty() && uploads.waiting_bytes() == 0);
    }
}
