//! Notices that the host's clock was set back, for whatever was to happen at a certain time would then wait for
//! the clock to come there again: chunks to be sealed, uploads to be tried again, events that are held.

use headrig_contract::UnixMicros;

/// A smaller step only delays what is due by as much.
const STEP_MICROS: i64 = 1_000_000;

/// The latest time that was seen.
pub(super) struct Clock {
    latest: UnixMicros,
}

impl Clock {
    pub(super) fn new(now: UnixMicros) -> Self {
        Self { latest: now }
    }

    /// Whether the clock was set back since it was asked first.
    pub(super) fn went_back(&mut self, now: UnixMicros) -> bool {
        self.latest = self.latest.max(now);
        self.latest.micros_since(now) > STEP_MICROS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_steps_back_count_once_they_add_up() {
        let mut clock = Clock::new(UnixMicros(10_000_000));
        let told = [11_000_000, 60_000_000, 59_400_000, 59_000_001, 58_800_000, 70_000_000]
            .map(|now| clock.went_back(UnixMicros(now)));
        assert_eq!(told, [false, false, false, false, true, false]);
    }
}
