//! What the agent does while it leaves a disk alone that is full or fails: it lives, answers and ends when told.
//!
//! *Invariant:* nothing that it is told meanwhile is forgotten; above all not that a chunk is stored, for what
//! is stored is what makes room.

use super::{Daemon, NotifyState, RETRY_PAUSE, tell_systemd};
use crate::network::Notice;
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};

/// How much longer a start may take from each pause on.
const START_EXTENSION_MICROS: u32 = 60_000_000;

impl Daemon {
    /// Waits a while after the disk failed; true when a signal ends the agent.
    pub(super) fn rest(&mut self) -> Result<bool> {
        let begun = Instant::now();
        let bark_pause = sd_notify::watchdog_enabled().map_or(RETRY_PAUSE, |limit| limit / 2);
        while begun.elapsed() < RETRY_PAUSE {
            // A disk that is full at the start outlasts the time that systemd gives a start.
            tell_systemd(&[NotifyState::Watchdog, NotifyState::ExtendTimeoutUsec(START_EXTENSION_MICROS)]);
            let left = RETRY_PAUSE.saturating_sub(begun.elapsed()).max(Duration::from_millis(1));
            match self.notices.recv_timeout(left.min(bark_pause)) {
                Ok(Notice::Terminate) => return Ok(true),
                Ok(Notice::StatusWanted(answer)) => drop(answer.send(self.tally.status_at_rest())),
                Ok(Notice::FilesChanged) => self.scanner.changed(),
                Ok(notice) => self.kept.push_back(notice),
                Err(_) => ensure!(self.network.is_running(), "the network's thread has ended"),
            }
        }
        Ok(false)
    }
}
