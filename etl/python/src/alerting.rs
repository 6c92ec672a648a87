//! Alerts behind a commit: what a batch brought is held against the state beside the ledger, and people are told by a
//! function of Python's.
//!
//! It decides nothing: what is an incident, and who of two tells it, `headrig_etl::alerts` knows. The network is waited
//! for without Python's lock.

use crate::{
    errors::AlertError,
    ledger::{Ledger, now},
    writing::Settings,
};
use headrig_etl::alerts::{
    Figures, Notice,
    telling::{self, Came, Figure},
};
use headrig_notices::{CallError, Notifier};
use pyo3::{exceptions::PyValueError, prelude::*};

/// What lines that do not add up are about.
const BATCHES: &str = "batches";

/// Takes in what came, and looks whether a source fell silent. Returns what is new, in a line each, told or history.
///
/// `batches` are committed ones with their figures as JSON, `unconserved` are batches whose lines do not add up, with the
/// reason; `tell(subject, text)` sends a message. Raises `ValueError` for figures that are none, and `AlertError` when
/// the state could not be read or kept, or nobody could be told: then the same again, or anything else, does it later.
#[pyfunction]
pub(crate) fn take_in(
    py: Python<'_>,
    ledger: &Ledger,
    settings: &Settings,
    tell: Py<PyAny>,
    batches: Vec<(String, String)>,
    unconserved: Vec<(String, String)>,
) -> PyResult<Vec<String>> {
    let alerts = &settings.settings.alerts;
    let figures = batches.into_iter().map(figures).collect::<PyResult<Vec<_>>>()?;
    let unconserved: Vec<String> =
        unconserved.into_iter().map(|(batch, reason)| format!("batch {batch}: {reason}")).collect();
    let batches = figures.iter().map(|(batch, figures)| Came::Batch(batch, figures));
    let seen = unconserved.iter().map(|text| Came::Seen(Figure::Conservation, BATCHES, text));
    let came: Vec<Came<'_>> = batches.chain(seen).chain([Came::Time]).collect();
    let notices =
        py.detach(|| telling::take_in(alerts, &came, &ledger.notes, &PythonNotifier { tell }, now()));
    let notices = notices.map_err(|error| AlertError::new_err(error.to_string()))?;
    Ok(notices.iter().map(Notice::line).collect())
}

/// Tells by a function of Python's.
struct PythonNotifier {
    tell: Py<PyAny>,
}

impl Notifier for PythonNotifier {
    /// Whatever Python raises may pass: the message stays, and is told next time.
    fn tell(&self, subject: &str, text: &str) -> Result<(), CallError> {
        Python::attach(|py| self.tell.call1(py, (subject, text))).map(drop).map_err(|error| {
            CallError::Unavailable { action: "tell people of an alert", reason: error.to_string() }
        })
    }
}

fn figures((batch, json): (String, String)) -> PyResult<(String, Figures)> {
    let figures = serde_json::from_str(&json).map_err(|error| {
        PyValueError::new_err(format!("batch {batch}: expected its figures, found other JSON: {error}"))
    })?;
    Ok((batch, figures))
}
