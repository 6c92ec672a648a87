//! Whom an unknown file is kin of, among the strands it begins like: their likeness, put together from what the
//! shell read of it.
//!
//! Invariant: nothing is decided here that [`crate::identity`] does not decide.

use super::{
    Core, Probe, WindowBytes,
    files::Phase,
    strand::{StrandIndex, Waypoint},
};
use crate::identity::{
    Ending, FileId, Fingerprint, Kinship, Likeness, Original, is_compressed_name, is_descendant_name,
    is_rotated_name,
};
use headrig_contract::UnixMicros;
use std::path::Path;
use std::sync::Arc;

impl Core {
    /// The strands that an unknown file with this head could have to do with, the longest first.
    pub(super) fn candidates(&self, path: &Path, head: &[u8]) -> Vec<StrandIndex> {
        let mut candidates = self.heads.matching(head);
        candidates
            .retain(|index| !self.likeness(*index, path, Ending::AtMark, [true, false], true).is_hopeless());
        candidates.sort_by_key(|index| std::cmp::Reverse(self.strands[index.0].offset));
        candidates
    }

    /// Settles what the file is if it is kin of one of those it was compared with.
    pub(super) fn found_kin(
        &mut self,
        file: FileId,
        path: &Arc<Path>,
        compared: &[(StrandIndex, Waypoint)],
        probe: &Probe,
        now: UnixMicros,
    ) -> bool {
        let Some(state) = self.files.state(file) else { return false };
        let manner = [self.is_quiet(state, now), state.unlisted];
        let later = Phase::Held { until: self.later(state, now) };
        // Strands whose file ends in a line without an end that the unknown file does not go on with.
        let mut apart = Vec::new();
        for ((index, waypoint), window) in compared.iter().zip(&probe.windows).rev() {
            let strand = &self.strands[index.0];
            if !strand.mark().head.matches_start_of(&probe.head) {
                continue;
            }
            if waypoint.offset > strand.offset {
                if !strand.tail_begins_with(&window.bytes) {
                    apart.push(*index);
                }
                continue;
            }
            let goes_on = !apart.contains(index);
            // A file that ends before the first place it can be compared at may be a copy in the making.
            let too_short = window.at_end && window.bytes.len() < usize::from(waypoint.window.length);
            if window.unreadable {
                // A copy that is being compressed cannot be read to its end yet. Of one that stays cut short
                // the places before the damage tell.
                let like = self.likeness(*index, path, Ending::BeforeMark, manner, goes_on);
                match like.kinship() {
                    Kinship::Later => self.files.set_phase(file, later),
                    Kinship::Copy if like.compressed_same_name => {
                        self.files.set_phase(file, Phase::Unreadable)
                    }
                    _ => continue,
                }
                return true;
            }
            let ending = match window.at_end {
                _ if too_short || waypoint.offset != strand.offset => Ending::BeforeMark,
                true => Ending::AtMark,
                false => Ending::BeyondMark,
            };
            if !too_short && !holds(waypoint.window, Some(window)) {
                continue;
            }
            match self.likeness(*index, path, ending, manner, goes_on).kinship() {
                Kinship::Stranger => continue,
                Kinship::Copy if too_short => continue,
                Kinship::Heir => {
                    self.strands[index.0].attach(file, path.clone(), &probe.head);
                    self.files.set_strand(file, Some(*index));
                    self.files.set_phase(file, Phase::Reading);
                }
                Kinship::Copy => {
                    self.files.set_strand(file, Some(*index));
                    self.files.set_phase(file, Phase::Done);
                }
                Kinship::Later => self.files.set_phase(file, later),
            }
            return true;
        }
        false
    }

    fn likeness(
        &self,
        index: StrandIndex,
        path: &Path,
        ending: Ending,
        [quiet, deleted]: [bool; 2],
        goes_on_alike: bool,
    ) -> Likeness {
        let strand = &self.strands[index.0];
        let original = strand.file.and_then(|file| self.files.state(file));
        let compressed_same_name = is_compressed_name(path, &strand.path);
        Likeness {
            evidence: strand.mark().evidence(),
            original: match original.map(|state| state.phase) {
                // It is there, though it is no input now.
                None if strand.last_file.is_some_and(|file| self.elsewhere.contains(&file)) => Original::Read,
                None => Original::Gone,
                // Whoever made a copy of it has deleted it since.
                Some(_) if original.is_some_and(|state| state.unlisted) => Original::Gone,
                Some(Phase::Done) => Original::Read,
                Some(Phase::Missed) => Original::Missed,
                // There is no more to be read of it as it is. A copy has the same beginning of a line at its end.
                Some(Phase::Unterminated) if !goes_on_alike || ending == Ending::AtMark => Original::Read,
                Some(_) => Original::Unread,
            },
            named_after: compressed_same_name || is_rotated_name(path, &strand.path),
            descends: compressed_same_name || is_descendant_name(path, &strand.path),
            compressed_same_name,
            same_folder: path.parent() == strand.path.parent(),
            ending,
            quiet,
            deleted,
        }
    }
}

pub(super) fn holds(expected: Fingerprint, window: Option<&WindowBytes>) -> bool {
    window.is_some_and(|window| {
        window.bytes.len() == usize::from(expected.length) && expected.matches_start_of(&window.bytes)
    })
}
