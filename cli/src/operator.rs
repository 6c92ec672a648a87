//! The commands over a lake that is there: what they read, and how they answer.
//!
//! All but `replay`, `wake` and `retire` only read, without the lake's lock, so they may be run beside whatever writes it.
//! They read through the ports: only `open` knows whether those are a folder and SQLite, or S3 and DynamoDB.

mod explain;
mod inspect;
mod ls;
mod open;
mod records;
mod replay;
mod retire;
mod status;
mod subject;
mod wake;
mod writing;

pub(crate) use explain::explain;
pub(crate) use inspect::inspect;
pub(crate) use ls::ls;
pub(crate) use open::{Engine, FoundFile, LakeFiles, OpenLake, Piece, Unread, WindowedFile};
pub(crate) use replay::replay;
pub(crate) use retire::retire;
pub(crate) use status::status;
pub(crate) use wake::wake;
pub(crate) use writing::{Fields, bytes, count, table, time};

use crate::{args::LakeArguments, failed, print_line};
use anyhow::Result;
use headrig_store::StoreError;
use open::Named;
use serde::Serialize;
use serde_json::Value;
use std::{fmt, process::ExitCode};

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
pub(crate) struct Mistake(pub(crate) String);

/// Runs `command` on the lake that the arguments name, and prints its answer.
pub(crate) fn at(arguments: &LakeArguments, command: impl FnOnce(&OpenLake) -> Result<Answer>) -> ExitCode {
    let json = arguments.json;
    match Named::of(arguments, |name| std::env::var(name).ok()) {
        Err(mistake) => failed(&mistake.into(), json, 2),
        Ok(named) => match OpenLake::open(&named) {
            // A folder that cannot be opened is no lake; a service that cannot be reached may have one.
            Err(error) if matches!(named, Named::Folder(_)) => failed(&error, json, 2),
            Err(error) => print(Err(error), json),
            Ok(lake) => print(command(&lake), json),
        },
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
            let is_no_lake = matches!(error.downcast_ref(), Some(StoreError::NoSuchStore { .. }));
            failed(&error, json, if error.is::<Mistake>() || is_no_lake { 2 } else { 1 })
        }
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
