//! Notes beside the ledger, in its table: items whose key is `note#<name>`, with no place in any index.
//!
//! Needs dynamodb:GetItem, and to write dynamodb:PutItem, on the table.

use crate::{Answer, Calls};
use aws_sdk_dynamodb::{
    Client,
    primitives::Blob,
    types::AttributeValue::{self, B, N, S},
};
use headrig_notices::{CallError, NoteBook};
use std::{collections::HashMap, sync::OnceLock, time::Duration};

/// The table's key.
const PK: &str = "pk";
const VERSION: &str = "version";
const CONTENT: &str = "content";
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

    /// The note of that name, and its version, where everything together, also finding credentials, may take no
    /// longer than `limit`.
    ///
    /// # Errors
    /// What kept DynamoDB from reading, or that it is no note.
    pub fn read_within(&self, name: &str, limit: Duration) -> Result<Option<(u64, Vec<u8>)>, CallError> {
        let action = "read a note";
        let request =
            self.client().get_item().table_name(&self.table).key(PK, key(name)).consistent_read(true);
        let late = || CallError::Unavailable { action, reason: format!("no answer came within {limit:?}") };
        let answer = self.calls.wait(async { tokio::time::timeout(limit, request.send()).await });
        let item =
            answer.map_err(|_| late())?.map_err(|error| Answer::of(&error).into_call_error(action))?.item;
        let refused = || CallError::Refused { action, reason: format!("{name} is no note") };
        item.map(|item| note_of(&item).ok_or_else(refused)).transpose()
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| Client::new(self.calls.config()))
    }
}

impl NoteBook for TableNotes {
    fn read(&self, name: &str) -> Result<Option<(u64, Vec<u8>)>, CallError> {
        self.read_within(name, READ_MAX)
    }

    fn write(&self, name: &str, expected: Option<u64>, bytes: &[u8]) -> Result<(), CallError> {
        let action = "write a note";
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
        self.calls.wait(request.send()).map(drop).map_err(|error| match Answer::of(&error) {
            answer if answer.code == "ConditionalCheckFailedException" => CallError::Conflict { action },
            answer => answer.into_call_error(action),
        })
    }
}

fn key(name: &str) -> AttributeValue {
    S(format!("note#{name}"))
}

fn note_of(item: &HashMap<String, AttributeValue>) -> Option<(u64, Vec<u8>)> {
    let version = item.get(VERSION)?.as_n().ok()?.parse().ok()?;
    Some((version, item.get(CONTENT)?.as_b().ok()?.as_ref().to_vec()))
}
