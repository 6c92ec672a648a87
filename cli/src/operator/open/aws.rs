//! A pipeline in AWS: the ledger in DynamoDB, the bucket and the lake in S3, and the sweep's note of the agents.
//!
//! Region, credentials and AWS_ENDPOINT_URL are found as every tool over the SDK finds them. Invariant: whatever is
//! wrong with them is told within [`ANSWER_MAX`], by the one reading with which it begins.

use super::{
    FleetBook, FoundFile, Home, LakeFiles, OpenLake, Piece, Unread,
    named::{AwsNames, Place},
};
use crate::operator::Mistake;
use anyhow::{Context, Result, anyhow};
use aws_config::{AppName, timeout::TimeoutConfig};
use headrig_aws::{
    Calls, TableNotes,
    s3::{Bucket, S3Store},
};
use headrig_ledger::fleet::{FLEET_NOTE, KeptFleet};
use headrig_notices::{CallError, NoteBook};
use headrig_store::StoreError;
use std::{sync::Arc, time::Duration};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    time::timeout,
};

/// How long an answer may take to begin, with all attempts; the first one with the search for credentials.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How long one attempt may take until its answer begins.
const ATTEMPT_MAX: Duration = Duration::from_secs(5);
/// How long a connection may take to come about.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// What names a service that is not AWS's own. The SDK panics where one of them is there and empty.
const ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_S3"];
/// A note that nobody writes: to read it shows what is wrong with the way, and nothing else.
const NOBODYS_NOTE: &str = "none";

/// The pipeline of these names.
pub(super) fn open(names: &AwsNames) -> Result<OpenLake> {
    let is_empty = |name: &&&str| std::env::var_os(name).is_some_and(|value| value.is_empty());
    if let Some(name) = ENDPOINTS.iter().find(is_empty) {
        return Err(Mistake(format!("{name} is set and empty; unset it, or let it name a URL")).into());
    }
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let handle = runtime.handle().clone();
    let app = AppName::new("headrig")?;
    let asked = runtime.block_on(async { timeout(ANSWER_MAX, Calls::new(handle, app)).await });
    let found = asked.ok().and_then(|calls| Some((calls.config().region()?.to_string(), calls)));
    let Some((region, calls)) = found else {
        return Err(Mistake("no region is named; set AWS_REGION, or one in the profile".into()).into());
    };
    let calls = impatient(&calls, runtime.handle());
    let notes = TableNotes::new(calls.clone(), names.table.clone());
    expect_table(&notes, names, &region)?;
    let bucket = |place: &Place| Bucket::new(calls.clone(), place.bucket.clone(), names.path_style);
    let store = |place: &Place| S3Store::new(bucket(place), place.prefix.clone());
    Ok(OpenLake {
        name: format!("table {} in {region}", names.table),
        options: names.options(),
        object_bytes_max: names.object_bytes_max,
        ledger: Box::new(calls.ledger(&names.table)),
        bucket: names.bucket.as_ref().map(|place| Box::new(store(place)) as _),
        files: names.lake.as_ref().map(|place| Arc::new(Lake(store(place))) as _),
        fleet: Some(Box::new(Notes(notes))),
        home: Home::Aws(names.bucket.as_ref().map(|place| place.bucket.clone())),
        _beneath: Box::new(Background(Some(runtime))),
    })
}

/// The same calls, where no answer may take long to begin: somebody waits for it. The ledger has limits of its own.
fn impatient(calls: &Calls, handle: &Handle) -> Calls {
    let times = TimeoutConfig::builder()
        .connect_timeout(CONNECT_MAX)
        .operation_attempt_timeout(ATTEMPT_MAX)
        .operation_timeout(ANSWER_MAX)
        .build();
    Calls::over(handle.clone(), calls.config().to_builder().timeout_config(times).build())
}

/// Reads one item of the table: what is wrong with its name, the way to it or the permissions shows here.
fn expect_table(notes: &TableNotes, names: &AwsNames, region: &str) -> Result<()> {
    let failed = match notes.read_within(NOBODYS_NOTE, ANSWER_MAX) {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    let table = &names.table;
    let reason = match &failed {
        CallError::Denied { reason, .. }
        | CallError::Refused { reason, .. }
        | CallError::Unavailable { reason, .. } => reason.clone(),
        CallError::Missing { .. } | CallError::Conflict { .. } => failed.to_string(),
    };
    Err(match failed {
        CallError::Missing { .. } => Mistake(format!(
            "there is no lake: no table {table} in {region}; name the ledger's with --table or HEADRIG_TABLE, its region with AWS_REGION"
        ))
        .into(),
        CallError::Denied { .. } | CallError::Refused { .. } => anyhow!(
            "the table {table} in {region} may not be read: {reason}; check the credentials (`aws sts get-caller-identity`), and allow them what docs/operations/operator.md lists"
        ),
        _ if reason.contains("credential") => anyhow!(
            "no AWS credentials could be had: {reason}; log in, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ),
        _ => anyhow!(
            "the table {table} in {region} cannot be reached: {reason}; check the network, AWS_REGION and AWS_ENDPOINT_URL"
        ),
    })
}

/// The lake's files in S3.
#[derive(Debug)]
struct Lake(S3Store);

impl LakeFiles for Lake {
    fn each(&self, table: &str, each: &mut dyn FnMut(FoundFile)) -> Result<()> {
        let under = format!("{table}/");
        let listed = self.0.each_under(&under, |path, object| {
            // The empty object of a folder's name, which some tools make, is no file.
            if !path.ends_with('/') {
                each(FoundFile { path: path.into(), is_regular: true, modified: object.modified });
            }
        });
        listed.with_context(|| format!("the table {table} cannot be listed"))
    }

    fn piece(&self, path: &str, offset: u64, length: u64) -> Result<Piece, Unread> {
        match self.0.piece(path, offset, length) {
            Ok(piece) => Ok(Piece { bytes: piece.bytes.into(), whole: piece.whole.0 }),
            Err(error @ StoreError::NotFound { .. }) => Err(Unread::Bad(error.to_string())),
            Err(error) => Err(Unread::Failed(error.into())),
        }
    }
}

/// The fleet's note.
struct Notes(TableNotes);

impl FleetBook for Notes {
    fn read(&self) -> Result<(Option<u64>, KeptFleet)> {
        Ok(match self.0.read(FLEET_NOTE)? {
            None => (None, KeptFleet::default()),
            Some((version, bytes)) => {
                let kept = KeptFleet::of_note(&bytes).context(
                    "the sweep's note of the agents cannot be read; the next sweep begins it anew",
                )?;
                (Some(version), kept)
            }
        })
    }

    fn write(&self, expected: Option<u64>, kept: &KeptFleet) -> Result<bool> {
        match self.0.write(FLEET_NOTE, expected, &kept.to_note()?) {
            Ok(()) => Ok(true),
            Err(CallError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// A runtime that is left without waiting for what it does, such as asking for a name that nobody knows.
struct Background(Option<Runtime>);

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
