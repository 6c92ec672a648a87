//! The world outside, in memory: it does as it is told, and fails on its nth call.

use headrig_contract::{
    AgentId, ByteLength, ChunkSeq, ContentHash, HostName, ObjectKey, UnixMicros, chunk::Codec, key::ChunkName,
};
use headrig_ledger::{
    Attempt, BatchId, Claim, Fault, Faulty, LineCounts, MemoryLedger, Outcome, Policy, RunId, batch::Release,
    protocol,
};
use headrig_sink::{
    CallError, Event, Figure, Ports, Reply, Settings, Sink, SinkError,
    notes::MemoryNotes,
    ports::{
        Beat, Heartbeats, JobStarter, Lake, ListedObject, Metrics, NoteBook, Notifier, ObjectHead, Objects,
        RunState, StartError,
    },
};
use serde_json::{Value, json};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
};

pub(crate) const BUCKET: &str = "logs";

#[derive(Clone)]
struct Object {
    bytes: Vec<u8>,
    has_checksum: bool,
    modified: UnixMicros,
}

pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) batches: Vec<(BatchId, Attempt)>,
    pub(crate) state: RunState,
}

pub(crate) struct World {
    pub(crate) ledger: Faulty<MemoryLedger>,
    pub(crate) settings: Settings,
    pub(crate) now: Cell<UnixMicros>,
    objects: RefCell<BTreeMap<String, Object>>,
    /// Keys of objects that nobody may look at.
    pub(crate) locked: RefCell<BTreeSet<String>>,
    /// How many bytes were read to be hashed.
    pub(crate) hashed_bytes: Cell<u64>,
    pub(crate) runs: RefCell<Vec<Run>>,
    /// What the engine answers instead of starting a run; with an answer lost there is one.
    pub(crate) engine_says: RefCell<Option<StartError>>,
    /// Whether nobody can be told anything.
    pub(crate) is_mute: Cell<bool>,
    pub(crate) told: RefCell<Vec<(String, String)>>,
    pub(crate) sums: RefCell<BTreeMap<Figure, f64>>,
    pub(crate) latest: RefCell<BTreeMap<Figure, f64>>,
    pub(crate) beats: RefCell<Vec<Beat>>,
    /// Files of the lake.
    pub(crate) lake: RefCell<BTreeSet<String>>,
    notes: MemoryNotes,
    calls: Cell<u64>,
    /// The call of the ports (not the ledger's) that fails, and whether it is done all the same.
    pub(crate) failing: Cell<Option<(u64, Fault)>>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::failing_ledger([])
    }

    pub(crate) fn failing_ledger(faults: impl IntoIterator<Item = (u64, Fault)>) -> Self {
        Self {
            ledger: Faulty::new(MemoryLedger::new(), faults),
            settings: Settings::for_bucket(BUCKET),
            now: Cell::new(UnixMicros::from_seconds(1_790_000_000)),
            objects: RefCell::default(),
            locked: RefCell::default(),
            hashed_bytes: Cell::default(),
            runs: RefCell::default(),
            engine_says: RefCell::default(),
            is_mute: Cell::default(),
            told: RefCell::default(),
            sums: RefCell::default(),
            latest: RefCell::default(),
            beats: RefCell::default(),
            lake: RefCell::default(),
            notes: MemoryNotes::default(),
            calls: Cell::default(),
            failing: Cell::default(),
        }
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.get()
    }

    pub(crate) fn wait(&self, seconds: i64) {
        self.now.set(self.now.get().saturating_add_micros(seconds * 1_000_000));
    }

    /// Stores bytes as S3 does it for an agent, checksum and all.
    pub(crate) fn store(&self, key: &str, bytes: &[u8]) {
        let object = Object { bytes: bytes.into(), has_checksum: true, modified: self.now.get() };
        self.objects.borrow_mut().insert(key.into(), object);
    }

    /// Stores bytes of which S3 has computed no SHA-256.
    pub(crate) fn store_unsummed(&self, key: &str, bytes: &[u8]) {
        self.store(key, bytes);
        self.objects.borrow_mut().get_mut(key).unwrap().has_checksum = false;
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.objects.borrow().keys().cloned().collect()
    }

    /// Stores the chunk of that number of web-1's agent, and returns its key.
    pub(crate) fn store_chunk(&self, seq: u64) -> String {
        let bytes = format!("chunk {seq}");
        let key = chunk_key(seq, ContentHash::of(bytes.as_bytes()));
        self.store(&key, bytes.as_bytes());
        key
    }

    pub(crate) fn handle(&self, event: &Value) -> Result<Reply, SinkError> {
        let event = Event::parse(event.to_string().as_bytes()).unwrap();
        let now = || self.now.get();
        let ports = Ports {
            objects: self,
            lake: self,
            jobs: self,
            notifier: self,
            metrics: self,
            heartbeats: self,
            notes: self,
            now: &now,
        };
        Sink::new(&self.ledger, ports, &self.settings).handle(&event)
    }

    pub(crate) fn sweep(&self) {
        self.handle(&json!({"headrig": "sweep"})).unwrap();
    }

    /// The ids of the messages that come again.
    pub(crate) fn deliver(&self, messages: &[Value]) -> Vec<String> {
        match self.handle(&json!({ "Records": messages })).unwrap() {
            Reply::Queue { failed } => failed,
            other => panic!("{other:?}"),
        }
    }

    /// Lets the run claim its batches one after the other and commit each.
    pub(crate) fn finish(&self, number: usize) {
        let mut runs = self.runs.borrow_mut();
        let run = &mut runs[number];
        run.state = RunState::Succeeded;
        for (batch, attempt) in &run.batches {
            let claim = Claim { attempt: *attempt, run: run.id.clone() };
            let ledger = self.ledger.inner();
            let Ok(batch) = protocol::claim(ledger, *batch, &claim, self.now.get(), &self.settings.policy)
            else {
                continue;
            };
            let outcomes: Vec<_> =
                batch.members.iter().map(|member| (*member, Outcome::Done(LineCounts::default()))).collect();
            protocol::commit(ledger, batch.id, &claim, &outcomes, self.now.get()).unwrap();
        }
    }

    /// Lets the run claim its batches, write something and fail.
    pub(crate) fn claim_only(&self, number: usize) {
        let runs = self.runs.borrow();
        let run = &runs[number];
        for (batch, attempt) in &run.batches {
            let claim = Claim { attempt: *attempt, run: run.id.clone() };
            protocol::claim(self.ledger.inner(), *batch, &claim, self.now.get(), &self.settings.policy)
                .unwrap();
            self.lake.borrow_mut().insert(format!("logs/day=1/{batch}-000.parquet"));
            self.lake.borrow_mut().insert(format!("logs/day=2/{batch}-000.parquet"));
        }
    }

    pub(crate) fn end(&self, number: usize, state: RunState) {
        self.runs.borrow_mut()[number].state = state;
    }

    pub(crate) fn sum(&self, figure: Figure) -> f64 {
        self.sums.borrow().get(&figure).copied().unwrap_or(0.0)
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.settings.policy
    }

    fn call<T>(
        &self,
        action: &'static str,
        act: impl FnOnce() -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        self.calls.set(self.calls.get() + 1);
        let lost = || CallError::Unavailable { action, reason: "as planned".into() };
        match self.failing.get() {
            Some((number, Fault::Before)) if number == self.calls.get() => Err(lost()),
            Some((number, Fault::After)) if number == self.calls.get() => act().and_then(|_| Err(lost())),
            _ => act(),
        }
    }

    fn object(&self, key: &ObjectKey) -> Result<Object, CallError> {
        let action = "read an object";
        if self.locked.borrow().contains(key.as_str()) {
            return Err(CallError::Denied { action, reason: "as planned".into() });
        }
        self.objects.borrow().get(key.as_str()).cloned().ok_or(CallError::Missing { action })
    }
}

/// The release of a batch that its run gives up.
pub(crate) fn failed(reason: &str) -> Release {
    Release::Failed { reason: reason.into() }
}

pub(crate) fn chunk_key(seq: u64, hash: ContentHash) -> String {
    let name = ChunkName {
        host: HostName::from_lossy("web-1"),
        source: "nginx".parse().unwrap(),
        sealed_at: UnixMicros::from_seconds(1_790_000_000),
        agent: AgentId::from_bytes([7; 16]),
        seq: ChunkSeq(seq),
        hash,
        codec: Codec::Zstd,
    };
    name.key("").unwrap().as_str().into()
}

pub(crate) fn record(key: &str) -> Value {
    json!({"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": BUCKET}, "object": {"key": key.replace('=', "%3D"), "size": 1}}})
}

pub(crate) fn stored(keys: &[&str]) -> Value {
    json!({"Records": keys.iter().map(|key| record(key)).collect::<Vec<_>>()})
}

pub(crate) fn message(id: &str, keys: &[&str]) -> Value {
    json!({"eventSource": "aws:sqs", "messageId": id, "body": stored(keys).to_string()})
}

impl Objects for World {
    fn head(&self, key: &ObjectKey) -> Result<ObjectHead, CallError> {
        self.call("look at an object", || {
            let object = self.object(key)?;
            let hash = object.has_checksum.then(|| ContentHash::of(&object.bytes));
            Ok(ObjectHead { size: ByteLength(object.bytes.len() as u64), hash })
        })
    }

    fn hash(&self, key: &ObjectKey, limit: ByteLength) -> Result<(ContentHash, ByteLength), CallError> {
        self.call("hash an object", || {
            let object = self.object(key)?;
            let size = ByteLength(object.bytes.len() as u64);
            if size > limit {
                return Err(CallError::Refused { action: "hash an object", reason: "too large".into() });
            }
            self.hashed_bytes.set(self.hashed_bytes.get() + size.0);
            Ok((ContentHash::of(&object.bytes), size))
        })
    }

    fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ListedObject>, CallError> {
        self.call("list objects", || {
            let objects = self.objects.borrow();
            let found = objects
                .iter()
                .filter(|(key, _)| key.starts_with(prefix) && after.is_none_or(|after| after < key.as_str()));
            let listed = |(key, object): (&String, &Object)| ListedObject {
                key: key.clone(),
                size: ByteLength(object.bytes.len() as u64),
                modified: object.modified,
            };
            Ok(found.take(limit).map(listed).collect())
        })
    }

    fn put_if_absent(&self, key: &ObjectKey, bytes: Vec<u8>, hash: ContentHash) -> Result<(), CallError> {
        self.call("store an object", || {
            assert_eq!(ContentHash::of(&bytes), hash);
            if !self.objects.borrow().contains_key(key.as_str()) {
                self.store(key.as_str(), &bytes);
            }
            Ok(())
        })
    }
}

impl Lake for World {
    fn remove_batch(
        &self,
        batch: BatchId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<String>, CallError> {
        self.call("list the lake", || {
            let mut lake = self.lake.borrow_mut();
            let page: Vec<String> = lake
                .iter()
                .filter(|key| after.is_none_or(|after| after < key.as_str()))
                .take(limit)
                .cloned()
                .collect();
            for key in page.iter().filter(|key| key.contains(&batch.to_string())) {
                lake.remove(key);
            }
            Ok(page.last().filter(|_| page.len() == limit).cloned())
        })
    }
}

impl JobStarter for World {
    fn start(&self, batches: &[(BatchId, Attempt)]) -> Result<RunId, StartError> {
        let said = self.engine_says.borrow().clone();
        if let Some(error) = said.as_ref().filter(|error| !matches!(error, StartError::AnswerLost { .. })) {
            return Err(error.clone());
        }
        let id: RunId = format!("jr_{}", self.runs.borrow().len()).parse().unwrap();
        let started = self.call("start a run", || {
            let run = Run { id: id.clone(), batches: batches.to_vec(), state: RunState::UnderWay };
            self.runs.borrow_mut().push(run);
            Ok(id)
        });
        match (said, started) {
            (Some(error), _) => Err(error),
            (None, started) => started.map_err(|error| StartError::AnswerLost { reason: error.to_string() }),
        }
    }

    fn state(&self, run: &RunId) -> Result<RunState, CallError> {
        self.call("ask for a run", || {
            let runs = self.runs.borrow();
            Ok(runs.iter().find(|known| known.id == *run).map_or(RunState::Unknown, |run| run.state.clone()))
        })
    }

    fn under_way(&self) -> Result<usize, CallError> {
        self.call("count runs", || {
            Ok(self.runs.borrow().iter().filter(|run| run.state == RunState::UnderWay).count())
        })
    }
}

impl Notifier for World {
    fn tell(&self, subject: &str, text: &str) -> Result<(), CallError> {
        assert!(subject.len() <= 100 && subject.is_ascii() && !subject.contains('\n'), "{subject:?}");
        self.call("tell", || {
            if self.is_mute.get() {
                return Err(CallError::Denied { action: "tell", reason: "as planned".into() });
            }
            self.told.borrow_mut().push((subject.into(), text.into()));
            Ok(())
        })
    }
}

impl Metrics for World {
    fn publish(&self, figures: &[(Figure, f64)]) {
        for (figure, value) in figures {
            *self.sums.borrow_mut().entry(*figure).or_default() += value;
            self.latest.borrow_mut().insert(*figure, *value);
        }
    }
}

impl Heartbeats for World {
    fn heard(&self, from: UnixMicros, until: UnixMicros) -> Result<Vec<Beat>, CallError> {
        self.call("listen", || {
            let beats = self.beats.borrow();
            Ok(beats.iter().filter(|beat| from <= beat.at && beat.at <= until).cloned().collect())
        })
    }
}

impl NoteBook for World {
    fn read(&self, name: &str) -> Result<Option<(u64, Vec<u8>)>, CallError> {
        self.call("read a note", || self.notes.read(name))
    }

    fn write(&self, name: &str, expected: Option<u64>, bytes: &[u8]) -> Result<(), CallError> {
        self.call("write a note", || self.notes.write(name, expected, bytes))
    }
}
