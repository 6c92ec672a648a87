//! Files that have only grown are taken note of without a look at all others, so that one busy log among ten
//! thousand idle ones costs no scan of them.
//!
//! Invariant: what a file that began anew was before is never judged here; that shows only beside all files.

use super::{FileState, FileTable, Found, Phase};
use crate::identity::FileId;
use headrig_contract::UnixMicros;
use std::{path::Path, sync::Arc};

impl FileTable {
    /// Whether it is a plain file that is read, where it was and no shorter.
    pub(in crate::core) fn has_only_grown(&self, found: &Found) -> bool {
        self.states.get(&found.file).is_some_and(|state| {
            let is_read = state.strand.is_some() && !state.compressed && !state.unlisted;
            is_read && (&state.path, state.source) == (&found.path, found.source) && found.size >= state.size
        })
    }

    /// Takes note of files that have only grown.
    pub(in crate::core) fn grew(&mut self, grown: Vec<Found>, now: UnixMicros) {
        let mut woken = Vec::new();
        for found in grown {
            let Some(before) = self.states.remove(&found.file) else { continue };
            let (file, is_queued) = (found.file, matches!(before.phase, Phase::Changed | Phase::Reading));
            let state = FileState { seen_alone: true, ..self.seen(found, Some(before), now) };
            if state.phase == Phase::Changed && !is_queued {
                woken.push(file);
            }
            self.states.insert(file, state);
        }
        // Behind what is in turn already, before what is unknown or compressed, as a scan has it.
        let is_read_first = |file: &FileId| {
            self.states.get(file).is_some_and(|state| state.strand.is_some() && !state.compressed)
        };
        let first = self.queue.iter().take_while(|file| is_read_first(file)).count();
        let rest = self.queue.split_off(first);
        self.queue.extend(woken);
        self.queue.extend(rest);
    }

    /// Since when the oldest bytes are known that wait for what belongs to them.
    pub(in crate::core) fn oldest_waiting(&self) -> Option<UnixMicros> {
        self.states.values().filter_map(|state| state.waiting_since).min()
    }

    /// The paths of files that are held back no longer.
    pub(in crate::core) fn due(&self, now: UnixMicros) -> Vec<Arc<Path>> {
        let is_due = |state: &&FileState| matches!(state.phase, Phase::Held { until } if until <= now);
        self.states.values().filter(is_due).map(|state| state.path.clone()).collect()
    }
}
