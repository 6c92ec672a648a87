//! Notes: what the sweep remembers from one minute to the next, as JSON in a [`NoteBook`].
//!
//! A note that is lost or cannot be read is begun anew: that costs a message twice, or a listing from its start,
//! never a file. [`MemoryNotes`] is the book for tests.
//!
//! [`NoteBook`]: crate::ports::NoteBook

use crate::{ports::CallError, sink::Sink};
use headrig_ledger::Ledger;
pub use headrig_notices::{MemoryNotes, NOTE_BYTES_MAX};
use serde::{Serialize, de::DeserializeOwned};

/// A note as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Note<T> {
    name: &'static str,
    version: Option<u64>,
    pub(crate) content: T,
}

impl<T> Note<T> {
    /// A note to be written over that version.
    pub(crate) const fn over(name: &'static str, version: Option<u64>, content: T) -> Self {
        Self { name, version, content }
    }

    /// The version that was read.
    pub(crate) const fn version(&self) -> Option<u64> {
        self.version
    }
}

impl<L: Ledger> Sink<'_, L> {
    pub(crate) fn recall<T: DeserializeOwned + Default>(
        &self,
        name: &'static str,
    ) -> Result<Note<T>, CallError> {
        let Some((version, bytes)) = self.ports.notes.read(name)? else {
            return Ok(Note { name, version: None, content: T::default() });
        };
        let content = serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            tracing::error!(name, %error, "a note cannot be read and is begun anew");
            T::default()
        });
        Ok(Note { name, version: Some(version), content })
    }

    pub(crate) fn keep<T: Serialize>(&self, note: &Note<T>) -> Result<(), CallError> {
        let action = "keep a note";
        let refused = |reason: String| CallError::Refused { action, reason };
        let bytes = serde_json::to_vec(&note.content).map_err(|error| refused(error.to_string()))?;
        if bytes.len() > NOTE_BYTES_MAX {
            let reason =
                format!("{}: expected at most {NOTE_BYTES_MAX} bytes, found {}", note.name, bytes.len());
            return Err(refused(reason));
        }
        self.ports.notes.write(note.name, note.version, &bytes)
    }
}
