//! What DynamoDB's errors mean for the ledger: whether waiting heals them, and what the operator is told.

use super::{Table, fields::Malformed};
use crate::answer::reason_of;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use headrig_ledger::LedgerError;
use std::{error::Error, fmt::Debug};

/// What DynamoDB says to a request that it will never do, however often it is asked: the table, the role or the
/// request must change first.
const REFUSALS: [&str; 6] = [
    "AccessDeniedException",
    "ResourceNotFoundException",
    "ValidationException",
    "ItemCollectionSizeLimitExceededException",
    "RequestEntityTooLarge",
    "IdempotentParameterMismatchException",
];

/// The ledger's error for what came of `action`. What is not refused for good may have been done.
pub(super) fn judge<E, R>(action: &'static str, error: SdkError<E, R>) -> LedgerError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: Debug + 'static,
{
    let is_refused = error.code().is_some_and(|code| REFUSALS.contains(&code))
        || matches!(error, SdkError::ConstructionFailure(_));
    let source = reason_of(&error).into();
    if is_refused {
        LedgerError::Refused { action, source }
    } else {
        LedgerError::Unavailable { action, source }
    }
}

/// The error of a request that was put together wrongly.
pub(super) fn judge_built(error: BuildError) -> LedgerError {
    LedgerError::Refused { action: "write", source: error.into() }
}

impl Table {
    /// The error of an item that headrig never writes.
    pub(super) fn corrupt(&self, key: &str, malformed: &Malformed) -> LedgerError {
        LedgerError::Corrupt { path: (*self.name).into(), reason: format!("item {key}, {malformed}") }
    }
}
