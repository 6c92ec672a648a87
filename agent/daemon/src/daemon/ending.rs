//! How the agent ends when it is told to: it seals what it has read, and says goodbye.
//!
//! Invariant: each of the two has a bound; whoever ends the agent waits for neither a disk nor a network.

use super::{Daemon, NotifyState, now, tell_systemd};
use crate::heartbeat::Figures;
use anyhow::Result;
use headrig_agent::{
    core::Event,
    shipper::{Shipper, Step},
    state::SqliteState,
};
use std::time::{Duration, Instant};

/// How long sealing may take when the agent is to end.
const SHUTDOWN_MAX: Duration = Duration::from_secs(5);

impl Daemon {
    /// Seals what was read, within a bound; what is sealed is uploaded by the next agent.
    pub(super) fn seal_and_leave(&mut self, shipper: &mut Shipper<SqliteState>) -> Result<()> {
        tell_systemd(&[NotifyState::Stopping]);
        shipper.tell(Event::Finish, now());
        let begun = Instant::now();
        while begun.elapsed() < SHUTDOWN_MAX {
            match shipper.step(now())? {
                Step::Idle => break,
                Step::Worked | Step::Store(..) => {}
            }
        }
        tracing::info!("ended; {} bytes wait in the spool for the next start", shipper.core().spool_bytes());
        Ok(())
    }

    /// Whoever ends on purpose says so; else the sink would take it for missing.
    pub(super) fn say_farewell(&self, figures: Figures) {
        if self.config.heartbeat.enabled && self.reported.is_some() {
            self.network.farewell(figures);
        }
    }
}
