//! Several writes as one, by TransactWriteItems.
//!
//! All attempts of one transaction bear one random token, by which DynamoDB knows within ten minutes what it has
//! done already: an attempt whose answer was lost is repeated and succeeds. A condition that does not hold is a
//! conflict; another transaction on the same item is waited for.

use super::{Table, failure::judge, fields::Item, items::Stamp};
use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, TransactWriteItem},
};
use headrig_ledger::LedgerError;
use std::{fmt::Write, time::Duration};

/// How often a write is tried that other transactions are in the way of. Sweeps and runs meet at one batch or tally for
/// milliseconds, so more would mean a crowd.
pub(super) const TRIES_MAX: u32 = 8;
/// The longest pause after the first try; it doubles with each.
const PAUSE: Duration = Duration::from_millis(25);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// The code of a write whose condition does not hold.
const UNMET: &str = "ConditionalCheckFailed";
/// The codes of what passes by itself.
const PASSING: [&str; 3] = ["TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"];

/// The conflict that the item as it was found amounts to.
type ConflictOf<'a> = Box<dyn Fn(Option<&Item>) -> LedgerError + Send + Sync + 'a>;

/// Writes that are done together or not at all.
#[derive(Default)]
pub(super) struct Transaction<'a> {
    writes: Vec<TransactWriteItem>,
    conflicts: Vec<ConflictOf<'a>>,
}

/// What a cancelled transaction calls for.
enum Verdict {
    Conflict(LedgerError),
    Again,
    Refused,
}

impl<'a> Transaction<'a> {
    /// Adds a write; `conflict` tells what it means that its condition does not hold. The write must ask for the
    /// item in that case.
    pub(super) fn add(
        &mut self,
        write: TransactWriteItem,
        conflict: impl Fn(Option<&Item>) -> LedgerError + Send + Sync + 'a,
    ) {
        self.writes.push(write);
        self.conflicts.push(Box::new(conflict));
    }

    fn judge(&self, reasons: &[CancellationReason]) -> Verdict {
        let codes = || reasons.iter().map(|reason| reason.code().unwrap_or("None"));
        let unmet = codes().position(|code| code == UNMET);
        if let Some((conflict, reason)) = unmet.and_then(|at| Some((self.conflicts.get(at)?, &reasons[at]))) {
            return Verdict::Conflict(conflict(reason.item()));
        }
        let is_passing = codes().any(|code| PASSING.contains(&code))
            && codes().all(|code| code == "None" || PASSING.contains(&code));
        if is_passing { Verdict::Again } else { Verdict::Refused }
    }
}

impl Table {
    /// Does the writes as a whole, or none of them.
    pub(super) async fn transact(
        &self,
        action: &'static str,
        transaction: Transaction<'_>,
    ) -> Result<(), LedgerError> {
        let token = token(random(action)?);
        let request = self
            .client
            .transact_write_items()
            .client_request_token(token)
            .set_transact_items(Some(transaction.writes.clone()));
        for tries in 1.. {
            let Err(error) = request.clone().send().await else { break };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                error.as_service_error()
            else {
                return Err(judge(action, error));
            };
            match transaction.judge(cancelled.cancellation_reasons()) {
                Verdict::Conflict(conflict) => return Err(conflict),
                Verdict::Again if tries < TRIES_MAX => pause(tries).await,
                Verdict::Again => {
                    return Err(LedgerError::Unavailable { action, source: told(cancelled).into() });
                }
                Verdict::Refused => {
                    return Err(LedgerError::Refused { action, source: told(cancelled).into() });
                }
            }
        }
        Ok(())
    }
}

/// A new mark for one write.
pub(super) fn stamp(action: &'static str) -> Result<Stamp, LedgerError> {
    random(action).map(Stamp)
}

/// A rest of random length, the longer the more tries there were, so that those who met do not meet again.
pub(super) async fn pause(tries: u32) {
    let longest = PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(PAUSE_MAX);
    // Without randomness the pause is the longest.
    let [part, ..] = random("rest").unwrap_or([u8::MAX; 16]);
    tokio::time::sleep(longest.mul_f64(f64::from(part) / f64::from(u8::MAX))).await;
}

fn random(action: &'static str) -> Result<[u8; 16], LedgerError> {
    let mut bytes = [0; 16];
    let drawn = getrandom::fill(&mut bytes);
    drawn.map_err(|error| LedgerError::Unavailable { action, source: error.to_string().into() })?;
    Ok(bytes)
}

/// 32 characters; DynamoDB takes 36.
fn token(bytes: [u8; 16]) -> String {
    bytes.iter().fold(String::with_capacity(32), |mut token, byte| {
        let _ = write!(token, "{byte:02x}");
        token
    })
}

fn told(cancelled: &aws_sdk_dynamodb::types::error::TransactionCanceledException) -> String {
    let reasons = cancelled.cancellation_reasons().iter().filter_map(|reason| {
        let code = reason.code().filter(|code| *code != "None")?;
        Some(format!("{code} ({})", reason.message().unwrap_or("no message")))
    });
    let reasons: Vec<_> = reasons.collect();
    format!("the transaction was cancelled: {}", reasons.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::Put;
    use headrig_ledger::{BatchId, Version};

    /// What a transaction of two writes comes to that is cancelled with these codes.
    fn check(codes: [&str; 2], expect: &str) {
        let mut transaction = Transaction::default();
        let put = Put::builder().table_name("t").set_item(Some(Item::new())).build().unwrap();
        for number in 0..2 {
            let id = BatchId::from_bytes([number; 32]);
            let write = TransactWriteItem::builder().put(put.clone()).build();
            transaction.add(write, move |_| LedgerError::batch_conflict(id, Version(0), None));
        }
        let reasons = codes.map(|code| CancellationReason::builder().code(code).build());
        let found = match transaction.judge(&reasons) {
            Verdict::Conflict(LedgerError::Conflict { subject, .. }) => subject[..8].to_owned(),
            Verdict::Conflict(other) => panic!("{other}"),
            Verdict::Again => "again".into(),
            Verdict::Refused => "refused".into(),
        };
        assert_eq!(found, expect, "{codes:?}");
    }

    #[test]
    fn a_cancelled_transaction_is_a_conflict_or_comes_again_or_is_refused() {
        check(["ConditionalCheckFailed", "None"], "batch 00");
        check(["None", "ConditionalCheckFailed"], "batch 01");
        // Whoever was first has won; waiting for the other transaction would not change that.
        check(["TransactionConflict", "ConditionalCheckFailed"], "batch 01");
        check(["TransactionConflict", "None"], "again");
        check(["None", "ThrottlingError"], "again");
        check(["TransactionConflict", "ValidationError"], "refused");
        check(["None", "ItemCollectionSizeLimitExceeded"], "refused");
        check(["None", "None"], "refused");
    }

    #[test]
    fn tokens_fit_dynamodb_and_differ() {
        let tokens = [0, 1].map(|_| token(random("test").unwrap()));
        assert!(tokens[0] != tokens[1] && tokens.iter().all(|token| token.len() <= 36), "{tokens:?}");
    }
}
