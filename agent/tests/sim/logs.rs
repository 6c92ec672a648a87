//! Writers of logs, and what rotation does to their files.
//!
//! Invariant: of every life (what a file holds from its creation or truncation on) all bytes that were ever
//! written are kept, whatever became of the file.

mod rotation;

use crate::{
    disk::{FakeDisk, Holding, Inode, Node},
    power::Machine,
};
use headrig_contract::UnixMicros;

/// What every new log begins with: equal first lines.
pub(crate) const BANNER: &[u8] = b"started\n";
/// A copy of less than a KiB that is seen before its original is truncated is a log of its own; a last line
/// without its end does not count.
const COPY_BYTES_MIN: usize = 2048;

/// All that was ever written to a file between its creation and its end.
#[derive(Debug, Default)]
pub(crate) struct Life {
    pub(crate) bytes: Vec<u8>,
    /// So many of them the agent had open when the last name went, and in which of its runs that was.
    pub(crate) pinned: Option<(usize, u64)>,
    /// The most that any file has had of them and then lost.
    pub(crate) destroyed: usize,
    /// The most that any file had of them when the agent scanned.
    pub(crate) seen: usize,
}

/// A log, and the program that writes it.
#[derive(Debug)]
struct Log {
    path: String,
    /// The file the program has open, which rotation may have renamed.
    writer: Node,
    /// What is left to write of a line.
    half: Vec<u8>,
    copying: Option<Copying>,
    compressing: Option<Compressing>,
}

/// A copytruncate under way.
#[derive(Debug)]
struct Copying {
    bytes: Vec<u8>,
    life: usize,
    copied: usize,
}

/// A compression of the second oldest under way.
#[derive(Debug)]
struct Compressing {
    source: Node,
    compressed: Vec<u8>,
    written: usize,
}

/// What can be done to a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Append,
    LongLines,
    HalfLine,
    Trace,
    Rotate,
    Reopen,
    Compress,
    CopyTruncate,
    /// Only where all is read; the copy is made in steps.
    SlowCopy,
    Truncate,
    DeleteOldest,
    Recreate,
}

pub(crate) const DEEDS: [(Deed, u32); 12] = [
    (Deed::Append, 12),
    (Deed::LongLines, 4),
    (Deed::HalfLine, 4),
    (Deed::Trace, 3),
    (Deed::Rotate, 3),
    (Deed::Reopen, 4),
    (Deed::Compress, 5),
    (Deed::CopyTruncate, 2),
    (Deed::SlowCopy, 4),
    (Deed::Truncate, 1),
    (Deed::DeleteOldest, 2),
    (Deed::Recreate, 1),
];

/// The state of things that a deed depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Present {
    /// The number of the agent's run, if it runs.
    pub(crate) run: Option<u64>,
    /// The agent has read all there is, and nothing will stop it before a copy is made: after a restart a copy
    /// in the making is a log of its own.
    pub(crate) caught_up: bool,
    /// Nothing in this story stops the agent. A copy that its original has outgrown can then be told from it
    /// by the places that were passed, which do not outlast the agent.
    pub(crate) never_stops: bool,
}

#[derive(Debug)]
pub(crate) struct Logs {
    disk: FakeDisk,
    pub(crate) lives: Vec<Life>,
    pub(crate) lines_written: u64,
    logs: Vec<Log>,
}

impl Logs {
    pub(crate) fn new(disk: FakeDisk, count: usize) -> Self {
        let mut logs = Self { disk, lives: Vec::new(), lines_written: 0, logs: Vec::new() };
        for number in 0..count {
            let path = format!("/log/{}.log", ["app", "web", "db"][number]);
            let writer = logs.new_log(&path);
            logs.logs.push(Log { path, writer, half: Vec::new(), copying: None, compressing: None });
        }
        logs
    }

    /// Does something to one of the logs, and says what, unless there was nothing to be done.
    pub(crate) fn act(&mut self, deed: Deed, present: Present, machine: &Machine) -> Option<String> {
        let index = machine.random.index(self.logs.len());
        let writes = matches!(deed, Deed::Append | Deed::LongLines | Deed::HalfLine | Deed::Trace);
        if writes && self.logs[index].copying.is_some() && !present.never_stops {
            return None;
        }
        let done = match deed {
            Deed::Append => self.append_lines(index, machine, 60),
            Deed::LongLines => self.append_lines(index, machine, 3_000),
            Deed::HalfLine => self.half_line(index),
            Deed::Trace => self.trace(index),
            Deed::Rotate => self.rotate(index, machine, present),
            Deed::Reopen => self.reopen(index),
            Deed::Compress => self.compress(index, machine, present),
            Deed::CopyTruncate => self.copy_truncate(index, present),
            Deed::SlowCopy => self.copy_slowly(index, machine, present),
            Deed::Truncate => self.truncate(index),
            Deed::DeleteOldest => self.delete_oldest(index, present),
            Deed::Recreate => self.recreate(index, present),
        };
        done.then(|| {
            let log = &self.logs[index];
            let writer = log.writer.borrow();
            format!("{deed:?} {}: inode {} has {} bytes", log.path, writer.id.inode, writer.bytes.len())
        })
    }

    /// Whether something is half done that only more deeds end.
    pub(crate) fn unfinished(&self) -> Option<Deed> {
        if self.logs.iter().any(|log| log.copying.is_some()) {
            return Some(Deed::SlowCopy);
        }
        self.logs.iter().any(|log| log.compressing.is_some()).then_some(Deed::Compress)
    }

    fn new_life(&mut self) -> usize {
        self.lives.push(Life::default());
        self.lives.len() - 1
    }

    fn new_log(&mut self, path: &str) -> Node {
        let node = self.disk.create_log(path);
        node.borrow_mut().holding = Some(Holding { life: self.new_life(), bytes: 0 });
        self.write(&node, BANNER);
        node
    }

    fn write(&mut self, node: &Node, bytes: &[u8]) {
        let mut inode = node.borrow_mut();
        inode.bytes.extend_from_slice(bytes);
        inode.modified = self.tick();
        if let Some(holding) = &mut inode.holding {
            self.lives[holding.life].bytes.extend_from_slice(bytes);
            holding.bytes += bytes.len();
        }
    }

    /// No two writes are at the same microsecond.
    fn tick(&self) -> UnixMicros {
        let now = self.disk.0.now.get().saturating_add_micros(1);
        self.disk.0.now.set(now);
        now
    }

    fn append(&mut self, index: usize, bytes: &[u8]) {
        let half = std::mem::take(&mut self.logs[index].half);
        let writer = self.logs[index].writer.clone();
        self.write(&writer, &[&half, bytes].concat());
    }

    fn line(&mut self, length: usize) -> Vec<u8> {
        self.lines_written += 1;
        let mut line = format!("line {:06} ", self.lines_written).into_bytes();
        line.resize(line.len().max(length), b'x');
        line.push(b'\n');
        line
    }

    fn append_lines(&mut self, index: usize, machine: &Machine, length_max: usize) -> bool {
        let count = 1 + machine.random.index(if length_max > 100 { 6 } else { 25 });
        let bytes: Vec<u8> = (0..count).flat_map(|_| self.line(machine.random.index(length_max))).collect();
        self.append(index, &bytes);
        true
    }

    fn half_line(&mut self, index: usize) -> bool {
        let line = self.line(40);
        self.append(index, &line[..20]);
        self.logs[index].half = line[20..].to_vec();
        true
    }

    fn trace(&mut self, index: usize) -> bool {
        let line = self.line(30);
        self.append(index, &[b"2026-09-21 10:00:00 ERROR boom\n\tat ", line.as_slice()].concat());
        true
    }

    /// The agent sees the file in a scan.
    pub(crate) fn show(&mut self, inode: &Inode) {
        if let Some(Holding { life, bytes }) = inode.holding {
            let seen = &mut self.lives[life].seen;
            *seen = (*seen).max(bytes);
        }
    }

    /// How many bytes of each life can be read at some path.
    pub(crate) fn readable(&self) -> Vec<usize> {
        let mut readable = vec![0; self.lives.len()];
        for (_, node) in self.disk.logs() {
            if let Some(Holding { life, bytes }) = node.borrow().holding {
                readable[life] = readable[life].max(bytes);
            }
        }
        readable
    }
}
