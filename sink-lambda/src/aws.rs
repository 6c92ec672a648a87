//! The ports over AWS, each a thin adapter: one call, and its failure in the sink's words.
//!
//! It decides nothing. The core waits for each call, so an adapter blocks ([`headrig_aws::Calls`]). Clients are made when they are first needed, so that a cold start pays for none.

mod cloudwatch;
mod glue;
mod s3;
mod sns;

pub use cloudwatch::CloudWatchHeartbeats;
pub use glue::GlueJobs;
pub use headrig_aws::TableNotes;
pub use s3::{S3Lake, S3Objects};
pub use sns::SnsNotifier;

use crate::ports::CallError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use headrig_aws::{Answer, SdkError};
use std::error::Error;

fn failed<E: ProvideErrorMetadata + Error + 'static>(
    action: &'static str,
) -> impl FnOnce(SdkError<E>) -> CallError {
    move |error| Answer::of(&error).into_call_error(action)
}
