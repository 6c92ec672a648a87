//! Which strand a file belongs to: asks the shell for the bytes that tell, then decides by
//! [`crate::identity`].
//!
//! Invariant: a file is read only after its bytes were found to be those of its strand.

use super::{
    Action, Core, Fault, Probe, WindowBytes,
    files::{Found, Phase},
    strand::StrandIndex,
};
use crate::{
    identity::{FileId, Fingerprint, Kinship, Likeness, StrandId, is_compressed_name, is_rotated_name},
    state::StrandRecord,
};
use headrig_contract::UnixMicros;
use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
};

/// How many strands a file is compared with, the longest first. Files that begin with the same KiB and
/// are gone but for this one are few.
const CANDIDATES_MAX: usize = 8;

/// A file that the shell was asked to look into.
pub(super) struct Looking {
    file: FileId,
    candidates: Vec<StrandIndex>,
    /// The head of an unknown file is known, and the windows of its candidates were asked for.
    compared: bool,
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
    fn matching(&self, head: &[u8]) -> Vec<StrandIndex> {
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
        let present = self.files.scanned(found, now);
        self.strands.iter_mut().for_each(|strand| strand.file = None);
        for (index, file) in present {
            let strand = &mut self.strands[index.0];
            // A copy may stand for the same strand: the file under the strand's own name is the one it lives in.
            let own_name = self.files.state(file).is_some_and(|state| state.path == strand.path);
            if strand.file.is_none() || own_name {
                strand.file = Some(file);
            }
        }
    }

    /// Asks for what tells the identity of `file`: its head and, where it is known, its strand's window.
    pub(super) fn look_into(&mut self, file: FileId) -> Action {
        let known = self.files.state(file).and_then(|state| state.strand);
        self.compare(file, known.into_iter().collect(), known.is_some())
    }

    fn compare(&mut self, file: FileId, mut candidates: Vec<StrandIndex>, compared: bool) -> Action {
        // In the order of their offsets, so that a decompressor passes each window once.
        candidates.sort_by_key(|index| self.strands[index.0].offset);
        let windows = candidates.iter().map(|index| self.strands[index.0].mark().window_range()).collect();
        self.looking = Some(Looking { file, candidates, compared });
        let state = self.files.state(file).expect("only files in the table are looked into");
        Action::Probe { file, path: state.path.clone(), compressed: state.compressed, windows }
    }

    /// Takes the answer, or asks once more for an unknown file that begins like known ones.
    pub(super) fn probed(&mut self, file: FileId, result: Result<Probe, Fault>) {
        let Some(looking) = self.looking.take().filter(|looking| looking.file == file) else { return };
        let probe = match result {
            Ok(probe) => probe,
            Err(Fault::Moved) => return self.files.set_phase(file, Phase::Missed),
            Err(Fault::Unreadable) => return self.files.set_phase(file, Phase::Unreadable),
        };
        let Some(state) = self.files.state(file) else { return };
        let (path, known) = (state.path.clone(), state.strand);
        if let Some(index) = known {
            return self.known_file_probed(file, path, index, &probe);
        }
        if !looking.compared {
            let mut candidates = self.heads.matching(&probe.head);
            candidates.sort_by_key(|index| std::cmp::Reverse(self.strands[index.0].offset));
            candidates.truncate(CANDIDATES_MAX);
            if !candidates.is_empty() {
                self.looking = Some(Looking { file, candidates, compared: true });
                return;
            }
        }
        self.unknown_file_probed(file, path, &looking.candidates, &probe);
    }

    /// The second look at a file, where the first found candidates.
    pub(super) fn second_look(&mut self) -> Option<Action> {
        let looking = self.looking.take()?;
        self.files.state(looking.file)?;
        Some(self.compare(looking.file, looking.candidates, true))
    }

    fn known_file_probed(&mut self, file: FileId, path: Arc<Path>, index: StrandIndex, probe: &Probe) {
        let strand = &mut self.strands[index.0];
        if holds_mark(&strand.mark(), &probe.head, probe.windows.first()) {
            strand.attach(file, path, &probe.head);
            return self.files.set_phase(file, Phase::Reading);
        }
        if strand.file == Some(file) {
            strand.file = None;
        }
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

    fn unknown_file_probed(
        &mut self,
        file: FileId,
        path: Arc<Path>,
        candidates: &[StrandIndex],
        probe: &Probe,
    ) {
        for (index, window) in candidates.iter().zip(&probe.windows).rev() {
            let strand = &self.strands[index.0];
            let mark = strand.mark();
            if !holds_mark(&mark, &probe.head, Some(window)) {
                continue;
            }
            let likeness = Likeness {
                evidence: mark.evidence(),
                original_intact: strand.file.is_some(),
                rotated_name: is_rotated_name(&path, &strand.path),
                compressed_same_name: is_compressed_name(&path, &strand.path),
                ends_at_mark: window.at_end,
            };
            match likeness.kinship() {
                Kinship::Stranger => {}
                Kinship::Heir => {
                    self.strands[index.0].attach(file, path, &probe.head);
                    self.files.set_strand(file, Some(*index));
                    return self.files.set_phase(file, Phase::Reading);
                }
                Kinship::Copy => {
                    self.files.set_strand(file, Some(*index));
                    return self.files.set_phase(file, Phase::Done);
                }
            }
        }
        let id = self.new_stream();
        self.begin(file, path, id);
    }

    fn begin(&mut self, file: FileId, path: Arc<Path>, id: StrandId) {
        let index = self.add_strand(id, path, file);
        self.files.set_strand(file, Some(index));
        self.files.set_phase(file, Phase::Reading);
    }
}

fn holds_mark(mark: &crate::identity::Mark, head: &[u8], window: Option<&WindowBytes>) -> bool {
    mark.offset.0 == 0
        || mark.head.matches_start_of(head)
            && window.is_some_and(|window| {
                window.bytes.len() == usize::from(mark.window.length)
                    && mark.window.matches_start_of(&window.bytes)
            })
}
