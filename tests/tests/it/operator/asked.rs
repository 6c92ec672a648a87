//! A site whose lake is asked about: on this machine, and, as the same lake put into a stand-in for AWS, there too.
//!
//! Invariant: whoever asks both gets the same answer, but for what names the place, who writes it and who moves it on.

use anyhow::{Context, Result, ensure};
use headrig_tests::{
    ministack::{Ministack, Policies},
    process::{ANSWER_LIMIT, Headrig, Running, binary},
    site::Site,
};
use serde_json::Value;
use std::{
    cell::RefCell, ffi::OsStr, ops::Deref, path::PathBuf, process::Command, sync::Arc, time::SystemTime,
};
use walkdir::WalkDir;

/// What differs: the place, the writer, how agents are known, and the words for what comes next.
const OF_THE_PLACE: [&str; 8] =
    ["lake", "writer", "agents", "agents_complete", "fleet", "subject", "next", "action"];

/// What is left out where there is no stand-in.
const WHAT: &str = "operator's commands over AWS";

/// A site, and its lake in AWS, put there anew when it has changed.
pub(crate) struct Asked {
    site: Site,
    mirror: RefCell<Option<(Fingerprint, Mirror)>>,
    mirrors: RefCell<usize>,
}

/// Every file of a lake, with its size and when it was changed.
type Fingerprint = Vec<(PathBuf, u64, SystemTime)>;

/// A lake in the stand-in.
pub(crate) struct Mirror {
    pub(crate) store: Arc<Ministack>,
    pub(crate) table: String,
    pub(crate) bucket: String,
    pub(crate) lake: String,
}

impl Asked {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self::of(Site::new()?))
    }

    pub(crate) fn of(site: Site) -> Self {
        Self { site, mirror: RefCell::default(), mirrors: RefCell::default() }
    }

    /// Asks AWS what was asked here, and expects the same answer.
    pub(crate) fn expect_same(&self, code: i32, arguments: &[&OsStr], here: &Value) -> Result<()> {
        if !self.lake().folder().join(".headrig/ledger.db").is_file() {
            return Ok(());
        }
        self.refresh()?;
        let mirror = self.mirror.borrow();
        let Some((_, mirror)) = &*mirror else { return Ok(()) };
        let root = self.lake().folder().display().to_string();
        let translated = arguments.iter().map(|argument| {
            let text = argument.to_string_lossy();
            let bucket =
                text.replace(&format!("{root}/.headrig/bucket/"), &format!("s3://{}/", mirror.bucket));
            bucket.replace(&format!("{root}/"), &format!("s3://{}/", mirror.lake))
        });
        let run = mirror.command(translated)?.arguments(["--json"]).run()?;
        ensure!(
            run.status.code() == Some(code),
            "{arguments:?} in AWS: expected exit code {code}, found {run}"
        );
        let there: Value = serde_json::from_str(&run.stdout).with_context(|| run.to_string())?;
        let (here, there) = (without_place(here.clone()), without_place(there));
        let is_error = here.get("error").is_some() && there.get("error").is_some();
        ensure!(
            is_error || here == there,
            "{arguments:?}: expected as here\n{here:#}\nfound in AWS\n{there:#}"
        );
        Ok(())
    }

    fn refresh(&self) -> Result<()> {
        let found = self.fingerprint()?;
        let is_known = self.mirror.borrow().as_ref().is_some_and(|(known, _)| *known == found);
        if !is_known {
            let before = self.mirror.take().map(|(_, mirror)| mirror.store);
            *self.mirrors.borrow_mut() += 1;
            let name = format!("mirror-{}", self.mirrors.borrow());
            let store = match before {
                Some(store) => Some(store),
                None => Ministack::start(WHAT, Policies::Ignored)?.map(Arc::new),
            };
            if let Some(store) = store {
                self.mirror.replace(Some((found, Mirror::make(&self.site, store, &name, &[])?)));
            }
        }
        Ok(())
    }

    fn fingerprint(&self) -> Result<Fingerprint> {
        let mut found = Vec::new();
        for entry in WalkDir::new(self.lake().folder()).sort_by_file_name() {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy();
            let metadata = entry.metadata()?;
            // An empty log of the database comes and goes with its readers.
            let is_passing = name == "lock" || name.ends_with("-shm") || metadata.len() == 0;
            if entry.file_type().is_file() && !is_passing {
                found.push((entry.path().to_owned(), metadata.len(), metadata.modified()?));
            }
        }
        Ok(found)
    }
}

impl Deref for Asked {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Mirror {
    /// The site's lake in a stand-in of its own; none where there is none.
    pub(crate) fn of(site: &Site, hosts: &[&str]) -> Result<Option<Self>> {
        let started = Ministack::start(WHAT, Policies::Ignored)?;
        started.map(|store| Self::make(site, Arc::new(store), "mirror", hosts)).transpose()
    }

    fn make(site: &Site, store: Arc<Ministack>, name: &str, hosts: &[&str]) -> Result<Self> {
        let (table, bucket, lake) =
            (format!("{name}-ledger"), format!("{name}-uploads"), format!("{name}-lake"));
        store.make_bucket(&bucket)?;
        store.make_bucket(&lake)?;
        let mirror = Self { store, table, bucket, lake };
        let binary = binary()?;
        let program = binary.parent().context("a binary lies in a folder")?.join("examples/lake_to_aws");
        ensure!(
            program.is_file(),
            "{} is not built; run `cargo xtask test`, or `cargo build -p headrig --features aws --bins --examples`",
            program.display()
        );
        let mut command = Command::new(program);
        command.arg(site.lake().folder()).args([&mirror.table, &mirror.bucket, &mirror.lake]).args(hosts);
        command.envs(mirror.variables());
        let run = Running::start(command)?.finish(ANSWER_LIMIT)?;
        run.said(0)?;
        Ok(mirror)
    }

    /// The binary with these arguments, and the options that name this lake.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Headrig> {
        let lake = format!("s3://{}", self.lake);
        let options = ["--table", &self.table, "--bucket", &self.bucket, "--lake", &lake];
        Ok(Headrig::new(arguments)?.arguments(options).variables(self.variables()))
    }

    /// The JSON object of a command that ends with `code`; without `--json` it ends alike and says something.
    pub(crate) fn answer(&self, code: i32, arguments: &[&str]) -> Result<Value> {
        let told = self.command(arguments)?.run()?;
        ensure!(told.status.code() == Some(code), "{arguments:?}: expected exit code {code}, found {told}");
        ensure!(code == 1 || code == 2 || !told.stdout.trim().is_empty(), "{arguments:?} says nothing");
        self.answer_once(code, arguments)
    }

    /// The same for a command that does something, and would not do it twice.
    pub(crate) fn answer_once(&self, code: i32, arguments: &[&str]) -> Result<Value> {
        let run = self.command(arguments)?.arguments(["--json"]).run()?;
        ensure!(run.status.code() == Some(code), "{arguments:?}: expected exit code {code}, found {run}");
        serde_json::from_str(&run.stdout).with_context(|| run.to_string())
    }

    /// The stand-in that it is in.
    pub(crate) fn store(&self) -> &Ministack {
        &self.store
    }

    pub(crate) fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", format!("http://{}", self.store.address())),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "test".into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ]
    }
}

/// The answer without what differs from place to place, at any depth.
fn without_place(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(name, _)| !OF_THE_PLACE.contains(&name.as_str()));
            Value::Object(kept.map(|(name, value)| (name, without_place(value))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(without_place).collect()),
        other => other,
    }
}
