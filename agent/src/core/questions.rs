//! What the core can be asked. Nothing here decides anything.

use super::{Core, FileStatus, FoundFile, Progress, strand::Strand};
use crate::identity::FileId;
use headrig_contract::{ByteLength, ContentHash, UnixMicros};
use std::{collections::HashSet, path::Path, sync::Arc};

impl Core {
    /// Files that strands were read from and that are not among `found`, with their paths: whether they are
    /// still there tells heirs from copies. Nothing to ask where all that was found is known.
    pub fn absent(&self, found: &[FoundFile]) -> Vec<(FileId, Arc<Path>)> {
        if found.iter().all(|found| self.files.is_settled(found)) {
            return Vec::new();
        }
        let present: HashSet<FileId> = found.iter().map(|found| found.file).collect();
        let absent = |strand: &Strand| {
            let file = strand.last_file.filter(|file| !present.contains(file))?;
            Some((file, strand.path.clone()))
        };
        self.strands.iter().filter_map(absent).collect()
    }

    /// Whether there is something to be read in a file of this size that nobody can open any more.
    pub fn wants(&self, file: FileId, size: ByteLength) -> bool {
        self.files.wants(file, size, &self.strands)
    }

    /// When the first of the files that are held back can be looked at again: scan then.
    pub fn held_until(&self) -> Option<UnixMicros> {
        self.files.held_until().min()
    }

    /// The paths of files that are held back no longer: look at them, or scan.
    pub fn due(&self, now: UnixMicros) -> Vec<Arc<Path>> {
        self.files.due(now)
    }

    /// Whether the last scan found the file, or it has been found since.
    pub fn knows(&self, file: FileId) -> bool {
        self.files.state(file).is_some()
    }

    /// Whether the file is one that is read, where it was and no shorter: [`Event::Grew`] will do for it.
    pub fn has_only_grown(&self, found: &FoundFile) -> bool {
        self.files.has_only_grown(found)
    }

    /// When the last of them can be.
    pub fn all_held_until(&self) -> Option<UnixMicros> {
        self.files.held_until().max()
    }

    /// The files in which lines were cut since the last call, and how many.
    pub fn take_cut_lines(&mut self) -> Vec<(Arc<str>, u64)> {
        self.cut_lines.drain().collect()
    }

    /// Files that are held back, or were not where the last scan saw them.
    pub fn unsettled(&self) -> Vec<Arc<Path>> {
        self.files.unsettled()
    }

    /// Whether files were not where the last scan saw them: scan again.
    pub fn missed_files(&self) -> bool {
        self.files.any_missed()
    }

    /// The bytes on disk that the last scan saw and that are not taken yet, compressed files as they are.
    pub fn unread(&self) -> ByteLength {
        self.files.unread(&self.strands)
    }

    /// When the oldest byte was taken that is not known to be stored; for sealed chunks, when they were sealed.
    pub fn oldest_unshipped(&self) -> Option<UnixMicros> {
        let open = self.open.iter().flatten().map(|chunk| chunk.opened_at);
        open.chain(self.uploads.oldest()).chain(self.files.oldest_waiting()).min()
    }

    /// The bytes of chunks that are sealed and not known to be stored.
    pub fn spool_bytes(&self) -> ByteLength {
        ByteLength(self.uploads.waiting_bytes())
    }

    /// The length of a chunk that was handed out to be stored, and of which nothing was heard yet.
    pub fn length_in_flight(&self, chunk: ContentHash) -> Option<ByteLength> {
        self.uploads.length_in_flight(chunk)
    }

    /// The files there are, with how far each is read.
    pub fn file_statuses(&self) -> impl Iterator<Item = FileStatus<'_>> {
        self.files.statuses(&self.strands)
    }

    /// Whether nothing that was read waits for sealing and nothing that was sealed for upload.
    pub fn is_drained(&self) -> bool {
        self.open.iter().all(Option::is_none) && self.uploads.is_empty()
    }

    /// The block to append, after [`Action::Append`].
    pub fn block(&self) -> &[u8] {
        &self.block
    }

    /// How much was done.
    pub fn progress(&self) -> Progress {
        self.progress
    }
}
