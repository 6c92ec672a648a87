//! The commands over a lake that is there: what they read, and how they answer.
//!
//! All but `replay` and `compact` only read, without the lake's lock, so they may be run beside `headrig local`. They read through
//! the ports: nothing here knows that the ledger is SQLite, but for the one function that opens it.

mod explain;
mod inspect;
mod ls;
mod records;
mod replay;
mod status;
mod subject;
mod writing;

pub(crate) use explain::explain;
pub(crate) use inspect::inspect;
pub(crate) use ls::ls;
pub(crate) use replay::replay;
pub(crate) use status::status;
pub(crate) use writing::{Fields, bytes, count, table, time};

use crate::{args::LakeArguments, failed, places::Places, print_line};
use anyhow::{Context, Result, bail};
use headrig_contract::ByteLength;
use headrig_ledger::SqliteLedger;
use headrig_store::DirectoryStore;
use serde::Serialize;
use serde_json::Value;
use std::{fmt, path::Path, process::ExitCode};

/// The largest object that is read: it is held in memory whole. `headrig local` loads none that is larger.
pub(crate) const OBJECT_BYTES_MAX: ByteLength = ByteLength(256 << 20);

/// A lake to be read.
pub(crate) struct OpenLake {
    pub(crate) places: Places,
    pub(crate) ledger: SqliteLedger,
    pub(crate) store: DirectoryStore,
}

/// What a command found, written for people and for programs.
pub(crate) struct Answer {
    text: String,
    json: Value,
    verdict: Verdict,
}

/// Whether all is well, as far as was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Well,
    /// What was asked for is not there, or what was checked does not add up.
    Amiss,
}

/// A value on the command line that only the command itself can check.
#[derive(Debug)]
struct Mistake(String);

/// Runs `command` on the lake that the arguments name, and prints its answer.
pub(crate) fn at(arguments: &LakeArguments, command: impl FnOnce(&OpenLake) -> Result<Answer>) -> ExitCode {
    match OpenLake::open(&arguments.lake) {
        Err(error) => failed(&error, arguments.json, 2),
        Ok(lake) => print(command(&lake), arguments.json),
    }
}

fn print(answer: Result<Answer>, json: bool) -> ExitCode {
    match answer {
        Ok(Answer { text, json: value, verdict }) => {
            print_line(if json { value.to_string() } else { text }.trim_end());
            ExitCode::from(match verdict {
                Verdict::Well => 0,
                Verdict::Amiss => 3,
            })
        }
        Err(error) => {
            let code = if error.is::<Mistake>() { 2 } else { 1 };
            failed(&error, json, code)
        }
    }
}

impl OpenLake {
    /// The lake at `root`, which must be there: nothing is made.
    fn open(root: &Path) -> Result<Self> {
        let places = Places::new(root);
        if !places.ledger().exists() {
            bail!(
                "there is no lake at {} ({} is not there); name with --lake the folder that was given to `headrig local`",
                root.display(),
                places.ledger().display()
            );
        }
        let ledger = SqliteLedger::open_to_read(&places.ledger()).context("the ledger cannot be opened")?;
        let store = DirectoryStore::open_to_read(&places.bucket());
        Ok(Self { places, ledger, store })
    }
}

/// `error` as one of how the command was called.
pub(crate) fn mistaken(error: anyhow::Error) -> anyhow::Error {
    Mistake(format!("{error:#}")).into()
}

impl Answer {
    /// The answer that `value` is for programs and `text` for people.
    pub(crate) fn new(text: String, value: &impl Serialize, verdict: Verdict) -> Result<Self> {
        Ok(Self { text, json: serde_json::to_value(value)?, verdict })
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mistake {}
