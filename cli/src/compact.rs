//! `headrig compact`: small files of closed days become large ones, and every reader sees every row once at any moment.
//!
//! It holds the lake's lock, so nobody else writes; what is done to a partition, and why it is right to begin anew
//! after whatever ended a run, is said in docs/decisions/0011-compaction.md. Files that it does not know, or cannot
//! read, stay as they are.

mod partition;

use crate::{
    args::CompactArguments,
    clock::now,
    local::Folder,
    operator::{self, Answer, Engine, Fields, OpenLake, Verdict, bytes, count},
    places::Places,
};
use anyhow::{Context, Result, anyhow, bail};
use headrig_contract::{ByteLength, UnixMicros};
use headrig_etl::{Table, compact::is_closed};
use headrig_ledger::{BatchId, BatchState};
use partition::{Partition, Switched};
use serde::Serialize;
use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::Path,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};
use walkdir::WalkDir;

/// How long what was switched from stays: a reader that opened the folder before the switch has listed it by then.
const READERS_PAUSE: Duration = Duration::from_secs(2);
/// Files and partitions left as they are that are named.
const LEFT_NAMED_MAX: usize = 1_000;

/// What was done, or would be.
#[derive(Debug, Default, Serialize)]
struct Compacted {
    lake: String,
    dry_run: bool,
    /// Partitions that were looked at: those of closed days.
    looked_at: u64,
    /// Partitions of which files became others.
    partitions: u64,
    files_before: u64,
    files_after: u64,
    bytes_before: u64,
    /// Not known of a dry run.
    bytes_after: Option<u64>,
    rows: u64,
    left: Vec<Left>,
    left_unnamed: u64,
}

/// Something that stays as it is and should not.
#[derive(Debug, Serialize)]
struct Left {
    path: String,
    reason: String,
}

/// Runs the command, and says with which code to exit.
pub(crate) fn run(arguments: &CompactArguments) -> ExitCode {
    operator::at(&arguments.at, |lake| {
        if lake.engine() == Engine::Sink {
            return Err(operator::mistaken(anyhow!(
                "a lake in AWS is compacted by the job: start it with --compact_hours, as docs/operations/job.md says; this is for a lake in a folder, named with --lake DIR"
            )));
        }
        let places = lake.places()?;
        if arguments.dry_run {
            return Compaction::new(lake, places, arguments).run();
        }
        // Nothing else writes from here on, and nobody compares the lake's files with the ledger.
        let _folder = Folder::open(places.root(), "headrig compact").map_err(operator::mistaken)?;
        let _still = places.alone().context(
            "somebody is holding the lake's files against the ledger; wait until `headrig verify` has ended",
        )?;
        Compaction::new(lake, places, arguments).run()
    })
}

struct Compaction<'l> {
    lake: &'l OpenLake,
    places: &'l Places,
    age_micros: i64,
    now: UnixMicros,
    /// Whether a batch was committed long enough ago, as far as was asked.
    settled: BTreeMap<String, bool>,
    /// What was switched from, the longest ago first.
    switched: VecDeque<(Instant, Switched)>,
    compacted: Compacted,
}

impl<'l> Compaction<'l> {
    fn new(lake: &'l OpenLake, places: &'l Places, arguments: &CompactArguments) -> Self {
        let compacted = Compacted {
            lake: places.root().display().to_string(),
            dry_run: arguments.dry_run,
            bytes_after: (!arguments.dry_run).then_some(0),
            ..Compacted::default()
        };
        Self {
            lake,
            places,
            age_micros: i64::try_from(arguments.older_than.as_micros()).unwrap_or(i64::MAX),
            now: now(),
            settled: BTreeMap::new(),
            switched: VecDeque::new(),
            compacted,
        }
    }

    fn run(mut self) -> Result<Answer> {
        let scratch = self.places.scratch();
        if !self.compacted.dry_run {
            partition::clear(&scratch).with_context(|| format!("{} cannot be emptied", scratch.display()))?;
        }
        for table in Table::ALL {
            let folder = self.places.root().join(table.name());
            for path in closed_partitions(self.places.root(), &folder, self.now, self.age_micros)? {
                self.compacted.looked_at += 1;
                self.compact(table, &path)?;
                self.remove_listed()?;
            }
        }
        while let Some((at, switched)) = self.switched.pop_front() {
            thread::sleep(READERS_PAUSE.saturating_sub(at.elapsed()));
            switched.remove()?;
        }
        self.compacted.answer()
    }

    /// Makes of one partition what is to be made of it. What cannot be read stays; what cannot be written ends the run.
    fn compact(&mut self, table: Table, path: &str) -> Result<()> {
        let root = self.places.root();
        let mut partition = Partition::list(table, root, path)?;
        partition.choose(|batch| self.is_settled(batch))?;
        for (name, reason) in partition.take_unreadable() {
            self.leave(format!("{path}/{name}"), reason);
        }
        let steps = partition.steps();
        if steps.is_empty() {
            return Ok(());
        }
        if !self.compacted.dry_run {
            let number = self.compacted.partitions;
            match partition.perform(&steps, &self.places.scratch().join(number.to_string())) {
                Ok(switched) => {
                    self.compacted.bytes_after =
                        self.compacted.bytes_after.map(|bytes| bytes + switched.bytes_made);
                    self.switched.push_back((Instant::now(), switched));
                }
                Err(partition::Failure::Input(reason)) => {
                    self.leave(path.to_owned(), reason);
                    return Ok(());
                }
                Err(partition::Failure::Disk(error)) => {
                    return Err(error.context(format!("compacting {path}")));
                }
            }
        }
        self.compacted.partitions += 1;
        let changed = partition.changed();
        self.compacted.files_before += changed.files_before;
        self.compacted.files_after += changed.files_after;
        self.compacted.bytes_before += changed.bytes_before;
        self.compacted.rows += changed.rows;
        Ok(())
    }

    /// Whether the batch was committed before the time that is asked for: no run of it is left that could write.
    fn is_settled(&mut self, batch: &str) -> Result<bool> {
        if let Some(known) = self.settled.get(batch) {
            return Ok(*known);
        }
        let committed = match batch.parse::<BatchId>() {
            Ok(id) => self.lake.ledger().batch(id)?.and_then(|batch| match batch.state {
                BatchState::Committed { .. } => Some(batch.changed),
                _ => None,
            }),
            Err(_) => None,
        };
        let is_settled = committed.is_some_and(|at| self.now.micros_since(at) >= self.age_micros);
        self.settled.insert(batch.to_owned(), is_settled);
        Ok(is_settled)
    }

    fn remove_listed(&mut self) -> Result<()> {
        while let Some((_, switched)) = self.switched.pop_front_if(|(at, _)| at.elapsed() >= READERS_PAUSE) {
            switched.remove()?;
        }
        Ok(())
    }

    fn leave(&mut self, path: String, reason: String) {
        if self.compacted.left.len() < LEFT_NAMED_MAX {
            self.compacted.left.push(Left { path, reason });
        } else {
            self.compacted.left_unnamed += 1;
        }
    }
}

/// The paths within the lake of the folders with files, of days that ended long enough ago, in order.
fn closed_partitions(root: &Path, table: &Path, now: UnixMicros, age_micros: i64) -> Result<Vec<String>> {
    let mut partitions = Vec::new();
    if !table.exists() {
        return Ok(partitions);
    }
    for entry in WalkDir::new(table).sort_by_file_name() {
        let entry = entry.with_context(|| format!("the table {} cannot be listed", table.display()))?;
        if !entry.file_type().is_dir() || !has_file(entry.path())? {
            continue;
        }
        let Some(path) = entry.path().strip_prefix(root).ok().and_then(Path::to_str) else {
            bail!("{} is no partition: its name is no UTF-8", entry.path().display());
        };
        if is_closed(path, now, age_micros) {
            partitions.push(path.to_owned());
        }
    }
    Ok(partitions)
}

fn has_file(folder: &Path) -> Result<bool> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))?;
    Ok(entries.flatten().any(|entry| entry.file_type().is_ok_and(|kind| kind.is_file())))
}

impl Compacted {
    fn answer(&self) -> Result<Answer> {
        let verdict = if self.left.is_empty() { Verdict::Well } else { Verdict::Amiss };
        Answer::new(self.text(), self, verdict)
    }

    fn text(&self) -> String {
        let mut fields = Fields::new();
        fields.add("lake", self.lake.clone());
        fields.add("looked at", format!("{} partitions of closed days", count(self.looked_at)));
        let would = if self.dry_run { "would be compacted" } else { "compacted" };
        fields.add(would, format!("{} partitions, {} rows", count(self.partitions), count(self.rows)));
        fields.add("files", format!("{} to {}", count(self.files_before), count(self.files_after)));
        let after = self.bytes_after.map(|after| format!(" to {}", bytes(ByteLength(after))));
        fields.add("size", bytes(ByteLength(self.bytes_before)) + &after.unwrap_or_default());
        let mut text = fields.text();
        for Left { path, reason } in &self.left {
            text += &format!("\nleft as it is: {path}\n    {reason}\n");
        }
        if self.left_unnamed > 0 {
            text += &format!("and {} more\n", count(self.left_unnamed));
        }
        text
    }
}
