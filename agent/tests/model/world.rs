//! A machine made of values: files with inodes, a state database, a spool and a bucket. What is durable
//! survives [`Machine::crash`]; the core and the open chunks do not.

use headrig_agent::{
    core::{Action, Core, Event, Fault, FoundFile, Probe, ReadBytes, ReadEnd, Tails, WindowBytes},
    identity::{FINGERPRINT_BYTES_MAX, FileId},
    settings::Settings,
    state::{ChunkRecord, Recovered},
};
use headrig_contract::{AgentId, ByteLength, ContentHash, HostName, UnixMicros};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

#[derive(Clone, Debug)]
pub(crate) struct Inode {
    pub(crate) born: UnixMicros,
    pub(crate) bytes: Vec<u8>,
    pub(crate) modified: UnixMicros,
    pub(crate) compressed: bool,
}

/// Files by path; a path's inode number is given out again once nothing has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) paths: BTreeMap<String, u64>,
    pub(crate) inodes: BTreeMap<u64, Inode>,
}

impl Disk {
    pub(crate) fn create(
        &mut self,
        path: &str,
        bytes: &[u8],
        [born, modified]: [UnixMicros; 2],
        compressed: bool,
    ) {
        self.remove(path);
        let free = (1..).find(|inode| !self.inodes.contains_key(inode)).unwrap();
        self.inodes.insert(free, Inode { born, bytes: bytes.to_vec(), modified, compressed });
        self.paths.insert(path.into(), free);
    }

    pub(crate) fn remove(&mut self, path: &str) -> Option<Inode> {
        self.inodes.remove(&self.paths.remove(path)?)
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        if let Some(inode) = self.paths.remove(from) {
            self.remove(to);
            self.paths.insert(to.into(), inode);
        }
    }

    pub(crate) fn file(&mut self, path: &str) -> Option<&mut Inode> {
        self.inodes.get_mut(self.paths.get(path)?)
    }

    fn opened(&self, file: FileId, path: &Path) -> Result<&Inode, Fault> {
        let inode = self.paths.get(path.to_str().unwrap()).ok_or(Fault::Moved)?;
        let state = &self.inodes[inode];
        (*inode == file.inode && state.born == file.born).then_some(state).ok_or(Fault::Moved)
    }
}

pub(crate) struct Machine {
    pub(crate) disk: Disk,
    pub(crate) now: UnixMicros,
    /// How long an action takes: with long ones, chunks fall due between them.
    pub(crate) step_micros: i64,
    /// So many uploads fail before the next one succeeds.
    pub(crate) uploads_failing: u32,
    pub(crate) bucket: BTreeMap<String, Vec<u8>>,
    durable: Recovered,
    sealed: HashMap<ContentHash, Vec<u8>>,
    parts: Vec<Vec<u8>>,
    core: Core,
    settings: Settings,
}

/// Where in an action the machine loses power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    Middle,
    After,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let mut settings = Settings::new(HostName::from_lossy("model"), "app".parse().unwrap());
        settings.block_bytes_max = 4 << 10;
        settings.chunk_bytes_max = 64 << 10;
        settings.spool_bytes_max = 1 << 20;
        settings.sources[0].line_bytes_max = 1024;
        let durable = Recovered {
            agent: AgentId::from_bytes([7; 16]),
            streams_opened: 0,
            strands: Vec::new(),
            files: Vec::new(),
            chains: Vec::new(),
            unshipped: Vec::new(),
            met: Vec::new(),
            old_files: Vec::new(),
        };
        Self {
            disk: Disk::default(),
            now: UnixMicros::from_seconds(1_790_000_000),
            step_micros: 1_000,
            uploads_failing: 0,
            bucket: BTreeMap::new(),
            core: Core::new(settings.clone(), Tails::Leave, durable.clone()).unwrap(),
            durable,
            sealed: HashMap::new(),
            parts: vec![Vec::new()],
            settings,
        }
    }

    /// All that is not durable is gone; the agent starts anew.
    pub(crate) fn crash(&mut self, tails: Tails) {
        let recorded: BTreeSet<ContentHash> = self.durable.unshipped.iter().map(|chunk| chunk.hash).collect();
        self.sealed.retain(|hash, _| recorded.contains(hash));
        self.parts.iter_mut().for_each(Vec::clear);
        self.core = Core::new(self.settings.clone(), tails, self.durable.clone()).unwrap();
    }

    pub(crate) fn scan(&mut self) {
        let found = self.disk.paths.iter().map(|(path, inode)| {
            let state = &self.disk.inodes[inode];
            FoundFile {
                file: FileId { device: 1, inode: *inode, born: state.born },
                path: Path::new(path).into(),
                source: 0,
                size: ByteLength(state.bytes.len() as u64),
                modified: state.modified,
                compressed: state.compressed,
            }
        });
        let found = found.collect();
        self.core.handle(Event::Scanned { found, elsewhere: Default::default() }, self.now);
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.core.handle(event, self.now);
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// Does the next action, and says whether there was one. With `power_cut` the machine stops there.
    pub(crate) fn step(&mut self, power_cut: Option<Moment>) -> bool {
        self.now = self.now.saturating_add_micros(self.step_micros);
        let Some(action) = self.core.next_action(self.now).unwrap() else { return false };
        if power_cut == Some(Moment::Before) {
            return true;
        }
        let event = match action {
            Action::Probe { file, path, windows, .. } => {
                Event::Probed { file, result: self.probe(file, &path, &windows) }
            }
            Action::Read { file, path, offset, .. } => {
                let result = self.disk.opened(file, &path).map(|inode| {
                    let room = self.core.room();
                    let rest = inode.bytes.get(offset.0 as usize..).unwrap_or_default();
                    let count = rest.len().min(room.len());
                    room[..count].copy_from_slice(&rest[..count]);
                    ReadBytes { count, end: if count < room.len() { ReadEnd::File } else { ReadEnd::More } }
                });
                Event::Read { file, result }
            }
            Action::Append { source, begins } => {
                if begins {
                    self.parts[source].clear();
                }
                self.parts[source].extend_from_slice(self.core.block());
                Event::Appended
            }
            Action::Seal { source, seal } => {
                assert_eq!(
                    ContentHash::of(&self.parts[source]),
                    seal.chunk.hash,
                    "a chunk is named after its bytes"
                );
                self.sealed.insert(seal.chunk.hash, std::mem::take(&mut self.parts[source]));
                if power_cut != Some(Moment::Middle) {
                    self.record(&seal);
                }
                Event::Sealed
            }
            Action::Remember(files) => {
                for record in files {
                    self.durable.files.retain(|other| other.file != record.file);
                    self.durable.files.push(record);
                }
                Event::Remembered
            }
            Action::Meet(_) | Action::Anchor(_) => unreachable!("the model's source begins at the beginning"),
            Action::Upload(chunk) if self.uploads_failing > 0 => {
                self.uploads_failing -= 1;
                Event::UploadFailed(chunk.hash)
            }
            Action::Upload(chunk) => {
                self.store(&chunk);
                if power_cut != Some(Moment::Middle) {
                    self.durable.unshipped.retain(|other| other.hash != chunk.hash);
                    self.sealed.remove(&chunk.hash);
                }
                Event::Uploaded(chunk.hash)
            }
        };
        if power_cut.is_none() {
            self.core.handle(event, self.now);
        }
        true
    }

    fn probe(&self, file: FileId, path: &Path, windows: &[std::ops::Range<u64>]) -> Result<Probe, Fault> {
        let bytes = &self.disk.opened(file, path)?.bytes;
        let slice = |start: u64, end: u64| {
            bytes[(start as usize).min(bytes.len())..(end as usize).min(bytes.len())].to_vec()
        };
        Ok(Probe {
            head: slice(0, FINGERPRINT_BYTES_MAX as u64),
            windows: windows
                .iter()
                .map(|range| WindowBytes {
                    bytes: slice(range.start, range.end),
                    at_end: bytes.len() as u64 <= range.end,
                    unreadable: false,
                })
                .collect(),
        })
    }

    fn record(&mut self, seal: &headrig_agent::state::Seal) {
        let durable = &mut self.durable;
        durable.streams_opened = seal.streams_opened;
        durable.chains = vec![seal.chain.clone()];
        durable.unshipped.push(seal.chunk.clone());
        for strand in &seal.strands {
            durable.strands.retain(|other| other.id != strand.id);
            durable.strands.push(strand.clone());
        }
        for record in &seal.files {
            durable.files.retain(|other| other.file != record.file);
            durable.files.push(*record);
        }
    }

    fn store(&mut self, chunk: &ChunkRecord) {
        let bytes = self.sealed[&chunk.hash].clone();
        let before = self.bucket.insert(chunk.key.as_str().into(), bytes.clone());
        assert!(
            before.is_none_or(|before| before == bytes),
            "an object is never overwritten with other bytes"
        );
    }
}
