//! Reads files for the core: heads, windows and runs of plain bytes, through a decompressor where needed.
//!
//! Invariant: bytes come from the file that the core named, not from another that stands at its path by now.

mod open_file;

use crate::{
    core::{Fault, FoundFile, Probe, ReadBytes, ReadEnd, WindowBytes},
    disk::{Disk, Stat, SystemDisk},
    identity::{FINGERPRINT_BYTES_MAX, FileId, Fingerprint},
};
use headrig_contract::{ByteLength, UnixMicros};
use open_file::OpenFile;
use std::{
    collections::{HashMap, HashSet},
    fmt,
    io::{self, ErrorKind},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Plain files kept open at once.
const HANDLES_MAX: usize = 64;
/// How long a file is kept open after it was read last.
const HANDLE_IDLE_MICROS: i64 = 60_000_000;

/// An input that could not be taken, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The input.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
    /// What the operator can do.
    pub action: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n         {}", self.path.display(), self.problem, self.action)
    }
}

/// The files that are being read. Plain ones are kept open for a while, so that what is written to a deleted
/// one is still read; of compressed ones the last.
pub struct TailFiles<D: Disk = SystemDisk> {
    disk: D,
    plain: HashMap<FileId, Handle<D::File>>,
    decompressed: Option<(FileId, OpenFile<D::File>)>,
    /// Counts uses, to find the handle that was used least recently.
    uses: u64,
    problems: Vec<Problem>,
}

/// A file that is to be read.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The file.
    pub file: FileId,
    /// Where it was found.
    pub path: &'a Arc<Path>,
    /// It is read through a decompressor.
    pub compressed: bool,
    /// It changed a moment ago: that it is not whole yet is nobody's problem.
    pub fresh: bool,
    /// The time, by which files that are idle are closed.
    pub now: UnixMicros,
}

struct Handle<F> {
    open: OpenFile<F>,
    path: Arc<Path>,
    used: u64,
    used_at: UnixMicros,
}

impl Default for TailFiles {
    fn default() -> Self {
        Self::on(SystemDisk)
    }
}

impl<D: Disk> TailFiles<D> {
    /// Reads files of this disk.
    pub fn on(disk: D) -> Self {
        Self { disk, plain: HashMap::new(), decompressed: None, uses: 0, problems: Vec::new() }
    }

    /// Looks into a file: its first plain bytes and these ranges, which are in ascending order of their ends.
    ///
    /// # Errors
    /// [`Fault`]; why a file is unreadable is among [`TailFiles::take_problems`].
    pub fn probe(&mut self, target: &Target<'_>, windows: &[Range<u64>]) -> Result<Probe, Fault> {
        let mut head = vec![0; FINGERPRINT_BYTES_MAX];
        let mut count = 0;
        let outcome = self.opened(target, 0).and_then(|open| open.fill(0, &mut head, &mut count));
        // Damage in the first KiB is told when it is read: what stands before it is taken.
        if let Err(error) = outcome
            && count == 0
        {
            return Err(self.fault(target, &error));
        }
        head.truncate(count);
        let windows = windows.iter().map(|range| self.window(target, range)).collect();
        Ok(Probe { head, windows })
    }

    /// Fills `buffer` with plain bytes from `offset` on, as far as there are any.
    ///
    /// # Errors
    /// [`Fault`], where not one byte could be read.
    pub fn read(&mut self, target: &Target<'_>, offset: u64, buffer: &mut [u8]) -> Result<ReadBytes, Fault> {
        let mut count = 0;
        let outcome = self.opened(target, offset).and_then(|open| open.fill(offset, buffer, &mut count));
        match outcome {
            Ok(true) => Ok(ReadBytes { count, end: ReadEnd::File }),
            Ok(false) => Ok(ReadBytes { count, end: ReadEnd::More }),
            Err(error) => {
                let fault = self.fault(target, &error);
                if count > 0 { Ok(ReadBytes { count, end: ReadEnd::Damage }) } else { Err(fault) }
            }
        }
    }

    /// Whether these bytes stand before `offset`: a plain file may have been truncated and written anew at any
    /// moment, also to a greater length.
    pub fn holds(&mut self, target: &Target<'_>, offset: u64, expected: Fingerprint) -> bool {
        let mut bytes = [0; FINGERPRINT_BYTES_MAX];
        let window = &mut bytes[..usize::from(expected.length)];
        let start = offset.saturating_sub(window.len() as u64);
        let read = self.opened(target, start).and_then(|open| open.read_full(start, window));
        read.is_ok_and(|(count, _)| count == window.len()) && expected.matches_start_of(window)
    }

    /// What went wrong since the last call.
    pub fn take_problems(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.problems)
    }

    /// Files that are still open here but that a scan did not find: deleted, or moved out of sight, and maybe
    /// written to by somebody who has them open as well. Closes what has been idle, but of these none that
    /// `is_wanted` says is not read to its end: nobody could open it again.
    pub fn unlisted(
        &mut self,
        found: &[FoundFile],
        now: UnixMicros,
        is_wanted: impl Fn(FileId, ByteLength) -> bool,
    ) -> Vec<FoundFile> {
        let listed: HashSet<FileId> = found.iter().map(|found| found.file).collect();
        self.plain.retain(|file, handle| {
            // It was opened when it was too short to show that it is compressed: nobody can read it to its end.
            if !listed.contains(file) && handle.open.is_compressed() {
                return false;
            }
            let is_pinned = || handle.open.plain_stat().is_some_and(|stat| is_wanted(*file, stat.size));
            now.micros_since(handle.used_at) < HANDLE_IDLE_MICROS || !listed.contains(file) && is_pinned()
        });
        let unlisted = self.plain.iter().filter(|(file, _)| !listed.contains(file));
        unlisted
            .filter_map(|(file, handle)| {
                let Stat { size, modified, .. } = handle.open.plain_stat()?;
                let path = handle.path.clone();
                Some(FoundFile {
                    file: *file,
                    path,
                    source: 0,
                    size,
                    modified,
                    compressed: false,
                    unlisted: true,
                })
            })
            .collect()
    }

    /// A range of the file. Damage before it is no reason not to read what stands before the damage.
    fn window(&mut self, target: &Target<'_>, range: &Range<u64>) -> WindowBytes {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        let read = self.opened(target, range.start).and_then(|open| {
            let (count, at_end) = open.read_full(range.start, &mut bytes)?;
            Ok((count, at_end || open.read_full(range.end, &mut [0])?.0 == 0))
        });
        match read {
            Ok((count, at_end)) => {
                bytes.truncate(count);
                WindowBytes { bytes, at_end, unreadable: false }
            }
            Err(error) => {
                self.fault(target, &error);
                WindowBytes { unreadable: true, ..WindowBytes::default() }
            }
        }
    }

    fn close(&mut self, file: FileId) {
        self.decompressed = None;
        self.plain.remove(&file);
    }

    /// The file, at a place from which `offset` can be reached.
    fn opened(&mut self, target: &Target<'_>, offset: u64) -> io::Result<&mut OpenFile<D::File>> {
        if target.compressed {
            let reusable =
                self.decompressed.take().filter(|(file, open)| *file == target.file && open.reaches(offset));
            let open = match reusable {
                Some((_, open)) => open,
                None => OpenFile::new(&self.disk, target.file, target.path, true)?,
            };
            return Ok(&mut self.decompressed.insert((target.file, open)).1);
        }
        self.uses += 1;
        if !self.plain.contains_key(&target.file) {
            let open = OpenFile::new(&self.disk, target.file, target.path, false)?;
            self.make_room();
            let handle = Handle { open, path: target.path.clone(), used: 0, used_at: target.now };
            self.plain.insert(target.file, handle);
        }
        let handle = self.plain.get_mut(&target.file).expect("it was just put there");
        (handle.used, handle.used_at) = (self.uses, target.now);
        if handle.path != *target.path {
            handle.path = target.path.clone();
        }
        Ok(&mut handle.open)
    }

    fn make_room(&mut self) {
        if self.plain.len() >= HANDLES_MAX
            && let Some(oldest) =
                self.plain.iter().min_by_key(|(_, handle)| handle.used).map(|(file, _)| *file)
        {
            self.plain.remove(&oldest);
        }
    }

    fn fault(&mut self, target: &Target<'_>, error: &io::Error) -> Fault {
        self.close(target.file);
        if error.kind() == ErrorKind::NotFound {
            return Fault::Moved;
        }
        let (problem, action) = match error.kind() {
            ErrorKind::PermissionDenied => {
                ("cannot be read: permission denied".into(), "run as a user who may read it")
            }
            _ if target.compressed => (
                format!("compressed data is cut short or damaged: {error}"),
                "lines before the damage are taken; replace the file with a whole one and run again for the rest",
            ),
            _ => (format!("cannot be read: {error}"), "check the disk or mount it lies on and run again"),
        };
        let problem = Problem { path: target.path.to_path_buf(), problem, action: action.into() };
        if !target.fresh && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
        Fault::Unreadable
    }
}
