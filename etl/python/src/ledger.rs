//! The ledger in DynamoDB as the job needs it: claim, members, renew, commit, or give back.

use crate::{
    credentials::PythonCredentials,
    errors::{Overtaken, of_protocol},
};
use aws_sdk_dynamodb::config::{AppName, SharedCredentialsProvider};
use headrig_aws::{Calls, DynamoLedger, TableNotes};
use headrig_contract::{ContentHash, UnixMicros};
use headrig_ledger::{
    Attempt, BatchId, Claim, Day, Epoch, FileRecord, Layout, Ledger as _, LedgerError, LineCounts, Outcome,
    Policy, ProtocolError, RunId, batch::Release, protocol,
};
use pyo3::{
    exceptions::{PyOSError, PyValueError},
    prelude::*,
};
use std::{
    str::FromStr,
    time::{Duration, SystemTime},
};
use tokio::runtime::{Builder as RuntimeBuilder, Runtime};

/// The name that calls give to AWS.
const APP: &str = "headrig-job";
/// Threads that drive the network; Python's threads wait beside them.
const WORKERS: usize = 1;

/// A member as Python gets it: key, hash, size.
type MemberFacts = (String, String, u64);
/// An outcome as Python tells it: hash, then lines, events, rows and dropped events, or the reason why not.
type Told = (String, Option<(u64, u64, u64, u64)>, Option<String>);

/// A layout as Python has it: epoch, closed before, late commits, list of generations.
pub(crate) type LayoutFacts = (u64, i32, u64, Option<String>);

/// The ledger's table, and the run that asks.
#[pyclass(frozen, module = "headrig_etl._core")]
pub(crate) struct Ledger {
    pub(crate) table: DynamoLedger,
    pub(crate) policy: Policy,
    /// What is remembered beside the ledger, in the same table.
    pub(crate) notes: TableNotes,
    /// Drives the calls for as long as the ledger lives.
    _runtime: Runtime,
}

/// Now.
pub(crate) fn now() -> UnixMicros {
    UnixMicros::from(SystemTime::now())
}

/// `text` as an id, or Python's `ValueError`.
pub(crate) fn parsed<T: FromStr<Err: std::fmt::Display>>(what: &str, text: &str) -> PyResult<T> {
    text.parse().map_err(|error| PyValueError::new_err(format!("{what} {text:?}: {error}")))
}

#[pymethods]
impl Ledger {
    /// Opens nothing yet; region and endpoint are the environment's, `credentials` is a function that returns
    /// (key, secret, token or None, end in seconds since 1970 or None).
    #[new]
    fn new(
        py: Python<'_>,
        table: &str,
        credentials: Py<PyAny>,
        lease_seconds: u64,
        failures_max: u32,
    ) -> PyResult<Self> {
        let runtime = RuntimeBuilder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
        let runtime = runtime.map_err(|error| PyOSError::new_err(error.to_string()))?;
        let app = AppName::new(APP).expect("letters and a dash make a name");
        let handle = runtime.handle().clone();
        let calls = py.detach(|| runtime.block_on(Calls::new(handle.clone(), app)));
        let provider = SharedCredentialsProvider::new(PythonCredentials::new(credentials));
        let config = calls.config().to_builder().credentials_provider(provider).build();
        let calls = Calls::over(handle, config);
        let lease = Duration::from_secs(lease_seconds);
        Ok(Self {
            table: calls.ledger(table),
            notes: TableNotes::new(calls, table.into()),
            policy: Policy { lease, failures_max, ..Policy::cloud() },
            _runtime: runtime,
        })
    }

    /// Makes the run the owner of the batch.
    fn claim(&self, py: Python<'_>, batch: &str, attempt: u32, run: &str) -> PyResult<()> {
        let (id, claim) = ticket(batch, attempt, run)?;
        self.step(py, |ledger, policy| protocol::claim(ledger, id, &claim, now(), policy))
    }

    /// Gives the owner another lease.
    fn renew(&self, py: Python<'_>, batch: &str, attempt: u32, run: &str) -> PyResult<()> {
        let (id, claim) = ticket(batch, attempt, run)?;
        self.step(py, |ledger, policy| protocol::renew(ledger, id, &claim, now(), policy))
    }

    /// The batch's members in the order of their keys, as (key, hash, size).
    fn members(&self, py: Python<'_>, batch: &str) -> PyResult<Vec<MemberFacts>> {
        let id: BatchId = parsed("the batch id", batch)?;
        let members = py.detach(|| self.read_members(id)).map_err(of_protocol)?;
        let facts = |file: FileRecord| (file.key.as_str().to_owned(), file.hash.to_string(), file.size.0);
        Ok(members.into_iter().map(facts).collect())
    }

    /// How the batch stands; none where there is no such.
    fn phase(&self, py: Python<'_>, batch: &str) -> PyResult<Option<&'static str>> {
        let id: BatchId = parsed("the batch id", batch)?;
        let found = self.ask(py, |ledger, _| Ok(ledger.batch(id)?))?;
        Ok(found.map(|batch| batch.state.phase().as_str()))
    }

    /// The lake's layout: epoch, the day before which days are closed (counted from 1970), late commits, and the name of
    /// the list of generations, or None.
    fn layout(&self, py: Python<'_>) -> PyResult<LayoutFacts> {
        self.ask(py, |ledger, _| Ok(ledger.layout()?)).map(facts_of)
    }

    /// Begins a compaction that closes the days before that one, and returns the layout to plan by.
    fn begin_compaction(&self, py: Python<'_>, day: i32) -> PyResult<LayoutFacts> {
        self.ask(py, |ledger, _| protocol::begin_compaction(ledger, Day(day))).map(facts_of)
    }

    /// Sends readers and writers to the generations on the list of that name, which were made by the layout
    /// `planned_by`, and returns the layout behind that. Raises `Overtaken` where it is another by now.
    fn switch_layout(
        &self,
        py: Python<'_>,
        planned_by: LayoutFacts,
        generations: &str,
    ) -> PyResult<LayoutFacts> {
        let (planned_by, generations) = (layout_of(planned_by)?, parsed("the list's name", generations)?);
        let switched =
            py.detach(|| protocol::switch_layout(&self.table, &planned_by, generations)).map_err(|error| {
                match error {
                    ProtocolError::Ledger(LedgerError::Conflict { .. }) => {
                        Overtaken::new_err(error.to_string())
                    }
                    other => of_protocol(other),
                }
            });
        switched.map(facts_of)
    }

    /// Ends the batch. Each outcome is (hash, (lines, events, rows, dropped), None) or (hash, None, reason). `placed` is
    /// the layout by which its rows were written, and their days; raises `Overtaken` where that is another by now.
    fn commit(
        &self,
        py: Python<'_>,
        batch: &str,
        attempt: u32,
        run: &str,
        outcomes: Vec<Told>,
        placed: (LayoutFacts, Vec<i32>),
    ) -> PyResult<()> {
        let (id, claim) = ticket(batch, attempt, run)?;
        let placed = layout_of(placed.0)?.placed(placed.1.into_iter().map(Day));
        let outcomes = outcomes.into_iter().map(outcome).collect::<PyResult<Vec<_>>>()?;
        self.step(py, |ledger, _| protocol::commit_placed(ledger, id, &claim, &outcomes, &placed, now()))
    }

    /// Gives the attempt up as failed, which counts against the batch.
    fn fail(&self, py: Python<'_>, batch: &str, attempt: u32, run: &str, reason: String) -> PyResult<()> {
        self.release(py, (batch, attempt, run), &Release::Failed { reason })
    }

    /// Gives the attempt up through no fault of the batch, which then rests for so long.
    fn postpone(
        &self,
        py: Python<'_>,
        batch: &str,
        attempt: u32,
        run: &str,
        rest_seconds: u32,
    ) -> PyResult<()> {
        let not_before = now().saturating_add_micros(i64::from(rest_seconds) * 1_000_000);
        self.release(py, (batch, attempt, run), &Release::Postponed { not_before })
    }
}

impl Ledger {
    /// Takes a step of the protocol without Python's lock.
    pub(crate) fn step<T: Send>(
        &self,
        py: Python<'_>,
        take: impl FnOnce(&DynamoLedger, &Policy) -> Result<T, ProtocolError> + Send,
    ) -> PyResult<()> {
        self.ask(py, take).map(drop)
    }

    /// The same, with what came of it.
    pub(crate) fn ask<T: Send>(
        &self,
        py: Python<'_>,
        take: impl FnOnce(&DynamoLedger, &Policy) -> Result<T, ProtocolError> + Send,
    ) -> PyResult<T> {
        py.detach(|| take(&self.table, &self.policy)).map_err(of_protocol)
    }

    fn release(
        &self,
        py: Python<'_>,
        (batch, attempt, run): (&str, u32, &str),
        release: &Release,
    ) -> PyResult<()> {
        let (id, claim) = ticket(batch, attempt, run)?;
        let attempt = (claim.attempt, Some(&claim.run));
        self.step(py, |ledger, policy| protocol::release(ledger, id, attempt, release, now(), policy))
    }

    fn read_members(&self, id: BatchId) -> Result<Vec<FileRecord>, ProtocolError> {
        let batch = self.table.batch(id)?.ok_or(ProtocolError::UnknownBatch { batch: id })?;
        let member =
            |hash: &ContentHash| self.table.file(*hash)?.ok_or(ProtocolError::UnknownFile { file: *hash });
        let mut members = batch.members.iter().map(member).collect::<Result<Vec<_>, _>>()?;
        members.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(members)
    }
}

fn facts_of(layout: Layout) -> LayoutFacts {
    let Layout { epoch, closed_before, late, generations } = layout;
    (epoch.0, closed_before.0, late, generations.map(|name| name.to_string()))
}

fn layout_of((epoch, closed_before, late, generations): LayoutFacts) -> PyResult<Layout> {
    let generations = generations.map(|name| parsed("the list's name", &name)).transpose()?;
    Ok(Layout { epoch: Epoch(epoch), closed_before: Day(closed_before), late, generations })
}

fn ticket(batch: &str, attempt: u32, run: &str) -> PyResult<(BatchId, Claim)> {
    let run: RunId = parsed("the run id", run)?;
    Ok((parsed("the batch id", batch)?, Claim { attempt: Attempt(attempt), run }))
}

fn outcome((hash, counts, reason): Told) -> PyResult<(ContentHash, Outcome)> {
    let hash = parsed("the hash", &hash)?;
    match (counts, reason) {
        (Some((lines, events, rows, dropped_by_rule)), None) => {
            Ok((hash, Outcome::Done(LineCounts { lines, events, rows, dropped_by_rule })))
        }
        (None, Some(reason)) => Ok((hash, Outcome::Quarantined { reason })),
        _ => Err(PyValueError::new_err(format!(
            "file {hash}: expected counts or a reason, found both or none"
        ))),
    }
}
