//! A place to test in: a folder of logs, a lake beside it, and what happens to logs on a server.

use crate::{
    lake::Lake,
    process::{Finished, Headrig},
    summary::Summary,
};
use anyhow::{Context, Result};
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// Logs and a lake in a temporary folder, which goes with this value.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
}

impl Site {
    /// An empty site.
    ///
    /// # Errors
    /// When no folder can be made.
    pub fn new() -> Result<Self> {
        let site = Self { folder: TempDir::with_prefix("headrig-test-")? };
        fs::create_dir(site.logs())?;
        Ok(site)
    }

    /// The folder that holds everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of logs.
    pub fn logs(&self) -> PathBuf {
        self.folder().join("logs")
    }

    /// The path of a log.
    pub fn log(&self, name: &str) -> PathBuf {
        self.logs().join(name)
    }

    /// The lake.
    pub fn lake(&self) -> Lake {
        Lake::new(self.folder().join("lake"))
    }

    /// Writes a log anew, with its folders.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.log(name);
        fs::create_dir_all(path.parent().context("a log lies in a folder")?)?;
        fs::write(&path, bytes)?;
        Ok(path)
    }

    /// Writes at the end of a log.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn append(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
        Ok(OpenOptions::new().append(true).create(true).open(self.log(name))?.write_all(bytes.as_ref())?)
    }

    /// Renames a log, as rotation does.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        Ok(fs::rename(self.log(from), self.log(to))?)
    }

    /// Copies a log and then empties it, as logrotate's `copytruncate` does.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn copy_and_truncate(&self, from: &str, to: &str) -> Result<()> {
        fs::copy(self.log(from), self.log(to))?;
        self.truncate(from)
    }

    /// Empties a log, which stays the same file.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn truncate(&self, name: &str) -> Result<()> {
        Ok(OpenOptions::new().write(true).open(self.log(name))?.set_len(0)?)
    }

    /// Replaces a log by its `.gz`, as `gzip` does: the modification time stays.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn gzip(&self, name: &str) -> Result<()> {
        gzip(&self.log(name))
    }

    /// `headrig local` over the folder of logs, to the end of the files.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn run(&self) -> Result<Finished> {
        self.headrig()?.run()
    }

    /// The same, where all is well.
    ///
    /// # Errors
    /// When it ends otherwise.
    pub fn run_well(&self) -> Result<Summary> {
        self.run()?.summary(0)
    }

    /// The command line of [`Site::run`].
    ///
    /// # Errors
    /// When there is no binary.
    pub fn headrig(&self) -> Result<Headrig> {
        Headrig::local([self.logs()], self.lake().folder())
    }
}

/// Replaces the file `path` by its `.gz`, as `gzip` does: the modification time stays.
///
/// # Errors
/// When the system refuses.
pub fn gzip(path: &Path) -> Result<()> {
    let compressed = path.with_added_extension("gz");
    let modified = fs::metadata(path)?.modified()?;
    fs::write(&compressed, gzipped(&fs::read(path)?)?)?;
    File::options().append(true).open(&compressed)?.set_modified(modified)?;
    Ok(fs::remove_file(path)?)
}

/// `bytes` as one gzip member.
///
/// # Errors
/// Never in memory; the writer's type has one.
pub fn gzipped(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// Notes that a test, or part of one, was left out: runners hide what a passing test prints, so the note
/// also goes to the list that `cargo xtask test` shows at its end.
pub fn skip(what: &str, reason: &str) {
    eprintln!("skipped: {what}: {reason}");
    let list =
        std::env::var_os("HEADRIG_SKIPS").and_then(|path| OpenOptions::new().append(true).open(path).ok());
    if let Some(mut list) = list {
        // One write, so that lines of tests that run side by side do not mix.
        let _ = list.write_all(format!("{what}: {reason}\n").as_bytes());
    }
}
