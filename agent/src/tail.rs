//! Reads files for the core: heads, windows and runs of plain bytes, through a decompressor where needed.
//!
//! Invariant: bytes come from the file that the core named, not from another that stands at its path by now.

use crate::{
    core::{Fault, Probe, ReadBytes, ReadEnd, WindowBytes},
    identity::{FINGERPRINT_BYTES_MAX, FileId},
};
use headrig_contract::chunk::{ForeignReader, Layout};
use rustix::fs::{Mode, OFlags};
use std::{
    fmt,
    fs::File,
    io::{self, BufReader, ErrorKind, Read},
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// The bytes read at once while a decompressor is moved forward.
const SKIP_BYTES: usize = 64 << 10;

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

/// The files that are being read: the last one is kept open.
#[derive(Default)]
pub struct TailFiles {
    open: Option<OpenFile>,
    problems: Vec<Problem>,
}

struct OpenFile {
    file: FileId,
    reader: Reader,
}

enum Reader {
    Plain(File),
    Decompressed { reader: ForeignReader<'static>, position: u64 },
}

impl TailFiles {
    /// Looks into a file: its first plain bytes and these ranges, which are in ascending order of their ends.
    ///
    /// # Errors
    /// [`Fault`]; why a file is unreadable is among [`TailFiles::take_problems`].
    pub fn probe(
        &mut self,
        file: FileId,
        path: &Path,
        compressed: bool,
        windows: &[Range<u64>],
    ) -> Result<Probe, Fault> {
        let probe = |tail: &mut Self| {
            let mut head = vec![0; FINGERPRINT_BYTES_MAX];
            let (count, _) = tail.opened(file, path, compressed, 0)?.read_full(0, &mut head)?;
            head.truncate(count);
            let windows = windows
                .iter()
                .map(|range| tail.window(file, path, compressed, range))
                .collect::<Result<_, _>>()?;
            Ok(Probe { head, windows })
        };
        probe(self).map_err(|error| self.fault(path, compressed, &error))
    }

    /// Fills `buffer` with plain bytes from `offset` on, as far as there are any.
    ///
    /// # Errors
    /// [`Fault`], where not one byte could be read.
    pub fn read(
        &mut self,
        file: FileId,
        path: &Path,
        compressed: bool,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<ReadBytes, Fault> {
        let mut count = 0;
        let outcome = self
            .opened(file, path, compressed, offset)
            .and_then(|open| open.fill(offset, buffer, &mut count));
        match outcome {
            Ok(true) => Ok(ReadBytes { count, end: ReadEnd::File }),
            Ok(false) => Ok(ReadBytes { count, end: ReadEnd::More }),
            Err(error) => {
                let fault = self.fault(path, compressed, &error);
                if count > 0 { Ok(ReadBytes { count, end: ReadEnd::Damage }) } else { Err(fault) }
            }
        }
    }

    /// What went wrong since the last call.
    pub fn take_problems(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.problems)
    }

    /// The file that is kept open, which another program may have deleted in the meantime.
    pub fn open_file(&self) -> Option<FileId> {
        self.open.as_ref().map(|open| open.file)
    }

    fn window(
        &mut self,
        file: FileId,
        path: &Path,
        compressed: bool,
        range: &Range<u64>,
    ) -> io::Result<WindowBytes> {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        let open = self.opened(file, path, compressed, range.start)?;
        let (count, mut at_end) = open.read_full(range.start, &mut bytes)?;
        if !at_end {
            let (beyond, _) = open.read_full(range.end, &mut [0])?;
            at_end = beyond == 0;
        }
        bytes.truncate(count);
        Ok(WindowBytes { bytes, at_end })
    }

    /// The file, at a place from which `offset` can be reached.
    fn opened(
        &mut self,
        file: FileId,
        path: &Path,
        compressed: bool,
        offset: u64,
    ) -> io::Result<&mut OpenFile> {
        let reusable =
            self.open.as_ref().is_some_and(|open| open.file == file && open.reaches(compressed, offset));
        if !reusable {
            self.open = None;
            self.open = Some(OpenFile::new(file, path, compressed)?);
        }
        Ok(self.open.as_mut().expect("it was just set"))
    }

    fn fault(&mut self, path: &Path, compressed: bool, error: &io::Error) -> Fault {
        self.open = None;
        if error.kind() == ErrorKind::NotFound {
            return Fault::Moved;
        }
        let (problem, action) = match error.kind() {
            ErrorKind::PermissionDenied => {
                ("cannot be read: permission denied".into(), "run as a user who may read it")
            }
            _ if compressed => (
                format!("compressed data is cut short or damaged: {error}"),
                "lines before the damage are taken; replace the file with a whole one and run again for the rest",
            ),
            _ => (format!("cannot be read: {error}"), "check the disk or mount it lies on and run again"),
        };
        self.problems.push(Problem { path: path.into(), problem, action: action.into() });
        Fault::Unreadable
    }
}

impl OpenFile {
    /// Opens `path` without waiting for anybody (a FIFO might stand there by now).
    fn new(expected: FileId, path: &Path, compressed: bool) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let metadata = file.metadata()?;
        if FileId::of(&metadata) != expected || !metadata.is_file() {
            return Err(io::Error::new(ErrorKind::NotFound, "another file stands there"));
        }
        let reader = if compressed { decompressed(file)? } else { Reader::Plain(file) };
        Ok(Self { file: expected, reader })
    }

    fn reaches(&self, compressed: bool, offset: u64) -> bool {
        match &self.reader {
            Reader::Plain(_) => !compressed,
            Reader::Decompressed { position, .. } => compressed && *position <= offset,
        }
    }

    fn read_full(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<(usize, bool)> {
        let mut count = 0;
        let at_end = self.fill(offset, buffer, &mut count)?;
        Ok((count, at_end))
    }

    /// Reads from `offset` until `buffer` is full or the file ends, which is returned; `count` also holds
    /// what was read before an error.
    fn fill(&mut self, offset: u64, buffer: &mut [u8], count: &mut usize) -> io::Result<bool> {
        self.move_to(offset)?;
        while *count < buffer.len() {
            let rest = &mut buffer[*count..];
            let result = match &mut self.reader {
                Reader::Plain(file) => file.read_at(rest, offset + *count as u64),
                Reader::Decompressed { reader, .. } => reader.read(rest),
            };
            match result {
                Ok(0) => return Ok(true),
                Ok(read) => {
                    *count += read;
                    if let Reader::Decompressed { position, .. } = &mut self.reader {
                        *position += read as u64;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Moves a decompressor forward to `target`.
    fn move_to(&mut self, target: u64) -> io::Result<()> {
        let Reader::Decompressed { reader, position } = &mut self.reader else { return Ok(()) };
        let mut scratch = vec![0; SKIP_BYTES.min(target.saturating_sub(*position) as usize)];
        while *position < target {
            let wanted = scratch.len().min((target - *position) as usize);
            let read = reader.read(&mut scratch[..wanted])?;
            if read == 0 {
                return Ok(());
            }
            *position += read as u64;
        }
        Ok(())
    }
}

fn decompressed(file: File) -> io::Result<Reader> {
    let mut magic = [0; 16];
    let count = file.read_at(&mut magic, 0)?;
    let layout = Layout::of(&magic[..count]);
    let reader = ForeignReader::new(layout, BufReader::with_capacity(SKIP_BYTES, file))?;
    Ok(Reader::Decompressed { reader, position: 0 })
}
