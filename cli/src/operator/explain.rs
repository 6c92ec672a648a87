//! `headrig explain`: what happened to a file or a batch, in order, and what comes next.

use super::{
    Answer, Engine, Fields, OpenLake, Verdict, bytes, count,
    records::{BatchView, FileView},
    subject::Subject,
    table, time,
    writing::clock_time,
};
use anyhow::Result;
use headrig_contract::ObjectKey;
use headrig_ledger::{
    BatchState, FileRecord, FileState,
    explain::{BatchStory, FileStory, Happening, batch_story, file_story},
};
use headrig_store::{ObjectStore, StoreError};
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Explanation {
    subject: String,
    files: Vec<FileTold>,
    batches: Vec<BatchTold>,
    /// Whether there is an object of that key; none where no key was asked for.
    in_bucket: Option<bool>,
}

#[derive(Debug, Serialize)]
struct FileTold {
    file: FileView,
    happenings: Vec<Told>,
    next: String,
}

#[derive(Debug, Serialize)]
struct BatchTold {
    batch: BatchView,
    files: Vec<FileView>,
    happenings: Vec<Told>,
    next: String,
}

/// One thing that happened.
#[derive(Debug, Serialize)]
struct Told {
    at: String,
    of: &'static str,
    id: String,
    state: &'static str,
    batch: Option<String>,
    reason: Option<String>,
    attempt: Option<u32>,
    failures: Option<u32>,
    run: Option<String>,
    failure: Option<String>,
}

/// Tells what is known of `subject`.
pub(crate) fn explain(lake: &OpenLake, subject: &str) -> Result<Answer> {
    let (parsed, ledger, engine) = (Subject::parse(subject, lake)?, lake.ledger(), lake.engine());
    let mut files = Vec::new();
    for file in parsed.files(&ledger)? {
        files.extend(file_story(&ledger, file.hash)?);
    }
    let batch = parsed.batch().map(|id| batch_story(&ledger, id)).transpose()?.flatten();
    let in_bucket = match &parsed {
        // What the ledger knows is told without the bucket, where none is named.
        Subject::Key(_) if !files.is_empty() && lake.bucket().is_err() => None,
        Subject::Key(key) => Some(is_in_bucket(lake.bucket()?, key)?),
        Subject::Digits(_) => None,
    };
    let is_known = !files.is_empty() || batch.is_some();
    let file_texts = files.iter().map(|file| file_text(file, engine));
    let mut text: String = file_texts.chain(batch.iter().map(batch_text)).collect::<Vec<_>>().join("\n");
    if !is_known {
        text = unknown_text(subject, in_bucket, engine);
    }
    let value = Explanation {
        subject: subject.into(),
        files: files.iter().map(|story| FileTold::of(story, engine)).collect(),
        batches: batch.iter().map(BatchTold::from).collect(),
        in_bucket,
    };
    Answer::new(text, &value, if is_known { Verdict::Well } else { Verdict::Amiss })
}

/// Whether there is an object at `key`. The port has no other way of asking than to read, here nothing.
fn is_in_bucket(store: &dyn ObjectStore, key: &ObjectKey) -> Result<bool> {
    match store.read(key, headrig_contract::ByteLength(0)) {
        Ok(_) | Err(StoreError::TooLarge { .. }) => Ok(true),
        Err(StoreError::NotFound { .. } | StoreError::UnsupportedKey { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn unknown_text(subject: &str, in_bucket: Option<bool>, engine: Engine) -> String {
    match in_bucket {
        Some(true) => {
            let who = match engine {
                Engine::Local => "the next `headrig local` over this lake takes it in",
                Engine::Sink => {
                    "a sweep takes it in, unless it is empty or refused: then the function's log says why"
                }
            };
            format!("{subject} is in the bucket and not in the ledger; {who}\n")
        }
        Some(false) => format!(
            "{subject} is neither in the ledger nor in the bucket; `headrig ls` lists the keys that are known\n"
        ),
        None => format!(
            "the ledger has neither a file nor a batch {subject}; check the digits, and that this is its lake\n"
        ),
    }
}

fn file_text(FileStory { file, happenings }: &FileStory, engine: Engine) -> String {
    let mut fields = Fields::new();
    fields.add("file", file.hash.to_string());
    fields.add("key", file.key.to_string());
    fields.add("size", bytes(file.size));
    fields.add("state", format!("{} since {}", file.state.phase().as_str(), clock_time(file.since)));
    if file.round.0 > 0 {
        fields.add("replayed", format!("{} times", file.round.0));
    }
    if let FileState::Done { counts, .. } = &file.state {
        fields.add("rows", format!("{} of {} lines", count(counts.rows), count(counts.lines)));
    }
    fields.add("next", next_of_file(file, engine));
    format!("{}\n{}", fields.text(), story(happenings))
}

fn batch_text(BatchStory { batch, members, happenings }: &BatchStory) -> String {
    let mut fields = Fields::new();
    fields.add("batch", batch.id.to_string());
    fields.add("state", format!("{} since {}", batch.state.phase().as_str(), clock_time(batch.changed)));
    fields.add("attempts", format!("{}, {} failed", batch.attempt, batch.failures));
    fields.add("failure", batch.failure.clone().unwrap_or_default());
    if let BatchState::Committed { summary, .. } = &batch.state {
        let lines = &summary.lines;
        fields.add("rows", format!("{} of {} lines", count(lines.rows), count(lines.lines)));
    }
    fields.add("next", next_of_batch(&batch.state));
    let rows = members
        .iter()
        .map(|file| vec![file.state.phase().as_str().into(), bytes(file.size), file.key.to_string()]);
    format!("{}\n{}\n{}", fields.text(), table(&["state", ">size", "file"], rows), story(happenings))
}

fn story(happenings: &[Happening]) -> String {
    happenings.iter().map(|happening| format!(" {}  {happening}\n", clock_time(happening.at()))).collect()
}

/// What will become of it, and what to do where that is nothing by itself.
fn next_of_file(file: &FileRecord, engine: Engine) -> String {
    match &file.state {
        FileState::Pending => {
            let wait = match engine {
                Engine::Local => "--max-wait",
                Engine::Sink => "HEADRIG_MAX_WAIT_SECONDS",
            };
            format!("waits for a batch: until enough files wait, or {wait}")
        }
        FileState::Batched { batch } => format!("its batch {batch} is under way"),
        FileState::Done { batch, .. } => {
            format!("nothing: its rows are in the lake's files {batch}-*.parquet")
        }
        FileState::Quarantined { reason, .. } => {
            format!("set aside ({reason}); mend that, then `headrig replay {}`", file.hash)
        }
    }
}

fn next_of_batch(state: &BatchState) -> String {
    match state {
        BatchState::Sealed { not_before } => format!("is run from {} on", clock_time(*not_before)),
        BatchState::Starting { lease_until, .. } => {
            format!("is claimed by its run, or tried again after {}", clock_time(*lease_until))
        }
        BatchState::Running { lease_until, .. } => {
            format!("is committed by its run, or tried again after {}", clock_time(*lease_until))
        }
        BatchState::Exhausted { .. } => "its files are run one by one".into(),
        BatchState::Committed { .. } => "nothing: its rows are in the lake".into(),
        BatchState::Split { .. } => "nothing: its files went on in batches of one".into(),
    }
}

impl FileTold {
    fn of(FileStory { file, happenings }: &FileStory, engine: Engine) -> Self {
        Self {
            file: file.into(),
            happenings: happenings.iter().map(Told::from).collect(),
            next: next_of_file(file, engine),
        }
    }
}

impl From<&BatchStory> for BatchTold {
    fn from(BatchStory { batch, members, happenings }: &BatchStory) -> Self {
        Self {
            batch: batch.into(),
            files: members.iter().map(FileView::from).collect(),
            happenings: happenings.iter().map(Told::from).collect(),
            next: next_of_batch(&batch.state),
        }
    }
}

impl From<&Happening> for Told {
    fn from(happening: &Happening) -> Self {
        let at = time(happening.at());
        match happening {
            Happening::File(hash, event) => Self {
                at,
                of: "file",
                id: hash.to_string(),
                state: event.phase.as_str(),
                batch: event.batch.map(|batch| batch.to_string()),
                reason: event.reason.clone(),
                attempt: None,
                failures: None,
                run: None,
                failure: None,
            },
            Happening::Batch(id, event) => Self {
                at,
                of: "batch",
                id: id.to_string(),
                state: event.phase.as_str(),
                batch: None,
                reason: None,
                attempt: Some(event.attempt.0),
                failures: Some(event.failures),
                run: event.run.as_ref().map(ToString::to_string),
                failure: event.failure.clone(),
            },
        }
    }
}
