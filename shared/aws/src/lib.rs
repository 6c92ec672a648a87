//! What several parts share over AWS: how calls are made ([`Calls`]), the ledger in DynamoDB with the notes beside it,
//! and with the feature `s3` the object store in S3.
//!
//! It stands apart so that the ledger's own crate, and with it `headrig local`, builds without the AWS SDK. It knows
//! nothing of events, jobs or people; those are the sink's.

mod answer;
mod calls;
mod dynamodb;
mod encoded_key;
mod notes;
#[cfg(feature = "s3")]
pub mod s3;

pub use answer::{Answer, SdkError};
pub use calls::Calls;
pub use dynamodb::DynamoLedger;
pub use encoded_key::{KeyDecodeError, decode_key};
pub use notes::TableNotes;
