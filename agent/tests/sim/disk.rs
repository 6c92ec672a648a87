//! A disk made of values. Below [`STATE`] it keeps what was synced, and of the rest what a power cut may leave: a
//! name or the one before it, any prefix of the bytes, zeros in their place. Logs are other programs' affair
//! and outlast everything.

use crate::power::{Crash, Lie, Machine};
use headrig_agent::{
    disk::{Disk, DiskFile, Stat},
    identity::FileId,
};
use headrig_contract::{ByteLength, UnixMicros};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    rc::{Rc, Weak},
};

/// The agent's own folder.
pub(crate) const STATE: &str = "/agent";

/// What a log file holds, as the story knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    /// The life whose bytes it has.
    pub(crate) life: usize,
    /// How many of them; of a compressed file, once it is whole.
    pub(crate) bytes: usize,
}

#[derive(Debug)]
pub(crate) struct Inode {
    pub(crate) id: FileId,
    pub(crate) bytes: Vec<u8>,
    pub(crate) modified: UnixMicros,
    pub(crate) holding: Option<Holding>,
    synced: usize,
    is_folder: bool,
}

pub(crate) type Node = Rc<RefCell<Inode>>;

/// A change of names that is not durable yet.
#[derive(Debug)]
enum Change {
    Put(PathBuf, Node),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

type Names = BTreeMap<PathBuf, Node>;

#[derive(Debug)]
pub(crate) struct Contents {
    machine: Rc<Machine>,
    pub(crate) now: Cell<UnixMicros>,
    /// Whether the time of birth is kept.
    births: bool,
    names: RefCell<Names>,
    durable: RefCell<Names>,
    changes: RefCell<Vec<Change>>,
    numbers: RefCell<BTreeMap<u64, Weak<RefCell<Inode>>>>,
    /// How far the agent read each life in plain files.
    pub(crate) read: RefCell<BTreeMap<usize, usize>>,
}

#[derive(Clone, Debug)]
pub(crate) struct FakeDisk(pub(crate) Rc<Contents>);

impl FakeDisk {
    pub(crate) fn new(machine: Rc<Machine>, births: bool) -> Self {
        let disk = Self(Rc::new(Contents {
            machine,
            now: Cell::new(UnixMicros(0)),
            births,
            names: RefCell::default(),
            durable: RefCell::default(),
            changes: RefCell::default(),
            numbers: RefCell::default(),
            read: RefCell::default(),
        }));
        let folder = disk.inode(true);
        for names in [&disk.0.names, &disk.0.durable] {
            names.borrow_mut().insert(STATE.into(), folder.clone());
        }
        disk
    }

    /// Everything stopped: what is on the disk when it starts again.
    pub(crate) fn stop(&self, crash: Crash) {
        if crash == Crash::Kill {
            return;
        }
        let random = &self.0.machine.random;
        let mut kept = self.0.durable.take();
        for change in self.0.changes.take() {
            if random.once_in(2) {
                change.apply(&mut kept);
            }
        }
        let folders: Vec<PathBuf> = kept.keys().cloned().collect();
        kept.retain(|path, _| {
            path.parent().is_none_or(|parent| {
                parent == Path::new("/") || folders.iter().any(|folder| folder == parent)
            })
        });
        kept.values().for_each(|node| self.tear(&mut node.borrow_mut()));
        let mut names = self.0.names.borrow_mut();
        names.retain(|path, _| !path.starts_with(STATE));
        names.extend(kept.iter().map(|(path, node)| (path.clone(), node.clone())));
        self.0.durable.replace(kept);
    }

    /// Of the bytes that were not synced some are there, or zeros in their place.
    fn tear(&self, inode: &mut Inode) {
        let random = &self.0.machine.random;
        let unsynced = inode.bytes.len() - inode.synced;
        let kept = inode.synced + random.index(unsynced + 1);
        inode.bytes.truncate(kept);
        if random.once_in(3) {
            let from = inode.synced + random.index(kept - inode.synced + 1);
            inode.bytes[from..].fill(0);
        }
        inode.synced = kept;
    }

    /// The smallest number that no file has, be it only open.
    fn inode(&self, is_folder: bool) -> Node {
        let mut numbers = self.0.numbers.borrow_mut();
        let free =
            (1..).find(|number| numbers.get(number).is_none_or(|node| node.strong_count() == 0)).unwrap();
        let born = if self.0.births { self.0.now.get() } else { UnixMicros(0) };
        let id = FileId { device: 1, inode: free, born };
        let inode =
            Inode { id, bytes: Vec::new(), modified: self.0.now.get(), holding: None, synced: 0, is_folder };
        let node = Rc::new(RefCell::new(inode));
        numbers.insert(free, Rc::downgrade(&node));
        node
    }

    fn change(&self, change: Change) {
        change.apply(&mut self.0.names.borrow_mut());
        self.0.changes.borrow_mut().push(change);
    }

    fn node(&self, path: &Path) -> io::Result<Node> {
        self.0.names.borrow().get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// What writers and log rotation do.
impl FakeDisk {
    pub(crate) fn log(&self, path: &str) -> Option<Node> {
        self.node(Path::new(path)).ok()
    }

    pub(crate) fn logs(&self) -> Vec<(PathBuf, Node)> {
        let names = self.0.names.borrow();
        names
            .iter()
            .filter(|(path, _)| path.starts_with("/log"))
            .map(|(path, node)| (path.clone(), node.clone()))
            .collect()
    }

    /// All files there are, be they only open.
    pub(crate) fn living(&self) -> Vec<Node> {
        self.0.numbers.borrow().values().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn create_log(&self, path: &str) -> Node {
        let node = self.inode(false);
        self.0.names.borrow_mut().insert(path.into(), node.clone());
        node
    }

    pub(crate) fn rename_log(&self, from: &str, to: &str) {
        let mut names = self.0.names.borrow_mut();
        if let Some(node) = names.remove(Path::new(from)) {
            names.insert(to.into(), node);
        }
    }

    pub(crate) fn remove_log(&self, path: &str) -> Option<Node> {
        self.0.names.borrow_mut().remove(Path::new(path))
    }
}

impl Change {
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Put(path, node) => {
                names.insert(path.clone(), node.clone());
            }
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
            Self::Remove(path) => {
                names.remove(path);
            }
        }
    }

    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Put(path, _) | Self::Rename(path, _) | Self::Remove(path) => path.parent(),
        }
    }
}

impl Disk for FakeDisk {
    type File = FakeFile;

    fn open(&self, path: &Path) -> io::Result<FakeFile> {
        self.0.machine.running()?;
        Ok(FakeFile { node: self.node(path)?, disk: self.clone() })
    }

    fn create(&self, path: &Path) -> io::Result<FakeFile> {
        let node = self.inode(false);
        let put = || self.change(Change::Put(path.into(), node.clone()));
        self.0.machine.act_with_space(put, || {})?;
        Ok(FakeFile { node, disk: self.clone() })
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.0.machine.running()?;
        Ok(self.node(path)?.borrow().stat())
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        if self.node(folder).is_ok() {
            return self.0.machine.running();
        }
        self.0.machine.act(|| self.change(Change::Put(folder.into(), self.inode(true))), || {})
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.0.machine.running()?;
        let names = self.0.names.borrow();
        Ok(names.keys().filter(|path| path.parent() == Some(folder)).cloned().collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.node(from)?;
        self.0.machine.act(|| self.change(Change::Rename(from.into(), to.into())), || {})
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.node(path)?;
        self.0.machine.act(|| self.change(Change::Remove(path.into())), || {})
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let sync = || {
            let changes = self.0.changes.take();
            let (synced, rest) = changes.into_iter().partition(|change| change.folder() == Some(folder));
            let synced: Vec<Change> = synced;
            synced.iter().for_each(|change| change.apply(&mut self.0.durable.borrow_mut()));
            self.0.changes.replace(rest);
        };
        let lies = self.0.machine.lies(Lie::FolderSync);
        self.0.machine.act(
            || {
                if !lies {
                    sync()
                }
            },
            || {},
        )
    }
}

pub(crate) struct FakeFile {
    node: Node,
    disk: FakeDisk,
}

impl Inode {
    pub(crate) fn is_compressed(&self) -> bool {
        self.bytes.starts_with(&[0x1f, 0x8b])
    }

    fn stat(&self) -> Stat {
        let size = ByteLength(self.bytes.len() as u64);
        Stat { file: self.id, size, modified: self.modified, is_file: !self.is_folder }
    }
}

impl DiskFile for FakeFile {
    fn stat(&self) -> io::Result<Stat> {
        self.disk.0.machine.running()?;
        Ok(self.node.borrow().stat())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let machine = &self.disk.0.machine;
        machine.running()?;
        let shift = usize::from(machine.lies(Lie::ShiftedRead) && machine.random.once_in(50));
        let inode = self.node.borrow();
        let rest = inode.bytes.get(offset as usize + shift..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        if let Some(Holding { life, .. }) = inode.holding.filter(|_| count > 0 && !inode.is_compressed()) {
            let mut read = self.disk.0.read.borrow_mut();
            let reached = read.entry(life).or_default();
            *reached = (*reached).max(offset as usize + count);
        }
        Ok(count)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let machine = &self.disk.0.machine;
        let append = |bytes: &[u8]| self.node.borrow_mut().bytes.extend_from_slice(bytes);
        machine.act_with_space(|| append(bytes), || append(&bytes[..machine.random.index(bytes.len() + 1)]))
    }

    fn sync(&self) -> io::Result<()> {
        let sync = || {
            let mut inode = self.node.borrow_mut();
            inode.synced = inode.bytes.len();
        };
        let lies = self.disk.0.machine.lies(Lie::FileSync);
        self.disk.0.machine.act(
            || {
                if !lies {
                    sync()
                }
            },
            || {},
        )
    }
}
