//! The state database made of values: every call is one transaction, durable when it returns.
//!
//! It also holds the chain against what was recorded before: a number is given to one chunk only.

use crate::power::{Extent, Lie, Machine};
use headrig_agent::state::{
    Anchoring, ChunkRecord, FileRecord, Meeting, Recovered, Seal, StateError, StateStore,
};
use headrig_contract::{AgentId, ChunkSeq, ContentHash};
use std::{cell::RefCell, collections::BTreeMap, io, path::PathBuf, rc::Rc};

#[derive(Debug)]
pub(crate) struct Records {
    machine: Rc<Machine>,
    durable: RefCell<Recovered>,
    /// As it was before the last transaction, where one may be lost.
    before: RefCell<Option<Recovered>>,
    /// Every chunk that was ever sealed.
    pub(crate) sealed: RefCell<BTreeMap<ContentHash, ChunkRecord>>,
}

#[derive(Clone, Debug)]
pub(crate) struct FakeState(pub(crate) Rc<Records>);

impl FakeState {
    pub(crate) fn new(machine: Rc<Machine>) -> Self {
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
        let (before, sealed) = (RefCell::new(None), RefCell::default());
        Self(Rc::new(Records { machine, durable: RefCell::new(durable), before, sealed }))
    }

    /// The power failed.
    pub(crate) fn lose_power(&self) {
        if let Some(before) = self.0.before.take() {
            self.0.durable.replace(before);
        }
    }

    fn transact(&self, needs_space: bool, change: impl FnOnce(&mut Recovered)) -> Result<(), StateError> {
        let machine = &self.0.machine;
        if machine.lies(Lie::StateCommit) {
            self.0.before.replace(Some(self.0.durable.borrow().clone()));
        }
        if needs_space && machine.full.get() {
            machine.running().map_err(|error| stopped(&error))?;
            return Err(StateError::DiskFull { path: "agent.db".into() });
        }
        let extent = machine.begin().map_err(|error| stopped(&error))?;
        // Whether a transaction that was cut short counts is open.
        if extent != Extent::Part || machine.random.once_in(2) {
            change(&mut self.0.durable.borrow_mut());
        }
        if extent == Extent::Whole {
            Ok(())
        } else {
            Err(stopped(&io::Error::other("everything has stopped")))
        }
    }

    fn record(&self, recovered: &mut Recovered, seal: &Seal) {
        let last = recovered.chains.iter().find(|chain| chain.source == seal.chain.source);
        let seq = last.map_or(ChunkSeq(0), |chain| chain.next_seq);
        assert_eq!(seal.chain.next_seq, seq.next(), "the chain goes on where it ended");
        let known = self.0.sealed.borrow_mut().insert(seal.chunk.hash, seal.chunk.clone());
        assert!(known.is_none(), "a chunk is sealed once");
        move_strands(recovered, seal);
        recovered.chains.retain(|chain| chain.source != seal.chain.source);
        recovered.chains.push(seal.chain.clone());
        recovered.unshipped.push(seal.chunk.clone());
    }
}

fn move_strands(recovered: &mut Recovered, seal: &Seal) {
    recovered.streams_opened = seal.streams_opened;
    for strand in &seal.strands {
        recovered.strands.retain(|other| other.id != strand.id);
        recovered.strands.push(strand.clone());
    }
    put_files(recovered, &seal.files);
}

fn put_files(recovered: &mut Recovered, files: &[FileRecord]) {
    for record in files {
        recovered.files.retain(|other| other.file != record.file);
        recovered.files.push(*record);
    }
}

fn stopped(error: &io::Error) -> StateError {
    StateError::Database { path: PathBuf::from("agent.db"), reason: error.to_string() }
}

impl StateStore for FakeState {
    fn recover(&self) -> Result<Recovered, StateError> {
        self.0.machine.running().map_err(|error| stopped(&error))?;
        let mut recovered = self.0.durable.borrow().clone();
        // As the tables' keys have it.
        recovered.strands.sort_by_key(|strand| strand.id);
        recovered.files.sort_by_key(|record| record.file);
        recovered.chains.sort_by(|one, other| one.source.as_str().cmp(other.source.as_str()));
        Ok(recovered)
    }

    fn seal(&mut self, seal: &Seal) -> Result<(), StateError> {
        if self.0.machine.lies(Lie::TornSeal) {
            self.transact(true, |recovered| move_strands(recovered, seal))?;
        }
        self.transact(true, |recovered| self.record(recovered, seal))
    }

    fn meet(&mut self, meeting: &Meeting) -> Result<(), StateError> {
        self.transact(true, |recovered| {
            recovered.met.extend(meeting.sources.iter().cloned());
            recovered.old_files.extend(&meeting.files);
        })
    }

    fn anchor(&mut self, anchoring: &Anchoring) -> Result<(), StateError> {
        self.transact(true, |recovered| {
            recovered.streams_opened = anchoring.streams_opened;
            for strand in &anchoring.strands {
                // One that something was sealed of has gone on since.
                if recovered.strands.iter().all(|other| other.id != strand.id) {
                    recovered.strands.push(strand.clone());
                }
            }
            put_files(recovered, &anchoring.files);
            recovered.old_files.retain(|old| !anchoring.settled.contains(&old.file));
        })
    }

    fn remember(&mut self, files: &[FileRecord]) -> Result<(), StateError> {
        self.transact(true, |recovered| put_files(recovered, files))
    }

    fn forget(&mut self, chunk: ContentHash) -> Result<(), StateError> {
        self.transact(true, |recovered| recovered.unshipped.retain(|other| other.hash != chunk))
    }
}
