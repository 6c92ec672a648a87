//! `headrig replay`: puts quarantined files back to be loaded again.
//!
//! It takes no lock: putting a file back is one conditional write of the ledger, which any number of writers may
//! share. Whoever writes the lake takes the file up like a new one. Invariant: a file is put back only where the
//! object has the bytes that the file is known by; others could only be set aside again.

use super::{Answer, Engine, Fields, OpenLake, Verdict, count, subject::Subject, table};
use crate::{args::ReplayArguments, clock::now};
use anyhow::Result;
use headrig_contract::ContentHash;
use headrig_ledger::{
    FileCursor, FilePhase, FileRecord, FileState, Ledger, LedgerError, ProtocolError, protocol,
};
use serde::Serialize;

/// Quarantined files read at once.
const PAGE: usize = 1_000;

#[derive(Debug, Serialize)]
struct Replay {
    dry_run: bool,
    /// Put back, or with `dry_run` those that would be.
    replayed: Vec<Replayed>,
    /// Named and not put back.
    left: Vec<Left>,
    writer: Option<String>,
}

#[derive(Debug, Serialize)]
struct Replayed {
    hash: String,
    key: String,
    was: String,
}

#[derive(Debug, Serialize)]
struct Left {
    hash: Option<String>,
    key: Option<String>,
    reason: String,
}

/// Puts back what the arguments name.
pub(crate) fn replay(lake: &OpenLake, arguments: &ReplayArguments) -> Result<Answer> {
    let mut replay =
        Replay { dry_run: arguments.dry_run, replayed: Vec::new(), left: Vec::new(), writer: lake.writer() };
    let writing = if arguments.dry_run { None } else { Some(lake.ledger_to_write()?) };
    let writing = writing.as_deref();
    match &arguments.subject {
        None => replay.all(lake, writing)?,
        Some(subject) => {
            let files = named(&lake.ledger(), &Subject::parse(subject, lake)?)?;
            if files.is_empty() {
                let reason = format!("the ledger has neither a file nor a batch {subject}; check the name");
                replay.left.push(Left { hash: None, key: None, reason });
            }
            for file in files {
                replay.one(&file, lake, writing)?;
            }
        }
    }
    let verdict = if replay.left.is_empty() { Verdict::Well } else { Verdict::Amiss };
    Answer::new(replay.text(lake.engine()), &replay, verdict)
}

/// The files that are meant: of a batch the quarantined ones, or, where there is none, all, to be told why not.
fn named<L: Ledger>(ledger: &L, subject: &Subject) -> Result<Vec<FileRecord>> {
    let files = subject.files(ledger)?;
    let Some(batch) = subject.batch().filter(|_| files.is_empty()) else { return Ok(files) };
    let Some(batch) = ledger.batch(batch)? else { return Ok(Vec::new()) };
    let mut members = Vec::new();
    for member in &batch.members {
        members.extend(ledger.file(*member)?);
    }
    if members.iter().any(is_quarantined) {
        members.retain(is_quarantined);
    }
    Ok(members)
}

fn is_quarantined(file: &FileRecord) -> bool {
    file.state.phase() == FilePhase::Quarantined
}

impl Replay {
    fn all(&mut self, lake: &OpenLake, writing: Option<&dyn Ledger>) -> Result<()> {
        let mut after = None;
        loop {
            let page = lake.ledger().files(FilePhase::Quarantined, after, PAGE)?;
            for file in &page {
                self.one(file, lake, writing)?;
            }
            match page.last() {
                Some(last) if page.len() == PAGE => {
                    after = Some(FileCursor { since: last.since, hash: last.hash });
                }
                _ => return Ok(()),
            }
        }
    }

    fn one(&mut self, file: &FileRecord, lake: &OpenLake, writing: Option<&dyn Ledger>) -> Result<()> {
        let FileState::Quarantined { reason: was, .. } = &file.state else {
            self.leave(file, format!("is {}, not quarantined", file.state.phase().as_str()));
            return Ok(());
        };
        if let Some(reason) = unmended(file, lake)? {
            self.leave(file, reason);
            return Ok(());
        }
        match writing.map_or(Ok(()), |ledger| protocol::replay(&ledger, file.hash, now())) {
            Ok(()) => {}
            Err(
                ProtocolError::NotQuarantined { .. } | ProtocolError::Ledger(LedgerError::Conflict { .. }),
            ) => {
                self.leave(file, "was put back by somebody else meanwhile".into());
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        let (hash, key) = (file.hash.to_string(), file.key.to_string());
        self.replayed.push(Replayed { hash, key, was: was.clone() });
        Ok(())
    }

    fn leave(&mut self, file: &FileRecord, reason: String) {
        self.left.push(Left { hash: Some(file.hash.to_string()), key: Some(file.key.to_string()), reason });
    }

    fn text(&self, engine: Engine) -> String {
        let done = if self.dry_run { "can be put back" } else { "put back" };
        let mut fields = Fields::new();
        fields.add(done, count(self.replayed.len() as u64));
        fields.add("left", count(self.left.len() as u64));
        let mut text = fields.text();
        if !self.replayed.is_empty() {
            let rows = self.replayed.iter().map(|file| vec![file.key.clone(), file.was.clone()]);
            text += &format!("\n{}", table(&[done, "was quarantined because"], rows));
        }
        if !self.left.is_empty() {
            let rows =
                self.left.iter().map(|file| vec![file.key.clone().unwrap_or_default(), file.reason.clone()]);
            text += &format!("\n{}", table(&["left", "because"], rows));
        }
        match &self.writer {
            _ if self.replayed.is_empty() || self.dry_run => {}
            _ if engine == Engine::Sink => text += "\nloaded by the sink with the next batches\n",
            Some(writer) => text += &format!("\nloaded within --max-wait by {writer}\n"),
            None => text += "\nloaded by the next `headrig local` over this lake\n",
        }
        text
    }
}

/// Why the file's object could not be loaded now either, if so.
fn unmended(file: &FileRecord, lake: &OpenLake) -> Result<Option<String>> {
    Ok(match lake.object(&file.key)? {
        Ok(bytes) if ContentHash::of(&bytes) == file.hash => None,
        Ok(_) => {
            Some("its object has other bytes than it is known by; put the right ones there first".into())
        }
        Err(error) if error.is_retryable() => return Err(error.into()),
        Err(error) => Some(error.to_string()),
    })
}
