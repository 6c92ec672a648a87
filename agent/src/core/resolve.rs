//! Which strand a file belongs to: asks the shell for the bytes that tell, then decides by
//! [`crate::identity`].
//!
//! Invariant: a file is read only after its bytes were found to be those of its strand.

use super::{
    Action, Core, Fault, Probe, Tails,
    files::{FileState, Found, Phase},
    kin::holds,
    strand::{StrandIndex, Waypoint},
};
use crate::{
    identity::{
        Evidence, FINGERPRINT_BYTES_MAX, FileId, Fingerprint, StrandId, is_compressed_name, is_rotated_name,
    },
    state::StrandRecord,
};
use headrig_contract::UnixMicros;
use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
};

/// How many strands a file is compared with in one look. It is compared with all that it begins like and
/// that it could have to do with; those are few but for logs that all begin with the same KiB.
const COMPARED_MAX: usize = 8;
/// How long until a copy is looked at again whose original is not read to its end.
const LATER_MS: i64 = 10_000;

/// A file that the shell was asked to look into.
pub(super) struct Looking {
    file: FileId,
    /// Whom it was compared with in this look, in the order of the windows.
    compared: Vec<(StrandIndex, Waypoint)>,
    /// Whom it is still to be compared with; none yet where its head is not known.
    remaining: Option<Vec<StrandIndex>>,
    /// How long its head was when these were found.
    head_bytes: usize,
}

/// Strands by the fingerprints of their heads.
pub(super) struct HeadIndex {
    strands: HashMap<Fingerprint, Vec<StrandIndex>>,
    /// How many strands have a head of each length.
    lengths: BTreeMap<u16, usize>,
    heads: HashMap<StrandIndex, Fingerprint>,
}

impl HeadIndex {
    pub(super) fn of(records: &[StrandRecord]) -> Self {
        let mut index = Self { strands: HashMap::new(), lengths: BTreeMap::new(), heads: HashMap::new() };
        for (number, record) in records.iter().enumerate() {
            index.set(StrandIndex(number), record.mark.head);
        }
        index
    }

    pub(super) fn set(&mut self, strand: StrandIndex, head: Fingerprint) {
        if self.heads.get(&strand) == Some(&head) || head.length == 0 {
            return;
        }
        if let Some(before) = self.heads.insert(strand, head) {
            if let Some(strands) = self.strands.get_mut(&before) {
                strands.retain(|other| *other != strand);
            }
            self.lengths.entry(before.length).and_modify(|count| *count -= 1);
        }
        self.strands.entry(head).or_default().push(strand);
        *self.lengths.entry(head.length).or_default() += 1;
    }

    /// The strands whose head these bytes begin with.
    pub(super) fn matching(&self, head: &[u8]) -> Vec<StrandIndex> {
        let lengths =
            self.lengths.iter().filter(|(length, count)| **count > 0 && usize::from(**length) <= head.len());
        lengths
            .filter_map(|(length, _)| self.strands.get(&Fingerprint::of(&head[..usize::from(*length)])))
            .flatten()
            .copied()
            .collect()
    }
}

impl Core {
    pub(super) fn scanned(&mut self, found: Vec<Found>, now: UnixMicros) {
        self.looking = None;
        self.old.scanned();
        self.meet(&found);
        let present = self.files.scanned(found, now);
        self.strands.iter_mut().for_each(|strand| strand.file = None);
        self.orphans_unchecked = true;
        for (index, file) in present {
            let strand = &mut self.strands[index.0];
            // A copy may stand for the same strand: the file under the strand's own name is the one it lives in.
            let own_name = self.files.state(file).is_some_and(|state| state.path == strand.path);
            if strand.file.is_none() || own_name {
                strand.file = Some(file);
            }
            // What was read to its end and only renamed is not looked into again.
            if strand.last_file == Some(file)
                && let Some(state) = self.files.state(file).filter(|state| state.is_renamed_only())
            {
                strand.path = state.path.clone();
            }
        }
    }

    /// Accounts for what strands were seen to have and nobody can read any more, once all files that could
    /// carry them on were looked into. Since a scan can miss a file that is renamed, two must agree where
    /// files come and go.
    pub(super) fn account_for_orphans(&mut self) {
        if !self.orphans_unchecked || self.files.any_unknown() || self.files.any_missed() {
            return;
        }
        self.orphans_unchecked = false;
        let (elsewhere, scans_needed) = (&self.elsewhere, if self.tails == Tails::Take { 1 } else { 2 });
        for strand in &mut self.strands {
            let is_elsewhere = strand.last_file.is_some_and(|file| elsewhere.contains(&file));
            // Of what nothing was taken of nobody can tell whether another file has it.
            if strand.file.is_some() || is_elsewhere || strand.offset.0 == 0 {
                strand.scans_without_file = 0;
                continue;
            }
            strand.scans_without_file = scans_needed.min(strand.scans_without_file + 1);
            if strand.scans_without_file == scans_needed {
                self.progress.lost.0 += strand.seen.saturating_sub(strand.offset.0);
                strand.seen = strand.offset.0;
            }
        }
    }

    /// A stream begins with a file that begins like strands whose files are gone: where little is known of
    /// those, what was seen of them and not read may be in this one, and does not count as lost.
    fn let_off(&mut self, head: &[u8]) {
        for index in self.heads.matching(head) {
            let strand = &mut self.strands[index.0];
            if strand.file.is_none() && strand.mark().evidence() == Evidence::Weak {
                strand.seen = strand.offset.0;
            }
        }
    }

    /// Asks for what tells the identity of `file`: its head and, where it is known, its strand's window.
    pub(super) fn look_into(&mut self, file: FileId, now: UnixMicros) -> Action {
        let known = self.files.state(file).and_then(|state| state.strand);
        let compared = known.map(|index| (index, self.strands[index.0].waypoint_within(u64::MAX)));
        self.look(
            Looking { file, compared: compared.into_iter().collect(), remaining: None, head_bytes: 0 },
            now,
        )
    }

    /// The next look at a file that begins like strands it was not compared with yet.
    pub(super) fn next_look(&mut self, now: UnixMicros) -> Option<Action> {
        let looking = self.looking.take()?;
        let state = self.files.state(looking.file)?;
        let length = (!state.compressed).then_some(state.size.0);
        let mut remaining = looking.remaining.clone().unwrap_or_default();
        let rest = remaining.split_off(remaining.len().min(COMPARED_MAX));
        // How long a compressed file's content is shows only when it is read: it is compared at every place.
        let places = |index: StrandIndex| match length {
            Some(length) => vec![self.strands[index.0].waypoint_within(length)],
            None => self.strands[index.0].waypoints(),
        };
        let mut compared: Vec<(StrandIndex, Waypoint)> = remaining
            .into_iter()
            .flat_map(|index| {
                let places = places(index).into_iter().chain(self.strands[index.0].tail_place());
                places.map(move |place| (index, place))
            })
            .collect();
        // In the order of their offsets, so that a decompressor passes each window once.
        compared.sort_by_key(|(_, waypoint)| waypoint.offset);
        Some(self.look(Looking { compared, remaining: Some(rest), ..looking }, now))
    }

    fn look(&mut self, looking: Looking, now: UnixMicros) -> Action {
        let file = looking.file;
        let range =
            |waypoint: &Waypoint| waypoint.offset.0 - u64::from(waypoint.window.length)..waypoint.offset.0;
        let windows = looking.compared.iter().map(|(_, waypoint)| range(waypoint)).collect();
        self.looking = Some(looking);
        let state = self.files.state(file).expect("only files in the table are looked into");
        let (path, compressed, fresh) = (state.path.clone(), state.compressed, !self.is_quiet(state, now));
        Action::Probe { file, path, compressed, fresh, windows }
    }

    /// Takes the answer, or asks once more for an unknown file that begins like known ones.
    pub(super) fn probed(&mut self, file: FileId, result: Result<Probe, Fault>, now: UnixMicros) {
        let Some(result) = self.searched(file, result, now) else { return };
        let Some(looking) = self.looking.take().filter(|looking| looking.file == file) else { return };
        let Some(state) = self.files.state(file) else { return };
        let probe = match result {
            Ok(probe) => probe,
            Err(fault) => return self.files.set_phase(file, self.phase_after(fault, state, now)),
        };
        let path = state.path.clone();
        match state.strand {
            Some(_) if probe.windows.first().is_some_and(|window| window.unreadable) => {
                self.files.set_phase(file, self.phase_after(Fault::Unreadable, state, now));
            }
            Some(index) => self.known_file_probed(file, path, index, &probe),
            None => self.unknown_file_probed(file, path, looking, &probe, now),
        }
        self.read_as(file, &probe.head);
    }

    /// The file's text is read as its first bytes say.
    pub(super) fn read_as(&mut self, file: FileId, head: &[u8]) {
        if let Some(state) = self.files.state(file)
            && let Some(index) = state.strand
        {
            self.strands[index.0].encoding = self.settings.sources[state.source].encoding_of(head);
        }
    }

    fn unknown_file_probed(
        &mut self,
        file: FileId,
        path: Arc<Path>,
        looking: Looking,
        probe: &Probe,
        now: UnixMicros,
    ) {
        if looking.remaining.is_some() && looking.head_bytes != probe.head.len() {
            // It grew meanwhile, and may begin like others by now: it is looked into anew.
            return;
        }
        let remaining = looking.remaining.unwrap_or_else(|| self.candidates(&path, &probe.head));
        if self.found_kin(file, &path, &looking.compared, probe, now) {
            if self.files.is_known(file) {
                self.old.settle(file, None);
            }
            return;
        }
        if remaining.is_empty()
            && probe.head.len() < FINGERPRINT_BYTES_MAX
            && !self.is_told_by_name(&path, file, now)
        {
            let until = self.files.state(file).map_or(now, |state| self.quiet_at(state));
            return self.files.set_phase(file, Phase::Held { until });
        }
        if remaining.is_empty() && self.files.is_copy_of_unread(file) {
            let until = self.files.state(file).map_or(now, |state| self.later(state, now));
            return self.files.set_phase(file, Phase::Held { until });
        }
        if remaining.is_empty() {
            self.let_off(&probe.head);
            return self.begin_unknown(file, path);
        }
        let (compared, head_bytes) = (Vec::new(), probe.head.len());
        self.looking = Some(Looking { file, compared, remaining: Some(remaining), head_bytes });
    }

    /// Whether a file of less than a KiB may be taken for what it is: it has been quiet, or no name says that
    /// it could be a copy which has just begun.
    fn is_told_by_name(&self, path: &Path, file: FileId, now: UnixMicros) -> bool {
        let quiet = self.files.state(file).is_none_or(|state| self.is_quiet(state, now));
        let named_after = |of: &Path| is_compressed_name(path, of) || is_rotated_name(path, of);
        quiet || !self.strands.iter().any(|strand| strand.offset.0 > 0 && named_after(&strand.path))
    }

    /// What becomes of a file that could not be read. One that is being written may not be whole yet.
    pub(super) fn phase_after(&self, fault: Fault, state: &FileState, now: UnixMicros) -> Phase {
        match fault {
            Fault::Moved => Phase::Missed,
            Fault::Unreadable if self.is_quiet(state, now) => Phase::Unreadable,
            Fault::Unreadable => Phase::Held { until: self.quiet_at(state) },
        }
    }

    fn known_file_probed(&mut self, file: FileId, path: Arc<Path>, index: StrandIndex, probe: &Probe) {
        let strand = &mut self.strands[index.0];
        let mark = strand.mark();
        if mark.offset.0 == 0
            || mark.head.matches_start_of(&probe.head) && holds(mark.window, probe.windows.first())
        {
            strand.attach(file, path, &probe.head);
            return self.files.set_phase(file, Phase::Reading);
        }
        if self.files.state(file).is_some_and(|state| state.seen_alone) {
            // It began anew. What becomes of its former life shows only beside all other files.
            return self.files.set_phase(file, Phase::Missed);
        }
        let strand = &mut self.strands[index.0];
        let is_its_own = strand.file == Some(file);
        // Of a plain file the bytes tell: by its size alone a log that began anew would pass for the copy.
        let begins_alike = |state: &FileState| state.compressed || mark.head.matches_start_of(&probe.head);
        if is_its_own {
            strand.file = None;
        }
        if strand.path != path
            && !is_its_own
            && self.files.state(file).is_some_and(|state| state.has_size_done() && begins_alike(state))
        {
            // A copy that was touched; its strand has gone on since.
            return self.files.set_phase(file, Phase::Done);
        }
        let strand = &mut self.strands[index.0];
        if strand.path != path {
            // The inode is another file's now.
            self.files.set_strand(file, None);
            return self.files.postpone_current();
        }
        let stream = strand.id.stream;
        let generations =
            self.strands.iter().filter(|other| other.id.stream == stream).map(|other| other.id.generation);
        let last = generations.max().expect("the strand itself is among them");
        self.progress.restarts += 1;
        self.begin(file, path, StrandId { stream, generation: last.next() });
    }

    /// Whether the file has not changed for as long as an event is waited for.
    pub(super) fn is_quiet(&self, state: &FileState, now: UnixMicros) -> bool {
        now >= self.quiet_at(state)
    }

    pub(super) fn quiet_at(&self, state: &FileState) -> UnixMicros {
        state.changed_at.saturating_add_micros(self.settings.event_hold_ms as i64 * 1_000)
    }

    /// When to look again at a file whose nature depends on another: soon where the files are as long as they
    /// will be, since that one is read at once then.
    pub(super) fn later(&self, state: &FileState, now: UnixMicros) -> UnixMicros {
        let pause_ms = match self.tails {
            Tails::Take => self.settings.event_hold_ms as i64,
            Tails::Leave => LATER_MS,
        };
        self.quiet_at(state).max(now.saturating_add_micros(pause_ms * 1_000))
    }

    pub(super) fn begin(&mut self, file: FileId, path: Arc<Path>, id: StrandId) {
        let index = self.add_strand(id, path, file);
        self.files.set_strand(file, Some(index));
        self.files.set_phase(file, Phase::Reading);
    }
}
