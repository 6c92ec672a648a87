//! One batch: claimed, written, published, committed.

use super::Loaded;
use crate::{
    clock::now,
    config::Config,
    local::{alerting::Alerting, folder::Folder, progress::Progress, sink::Staging},
};
use anyhow::{Context, Result};
use headrig_agent::tail::Problem;
use headrig_contract::{ByteLength, ContentHash, ObjectKey, UnixMicros};
use headrig_etl::{
    Account, BatchError, BatchReport, BatchRun, LakeSink, Member, ObjectReport, rules::add_rule_counts,
};
use headrig_ledger::{
    Batch, Claim, FileRecord, Ledger, LineCounts, Outcome, Policy, RunId, batch::Release, protocol,
};
use headrig_store::{DirectoryStore, ObjectStore};
use std::{
    collections::BTreeMap,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    process,
    sync::atomic::Ordering,
};

/// The largest object that is loaded: it is held in memory whole.
pub(super) const OBJECT_BYTES_MAX: ByteLength = ByteLength(256 << 20);

/// Runs batches, one after the other.
pub(super) struct BatchRunner<'a> {
    pub(super) folder: &'a Folder,
    config: &'a Config,
    pub(super) store: &'a DirectoryStore,
    progress: &'a Progress,
    runs: u64,
}

/// A batch's rows, written to the staging folder.
struct Written {
    staging: Staging,
    report: BatchReport,
    outcomes: Vec<(ContentHash, Outcome)>,
    /// Members set aside, with the reason.
    quarantined: BTreeMap<ObjectKey, String>,
}

/// Why a batch could not be written this time.
enum Failure {
    /// The disk, the staging folder: nothing that the batch is to blame for.
    Surroundings(anyhow::Error),
    /// The batch itself, as far as can be told.
    Batch(String),
    /// Lines in and rows out do not add up: somebody is to hear of it.
    Conservation(String),
}

impl<'a> BatchRunner<'a> {
    pub(super) fn new(
        folder: &'a Folder,
        config: &'a Config,
        store: &'a DirectoryStore,
        progress: &'a Progress,
    ) -> Self {
        Self { folder, config, store, progress, runs: 0 }
    }

    /// Runs a started batch to its commit, or gives the attempt up.
    ///
    /// # Errors
    /// When the ledger or the disk fails; the batch is then due again.
    pub(super) fn run(
        &mut self,
        ledger: &impl Ledger,
        policy: &Policy,
        batch: &Batch,
        (loaded, alerting): (&mut Loaded, &mut Alerting<'_>),
    ) -> Result<()> {
        let claim = Claim { attempt: batch.attempt, run: self.next_run_id() };
        protocol::claim(ledger, batch.id, &claim, now(), policy)?;
        let members = self.members(ledger, batch)?;
        let release = match self.write(batch, &members) {
            Ok(written) => {
                alerting.committing(batch.id, &written.report.figures).context(
                    "the figures of the batch cannot be kept; free space and run again, nothing is lost",
                )?;
                self.publish(batch, written, &claim, ledger, loaded)?;
                alerting.committed(batch.id);
                return Ok(());
            }
            Err(Failure::Conservation(reason)) => {
                alerting.unconserved(batch.id, &reason);
                (Release::Failed { reason }, None)
            }
            Err(Failure::Batch(reason)) => (Release::Failed { reason }, None),
            Err(Failure::Surroundings(error)) => (Release::Postponed { not_before: now() }, Some(error)),
        };
        protocol::release(ledger, batch.id, (claim.attempt, Some(&claim.run)), &release.0, now(), policy)?;
        release.1.map_or(Ok(()), Err)
    }

    /// The hash of an object: what its key says, or that of its bytes where no agent made it.
    pub(super) fn hash_of(&self, key: &ObjectKey) -> Result<ContentHash> {
        match key.content_hash() {
            Some(hash) => Ok(hash),
            None => Ok(ContentHash::of(&self.store.read(key, OBJECT_BYTES_MAX)?)),
        }
    }

    fn next_run_id(&mut self) -> RunId {
        self.runs += 1;
        let id = format!("local-{}-{}-{}", now().0, process::id(), self.runs);
        id.parse().expect("digits, letters and dashes are visible ASCII")
    }

    fn members(&self, ledger: &impl Ledger, batch: &Batch) -> Result<Vec<FileRecord>> {
        let mut members = Vec::new();
        for hash in &batch.members {
            members.push(
                ledger
                    .file(*hash)?
                    .with_context(|| format!("the ledger lacks file {hash} of batch {}", batch.id))?,
            );
        }
        members.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(members)
    }

    /// Writes the batch, again without each member that turns out to be unreadable.
    fn write(&self, batch: &Batch, members: &[FileRecord]) -> Result<Written, Failure> {
        let mut quarantined = BTreeMap::new();
        loop {
            let mut staging = Staging::clear(&self.folder.staging())
                .context("the staging folder cannot be emptied")
                .map_err(Failure::Surroundings)?;
            let attempt = AssertUnwindSafe(|| self.write_members(batch, members, &quarantined, &mut staging));
            let culprit = match catch_unwind(attempt) {
                Ok(Ok((report, outcomes))) => return Ok(Written { staging, report, outcomes, quarantined }),
                Ok(Err(Stop::Member(key, reason))) => (key, reason),
                Ok(Err(Stop::Failure(failure))) => return Err(failure),
                Err(_) => return Err(Failure::Batch("the ETL core panicked".into())),
            };
            quarantined.insert(culprit.0, culprit.1);
        }
    }

    fn write_members(
        &self,
        batch: &Batch,
        members: &[FileRecord],
        quarantined: &BTreeMap<ObjectKey, String>,
        staging: &mut Staging,
    ) -> Result<(BatchReport, Vec<(ContentHash, Outcome)>), Stop> {
        let id = batch.id.to_string();
        let mut run = BatchRun::new(&id, &self.config.etl);
        let (mut outcomes, mut objects) = (Vec::new(), Vec::new());
        for file in members {
            if let Some(reason) = quarantined.get(&file.key) {
                outcomes.push((file.hash, Outcome::Quarantined { reason: reason.clone() }));
                continue;
            }
            let bytes = self
                .store
                .read(&file.key, OBJECT_BYTES_MAX)
                .map_err(|error| Stop::unreadable(file, error))?;
            let member = Member { key: file.key.clone(), hash: file.hash, modified: self.modified(file) };
            let report = run.object(&member, &bytes, staging).map_err(Stop::from)?;
            self.progress.loaded.fetch_add(report.counts.bytes_raw, Ordering::Relaxed);
            self.progress.lines.fetch_add(report.counts.lines, Ordering::Relaxed);
            outcomes.push((file.hash, Outcome::Done(line_counts(&report))));
            objects.push((file.hash, report));
        }
        let report = run.finish(staging).map_err(Stop::from)?;
        if !self.config.etl.rules.is_empty() {
            let objects = objects.iter().map(|(hash, report)| (*hash, report));
            let account = Account::new(&id, &report, objects).file();
            staging.write(account).map_err(BatchError::Sink).map_err(Stop::from)?;
        }
        Ok((report, outcomes))
    }

    /// When the object was stored: the time of reading for lines that no agent read.
    fn modified(&self, file: &FileRecord) -> UnixMicros {
        let modified =
            self.store.path_of(&file.key).ok().and_then(|path| fs::metadata(path).ok()?.modified().ok());
        modified.map_or(UnixMicros(0), UnixMicros::from)
    }

    fn publish(
        &self,
        batch: &Batch,
        written: Written,
        claim: &Claim,
        ledger: &impl Ledger,
        loaded: &mut Loaded,
    ) -> Result<()> {
        let root = self.folder.root();
        let failed = || {
            format!(
                "the lake {} cannot be written; free space or mend its permissions and run again, nothing is lost",
                root.display()
            )
        };
        if claim.attempt.0 > 1 {
            written.staging.remove_others(root, &batch.id.to_string()).with_context(failed)?;
        }
        written.staging.publish(root).with_context(failed)?;
        protocol::commit(ledger, batch.id, claim, &written.outcomes, now())?;
        let report = &written.report;
        loaded.batches += 1;
        loaded.chunks += report.objects;
        loaded.chunk_bytes += report.bytes_in;
        loaded.counts.add(&report.counts);
        loaded.tally.add(&report.tally);
        add_rule_counts(&mut loaded.rules, &report.rules);
        loaded.parquet_bytes += report.bytes_out;
        loaded.quarantined += written.quarantined.len() as u64;
        for (key, problem) in written.quarantined {
            let path = self.folder.bucket().join(key.as_str());
            let action = "it was set aside; the other objects are in the lake".into();
            loaded.problems.push(Problem { path, problem, action });
        }
        Ok(())
    }
}

/// Why a pass over the members ended.
enum Stop {
    /// This member cannot be read; the others can.
    Member(ObjectKey, String),
    Failure(Failure),
}

impl Stop {
    fn unreadable(file: &FileRecord, error: headrig_store::StoreError) -> Self {
        if error.is_retryable() {
            Self::Failure(Failure::Surroundings(error.into()))
        } else {
            Self::Member(file.key.clone(), format!("{:#}", anyhow::Error::from(error)))
        }
    }
}

impl From<BatchError> for Stop {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::Object { key, reason } => Self::Member(key, reason.to_string()),
            BatchError::Sink(error) => {
                let place =
                    "the lake's staging folder cannot be written; free space and run again, nothing is lost";
                Self::Failure(Failure::Surroundings(anyhow::Error::from(error).context(place)))
            }
            error if error.is_conservation() => Self::Failure(Failure::Conservation(error.to_string())),
            other => Self::Failure(Failure::Batch(other.to_string())),
        }
    }
}

fn line_counts(report: &ObjectReport) -> LineCounts {
    let counts = &report.counts;
    LineCounts {
        lines: counts.lines,
        events: counts.events,
        rows: counts.rows,
        dropped_by_rule: counts.dropped_by_rule(),
    }
}
