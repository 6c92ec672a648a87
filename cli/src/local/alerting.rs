//! Alerts on one machine: their state is a file of the lake's folder, people are told on standard error and in the
//! summary.
//!
//! A batch's figures are on disk before the batch is committed, and gone when they were taken in: whatever stops the
//! process between the two, the next run takes them in. Only the holder of the lake's lock writes here.

use super::folder::Folder;
use crate::{clock::now, say};
use anyhow::{Context, Result};
use headrig_etl::{
    Alerts,
    alerts::{
        Figures, Notice,
        telling::{Came, Figure, take_in},
    },
};
use headrig_ledger::{BatchId, BatchPhase, Ledger};
use headrig_notices::{CallError, NoteBook, Notifier};
use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Notices that are kept for the summary; more are counted.
const NOTICES_MAX: usize = 1_000;
/// How often it is looked whether a source fell silent.
const TICK: Duration = Duration::from_secs(60);

/// Takes in what comes, and tells.
pub(super) struct Alerting<'a> {
    alerts: &'a Alerts,
    notes: FileNotes,
    /// The figures of batches that are not taken in yet.
    folder: PathBuf,
    told: Told,
    follows: bool,
    next_tick: Instant,
    /// Bytes lost that people were told of.
    lost: u64,
}

/// What people were told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) notices: Vec<Notice>,
    pub(crate) more: u64,
}

/// Standard error, for who follows; a run to the end of the files has its summary.
struct Lines {
    follows: bool,
}

impl Notifier for Lines {
    fn tell(&self, _: &str, text: &str) -> Result<(), CallError> {
        if self.follows {
            text.lines().for_each(|line| say(format_args!("alert: {line}")));
        }
        Ok(())
    }
}

impl<'a> Alerting<'a> {
    pub(super) fn new(folder: &Folder, alerts: &'a Alerts, follows: bool) -> Self {
        Self {
            alerts,
            notes: FileNotes { folder: folder.state().into() },
            folder: folder.figures(),
            told: Told::default(),
            follows,
            next_tick: Instant::now() + TICK,
            lost: 0,
        }
    }

    /// Takes in what batches brought that an earlier run committed.
    pub(super) fn take_from_dead(&mut self, ledger: &impl Ledger) -> Result<()> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.context("the figures of batches cannot be listed")?,
        };
        for entry in entries {
            let path = entry.context("the figures of batches cannot be listed")?.path();
            let name =
                path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"));
            let Some(id) = name.and_then(|name| name.parse::<BatchId>().ok()) else { continue };
            match ledger.batch(id)?.map(|batch| batch.state.phase()) {
                Some(BatchPhase::Committed) => self.committed(id),
                None | Some(BatchPhase::Split) => drop(fs::remove_file(&path)),
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Keeps a batch's figures, before it is committed.
    pub(super) fn committing(&self, batch: BatchId, figures: &Figures) -> io::Result<()> {
        if self.alerts.is_empty() || figures.is_empty() {
            return Ok(());
        }
        fs::create_dir_all(&self.folder)?;
        write_durably(&self.path(batch), &serde_json::to_vec(figures)?)
    }

    /// Takes in what a batch brought, now that it is committed.
    pub(super) fn committed(&mut self, batch: BatchId) {
        let path = self.path(batch);
        let figures = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => {
                return say(format_args!("the alerts of batch {batch} wait for the next run: {error}"));
            }
            Ok(bytes) => serde_json::from_slice::<Figures>(&bytes).unwrap_or_else(|error| {
                say(format_args!("the figures of batch {batch} are damaged, it brings no alert: {error}"));
                Figures::default()
            }),
        };
        if self.take_in(&Came::Batch(&batch.to_string(), &figures)) {
            // Should it stay, the state knows the batch.
            let _ = fs::remove_file(&path);
        }
    }

    /// Lines in and rows out of a batch do not add up.
    pub(super) fn unconserved(&mut self, batch: BatchId, reason: &str) {
        self.take_in(&Came::Seen(Figure::Conservation, "batches", &format!("batch {batch}: {reason}")));
    }

    /// So many bytes were gone before they could be read, since the run began.
    pub(super) fn lost(&mut self, bytes: u64) {
        if bytes > self.lost {
            let text = format!("{} bytes of the files that were read here", bytes - self.lost);
            // Else it is told when it is looked at next.
            if self.take_in(&Came::Seen(Figure::BytesLost, "files", &text)) {
                self.lost = bytes;
            }
        }
    }

    /// Looks whether a source fell silent, if it is time to; at the `end` of a run it is.
    pub(super) fn tick(&mut self, end: bool) {
        if end || Instant::now() >= self.next_tick {
            self.next_tick = Instant::now() + TICK;
            self.take_in(&Came::Time);
        }
    }

    /// What people were told.
    pub(super) fn told(self) -> Told {
        self.told
    }

    /// Whether it was taken in. That it was not is no reason to load nothing.
    fn take_in(&mut self, came: &Came<'_>) -> bool {
        if self.alerts.is_empty() {
            return true;
        }
        match take_in(self.alerts, &[*came], &self.notes, &Lines { follows: self.follows }, now()) {
            Ok(notices) => {
                let room = NOTICES_MAX.saturating_sub(self.told.notices.len());
                self.told.more += notices.len().saturating_sub(room) as u64;
                self.told.notices.extend(notices.into_iter().take(room));
                true
            }
            Err(error) => {
                say(format_args!("alerts cannot be looked at: {error}; the next run does it again"));
                false
            }
        }
    }

    fn path(&self, batch: BatchId) -> PathBuf {
        self.folder.join(format!("{batch}.json"))
    }
}

/// Notes as files. One process writes them, so a version only says whether there is one.
struct FileNotes {
    folder: PathBuf,
}

impl NoteBook for FileNotes {
    fn read(&self, name: &str) -> Result<Option<(u64, Vec<u8>)>, CallError> {
        match fs::read(self.path(name)) {
            Ok(bytes) => Ok(Some((0, bytes))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unavailable("read a note", &error)),
        }
    }

    fn write(&self, name: &str, _: Option<u64>, bytes: &[u8]) -> Result<(), CallError> {
        write_durably(&self.path(name), bytes).map_err(|error| unavailable("write a note", &error))
    }
}

impl FileNotes {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }
}

fn unavailable(action: &'static str, error: &io::Error) -> CallError {
    CallError::Unavailable { action, reason: error.to_string() }
}

/// Puts a file in its place whole and synced, or not at all.
fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let mut file = File::create(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
