//! What several parts share over AWS: how calls are made ([`Calls`]), and the ledger in DynamoDB.
//!
//! It stands apart so that the ledger's own crate, and with it `headrig local`, builds without the AWS SDK. It knows
//! nothing of events, jobs or people; those are the sink's.

mod calls;
mod dynamodb;

pub use calls::Calls;
pub use dynamodb::DynamoLedger;
