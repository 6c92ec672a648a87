//! The sink's memory, as notes in the ledger's table.

use crate::ports::{CallError, NoteBook};
use headrig_aws::TableNotes;
use headrig_ledger::LedgerError;
use std::error::Error;

impl NoteBook for TableNotes {
    fn read(&self, name: &str) -> Result<Option<(u64, Vec<u8>)>, CallError> {
        self.read_note(name).map_err(|error| failed("read a note", &error))
    }

    fn write(&self, name: &str, expected: Option<u64>, bytes: &[u8]) -> Result<(), CallError> {
        let action = "write a note";
        match self.write_note(name, expected, bytes) {
            Ok(true) => Ok(()),
            Ok(false) => Err(CallError::Conflict { action }),
            Err(error) => Err(failed(action, &error)),
        }
    }
}

fn failed(action: &'static str, error: &LedgerError) -> CallError {
    let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    match error {
        LedgerError::Unavailable { .. } => CallError::Unavailable { action, reason },
        _ => CallError::Refused { action, reason },
    }
}
