//! A batch's objects to its lake files: the core's [`BatchRun`] between two functions of Python's.
//!
//! The functions read an object and take a file; everything else happens without Python's lock.

use crate::{
    errors::{BatchFailed, Unconserved, Unreadable},
    ledger::parsed,
};
use headrig_contract::{ContentHash, ObjectKey, UnixMicros};
use headrig_etl::{Account, BatchError, BatchRun, LakeFile, LakeSink, Member, ObjectReport};
use pyo3::{exceptions::PyValueError, prelude::*, pybacked::PyBackedBytes, types::PyBytes};
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// What came of a member: bytes stored, plain bytes, lines, events, rows, unparsed rows, events that rules dropped.
type MemberCounts = (u64, u64, u64, u64, u64, u64, u64);
/// What came of a batch: its members' counts, and its figures for the alerts as JSON, where alerts are set.
type Batch = (Vec<MemberCounts>, Option<String>);

/// What a batch run may be told.
#[pyclass(frozen, module = "headrig_etl._core")]
pub(crate) struct Settings {
    pub(crate) settings: headrig_etl::Settings,
}

#[pymethods]
impl Settings {
    /// Those that `text` says, the ETL's tables as TOML; nothing says the defaults. Raises `ValueError`, which names the
    /// table and the key.
    #[staticmethod]
    fn parse(text: &str) -> PyResult<Self> {
        let settings =
            headrig_etl::config::parse(text).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self { settings })
    }

    /// Whether there are alerts.
    #[getter]
    fn has_alerts(&self) -> bool {
        !self.settings.alerts.is_empty()
    }
}

/// Writes the batch of `members`, (key, hash) pairs in the order of their keys.
///
/// `read(key)` returns an object's bytes and when it was stored, in microseconds since 1970;
/// `write(path, bytes, rows)` takes a file: of a table, or where rules are set the account of what they dropped. Returns
/// (bytes stored, plain bytes, lines, events, rows, unparsed rows, events that rules dropped) of each member, and the
/// figures for the alerts as JSON, or None where no alerts are set. Raises `Unreadable(key, reason)` where a member is to
/// blame, `BatchFailed` for a defect, and whatever `read` and `write` raise. What was written before is to be thrown
/// away then.
#[pyfunction]
pub(crate) fn write_batch(
    py: Python<'_>,
    batch: &str,
    members: Vec<(String, String)>,
    settings: &Settings,
    read: Py<PyAny>,
    write: Py<PyAny>,
) -> PyResult<Batch> {
    let members = members.iter().map(member).collect::<PyResult<Vec<_>>>()?;
    let settings = &settings.settings;
    py.detach(|| {
        let run =
            AssertUnwindSafe(|| write_members(batch, members, settings, &read, &mut Files { write: &write }));
        catch_unwind(run).unwrap_or_else(|_| Err(BatchFailed::new_err("the ETL core panicked")))
    })
}

fn write_members(
    batch: &str,
    members: Vec<Member>,
    settings: &headrig_etl::Settings,
    read: &Py<PyAny>,
    files: &mut Files<'_>,
) -> PyResult<Batch> {
    let mut run = BatchRun::new(batch, settings);
    let mut objects: Vec<(ContentHash, ObjectReport)> = Vec::new();
    for mut member in members {
        let (bytes, modified): (PyBackedBytes, i64) =
            Python::attach(|py| read.call1(py, (member.key.as_str(),))?.extract(py))?;
        member.modified = UnixMicros(modified);
        objects.push((member.hash, run.object(&member, &bytes, files).map_err(exception)?));
    }
    let report = run.finish(files).map_err(exception)?;
    if !settings.rules.is_empty() {
        let account = Account::new(batch, &report, objects.iter().map(|(hash, report)| (*hash, report)));
        files.write(account.file()).map_err(BatchError::Sink).map_err(exception)?;
    }
    let figures = (!settings.alerts.is_empty()).then(|| serde_json::to_string(&report.figures)).transpose();
    let figures = figures.map_err(|error| BatchFailed::new_err(error.to_string()))?;
    Ok((objects.iter().map(|(_, report)| counted(report)).collect(), figures))
}

/// Gives the batch's files to Python.
struct Files<'w> {
    write: &'w Py<PyAny>,
}

impl LakeSink for Files<'_> {
    fn write(&mut self, file: LakeFile) -> io::Result<()> {
        let give = |py: Python<'_>| {
            let bytes = PyBytes::new(py, &file.bytes);
            self.write.call1(py, (&file.path, bytes, file.rows)).map(drop)
        };
        Python::attach(give).map_err(io::Error::other)
    }
}

fn member((key, hash): &(String, String)) -> PyResult<Member> {
    let key = ObjectKey::parse(key).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(Member { key, hash: parsed("the hash", hash)?, modified: UnixMicros(0) })
}

fn counted(report: &ObjectReport) -> MemberCounts {
    let counts = &report.counts;
    let dropped = counts.dropped_by_rule();
    (report.bytes_in, counts.bytes_raw, counts.lines, counts.events, counts.rows, counts.unparsed, dropped)
}

/// What Python's own functions raised comes out as they raised it.
fn exception(error: BatchError) -> PyErr {
    match error {
        BatchError::Object { key, reason } => {
            Unreadable::new_err((key.as_str().to_owned(), reason.to_string()))
        }
        BatchError::Sink(error) => match error.downcast::<PyErr>() {
            Ok(raised) => raised,
            Err(error) => BatchFailed::new_err(error.to_string()),
        },
        error if error.is_conservation() => Unconserved::new_err(error.to_string()),
        other => BatchFailed::new_err(other.to_string()),
    }
}
