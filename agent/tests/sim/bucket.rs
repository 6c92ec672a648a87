//! S3 and the way to it: uploads under way that end in any order, late, twice, unheard, or not at all.

use crate::{
    disk::FakeDisk,
    power::{Lie, Machine},
    state::FakeState,
};
use headrig_agent::{
    disk::{Disk, DiskFile},
    state::ChunkRecord,
};
use headrig_contract::ContentHash;
use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
};

/// What the network's thread tells the agent's loop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Notice {
    Stored(ContentHash),
    NotStored(ContentHash),
}

/// An upload under way.
#[derive(Debug)]
struct Upload {
    chunk: ChunkRecord,
    path: PathBuf,
    /// What was read of the spool file when the request was begun.
    body: Option<Vec<u8>>,
    /// Nobody waits for its end any more: the process that began it has ended.
    abandoned: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) objects: BTreeMap<String, Vec<u8>>,
    pub(crate) outage: bool,
    pub(crate) notices: VecDeque<Notice>,
    uploads: Vec<Upload>,
    /// How often the store had the object already.
    pub(crate) already_there: u64,
}

impl Bucket {
    pub(crate) fn begin(&mut self, chunk: ChunkRecord, path: PathBuf) {
        self.uploads.push(Upload { chunk, path, body: None, abandoned: false });
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.uploads.is_empty() || !self.notices.is_empty()
    }

    /// The agent's process ended: requests that were sent may still arrive.
    pub(crate) fn abandon(&mut self) {
        self.notices.clear();
        self.uploads.retain_mut(|upload| {
            upload.abandoned = true;
            upload.body.is_some()
        });
    }

    /// Moves one of the uploads on, and says what became of it.
    pub(crate) fn step(&mut self, disk: &FakeDisk, state: &FakeState, machine: &Machine) -> Option<String> {
        if self.uploads.is_empty() {
            return None;
        }
        let index = machine.random.index(self.uploads.len());
        let upload = &mut self.uploads[index];
        let hash = upload.chunk.hash;
        if upload.body.is_none() {
            upload.body = read(disk, upload);
            if upload.body.is_some() {
                return Some(format!("upload of {} is sent", short(hash)));
            }
            self.uploads.swap_remove(index);
            return Some(self.tell(machine, Notice::NotStored(hash), "cannot be read"));
        }
        let upload = self.uploads.swap_remove(index);
        if self.outage || machine.random.once_in(12) && !upload.abandoned {
            return Some(self.end(machine, &upload, Notice::NotStored(hash), "fails"));
        }
        if !self.arrive(state, machine, &upload) && machine.lies(Lie::PresentIsFailure) {
            return Some(self.end(machine, &upload, Notice::NotStored(hash), "is there already"));
        }
        let unheard = machine.random.once_in(12);
        let notice = if unheard { Notice::NotStored(hash) } else { Notice::Stored(hash) };
        Some(self.end(machine, &upload, notice, if unheard { "arrives unheard" } else { "arrives" }))
    }

    /// Whether the store did not have it.
    fn arrive(&mut self, state: &FakeState, machine: &Machine, upload: &Upload) -> bool {
        let chunk = &upload.chunk;
        let body = upload.body.as_deref().unwrap_or_default();
        assert!(state.0.sealed.borrow().contains_key(&chunk.hash), "nothing is uploaded that was not sealed");
        assert_eq!(ContentHash::of(body), chunk.hash, "the store is sent the bytes that the key names");
        if machine.lies(Lie::Unstored) && machine.random.once_in(4) {
            return true;
        }
        let is_new = !self.objects.contains_key(chunk.key.as_str());
        if is_new {
            self.objects.insert(chunk.key.as_str().into(), body.to_vec());
        } else {
            self.already_there += 1;
        }
        is_new
    }

    fn end(&mut self, machine: &Machine, upload: &Upload, notice: Notice, what: &str) -> String {
        if upload.abandoned {
            return format!("abandoned upload of {} {what}", short(upload.chunk.hash));
        }
        self.tell(machine, notice, what)
    }

    /// Notices come in any order.
    fn tell(&mut self, machine: &Machine, notice: Notice, what: &str) -> String {
        let (Notice::Stored(hash) | Notice::NotStored(hash)) = notice;
        let told = if matches!(notice, Notice::Stored(_)) { "stored" } else { "not stored" };
        self.notices.insert(machine.random.index(self.notices.len() + 1), notice);
        format!("upload of {} {what}, told as {told}", short(hash))
    }
}

fn read(disk: &FakeDisk, upload: &Upload) -> Option<Vec<u8>> {
    let file = disk.open(&upload.path).ok()?;
    let mut bytes = vec![0; file.stat().ok()?.size.0 as usize];
    file.read_at(&mut bytes, 0).ok()?;
    Some(bytes)
}

/// Enough of a hash to tell it from others.
pub(crate) fn short(hash: ContentHash) -> String {
    hash.to_string()[..8].into()
}

impl Bucket {
    /// A number that changes with anything in the bucket: FNV-1a of the keys, which hold the hashes.
    pub(crate) fn digest(&self) -> u64 {
        let bytes = self.objects.keys().flat_map(|key| key.bytes());
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
    }
}
