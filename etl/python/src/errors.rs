//! What fails, as Python's exceptions.

use headrig_ledger::{LedgerError as CoreError, ProtocolError};
use pyo3::{create_exception, exceptions::PyException, prelude::*};

create_exception!(headrig_etl._core, LedgerError, PyException, "The ledger could not be read or written.");
create_exception!(
    headrig_etl._core,
    LedgerUnavailable,
    LedgerError,
    "The ledger failed for now; the same call may succeed later."
);
create_exception!(
    headrig_etl._core,
    Refused,
    LedgerError,
    "The batch does not take this step from this run, which must end."
);
create_exception!(
    headrig_etl._core,
    Overtaken,
    LedgerError,
    "A compaction came between: what was written or planned by the layout before counts for nothing."
);
create_exception!(
    headrig_etl._core,
    Unreadable,
    PyException,
    "A member is to be set aside; the arguments are its key and the reason."
);
create_exception!(
    headrig_etl._core,
    BatchFailed,
    PyException,
    "The batch cannot be written, whoever tries; a defect."
);

create_exception!(
    headrig_etl._core,
    Unconserved,
    BatchFailed,
    "Lines in and rows out of the batch do not add up; somebody is to hear of it."
);
create_exception!(
    headrig_etl._core,
    AlertError,
    PyException,
    "Alerts could not be looked at or told; the same call may succeed later."
);

/// Adds the exceptions to the module.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("LedgerError", py.get_type::<LedgerError>())?;
    module.add("LedgerUnavailable", py.get_type::<LedgerUnavailable>())?;
    module.add("Refused", py.get_type::<Refused>())?;
    module.add("Overtaken", py.get_type::<Overtaken>())?;
    module.add("Unreadable", py.get_type::<Unreadable>())?;
    module.add("BatchFailed", py.get_type::<BatchFailed>())?;
    module.add("Unconserved", py.get_type::<Unconserved>())?;
    module.add("AlertError", py.get_type::<AlertError>())
}

/// A protocol's error as an exception, with its causes in the message.
pub(crate) fn of_protocol(error: ProtocolError) -> PyErr {
    let told = told(&error);
    match error {
        ProtocolError::Refused { .. } => Refused::new_err(told),
        ProtocolError::Ledger(CoreError::Overtaken { .. }) => Overtaken::new_err(told),
        _ if error.is_retryable() => LedgerUnavailable::new_err(told),
        _ => LedgerError::new_err(told),
    }
}

/// The error and its causes, each after a colon, unless the one before says it already.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
