//! What of the files is recorded, so that the next start need not look into those that nothing came to.
//!
//! Invariant: a file is never recorded as read to its end before what was read of it is sealed.

use super::{FileTable, NEVER_DONE};
use crate::{
    core::strand::{Strand, StrandIndex},
    identity::{FileId, StrandId},
    state::FileRecord,
};

impl FileTable {
    /// The records of the files that carry these strands on.
    pub(in crate::core) fn records_of(&self, indices: &[StrandIndex], strands: &[Strand]) -> Vec<FileRecord> {
        indices.iter().filter_map(|index| Some(self.record(strands[index.0].file?, strands)?.0)).collect()
    }

    /// Files that were read to their end since they were last recorded. Only to be asked once all is sealed:
    /// a file that counts as done is not looked into again.
    pub(in crate::core) fn to_remember(&self, strands: &[Strand]) -> Option<Vec<FileRecord>> {
        let unsaved = self.states.iter().filter(|(_, state)| !state.remembered);
        let records: Vec<FileRecord> = unsaved
            .filter_map(|(file, _)| self.record(*file, strands))
            // A stream that nothing was sealed of is not recorded, and its number is given out again.
            .filter(|(_, strand)| strand.offset.0 > 0)
            .map(|(record, _)| record)
            .collect();
        (!records.is_empty()).then_some(records)
    }

    pub(in crate::core) fn remembered(&mut self) {
        self.states.values_mut().for_each(|state| state.remembered = true);
    }

    /// The record of a file that has this strand, as of one that was not read to its end: what was read of it
    /// need not be sealed. None where it has another strand by now, which is recorded with its chunks.
    pub(in crate::core) fn unread_record(
        &self,
        file: FileId,
        strand: StrandId,
        strands: &[Strand],
    ) -> Option<FileRecord> {
        let (record, _) = self.record(file, strands).filter(|(record, _)| record.strand == strand)?;
        let (size_done, modified_done) = NEVER_DONE;
        Some(FileRecord { size_done, modified_done, ..record })
    }

    fn record<'s>(&self, file: FileId, strands: &'s [Strand]) -> Option<(FileRecord, &'s Strand)> {
        let state = self.states.get(&file)?;
        let strand = &strands[state.strand?.0];
        let (size_done, modified_done) = state.done;
        Some((FileRecord { file, strand: strand.id, size_done, modified_done }, strand))
    }
}
