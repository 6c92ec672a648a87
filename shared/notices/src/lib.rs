//! Telling people, and remembering what they were told: the ports, for whoever runs something that may go wrong.
//!
//! The sink, the job and `headrig local` tell through [`Notifier`] (SNS, a log) and remember through [`NoteBook`]
//! (DynamoDB, a folder). Knows no AWS and no I/O. Each failure says whether the same call may succeed later.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// The longest note. An item of DynamoDB has at most 400 KB.
pub const NOTE_BYTES_MAX: usize = 380_000;

/// Tells people.
pub trait Notifier {
    /// Sends one message. The subject is one line of at most 100 ASCII characters.
    ///
    /// # Errors
    /// What kept the adapter from sending; it may have been sent or not.
    fn tell(&self, subject: &str, text: &str) -> Result<(), CallError>;
}

/// A memory of a few named notes, each written only over the version that was read.
pub trait NoteBook {
    /// The note of that name, and its version.
    ///
    /// # Errors
    /// What kept the adapter from reading.
    fn read(&self, name: &str) -> Result<Option<(u64, Vec<u8>)>, CallError>;

    /// Writes the note as the version behind `expected` (none where there is no such note yet).
    ///
    /// # Errors
    /// [`CallError::Conflict`] when another was quicker; or what kept the adapter from writing.
    fn write(&self, name: &str, expected: Option<u64>, bytes: &[u8]) -> Result<(), CallError>;
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// What was asked for is not there.
    #[error("could not {action}: it is not there")]
    Missing {
        /// What was being done, as a verb that fits "could not".
        action: &'static str,
    },
    /// Whose credentials these are may not, or they are not valid.
    #[error("not allowed to {action}: {reason}; allow it to whom the credentials belong")]
    Denied {
        /// What was being done.
        action: &'static str,
        /// What the service said.
        reason: String,
    },
    /// Another writer was quicker.
    #[error("could not {action}: another writer was quicker")]
    Conflict {
        /// What was being done.
        action: &'static str,
    },
    /// The service, or the port itself, refuses it for good.
    #[error("could not {action}: {reason}")]
    Refused {
        /// What was being done.
        action: &'static str,
        /// Why.
        reason: String,
    },
    /// The service was throttled, away, or did not answer.
    #[error("could not {action}: {reason}; it will do no harm to try again")]
    Unavailable {
        /// What was being done.
        action: &'static str,
        /// What is known of the cause.
        reason: String,
    },
}

/// Notes in a map: what tests and a single process have.
#[derive(Debug, Default)]
pub struct MemoryNotes {
    notes: Mutex<BTreeMap<String, (u64, Vec<u8>)>>,
}

impl CallError {
    /// Whether the same call may succeed later: time or an operator can heal it without the caller's help.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Denied { .. } | Self::Conflict { .. } | Self::Unavailable { .. } => true,
            Self::Missing { .. } | Self::Refused { .. } => false,
        }
    }
}

impl NoteBook for MemoryNotes {
    fn read(&self, name: &str) -> Result<Option<(u64, Vec<u8>)>, CallError> {
        Ok(self.notes.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
    }

    fn write(&self, name: &str, expected: Option<u64>, bytes: &[u8]) -> Result<(), CallError> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.get(name).map(|(version, _)| *version) != expected {
            return Err(CallError::Conflict { action: "write a note" });
        }
        notes.insert(name.into(), (expected.map_or(0, |version| version + 1), bytes.into()));
        Ok(())
    }
}
