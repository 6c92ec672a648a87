//! The clock, which somebody may set while the agent runs.
//!
//! Invariant: a pause stays as long as it is. Set forward, things fall due early, which harms nothing; set back, all
//! that is waited for is moved back as well.

use super::Core;
use headrig_contract::UnixMicros;

impl Core {
    /// Takes note of the time.
    pub(super) fn follow_clock(&mut self, now: UnixMicros) {
        let before = std::mem::replace(&mut self.clock, now);
        if now < before {
            let back = before.micros_since(now);
            self.files.set_back(back);
            self.uploads.set_back(back);
            for chunk in self.open.iter_mut().flatten() {
                chunk.opened_at = chunk.opened_at.saturating_add_micros(-back);
            }
        }
    }
}
