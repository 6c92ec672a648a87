//! `headrig inspect`: what an object is made of, be it an agent's chunk or anybody's file.
//!
//! It needs no ledger where the object is a file of this machine. Invariant: a damaged object is shown up to the
//! damage.

mod anatomy;

use super::{
    Answer, Mistake, OpenLake, Verdict, at,
    open::{LOCAL_OBJECT_BYTES_MAX, Named},
    print,
    subject::Subject,
};
use crate::{args::InspectArguments, failed};
use anatomy::Anatomy;
use anyhow::{Context, Result};
use headrig_contract::ContentHash;
use headrig_store::StoreError;
use std::{fs::File, io::Read, path::Path, process::ExitCode};

/// An object's bytes, with what is known of it before it is read.
struct Found {
    name: String,
    bytes: Vec<u8>,
    /// The hash that its name or the ledger promises.
    promised: Option<ContentHash>,
}

/// Shows the object that the arguments name.
pub(crate) fn inspect(arguments: &InspectArguments) -> ExitCode {
    let path = Path::new(&arguments.object);
    if path.is_file() {
        return print(file(path).and_then(answer), arguments.at.json);
    }
    let at_lake = &arguments.at;
    let is_lake_named = Named::of(at_lake, |name| std::env::var(name).ok()).is_ok();
    if !is_lake_named && at_lake.lake.is_none() && at_lake.table.is_none() {
        let error = Mistake(format!(
            "there is no file {}; name one, or with --lake or --table the lake whose object is meant",
            path.display()
        ));
        return failed(&error.into(), at_lake.json, 2);
    }
    at(at_lake, |lake| of_lake(lake, &arguments.object))
}

fn file(path: &Path) -> Result<Found> {
    let failed = || format!("{} cannot be read", path.display());
    let mut bytes = Vec::new();
    let limit = LOCAL_OBJECT_BYTES_MAX.0;
    File::open(path).with_context(failed)?.take(limit + 1).read_to_end(&mut bytes).with_context(failed)?;
    anyhow::ensure!(
        bytes.len() as u64 <= limit,
        "{} is larger than {limit} bytes, the most that is loaded; split it",
        path.display()
    );
    let name = path.display().to_string();
    let key = path.file_name().and_then(|name| headrig_contract::ObjectKey::parse(name.to_str()?).ok());
    Ok(Found { name, bytes, promised: key.and_then(|key| key.content_hash()) })
}

fn of_lake(lake: &OpenLake, object: &str) -> Result<Answer> {
    let subject = Subject::parse(object, lake)?;
    let known = subject.files(&lake.ledger())?;
    let key = match &subject {
        Subject::Key(key) => Some(key.clone()),
        Subject::Digits(_) => known.first().map(|file| file.key.clone()),
    };
    let missing = |reason: String| {
        Answer::new(
            format!("{reason}\n"),
            &serde_json::json!({ "object": object, "problem": reason }),
            Verdict::Amiss,
        )
    };
    let Some(key) = key else {
        return missing(format!(
            "the ledger has no file {object}; check the digits, and that this is its lake"
        ));
    };
    match lake.object(&key)? {
        Ok(bytes) => {
            let promised = key.content_hash().or_else(|| known.last().map(|file| file.hash));
            answer(Found { name: key.to_string(), bytes, promised })
        }
        Err(error @ (StoreError::NotFound { .. } | StoreError::UnsupportedKey { .. })) => {
            missing(error.to_string())
        }
        Err(error) => Err(error.into()),
    }
}

fn answer(Found { name, bytes, promised }: Found) -> Result<Answer> {
    let anatomy = Anatomy::of(name, &bytes, promised)?;
    let verdict = if anatomy.problem.is_none() { Verdict::Well } else { Verdict::Amiss };
    Answer::new(anatomy.text(), &anatomy, verdict)
}
