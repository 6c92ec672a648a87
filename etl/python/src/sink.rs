//! The sink's half of the protocol, for those who have no Lambda: tests, and a batch run by hand.

use crate::ledger::{Ledger, now, parsed};
use headrig_aws::DynamoLedger;
use headrig_contract::{ByteLength, ObjectKey};
use headrig_ledger::{
    Attempt, Batch, BatchId, BatchPhase, FileFacts, FileState, Ledger as _, Policy, RunId,
    plan::BatchSize,
    protocol::{self, RunFate},
};
use pyo3::{exceptions::PyValueError, prelude::*};
use std::collections::BTreeSet;

/// The most files of a phase, or batches, that a call looks at.
const LISTED_MAX: usize = 1_000;

/// Takes objects in, seals and starts batches, and takes them from dead runs.
#[pyclass(frozen, module = "headrig_etl._core")]
pub(crate) struct SinkSide {
    ledger: Py<Ledger>,
}

#[pymethods]
impl SinkSide {
    /// The sink's side of `ledger`.
    #[new]
    fn new(ledger: Py<Ledger>) -> Self {
        Self { ledger }
    }

    /// Makes the table, which in AWS the template does.
    fn create_table(&self, py: Python<'_>) -> PyResult<()> {
        self.ledger.get().step(py, |ledger, _| Ok(ledger.create_table()?))
    }

    /// Takes objects in, each given as (key, hash, size).
    fn ingest(&self, py: Python<'_>, objects: Vec<(String, String, u64)>) -> PyResult<()> {
        let facts = objects.into_iter().map(facts).collect::<PyResult<Vec<_>>>()?;
        self.ledger.get().step(py, |ledger, _| protocol::ingest(ledger, &facts, now()))
    }

    /// Seals all that is pending into batches of at most `files` members, and returns their ids.
    fn seal(&self, py: Python<'_>, files: usize) -> PyResult<Vec<String>> {
        let batch_size = BatchSize::new(files).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let seal = |ledger: &DynamoLedger, policy: &Policy| {
            protocol::seal_ready(ledger, now(), &Policy { batch_size, ..*policy }, true)
        };
        let sealed: Vec<Batch> = self.ledger.get().ask(py, seal)?;
        Ok(sealed.iter().map(|batch| batch.id.to_string()).collect())
    }

    /// Starts every sealed batch, resting or not, for one run; returns (id, attempt) pairs.
    fn start(&self, py: Python<'_>) -> PyResult<Vec<(String, u32)>> {
        let start = |ledger: &DynamoLedger, policy: &Policy| {
            for batch in ledger.batches(BatchPhase::Sealed, None, LISTED_MAX)? {
                protocol::wake(ledger, batch.id, now())?;
            }
            protocol::start_together(ledger, now(), policy, LISTED_MAX)
        };
        let started: Vec<Batch> = self.ledger.get().ask(py, start)?;
        Ok(started.iter().map(|batch| (batch.id.to_string(), batch.attempt.0)).collect())
    }

    /// Takes their batches from these runs, which are known to be dead, and returns the ids.
    fn bury(&self, py: Python<'_>, runs: Vec<String>) -> PyResult<Vec<String>> {
        let dead = runs.iter().map(|run| parsed("the run id", run)).collect::<PyResult<BTreeSet<RunId>>>()?;
        let fate = |batch: &Batch| match batch.state.run() {
            Some(run) if dead.contains(run) => RunFate::Failed { reason: "the run died".into() },
            _ => RunFate::Unknown,
        };
        let reconciled =
            self.ledger.get().ask(py, |ledger, policy| protocol::reconcile(ledger, now(), policy, fate))?;
        Ok(reconciled.released.iter().map(|batch| batch.id.to_string()).collect())
    }

    /// How a batch stands: its phase, attempt, run or None, and why it last failed or None.
    fn batch(&self, py: Python<'_>, batch: &str) -> PyResult<(String, u32, Option<String>, Option<String>)> {
        let id: BatchId = parsed("the batch id", batch)?;
        let found = self.ledger.get().ask(py, |ledger, _| Ok(ledger.batch(id)?))?;
        let found = found.ok_or_else(|| PyValueError::new_err(format!("no batch {batch}")))?;
        let Attempt(attempt) = found.attempt;
        let run = found.state.run().map(|run| run.as_str().to_owned());
        Ok((found.state.phase().as_str().to_owned(), attempt, run, found.failure))
    }

    /// How a file stands: its phase, its rows where it is done, and why it is quarantined where it is.
    fn file(&self, py: Python<'_>, hash: &str) -> PyResult<(String, Option<u64>, Option<String>)> {
        let id = parsed("the hash", hash)?;
        let found = self.ledger.get().ask(py, |ledger, _| Ok(ledger.file(id)?))?;
        let found = found.ok_or_else(|| PyValueError::new_err(format!("no file {hash}")))?;
        let phase = found.state.phase().as_str().to_owned();
        Ok(match found.state {
            FileState::Done { counts, .. } => (phase, Some(counts.rows), None),
            FileState::Quarantined { reason, .. } => (phase, None, Some(reason)),
            FileState::Pending | FileState::Batched { .. } => (phase, None, None),
        })
    }
}

fn facts((key, hash, size): (String, String, u64)) -> PyResult<FileFacts> {
    let key = ObjectKey::parse(&key).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(FileFacts { key, hash: parsed("the hash", &hash)?, size: ByteLength(size) })
}
