//! What passes between the core and its shell: the core's actions and the shell's events, closed sets both.

use super::files::Found;
use crate::{
    identity::{FileId, Fingerprint},
    state::{Anchoring, ChunkRecord, FileRecord, Meeting, Seal},
};
use headrig_contract::{ByteOffset, ContentHash};
use std::{collections::HashSet, ops::Range, path::Path, sync::Arc};

/// What the shell is to do next.
#[derive(Debug)]
pub enum Action {
    /// Look into a file; answer with [`Event::Probed`].
    Probe {
        /// The file, which must still be that one when opened.
        file: FileId,
        /// Where it was found.
        path: Arc<Path>,
        /// It is read through a decompressor.
        compressed: bool,
        /// It changed a moment ago: that it is cut short is to be expected.
        fresh: bool,
        /// Ranges of its plain bytes to bring along with the head.
        windows: Vec<Range<u64>>,
    },
    /// Read `length` plain bytes into [`Core::room`]; answer with [`Event::Read`].
    Read {
        /// The file.
        file: FileId,
        /// Where it was found.
        path: Arc<Path>,
        /// It is read through a decompressor.
        compressed: bool,
        /// It changed a moment ago: that it is cut short is to be expected.
        fresh: bool,
        /// Where to begin.
        offset: ByteOffset,
        /// How many bytes, at most.
        length: usize,
        /// What stands before `offset`, still after the bytes were read: else they are another life's, and the
        /// answer is [`Fault::Moved`].
        window: Fingerprint,
    },
    /// Append [`Core::block`] to the source's spool file, which `begins` anew with it; answer with
    /// [`Event::Appended`].
    Append {
        /// The source's index.
        source: usize,
        /// This is the chunk's first block.
        begins: bool,
    },
    /// Sync the source's spool file, name it after its hash, record the step; answer with [`Event::Sealed`].
    Seal {
        /// The source's index.
        source: usize,
        /// The step to record.
        seal: Box<Seal>,
    },
    /// Store the chunk; answer with [`Event::Uploaded`] or [`Event::UploadFailed`], now or later.
    Upload(ChunkRecord),
    /// Record that sources are met, and what they have; answer with [`Event::Met`].
    Meet(Meeting),
    /// Record where reading begins in files that were there then; answer with [`Event::Anchored`].
    Anchor(Anchoring),
    /// Remember these files; answer with [`Event::Remembered`].
    Remember(Vec<FileRecord>),
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// What a scan found.
    Scanned {
        /// All files that are to be read. Files not named are gone, or no input.
        found: Vec<Found>,
        /// Of [`super::Core::absent`], those that are still there.
        elsewhere: HashSet<FileId>,
    },
    /// Files of which [`super::Core::has_only_grown`] is true; of the others nothing is known since the last scan.
    Grew(Vec<Found>),
    /// The answer to [`Action::Probe`].
    Probed {
        /// The file.
        file: FileId,
        /// What was found, or why nothing was.
        result: Result<Probe, Fault>,
    },
    /// The answer to [`Action::Read`].
    Read {
        /// The file.
        file: FileId,
        /// What was read, or why nothing was.
        result: Result<ReadBytes, Fault>,
    },
    /// The block is in the spool file.
    Appended,
    /// The chunk is sealed, durably.
    Sealed,
    /// The chunk is stored, durably.
    Uploaded(ContentHash),
    /// The chunk could not be stored; it is tried again.
    UploadFailed(ContentHash),
    /// The sources are met, durably.
    Met,
    /// It is recorded where reading begins.
    Anchored,
    /// The files are remembered.
    Remembered,
    /// Nothing more will come: seal what was read.
    Finish,
}

/// What a look into a file brought.
#[derive(Debug, Default)]
pub struct Probe {
    /// The first plain bytes, up to [`crate::identity::FINGERPRINT_BYTES_MAX`].
    pub head: Vec<u8>,
    /// Each range asked for, in order.
    pub windows: Vec<WindowBytes>,
}

/// A range of a file's plain bytes.
#[derive(Debug, Default)]
pub struct WindowBytes {
    /// The bytes; fewer than asked for where the file ends before.
    pub bytes: Vec<u8>,
    /// The file ends where the range does, or before.
    pub at_end: bool,
    /// It cannot be read so far; the shell has said why.
    pub unreadable: bool,
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadBytes {
    /// So many bytes are in [`Core::room`].
    pub count: usize,
    /// What comes after them.
    pub end: ReadEnd,
}

/// What comes after the bytes of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadEnd {
    /// More bytes; as many were read as asked for.
    More,
    /// The end of the file.
    File,
    /// Bytes that cannot be read; the shell has said why.
    Damage,
}

/// Why a file could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not there any more, or another file stands in its place: the next scan will tell.
    Moved,
    /// It cannot be read; the shell has said why.
    Unreadable,
}
