//! People, by a topic of SNS. Needs sns:Publish on it.

use super::failed;
use crate::ports::{CallError, Notifier};
use aws_sdk_sns::Client;
use headrig_aws::Calls;
use std::sync::OnceLock;

/// One topic.
#[derive(Debug)]
pub struct SnsNotifier {
    calls: Calls,
    topic_arn: String,
    client: OnceLock<Client>,
}

impl SnsNotifier {
    /// The topic with that ARN.
    pub const fn new(calls: Calls, topic_arn: String) -> Self {
        Self { calls, topic_arn, client: OnceLock::new() }
    }
}

impl Notifier for SnsNotifier {
    fn tell(&self, subject: &str, text: &str) -> Result<(), CallError> {
        let client = self.client.get_or_init(|| Client::new(self.calls.config()));
        let request = client.publish().topic_arn(&self.topic_arn).subject(subject).message(text);
        self.calls.wait(request.send()).map(drop).map_err(failed("publish to the SNS topic"))
    }
}
