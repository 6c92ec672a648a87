//! Notes beside the ledger, in its table: items whose key is `note#<name>`, with no place in any index.
//!
//! Needs dynamodb:GetItem, and to write dynamodb:PutItem, on the table.

use crate::{Answer, Calls};
use aws_sdk_dynamodb::{
    Client,
    primitives::Blob,
    types::AttributeValue::{self, B, N, S},
};
use headrig_ledger::LedgerError;
use headrig_notices::{CallError, NoteBook};
use std::{collections::HashMap, error::Error, sync::OnceLock, time::Duration};

/// The table's key.
const PK: &str = "pk";
const VERSION: &str = "version";
const CONTENT: &str = "content";
const READ: &str = "read a note";
/// How long a reading may take with all its attempts.
const READ_MAX: Duration = Duration::from_secs(40);

/// Notes in one table.
#[derive(Debug)]
pub struct TableNotes {
    calls: Calls,
    table: String,
    client: OnceLock<Client>,
}

impl TableNotes {
    /// Notes in the table of that name.
    pub const fn new(calls: Calls, table: String) -> Self {
        Self { calls, table, client: OnceLock::new() }
    }

    /// The note of that name, and its version.
    ///
    /// # Errors
    /// What kept DynamoDB from reading, or that it is no note.
    pub fn read_note(&self, name: &str) -> Result<Option<(u64, Vec<u8>)>, LedgerError> {
        self.read_note_within(name, READ_MAX)
    }

    /// The same, where everything together, also finding credentials, may take no longer than `limit`.
    ///
    /// # Errors
    /// As [`Self::read_note`].
    pub fn read_note_within(
        &self,
        name: &str,
        limit: Duration,
    ) -> Result<Option<(u64, Vec<u8>)>, LedgerError> {
        let request =
            self.client().get_item().table_name(&self.table).key(PK, key(name)).consistent_read(true);
        let late = || LedgerError::Unavailable {
            action: READ,
            source: format!("no answer came within {limit:?}").into(),
        };
        let answer = self.calls.wait(async { tokio::time::timeout(limit, request.send()).await });
        let item = answer.map_err(|_| late())?.map_err(|error| judged(READ, &Answer::of(&error)))?.item;
        let refused = || LedgerError::Refused { action: READ, source: format!("{name} is no note").into() };
        item.map(|item| note_of(&item).ok_or_else(refused)).transpose()
    }

    /// Writes the note as the version behind `expected` (none where there is no such note yet). False: another was
    /// quicker, and nothing is written.
    ///
    /// # Errors
    /// What kept DynamoDB from writing.
    pub fn write_note(&self, name: &str, expected: Option<u64>, bytes: &[u8]) -> Result<bool, LedgerError> {
        let next = expected.map_or(0, |version| version + 1);
        let request = self
            .client()
            .put_item()
            .table_name(&self.table)
            .item(PK, key(name))
            .item(VERSION, N(next.to_string()))
            .item(CONTENT, B(Blob::new(bytes)));
        let request = match expected {
            None => request.condition_expression("attribute_not_exists(pk)"),
            Some(version) => request
                .condition_expression("#version = :expected")
                .expression_attribute_names("#version", VERSION)
                .expression_attribute_values(":expected", N(version.to_string())),
        };
        match self.calls.wait(request.send()) {
            Ok(_) => Ok(true),
            Err(error) => match Answer::of(&error) {
                answer if answer.code == "ConditionalCheckFailedException" => Ok(false),
                answer => Err(judged("write a note", &answer)),
            },
        }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| Client::new(self.calls.config()))
    }
}

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

/// What DynamoDB answers with a status below 500 it will answer again, but for throttling.
fn judged(action: &'static str, answer: &Answer) -> LedgerError {
    let source = answer.reason.clone().into();
    let is_throttled = answer.code.contains("Throttl") || answer.code.contains("Exceeded");
    match answer.status {
        400..500 if !is_throttled => LedgerError::Refused { action, source },
        _ => LedgerError::Unavailable { action, source },
    }
}

fn key(name: &str) -> AttributeValue {
    S(format!("note#{name}"))
}

fn note_of(item: &HashMap<String, AttributeValue>) -> Option<(u64, Vec<u8>)> {
    let version = item.get(VERSION)?.as_n().ok()?.parse().ok()?;
    Some((version, item.get(CONTENT)?.as_b().ok()?.as_ref().to_vec()))
}
