//! A file that is open for reading: plain at any offset, or through a decompressor that only goes forward.

use crate::{
    disk::{Disk, DiskFile, Stat},
    identity::FileId,
};
use headrig_contract::chunk::{ForeignReader, Layout};
use std::{
    io::{self, BufReader, ErrorKind, Read},
    path::Path,
};

/// The bytes read at once while a decompressor is moved forward.
const SKIP_BYTES: usize = 64 << 10;
/// The first bytes that tell whether a file is compressed.
const MAGIC_BYTES: usize = 16;

pub(super) struct OpenFile<F> {
    reader: Reader<F>,
}

enum Reader<F> {
    Plain(F),
    Decompressed { reader: ForeignReader<'static>, position: u64 },
}

impl<F: DiskFile> OpenFile<F> {
    /// Opens `path`, if the file that is expected still stands there.
    pub(super) fn new(
        disk: &impl Disk<File = F>,
        expected: FileId,
        path: &Path,
        compressed: bool,
    ) -> io::Result<Self> {
        let file = disk.open(path)?;
        let stat = file.stat()?;
        if stat.file != expected || !stat.is_file {
            return Err(io::Error::new(ErrorKind::NotFound, "another file stands there"));
        }
        let reader = if compressed { decompressed(file)? } else { Reader::Plain(file) };
        Ok(Self { reader })
    }

    /// What the system knows of a plain file, even a deleted one.
    pub(super) fn plain_stat(&self) -> Option<Stat> {
        match &self.reader {
            Reader::Plain(file) => file.stat().ok(),
            Reader::Decompressed { .. } => None,
        }
    }

    /// Whether a file that was opened as a plain one turned out to be none.
    pub(super) fn is_compressed(&self) -> bool {
        let mut magic = [0; MAGIC_BYTES];
        let Reader::Plain(file) = &self.reader else { return true };
        file.read_at(&mut magic, 0).is_ok_and(|count| Layout::of(&magic[..count]) != Layout::Plain)
    }

    /// Whether it stands where `offset` can be reached from.
    pub(super) fn reaches(&self, offset: u64) -> bool {
        match &self.reader {
            Reader::Plain(_) => true,
            Reader::Decompressed { position, .. } => *position <= offset,
        }
    }

    /// As [`OpenFile::fill`], with the count and whether the file ends.
    pub(super) fn read_full(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<(usize, bool)> {
        let mut count = 0;
        let at_end = self.fill(offset, buffer, &mut count)?;
        Ok((count, at_end))
    }

    /// Reads from `offset` until `buffer` is full or the file ends, which is returned; `count` also holds
    /// what was read before an error.
    pub(super) fn fill(&mut self, offset: u64, buffer: &mut [u8], count: &mut usize) -> io::Result<bool> {
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

fn decompressed<F: DiskFile>(file: F) -> io::Result<Reader<F>> {
    let mut magic = [0; MAGIC_BYTES];
    let count = file.read_at(&mut magic, 0)?;
    let layout = Layout::of(&magic[..count]);
    let source = BufReader::with_capacity(SKIP_BYTES, FromStart { file, position: 0 });
    Ok(Reader::Decompressed { reader: ForeignReader::new(layout, source)?, position: 0 })
}

/// A file from its first byte on.
struct FromStart<F> {
    file: F,
    position: u64,
}

impl<F: DiskFile> Read for FromStart<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}
