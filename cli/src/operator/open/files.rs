//! The lake's files: a port to list them and to read them in pieces, and a reader of Parquet over it.
//!
//! Invariant: of a file only the windows that hold what is asked for are read; memory is a few windows, whatever the
//! file's size.

use anyhow::Result;
use bytes::{Buf, Bytes};
use headrig_contract::UnixMicros;
use parquet::{
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};
use std::{
    collections::VecDeque,
    io::{self, Read},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What is read at once: most of the lake's files are smaller, so one call reads them.
const WINDOW_BYTES: u64 = 1 << 20;
/// Windows that are kept: one for each column that is read, and the footer's.
const WINDOWS_KEPT: usize = 8;

/// The files of a lake's tables.
pub(crate) trait LakeFiles: Send + Sync {
    /// Hands each file below the folder `table` to `each`, in the order of their paths.
    fn each(&self, table: &str, each: &mut dyn FnMut(FoundFile)) -> Result<()>;

    /// Up to `length` bytes of the file at `path` from `offset` on: fewer only at its end.
    fn piece(&self, path: &str, offset: u64, length: u64) -> Result<Piece, Unread>;
}

/// A file of a lake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundFile {
    /// Its path within the lake.
    pub(crate) path: String,
    /// Whether it is a file and not a link or the like.
    pub(crate) is_regular: bool,
    /// When it was written last.
    pub(crate) modified: UnixMicros,
}

/// A piece of a file, and how long the whole is.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) bytes: Bytes,
    pub(crate) whole: u64,
}

/// Why a piece was not read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The file is gone, or bad: something is wrong with the lake.
    Bad(String),
    /// The lake could not be reached: nothing is known of the file.
    #[cfg_attr(not(feature = "aws"), allow(dead_code, reason = "made where there is AWS, and in tests"))]
    Failed(anyhow::Error),
}

/// A file of the lake as a reader of Parquet wants it. Clones are the same file.
#[derive(Clone)]
pub(crate) struct WindowedFile(Arc<Inner>);

struct Inner {
    files: Arc<dyn LakeFiles>,
    path: String,
    whole: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Each with the place where it begins, the last used behind.
    windows: VecDeque<(u64, Bytes)>,
    failure: Option<anyhow::Error>,
}

impl WindowedFile {
    /// Opens the file at `path`, and reads its beginning.
    pub(crate) fn open(files: Arc<dyn LakeFiles>, path: &str) -> Result<Self, Unread> {
        let Piece { bytes, whole } = files.piece(path, 0, WINDOW_BYTES)?;
        let state = State { windows: VecDeque::from([(0, bytes)]), failure: None };
        Ok(Self(Arc::new(Inner { files, path: path.into(), whole, state: Mutex::new(state) })))
    }

    /// What kept the lake from being read, if that happened: then nothing is known of the file.
    pub(crate) fn failure(&self) -> Option<anyhow::Error> {
        self.state().failure.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes from `at` on, up to the end of their window; none at the file's end.
    fn bytes_at(&self, at: u64) -> io::Result<Bytes> {
        if at >= self.0.whole {
            return Ok(Bytes::new());
        }
        let (begin, mut state) = (at - at % WINDOW_BYTES, self.state());
        let window = match state.windows.iter().position(|(known, _)| *known == begin) {
            Some(place) => state.windows.remove(place).map(|(_, bytes)| bytes).unwrap_or_default(),
            None => match self.0.files.piece(&self.0.path, begin, WINDOW_BYTES) {
                Ok(piece) => piece.bytes,
                Err(Unread::Bad(reason)) => return Err(io::Error::other(reason)),
                Err(Unread::Failed(error)) => {
                    let told = io::Error::other(format!("{error:#}"));
                    state.failure = Some(error);
                    return Err(told);
                }
            },
        };
        state.windows.push_back((begin, window.clone()));
        if state.windows.len() > WINDOWS_KEPT {
            state.windows.pop_front();
        }
        let behind = usize::try_from(at - begin).unwrap_or(usize::MAX).min(window.len());
        if behind == window.len() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file was cut while it was read"));
        }
        Ok(window.slice(behind..))
    }
}

impl Length for WindowedFile {
    fn len(&self) -> u64 {
        self.0.whole
    }
}

impl ChunkReader for WindowedFile {
    type T = WindowReader;

    fn get_read(&self, start: u64) -> Result<WindowReader, ParquetError> {
        Ok(WindowReader { file: self.clone(), at: start, left: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let first = self.bytes_at(start)?;
        if first.len() >= length {
            return Ok(first.slice(..length));
        }
        let end = start.saturating_add(length as u64);
        if end > self.0.whole {
            return Err(ParquetError::EOF(format!("expected {end} bytes, found {}", self.0.whole)));
        }
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let next = self.bytes_at(start + bytes.len() as u64)?;
            bytes.extend_from_slice(&next[..next.len().min(length - bytes.len())]);
        }
        Ok(bytes.into())
    }
}

/// Reads on from a place.
pub(crate) struct WindowReader {
    file: WindowedFile,
    at: u64,
    left: Bytes,
}

impl Read for WindowReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.is_empty() {
            self.left = self.file.bytes_at(self.at)?;
        }
        let read = self.left.len().min(buffer.len());
        self.left.copy_to_slice(&mut buffer[..read]);
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// One file of these bytes, which counts how often it is asked, and fails from the call of that number on.
    struct Counting {
        bytes: Vec<u8>,
        calls: AtomicU64,
        fails_from: u64,
    }

    impl LakeFiles for Counting {
        fn each(&self, _: &str, _: &mut dyn FnMut(FoundFile)) -> Result<()> {
            Ok(())
        }

        fn piece(&self, _: &str, offset: u64, length: u64) -> Result<Piece, Unread> {
            if self.calls.fetch_add(1, Ordering::Relaxed) + 1 >= self.fails_from {
                return Err(Unread::Failed(anyhow::anyhow!("403")));
            }
            let whole = self.bytes.len() as u64;
            let (from, to) = (offset.min(whole), offset.saturating_add(length).min(whole));
            let bytes = Bytes::copy_from_slice(&self.bytes[from as usize..to as usize]);
            Ok(Piece { bytes, whole })
        }
    }

    fn file(length: usize, fails_from: u64) -> Arc<Counting> {
        let bytes = (0..length).map(|at| (at % 251) as u8).collect();
        Arc::new(Counting { bytes, calls: AtomicU64::new(0), fails_from })
    }

    #[test]
    fn any_stretch_is_read_as_it_is() {
        let window = WINDOW_BYTES as usize;
        for length in [0, 1, window - 1, window, window + 1, 3 * window + 17] {
            let files = file(length, u64::MAX);
            let opened = WindowedFile::open(files.clone(), "a").unwrap_or_else(|_| panic!("it is there"));
            assert_eq!(opened.len(), length as u64);
            for (start, count) in [
                (0, length),
                (length / 2, length - length / 2),
                (length, 0),
                (length.saturating_sub(9), length.min(9)),
            ] {
                let expect = &files.bytes[start..start + count];
                assert_eq!(
                    opened.get_bytes(start as u64, count).unwrap(),
                    expect,
                    "{start} {count} of {length}"
                );
                let mut read = Vec::new();
                opened.get_read(start as u64).unwrap().take(count as u64).read_to_end(&mut read).unwrap();
                assert_eq!(read, expect);
            }
            assert!(opened.get_bytes(0, length + 1).is_err());
        }
    }

    #[test]
    fn only_what_is_asked_for_is_read_and_it_is_read_once() {
        let files = file(20 << 20, u64::MAX);
        let opened = WindowedFile::open(files.clone(), "a").unwrap_or_else(|_| panic!("it is there"));
        for _ in 0..3 {
            for start in [5, (5 << 20) + 3, (19 << 20) + 1] {
                opened.get_bytes(start, 100).unwrap();
            }
        }
        assert_eq!(files.calls.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn a_lake_that_cannot_be_reached_is_no_damaged_file() {
        let files = file(3 << 20, 2);
        let opened = WindowedFile::open(files.clone(), "a").unwrap_or_else(|_| panic!("it is there"));
        assert!(opened.get_bytes(2 << 20, 5).is_err());
        assert_eq!(opened.failure().unwrap().to_string(), "403");
        assert!(matches!(WindowedFile::open(files.clone(), "a"), Err(Unread::Failed(_))));
    }
}
