//! Puts a local lake into AWS, or a stand-in for it, so that tests may ask of both the same questions:
//! `lake_to_aws LAKE TABLE BUCKET LAKE_BUCKET [--rest] [HOST...]`. The buckets are there already; the table is made.
//!
//! The ledger is not copied: what its histories tell is done once more, by the state machine, at the times that they
//! tell. With `--rest` batches that wait do so until the year 2100. Each HOST is an agent that was heard at the first of
//! January 2026 and is missing.

use anyhow::{Context, Result, bail};
use aws_config::AppName;
use headrig_aws::{
    Calls, DynamoLedger, TableNotes,
    s3::{Bucket, S3Store},
};
use headrig_contract::{ContentHash, HostName, ObjectKey, UnixMicros};
use headrig_etl::account::ACCOUNTS;
use headrig_ledger::{
    Batch, BatchCursor, BatchEvent, BatchId, BatchPhase, Claim, FileCursor, FileEvent, FileFacts, FilePhase,
    FileRecord, FileState, Ledger, Outcome, Policy, Round, SqliteLedger,
    batch::{Isolation, Release},
    fleet::{Agent, FLEET_NOTE, Fleet, KeptFleet, Presence},
};
use headrig_notices::NoteBook;
use headrig_store::{DirectoryStore, ObjectStore};
use std::{fs, path::Path};
use walkdir::WalkDir;

/// Records read at once.
const PAGE: usize = 1_000;
/// When the agents were heard last: 2026-01-01.
const HEARD: UnixMicros = UnixMicros(1_767_225_600_000_000);

/// Until when batches rest with `--rest`: 2100-01-01.
const REST_UNTIL: UnixMicros = UnixMicros(4_102_444_800_000_000);

enum Event {
    Pending(FileRecord, u32),
    Batch(BatchId, BatchEvent),
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [lake, table, bucket, lake_bucket, hosts @ ..] = &arguments[..] else {
        bail!("expected LAKE TABLE BUCKET LAKE_BUCKET [--rest] [HOST...]");
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let calls = runtime.block_on(Calls::new(runtime.handle().clone(), AppName::new("headrig-tests")?));
    let state = Path::new(lake).join(".headrig");
    let store = |name: &String| S3Store::new(Bucket::new(calls.clone(), name.clone(), true), String::new());
    let objects = DirectoryStore::open_to_read(&state.join("bucket"));
    for object in objects.list(None, usize::MAX)? {
        put(&store(bucket), &object.key, &objects.path_of(&object.key)?)?;
    }
    for name in ["logs", "metrics", ACCOUNTS] {
        put_table(&store(lake_bucket), Path::new(lake), name)?;
    }
    let ledger = calls.ledger(table);
    ledger.create_table()?;
    let from = SqliteLedger::open_to_read(&state.join("ledger.db"))?;
    let mut events = events(&from)?;
    events.sort_by_key(|(at, _)| *at);
    for (at, event) in &events {
        match event {
            Event::Pending(file, 0) => drop(ledger.put_file_if_absent(&first(file, *at))?),
            Event::Pending(file, times) => ledger.requeue(file.hash, Round(times - 1), *at)?,
            Event::Batch(id, event) => repeat(&from, &ledger, *id, event)?,
        }
    }
    let hosts: Vec<&String> = hosts.iter().filter(|host| *host != "--rest").collect();
    if arguments.iter().any(|argument| argument == "--rest") {
        rest(&ledger)?;
    }
    keep_fleet(&TableNotes::new(calls.clone(), table.clone()), &hosts)
}

fn put(store: &S3Store, key: &ObjectKey, path: &Path) -> Result<()> {
    store
        .put_if_absent(key, path, ContentHash::of(&fs::read(path)?))
        .map(drop)
        .with_context(|| key.to_string())
}

fn put_table(store: &S3Store, lake: &Path, name: &str) -> Result<()> {
    let folder = lake.join(name);
    for entry in WalkDir::new(&folder).into_iter().filter(|_| folder.exists()) {
        let entry = entry?;
        if entry.file_type().is_file() {
            let key = entry.path().strip_prefix(lake)?.to_str().context("a key is text")?;
            put(store, &ObjectKey::parse(key)?, entry.path())?;
        }
    }
    Ok(())
}

/// All that happened, files before batches where it happened at the same time.
fn events(ledger: &SqliteLedger) -> Result<Vec<(UnixMicros, Event)>> {
    let mut events = Vec::new();
    for phase in FilePhase::ALL {
        let mut after = None;
        loop {
            let page = ledger.files(phase, after, PAGE)?;
            for file in &page {
                let pending = ledger.file_history(file.hash)?.into_iter();
                let pending = pending.filter(|event| event.phase == FilePhase::Pending);
                events.extend(
                    pending.zip(0..).map(|(event, times)| (event.at, Event::Pending(file.clone(), times))),
                );
            }
            after = page.last().map(|file| FileCursor { since: file.since, hash: file.hash });
            if page.len() < PAGE {
                break;
            }
        }
    }
    for phase in BatchPhase::ALL {
        let mut after = None;
        loop {
            let page = ledger.batches(phase, after, PAGE)?;
            for batch in &page {
                let history = ledger.batch_history(batch.id)?.into_iter();
                events.extend(history.map(|event| (event.at, Event::Batch(batch.id, event))));
            }
            after = page.last().map(|batch| BatchCursor { due: batch.state.due(), id: batch.id });
            if page.len() < PAGE {
                break;
            }
        }
    }
    Ok(events)
}

fn first(file: &FileRecord, at: UnixMicros) -> FileRecord {
    FileRecord::pending(FileFacts { hash: file.hash, key: file.key.clone(), size: file.size }, at)
}

/// Does what came of the batch once more.
fn repeat(from: &SqliteLedger, ledger: &DynamoLedger, id: BatchId, event: &BatchEvent) -> Result<()> {
    let (now, policy) = (event.at, Policy::local());
    let known = ledger.batch(id)?;
    let Some(batch) = known else {
        let whole = from.batch(id)?.context("a batch with a history")?;
        let members: Result<Vec<_>> =
            whole.members.iter().map(|member| ledger.file(*member)?.context("a member")).collect();
        return Ok(ledger.seal(&Batch::seal(&members?, now))?);
    };
    let run = || event.run.clone().context("a run");
    let next = match event.phase {
        // It was put there by the batch that was split.
        BatchPhase::Sealed if batch.state.phase() == BatchPhase::Sealed => return Ok(()),
        BatchPhase::Sealed | BatchPhase::Exhausted => {
            let release = match &event.failure {
                Some(reason) if event.failures > batch.failures => Release::Failed { reason: reason.clone() },
                // The history does not tell until when; where nothing came after it, the batch does.
                _ => {
                    let last = from.batch(id)?.context("a batch with a history")?;
                    let is_last = last.changed == now && last.state.phase() == BatchPhase::Sealed;
                    Release::Postponed { not_before: if is_last { last.state.due() } else { now } }
                }
            };
            batch.release(batch.attempt, batch.state.run(), &release, now, &policy)?
        }
        BatchPhase::Starting if batch.state.phase() == BatchPhase::Sealed => batch.start(now, &policy)?,
        BatchPhase::Starting => batch.record_run(&Claim { attempt: event.attempt, run: run()? }, now)?,
        BatchPhase::Running => batch.claim(&Claim { attempt: event.attempt, run: run()? }, now, &policy)?,
        BatchPhase::Committed if event.run.is_some() => {
            let outcomes: Result<Vec<_>> =
                batch.members.iter().map(|file| outcome(from, *file, id)).collect();
            let outcomes = outcomes?;
            let claim = Claim { attempt: event.attempt, run: run()? };
            let next = batch.commit(&claim, &outcomes, now)?;
            return Ok(ledger.commit(batch.version, &next, &outcomes)?);
        }
        BatchPhase::Committed | BatchPhase::Split => {
            let rounds: Result<Vec<_>> =
                batch.members.iter().map(|file| Ok(ledger.file(*file)?.context("a member")?.round)).collect();
            match batch.isolate(&rounds?, now)? {
                Isolation::Split(next, parts) => ledger.split(batch.version, &next, &parts)?,
                Isolation::Condemned(next, outcome) => ledger.commit(batch.version, &next, &[outcome])?,
            }
            return Ok(());
        }
    };
    Ok(ledger.swap_batch(batch.version, &next)?)
}

/// What the batch made of the file.
fn outcome(from: &SqliteLedger, file: ContentHash, batch: BatchId) -> Result<(ContentHash, Outcome)> {
    let record = from.file(file)?.context("a member")?;
    if let FileState::Done { batch: done_in, counts } = &record.state
        && *done_in == batch
    {
        return Ok((file, Outcome::Done(*counts)));
    }
    let is_set_aside =
        |event: &FileEvent| event.phase == FilePhase::Quarantined && event.batch == Some(batch);
    let event = from.file_history(file)?.into_iter().find(is_set_aside).context("an outcome")?;
    Ok((file, Outcome::Quarantined { reason: event.reason.unwrap_or_default() }))
}

/// Lets every sealed batch rest, as one whose run was put off.
fn rest(ledger: &DynamoLedger) -> Result<()> {
    let policy = Policy::local();
    for sealed in ledger.batches(BatchPhase::Sealed, None, PAGE)? {
        let now = sealed.state.due().max(sealed.changed);
        let started = sealed.start(now, &policy)?;
        ledger.swap_batch(sealed.version, &started)?;
        let release = Release::Postponed { not_before: REST_UNTIL };
        ledger
            .swap_batch(started.version, &started.release(started.attempt, None, &release, now, &policy)?)?;
    }
    Ok(())
}

fn keep_fleet(notes: &TableNotes, hosts: &[&String]) -> Result<()> {
    if hosts.is_empty() {
        return Ok(());
    }
    let missing = Agent { noticed: HEARD, presence: Presence::Missing };
    let agents: Result<Vec<_>, _> =
        hosts.iter().map(|host| host.parse::<HostName>().map(|host| (host, missing))).collect();
    let kept = KeptFleet { heard_until: HEARD, fleet: Fleet::of(agents?) };
    Ok(notes.write(FLEET_NOTE, None, &kept.to_note()?)?)
}
