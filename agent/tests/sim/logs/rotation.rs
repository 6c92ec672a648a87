//! What rotation does to the files of logs: renames, copies, compresses, truncates and deletes them.

use super::{COPY_BYTES_MIN, Compressing, Copying, Logs, Present};
use crate::{
    disk::{Holding, Node},
    power::Machine,
};
use std::{io::Write, rc::Rc};

impl Logs {
    /// app.log.1 -> app.log.2, app.log -> app.log.1; the new app.log is made now or when the writer reopens.
    pub(super) fn rotate(&mut self, index: usize, machine: &Machine, present: Present) -> bool {
        let log = &self.logs[index];
        let path = log.path.clone();
        if log.copying.is_some() || self.disk.log(&path).is_none() {
            return false;
        }
        self.shift(index, present);
        self.disk.rename_log(&path, &format!("{path}.1"));
        if machine.random.once_in(2) {
            self.reopen(index);
        }
        true
    }

    /// The writer opens its path again, where it made another file or nothing stands.
    pub(super) fn reopen(&mut self, index: usize) -> bool {
        let path = self.logs[index].path.clone();
        if self.disk.log(&path).is_some() {
            return false;
        }
        // A line is finished in the file that it was begun in.
        self.append(index, b"");
        self.logs[index].writer = self.new_log(&path);
        true
    }

    pub(super) fn shift(&mut self, index: usize, present: Present) {
        let path = self.logs[index].path.clone();
        self.logs[index].compressing = None;
        for suffix in ["2", "2.gz"] {
            self.delete(&format!("{path}.{suffix}"), present);
        }
        self.disk.rename_log(&format!("{path}.1"), &format!("{path}.2"));
    }

    /// gzip of app.log.2: app.log.2.gz grows, gets the time of the original, and the original goes.
    pub(super) fn compress(&mut self, index: usize, machine: &Machine, present: Present) -> bool {
        let path = self.logs[index].path.clone();
        let (plain, target) = (format!("{path}.2"), format!("{path}.2.gz"));
        let Some(compressing) = &mut self.logs[index].compressing else {
            let source = self.disk.log(&plain).filter(|_| self.disk.log(&target).is_none());
            let Some(source) = source.filter(|source| !Rc::ptr_eq(source, &self.logs[index].writer)) else {
                return false;
            };
            let compressed = gzip(&source.borrow().bytes);
            self.disk.create_log(&target);
            self.logs[index].compressing = Some(Compressing { source, compressed, written: 0 });
            return true;
        };
        let Some(copy) = self.disk.log(&target) else { return false };
        let rest = compressing.compressed.len() - compressing.written;
        if rest > 0 {
            let part = rest.min(1 + machine.random.index(2 * rest));
            let written = compressing.written;
            compressing.written += part;
            let bytes = compressing.compressed[written..written + part].to_vec();
            self.write(&copy, &bytes);
            return true;
        }
        let source = compressing.source.clone();
        {
            let (mut copy, source) = (copy.borrow_mut(), source.borrow());
            (copy.modified, copy.holding) = (source.modified, source.holding);
        }
        self.logs[index].compressing = None;
        drop(source);
        self.delete(&plain, present);
        true
    }

    pub(super) fn copy_truncate(&mut self, index: usize, present: Present) -> bool {
        let log = &self.logs[index];
        let path = log.path.clone();
        if log.copying.is_some() || !self.writes_to_path(index) {
            return false;
        }
        self.shift(index, present);
        let (bytes, holding) = {
            let inode = self.logs[index].writer.borrow();
            (inode.bytes.clone(), inode.holding)
        };
        let copy = self.disk.create_log(&format!("{path}.1"));
        {
            let mut copy = copy.borrow_mut();
            (copy.bytes, copy.modified, copy.holding) = (bytes, self.tick(), holding);
        }
        self.truncate(index)
    }

    /// The copy is made in steps; what is written after its last and before the truncation is destroyed.
    pub(super) fn copy_slowly(&mut self, index: usize, machine: &Machine, present: Present) -> bool {
        let path = self.logs[index].path.clone();
        let target = format!("{path}.1");
        if self.logs[index].copying.is_none() {
            let (bytes, holding) = {
                let inode = self.logs[index].writer.borrow();
                (inode.bytes.clone(), inode.holding)
            };
            let Some(holding) = holding.filter(|_| present.caught_up && bytes.len() >= COPY_BYTES_MIN) else {
                return false;
            };
            if !self.writes_to_path(index) {
                return false;
            }
            self.shift(index, present);
            let copy = self.disk.create_log(&target);
            copy.borrow_mut().holding = Some(Holding { life: holding.life, bytes: 0 });
            self.logs[index].copying = Some(Copying { bytes, life: holding.life, copied: 0 });
            return true;
        }
        let Some(copying) = self.logs[index].copying.take() else { return false };
        let rest = copying.bytes.len() - copying.copied;
        if rest == 0 {
            return self.truncate(index);
        }
        let part = rest.min(1 + machine.random.index(2 * rest));
        if let Some(copy) = self.disk.log(&target) {
            let mut copy = copy.borrow_mut();
            let copied = copying.copied + part;
            copy.bytes.extend_from_slice(&copying.bytes[copying.copied..copied]);
            (copy.modified, copy.holding) =
                (self.tick(), Some(Holding { life: copying.life, bytes: copied }));
        }
        self.logs[index].copying = Some(Copying { copied: copying.copied + part, ..copying });
        true
    }

    pub(super) fn writes_to_path(&self, index: usize) -> bool {
        let log = &self.logs[index];
        self.disk.log(&log.path).is_some_and(|node| Rc::ptr_eq(&node, &log.writer))
    }

    /// What is in the writer's file is destroyed; what follows is another life.
    pub(super) fn truncate(&mut self, index: usize) -> bool {
        let node = self.logs[index].writer.clone();
        self.lose(&node);
        let life = self.new_life();
        let mut inode = node.borrow_mut();
        inode.bytes.clear();
        (inode.modified, inode.holding) = (self.tick(), Some(Holding { life, bytes: 0 }));
        true
    }

    pub(super) fn delete_oldest(&mut self, index: usize, present: Present) -> bool {
        let path = self.logs[index].path.clone();
        if self.logs[index].compressing.is_some() {
            return false;
        }
        self.delete(&format!("{path}.2"), present) | self.delete(&format!("{path}.2.gz"), present)
    }

    pub(super) fn recreate(&mut self, index: usize, present: Present) -> bool {
        let path = self.logs[index].path.clone();
        if self.logs[index].copying.is_some() {
            return false;
        }
        self.append(index, b"");
        self.delete(&path, present);
        self.logs[index].writer = self.new_log(&path);
        true
    }

    pub(super) fn delete(&mut self, path: &str, present: Present) -> bool {
        let Some(node) = self.disk.remove_log(path) else { return false };
        let writers = self.logs.iter().filter(|log| Rc::ptr_eq(&log.writer, &node)).count();
        // Of compressed files only the plain bytes count that were taken already.
        let is_open = Rc::strong_count(&node) > 1 + writers && !path.ends_with(".gz");
        if let (Some(holding), Some(run), true) = (node.borrow().holding, present.run, is_open) {
            self.lives[holding.life].pinned = Some((holding.bytes, run));
        }
        self.lose(&node);
        true
    }

    pub(super) fn lose(&mut self, node: &Node) {
        if let Some(Holding { life, bytes }) = node.borrow().holding {
            let destroyed = &mut self.lives[life].destroyed;
            *destroyed = (*destroyed).max(bytes);
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
