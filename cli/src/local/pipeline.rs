//! The pipeline's thread: owns the ledger, makes batches, runs them, writes the lake.
//!
//! The steps and their order are those of docs/formats/ledger.md; here the job is a function call. Only the
//! holder of the lake's lock runs one, so a batch that is running when this starts belongs to a dead process.

mod run;

use super::{
    alerting::{Alerting, Told},
    folder::Folder,
    progress::Progress,
};
use crate::{clock::now, config::Config, say};
use anyhow::{Context, Result};
use headrig_agent::{state::ChunkRecord, tail::Problem};
use headrig_contract::{ContentHash, ObjectKey, UnixMicros};
use headrig_etl::{RuleCounts, Tally};
use headrig_ledger::{
    BatchPhase, FileFacts, FilePhase, Ledger, LedgerError, Policy, ProtocolError, SqliteLedger, protocol,
    protocol::RunFate,
};
use headrig_store::{DirectoryStore, ObjectStore};
use run::{BatchRunner, OBJECT_BYTES_MAX};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Sealed chunks that may wait for the pipeline before the agent's side waits for it.
const CHUNKS_WAITING_MAX: usize = 64;
/// Objects listed at once when the bucket is compared with the ledger.
const LIST_PAGE: usize = 1_000;
/// How long a full disk is waited for before the next try.
const FULL_DISK_PAUSE: Duration = Duration::from_secs(5);
/// The shortest rest between looks at a ledger in which nothing is due.
const REST_MIN: Duration = Duration::from_millis(10);
/// The longest the thread sleeps between looks at the ledger.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// What the pipeline did.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// Batches committed.
    pub(crate) batches: u64,
    /// Chunks in them.
    pub(crate) chunks: u64,
    /// Their size.
    pub(crate) chunk_bytes: u64,
    /// Plain bytes, lines, events and rows.
    pub(crate) counts: headrig_etl::Counts,
    /// Rows by level and event type.
    pub(crate) tally: Tally,
    /// What each rule did.
    pub(crate) rules: Vec<RuleCounts>,
    /// What people were told by alerts.
    pub(crate) alerts: Told,
    /// Parquet bytes written.
    pub(crate) parquet_bytes: u64,
    /// Objects set aside.
    pub(crate) quarantined: u64,
    /// What could not be loaded.
    pub(crate) problems: Vec<Problem>,
    /// Why the pipeline stopped early, if it did.
    pub(crate) fatal: Option<String>,
}

/// The running thread.
pub(crate) struct Pipeline {
    chunks: SyncSender<FileFacts>,
    failed: Arc<AtomicBool>,
    thread: JoinHandle<Loaded>,
}

impl Pipeline {
    /// Opens the ledger and starts.
    ///
    /// # Errors
    /// When the ledger or the bucket cannot be opened.
    pub(super) fn start(
        folder: Arc<Folder>,
        config: Arc<Config>,
        progress: Arc<Progress>,
        patient: bool,
        interrupted: Arc<AtomicBool>,
    ) -> Result<Self> {
        let ledger = SqliteLedger::open(&folder.ledger()).context("the ledger cannot be opened")?;
        let store = DirectoryStore::open(&folder.bucket()).context("the bucket cannot be opened")?;
        let policy = Policy { max_wait: config.max_wait / 2, ..Policy::local() };
        let (chunks, arriving) = sync_channel(CHUNKS_WAITING_MAX);
        let failed = Arc::new(AtomicBool::new(false));
        let flag = failed.clone();
        let thread = thread::Builder::new().name("pipeline".into()).spawn(move || {
            let mut loader = Loader {
                alerting: Alerting::new(&folder, &config.etl.alerts, patient),
                runner: BatchRunner::new(&folder, &config, &store, &progress),
                progress: &progress,
                ledger,
                policy,
                loaded: Loaded::default(),
                patient,
                interrupted,
            };
            if let Err(error) = loader.run(&arriving) {
                flag.store(true, Ordering::Relaxed);
                loader.loaded.fatal = Some(format!("{error:#}"));
                // The other side goes on sealing what it has; nobody waits for a full channel.
                arriving.iter().for_each(drop);
            }
            loader.watch(true);
            let Loader { mut loaded, alerting, .. } = loader;
            loaded.alerts = alerting.told();
            loaded
        });
        Ok(Self { chunks, failed, thread: thread.context("no thread for the pipeline")? })
    }

    /// Tells of a chunk in the bucket. Should it get lost on the way, the next run finds it there.
    pub(super) fn stored(&self, chunk: &ChunkRecord) {
        let facts = FileFacts { hash: chunk.hash, key: chunk.key.clone(), size: chunk.length };
        if self.chunks.send(facts).is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the pipeline has stopped early.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Waits until everything it was told of is in the lake.
    pub(super) fn finish(self) -> Loaded {
        drop(self.chunks);
        let panicked =
            |_| Loaded { fatal: Some("the pipeline broke down; this is a bug".into()), ..Loaded::default() };
        self.thread.join().unwrap_or_else(panicked)
    }
}

struct Loader<'a> {
    ledger: SqliteLedger,
    policy: Policy,
    runner: BatchRunner<'a>,
    alerting: Alerting<'a>,
    progress: &'a Progress,
    loaded: Loaded,
    /// Waits until somebody mends what fails instead of giving up.
    patient: bool,
    /// Somebody wants an end: nothing more is waited for.
    interrupted: Arc<AtomicBool>,
}

impl Loader<'_> {
    fn run(&mut self, arriving: &Receiver<FileFacts>) -> Result<()> {
        self.take_from_dead()?;
        self.ingest_unknown_objects()?;
        loop {
            let more = match arriving.recv_timeout(LOOK_PAUSE) {
                Ok(first) => {
                    let facts: Vec<FileFacts> = std::iter::once(first).chain(arriving.try_iter()).collect();
                    self.patiently(|loader| Ok(protocol::ingest(&loader.ledger, &facts, now()).map(drop)?))?;
                    true
                }
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => false,
            };
            if !more {
                return self.drain();
            }
            self.patiently(|loader| loader.load_ready(false))?;
            self.watch(false);
        }
    }

    /// Looks at what no batch brings: bytes that are lost, and sources that fell silent.
    fn watch(&mut self, end: bool) {
        self.alerting.lost(self.progress.lost.load(Ordering::Relaxed));
        self.alerting.tick(end);
    }

    /// Does `work`, again after a pause where it failed and there is somebody to mend the cause.
    fn patiently(&mut self, work: impl Fn(&mut Self) -> Result<()>) -> Result<()> {
        loop {
            match work(self) {
                Err(error) if self.patient && !self.interrupted.load(Ordering::Relaxed) => {
                    say(format_args!("{error:#}; trying again"));
                    thread::sleep(FULL_DISK_PAUSE);
                }
                result => return result,
            }
        }
    }

    /// Batches that were under way when an earlier process died.
    fn take_from_dead(&mut self) -> Result<()> {
        // Whoever kills a process does not blame its batch: it counts as no failure.
        protocol::reconcile(&self.ledger, now(), &self.policy, |_| RunFate::Interrupted)?;
        // A rest that was set by a clock which ran ahead would be a long one.
        for batch in self.ledger.batches(BatchPhase::Sealed, None, LIST_PAGE)? {
            protocol::wake(&self.ledger, batch.id, now())?;
        }
        self.alerting.take_from_dead(&self.ledger)?;
        self.requeue_mended()
    }

    /// Objects that were set aside and are now as they should be get another chance. The others are set aside
    /// again, and named again: nobody is to forget them.
    fn requeue_mended(&mut self) -> Result<()> {
        for file in self.ledger.files(FilePhase::Quarantined, None, LIST_PAGE)? {
            match self.runner.store.read(&file.key, OBJECT_BYTES_MAX) {
                Ok(bytes) if ContentHash::of(&bytes) == file.hash => {
                    match protocol::replay(&self.ledger, file.hash, now()) {
                        // `headrig replay` was quicker.
                        Ok(()) | Err(ProtocolError::NotQuarantined { .. }) => {}
                        Err(ProtocolError::Ledger(LedgerError::Conflict { .. })) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                found => {
                    let found =
                        found.map_or_else(|error| error.to_string(), |_| "its bytes are others".into());
                    let problem = format!("was set aside and is not mended: {found}");
                    self.problem(&file.key, problem, "put the right object there and run again");
                }
            }
        }
        Ok(())
    }

    /// Objects in the bucket that the ledger lacks: put there by hand, or by a process that died between
    /// storing and telling.
    fn ingest_unknown_objects(&mut self) -> Result<()> {
        let mut after: Option<ObjectKey> = None;
        loop {
            let page = self.runner.store.list(after.as_ref(), LIST_PAGE)?;
            for object in &page {
                if self.is_known(&object.key)? {
                    continue;
                }
                let hash = match self.runner.hash_of(&object.key) {
                    Ok(hash) => hash,
                    Err(error) => {
                        self.problem(
                            &object.key,
                            error.to_string(),
                            "mend or remove the object and run again",
                        );
                        continue;
                    }
                };
                let facts = FileFacts { hash, key: object.key.clone(), size: object.size };
                protocol::ingest(&self.ledger, &[facts], now())?;
            }
            match page.last() {
                Some(last) if page.len() == LIST_PAGE => after = Some(last.key.clone()),
                _ => return Ok(()),
            }
        }
    }

    fn is_known(&self, key: &ObjectKey) -> Result<bool> {
        Ok(match key.content_hash() {
            Some(hash) => self.ledger.file(hash)?.is_some(),
            None => !self.ledger.files_at(key)?.is_empty(),
        })
    }

    /// Seals what is ready, or with `flush` all there is, and runs every batch that is due.
    fn load_ready(&mut self, flush: bool) -> Result<()> {
        let exhausted = self.ledger.batches(BatchPhase::Exhausted, None, LIST_PAGE)?;
        exhausted.iter().try_for_each(|batch| self.isolate(batch.id))?;
        protocol::seal_ready(&self.ledger, now(), &self.policy, flush)?;
        while let Some(batch) = protocol::start_next(&self.ledger, now(), &self.policy)? {
            self.runner.run(&self.ledger, &self.policy, &batch, (&mut self.loaded, &mut self.alerting))?;
        }
        Ok(())
    }

    /// Runs until nothing is pending: failed batches rest, run again, and are taken apart in the end.
    fn drain(&mut self) -> Result<()> {
        loop {
            self.load_ready(true)?;
            let counts = self.ledger.counts()?;
            if counts.is_drained() {
                return Ok(());
            }
            let due =
                self.ledger.batches(BatchPhase::Sealed, None, 1)?.first().map(|batch| batch.state.due());
            let rest_micros = due.map_or(0, |due: UnixMicros| due.micros_since(now())).max(0).unsigned_abs();
            thread::sleep(Duration::from_micros(rest_micros).clamp(REST_MIN, LOOK_PAUSE));
        }
    }

    /// Takes apart a batch that fails whenever it is run, or sets aside the one file it is of.
    fn isolate(&mut self, id: headrig_ledger::BatchId) -> Result<()> {
        super::sink::remove_batch(self.runner.folder.root(), &id.to_string())?;
        let batch = protocol::isolate(&self.ledger, id, now())?;
        for member in &batch.members {
            self.report_if_quarantined(*member)?;
        }
        Ok(())
    }

    fn report_if_quarantined(&mut self, hash: ContentHash) -> Result<()> {
        let Some(file) = self.ledger.file(hash)?.filter(|file| file.state.phase() == FilePhase::Quarantined)
        else {
            return Ok(());
        };
        self.loaded.quarantined += 1;
        self.problem(
            &file.key,
            "fails whenever it is loaded and was set aside".into(),
            "report it with the object",
        );
        Ok(())
    }

    fn problem(&mut self, key: &ObjectKey, problem: String, action: &str) {
        let path = self.runner.folder.bucket().join(key.as_str());
        self.loaded.problems.push(Problem { path, problem, action: action.into() });
    }
}
