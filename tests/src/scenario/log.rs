//! A program that logs: it holds its file open, writes lines of many kinds, and sometimes a line in two pieces.

use crate::random::Random;
use anyhow::Result;
use std::{
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

/// So long a line stays half written.
const HALF_WRITTEN: Duration = Duration::from_millis(2);
/// One line in so many is written in two pieces, and one continues the one before.
const TORN_ONE_IN: u64 = 64;
const CONTINUED_ONE_IN: u64 = 16;
/// One line in so many is long.
const LONG_ONE_IN: u64 = 50;
const LONG_BYTES_MAX: u64 = 6_000;
const SHORT_BYTES_MAX: u64 = 160;

/// An open log.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Opens `path` at its end, and makes it where there is none.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(path: PathBuf) -> Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(&path)?;
        Ok(Self { path, file })
    }

    /// Where it was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the file and opens what is at its path now, as a program does when it is told of a rotation.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn reopen(&mut self) -> Result<()> {
        *self = Self::open(self.path.clone())?;
        Ok(())
    }

    /// Writes so many lines, numbered from `first` on, and returns them.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&mut self, random: &mut Random, first: u64, lines: u64) -> Result<String> {
        let (mut text, mut written) = (String::new(), 0);
        for number in first..first + lines {
            push_line(&mut text, random, number);
            if random.below(TORN_ONE_IN) == 0 {
                let torn = text.len() - 1 - random.below(8) as usize;
                self.file.write_all(&text.as_bytes()[written..torn])?;
                written = torn;
                sleep(HALF_WRITTEN);
            }
        }
        self.file.write_all(&text.as_bytes()[written..])?;
        Ok(text)
    }

    /// Writes this.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_text(&mut self, text: &str) -> Result<()> {
        Ok(self.file.write_all(text.as_bytes())?)
    }
}

/// A line that is like no other: its number is in it, and random letters that hardly compress.
fn push_line(text: &mut String, random: &mut Random, number: u64) {
    let continues = number > 0 && random.below(CONTINUED_ONE_IN) == 0;
    let second = number % 60;
    let _ = if continues {
        write!(text, "    at frame {number} ")
    } else {
        write!(text, "2026-09-21T14:13:{second:02}Z INFO request {number} ")
    };
    let is_long = random.below(LONG_ONE_IN) == 0;
    let bytes = random.below(if is_long { LONG_BYTES_MAX } else { SHORT_BYTES_MAX });
    for _ in 0..bytes / 16 {
        let _ = write!(text, "{:016x}", random.bits());
    }
    if random.below(8) == 0 {
        text.push_str(" Grüße, 世界");
    }
    // The last letters are single bytes, so that a line may be torn between any two of them.
    let _ = writeln!(text, " end-{number:06}");
}
