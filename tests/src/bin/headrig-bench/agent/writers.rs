//! The programs that write logs: files kept open, lines appended at the pace of the clock.

use super::lines::{Mark, push_line};
use anyhow::{Context, Result, ensure};
use headrig_contract::UnixMicros;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::Path,
    thread::sleep,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Descriptors that this program needs beside its logs.
const DESCRIPTORS_SPARE: u64 = 64;
/// Files in a folder.
const FOLDER_FILES: u32 = 100;

/// Logs that are written to.
pub(super) struct Writers {
    files: Vec<File>,
    /// The lines in each.
    lines: Vec<u32>,
    bytes: u64,
    buffer: String,
}

/// Pieces of time of one length, one after another.
pub(super) struct Ticks {
    begun: Instant,
    length: Duration,
    count: u32,
}

impl Writers {
    /// So many new, empty logs in `folder`, which is made, a hundred in each folder of it.
    pub(super) fn new(folder: &Path, files: u32) -> Result<Self> {
        allow_open_files(u64::from(files) + DESCRIPTORS_SPARE)?;
        let open = |file: u32| -> Result<File> {
            let folder = folder.join(format!("app-{:03}", file / FOLDER_FILES));
            if file.is_multiple_of(FOLDER_FILES) {
                fs::create_dir_all(&folder)?;
            }
            Ok(OpenOptions::new()
                .create_new(true)
                .append(true)
                .open(folder.join(format!("{file:05}.log")))?)
        };
        Ok(Self {
            files: (0..files).map(open).collect::<Result<_>>()?,
            lines: vec![0; files as usize],
            bytes: 0,
            buffer: String::new(),
        })
    }

    /// The next `count` lines of `file`, in one write. They bear the time before it.
    pub(super) fn write(&mut self, file: u32, count: u32) -> Result<()> {
        let written_at = now();
        self.buffer.clear();
        let lines = &mut self.lines[file as usize];
        for _ in 0..count {
            push_line(Mark { file, number: *lines, written_at }, &mut self.buffer);
            *lines += 1;
        }
        self.files[file as usize].write_all(self.buffer.as_bytes()).context("writing a log")?;
        self.bytes += self.buffer.len() as u64;
        Ok(())
    }

    /// How many lines there are in each file.
    pub(super) fn lines(&self) -> &[u32] {
        &self.lines
    }

    /// How many bytes there are in all files.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Ticks {
    pub(super) fn new(length: Duration) -> Self {
        Self { begun: Instant::now(), length, count: 0 }
    }

    /// Waits for the next tick. Ticks that went by meanwhile follow at once.
    pub(super) fn wait(&mut self) {
        self.count += 1;
        sleep((self.length * self.count).saturating_sub(self.begun.elapsed()));
    }

    /// The time since the first.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// Raises this program's limit of open files, as far as the system lets it.
fn allow_open_files(count: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= count) {
        return Ok(());
    }
    ensure!(
        limit.maximum.is_none_or(|maximum| maximum >= count),
        "{count} open files are needed and {:?} allowed; raise `ulimit -Hn`, or ask for fewer --files",
        limit.maximum
    );
    setrlimit(Resource::Nofile, Rlimit { current: Some(count), ..limit })
        .context("raising the limit of open files")
}

fn now() -> UnixMicros {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMicros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}
