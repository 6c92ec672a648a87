//! A folder of logs, an agent on it, and what it stored.

use headrig_agent::{
    core::Event,
    core::Tails,
    discovery::Discovery,
    settings::Settings,
    shipper::{Shipper, Step},
    state::{SqliteState, StateStore},
};
use headrig_contract::{
    AgentId, HostName, UnixMicros,
    chunk::{ChunkReader, Provenance},
};
use std::{collections::BTreeMap, fs, io::Write, path::PathBuf};
use tempfile::TempDir;

/// The steps after which an agent that does not come to rest never would.
const STEPS_MAX: usize = 20_000;

pub(crate) type Agent = Shipper<SqliteState>;

pub(crate) struct Site {
    folder: TempDir,
    pub(crate) settings: Settings,
    pub(crate) now: UnixMicros,
    /// Nothing can be stored.
    pub(crate) is_outage: bool,
    /// What was stored, by key.
    pub(crate) bucket: BTreeMap<String, Vec<u8>>,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        let mut settings = Settings::new(HostName::from_lossy("web-1"), "app".parse().unwrap());
        settings.block_bytes_max = 4 << 10;
        settings.sources[0].line_bytes_max = 1024;
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros() as i64;
        Self { folder, settings, now: UnixMicros(now), is_outage: false, bucket: BTreeMap::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    pub(crate) fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap();
        file.write_all(bytes.as_ref()).unwrap();
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// `name` becomes `name.gz`, as gzip does it.
    pub(crate) fn compress(&self, name: &str) {
        let bytes = fs::read(self.path(name)).unwrap();
        let file = fs::File::create(self.path(&format!("{name}.gz"))).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        encoder.write_all(&bytes).unwrap();
        encoder.finish().unwrap();
        fs::remove_file(self.path(name)).unwrap();
    }

    /// An agent that has looked at the files once and done nothing yet.
    pub(crate) fn agent(&self) -> Agent {
        let state =
            SqliteState::open(&self.folder.path().join("agent.db"), AgentId::from_bytes([5; 16])).unwrap();
        let spool = self.folder.path().join("spool");
        let mut agent =
            Shipper::open(self.settings.clone().checked().unwrap(), Tails::Leave, &spool, state).unwrap();
        self.scan(&mut agent);
        agent
    }

    pub(crate) fn recovered(&self) -> headrig_agent::state::Recovered {
        let id = AgentId::from_bytes([6; 16]);
        SqliteState::open(&self.folder.path().join("agent.db"), id).unwrap().recover().unwrap()
    }

    pub(crate) fn scan(&self, agent: &mut Agent) {
        let encodings = self.settings.sources.iter().map(|source| source.encoding).collect();
        let logs = self.folder.path().join("logs");
        let mut discovery = Discovery::new(vec![logs], Vec::new()).expecting(encodings);
        let scan = discovery.scan(|_| 0);
        assert_eq!(scan.problems, []);
        agent.scanned(scan.files, self.now);
    }

    /// Does the next thing, and says whether there was one.
    pub(crate) fn step(&mut self, agent: &mut Agent) -> bool {
        match agent.step(self.now).unwrap() {
            Step::Idle => false,
            Step::Worked => true,
            Step::Store(chunk, _) if self.is_outage => {
                agent.not_stored(chunk.hash, self.now);
                true
            }
            Step::Store(chunk, path) => {
                self.bucket.insert(chunk.key.as_str().into(), fs::read(path).unwrap());
                agent.stored(chunk.hash, self.now).unwrap();
                true
            }
        }
    }

    /// All there is to do now.
    pub(crate) fn work(&mut self, agent: &mut Agent) {
        let mut steps = 0..STEPS_MAX;
        while self.step(agent) {
            steps.next().expect("the agent comes to rest");
        }
    }

    /// So much time goes by, and the agent looks again.
    pub(crate) fn wait(&mut self, agent: &mut Agent, seconds: i64) {
        self.now = self.now.saturating_add_micros(seconds * 1_000_000);
        self.scan(agent);
        self.work(agent);
    }

    /// Everything that an agent still finds, sealed and stored.
    pub(crate) fn drain(&mut self) {
        self.is_outage = false;
        let mut agent = self.agent();
        self.work(&mut agent);
        for _ in 0..4 {
            self.wait(&mut agent, 70);
        }
        agent.tell(Event::Finish, self.now);
        self.work(&mut agent);
        assert!(agent.core().is_drained());
    }

    /// Every stored block.
    pub(crate) fn blocks(&self) -> Vec<(Provenance, Vec<u8>)> {
        let mut blocks = Vec::new();
        for object in self.bucket.values() {
            let (mut reader, mut raw) = (ChunkReader::new(object), Vec::new());
            while let Some(provenance) = reader.next_block(&mut raw).unwrap() {
                blocks.push((provenance, raw.clone()));
            }
        }
        blocks
    }

    /// The stored bytes of each strand, with the offset at which they begin; they leave no gap.
    pub(crate) fn strands(&self) -> Vec<(u64, Vec<u8>)> {
        let mut runs: BTreeMap<_, BTreeMap<u64, Vec<u8>>> = BTreeMap::new();
        for (provenance, raw) in self.blocks() {
            let mut rest = raw.as_slice();
            for segment in &provenance.segments {
                let (head, tail) = rest.split_at(segment.length.0 as usize);
                rest = tail;
                let strand = runs.entry((segment.stream, segment.generation)).or_default();
                assert!(
                    strand.insert(segment.offset.0, head.to_vec()).is_none(),
                    "two segments at one offset"
                );
            }
        }
        let join = |runs: BTreeMap<u64, Vec<u8>>| {
            let begins = *runs.keys().next().unwrap();
            let mut bytes = Vec::new();
            for (offset, run) in runs {
                assert_eq!(offset, begins + bytes.len() as u64, "a gap or an overlap");
                bytes.extend(run);
            }
            (begins, bytes)
        };
        runs.into_values().map(join).collect()
    }

    /// All stored lines, with how often each is there.
    pub(crate) fn lines(&self) -> BTreeMap<String, usize> {
        let mut lines = BTreeMap::new();
        for (_, bytes) in self.strands() {
            for line in String::from_utf8(bytes).unwrap().lines() {
                *lines.entry(line.to_owned()).or_default() += 1;
            }
        }
        lines
    }
}

pub(crate) fn numbered(word: &str, range: std::ops::Range<u32>) -> String {
    range.map(|number| format!("{word} line {number:04}\n")).collect()
}
