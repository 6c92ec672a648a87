//! People hear of each file that was set aside, whoever set it aside: the sink, a run, or the search for the
//! poisonous one.
//!
//! The ledger lists such files by the time at which they were set aside, by clocks of several machines; so each sweep
//! looks back a while, and passes over those it has told of.

use crate::{
    sink::{Sink, SinkError},
    telling::{NAMED_MAX, listed},
};
use headrig_contract::UnixMicros;
use headrig_ledger::{FileCursor, FilePhase, FileRecord, FileState, Ledger};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// How far the clocks of those who write to the ledger may be apart.
const LOOK_BACK: Duration = Duration::from_mins(10);
/// Files listed at once.
const PAGE: usize = 200;
/// Pages in a sweep.
const PAGES_MAX: usize = 5;
/// The most files that are remembered as told within the time looked back.
const RECENT_MAX: usize = 4_000;

#[derive(Debug, Default, Serialize, Deserialize)]
struct ToldOf {
    /// Everything set aside before is told of.
    since: i64,
    /// What was told of that was set aside later: the hash, and when.
    recent: BTreeMap<String, i64>,
}

impl<L: Ledger> Sink<'_, L> {
    pub(super) fn tell_quarantined(&self) -> Result<(), SinkError> {
        let mut note = self.recall::<ToldOf>("quarantine")?;
        let fresh = self.untold(&note.content)?;
        if fresh.is_empty() {
            return Ok(());
        }
        let subject = format!("headrig: {} files were set aside", fresh.len());
        let mut lines: Vec<String> = fresh.iter().take(NAMED_MAX).map(line).collect();
        if fresh.len() > NAMED_MAX {
            lines.push(format!(
                "and {} more: headrig ls --state quarantined\n    all of them: headrig replay --quarantined",
                fresh.len() - NAMED_MAX
            ));
        }
        self.ports.notifier.tell(&subject, &listed(lines.iter().map(String::as_str)))?;
        note.content.told(&fresh);
        Ok(self.keep(&note)?)
    }

    fn untold(&self, told: &ToldOf) -> Result<Vec<FileRecord>, SinkError> {
        let mut fresh = Vec::new();
        // Just before the first that may not have been told of: a hash of zeros comes before all others.
        let mut after = FileCursor {
            since: UnixMicros(told.since),
            hash: headrig_contract::ContentHash::from_bytes([0; 32]),
        };
        for _ in 0..PAGES_MAX {
            let page = self.ledger.files(FilePhase::Quarantined, Some(after), PAGE)?;
            let Some(last) = page.last() else { break };
            after = FileCursor { since: last.since, hash: last.hash };
            let is_last = page.len() < PAGE;
            let is_fresh = |file: &FileRecord| told.recent.get(&file.hash.to_string()) != Some(&file.since.0);
            fresh.extend(page.into_iter().filter(is_fresh));
            if is_last {
                break;
            }
        }
        Ok(fresh)
    }
}

impl ToldOf {
    fn told(&mut self, files: &[FileRecord]) {
        let Some(latest) = files.iter().map(|file| file.since).max() else { return };
        self.recent.extend(files.iter().map(|file| (file.hash.to_string(), file.since.0)));
        let look_back_micros = i64::try_from(LOOK_BACK.as_micros()).unwrap_or(i64::MAX);
        self.since = self.since.max(latest.saturating_add_micros(-look_back_micros).0);
        while self.recent.len() > RECENT_MAX {
            // More than can be remembered: look back less far, rather than tell twice.
            self.since =
                self.recent.values().copied().min().unwrap_or(self.since).saturating_add(1).max(self.since);
            let since = self.since;
            self.recent.retain(|_, at| *at >= since);
        }
        let since = self.since;
        self.recent.retain(|_, at| *at >= since);
    }
}

fn line(file: &FileRecord) -> String {
    let reason = match &file.state {
        FileState::Quarantined { reason, .. } => reason.as_str(),
        FileState::Pending | FileState::Batched { .. } | FileState::Done { .. } => {
            "it is not set aside any more"
        }
    };
    let hash = file.hash;
    format!(
        "{}: {reason}\n    what happened: headrig explain {hash}\n    to load it again, once the cause is mended: headrig replay {hash}",
        file.key
    )
}
