//! The job in Glue.
//!
//! StartJobRun has no idempotency token, so it is never repeated by the SDK. Needs glue:StartJobRun, glue:GetJobRun
//! and glue:GetJobRuns on the job. The job's own retries must be 0: each would be a run that nobody has started.

use super::failed;
use crate::ports::{CallError, JobStarter, RunState, StartError};
use aws_sdk_glue::{
    Client,
    config::retry::RetryConfig,
    types::{JobRun, JobRunState},
};
use headrig_aws::{Answer, Calls};
use headrig_ledger::{Attempt, BatchId, RunId};
use std::sync::OnceLock;

/// Of the job's runs the latest are looked at: Glue has them in that order, and no more are alive.
const RUNS_LISTED: i32 = 200;

/// One job.
#[derive(Debug)]
pub struct GlueJobs {
    calls: Calls,
    job: String,
    client: OnceLock<Client>,
}

impl GlueJobs {
    /// The job of that name.
    pub const fn new(calls: Calls, job: String) -> Self {
        Self { calls, job, client: OnceLock::new() }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            let config = aws_sdk_glue::config::Builder::from(self.calls.config())
                .retry_config(RetryConfig::disabled())
                .build();
            Client::from_conf(config)
        })
    }

    fn judge(&self, answer: Answer) -> StartError {
        let (job, reason) = (self.job.clone(), answer.reason.clone());
        match answer.code.as_str() {
            "ConcurrentRunsExceededException"
            | "ResourceNumberLimitExceededException"
            | "ThrottlingException"
            | "TooManyRequestsException" => StartError::Throttled { reason },
            "EntityNotFoundException" => StartError::NoSuchJob { job },
            _ if answer.is_denied() => StartError::Denied { reason },
            // Glue's time-outs come with a status of 400, and the run may have been started.
            "OperationTimeoutException" | "InternalServiceException" => StartError::AnswerLost { reason },
            _ if answer.status == 429 => StartError::Throttled { reason },
            _ if (400..500).contains(&answer.status) => StartError::Refused { reason },
            _ => StartError::AnswerLost { reason },
        }
    }
}

/// The batches as the job's argument `--batches` names them: `<id>:<attempt>`, with commas between.
fn batches_argument(batches: &[(BatchId, Attempt)]) -> String {
    let each: Vec<_> = batches.iter().map(|(id, attempt)| format!("{id}:{attempt}")).collect();
    each.join(",")
}

impl JobStarter for GlueJobs {
    fn start(&self, batches: &[(BatchId, Attempt)]) -> Result<RunId, StartError> {
        let request = self
            .client()
            .start_job_run()
            .job_name(&self.job)
            .arguments("--batches", batches_argument(batches));
        let started = self.calls.wait(request.send()).map_err(|error| self.judge(Answer::of(&error)))?;
        let id = started.job_run_id().unwrap_or_default();
        id.parse().map_err(|error| StartError::AnswerLost { reason: format!("{error}") })
    }

    fn state(&self, run: &RunId) -> Result<RunState, CallError> {
        let request = self.client().get_job_run().job_name(&self.job).run_id(run.as_str());
        match self.calls.wait(request.send()) {
            Ok(found) => Ok(found.job_run().map_or(RunState::Unknown, state_of)),
            Err(error) => match Answer::of(&error) {
                answer if answer.code == "EntityNotFoundException" => Ok(RunState::Unknown),
                _ => Err(failed("ask for a run")(error)),
            },
        }
    }

    fn under_way(&self) -> Result<usize, CallError> {
        let request = self.client().get_job_runs().job_name(&self.job).max_results(RUNS_LISTED);
        let found = self.calls.wait(request.send()).map_err(failed("list the job's runs"))?;
        Ok(found.job_runs().iter().filter(|run| state_of(run) == RunState::UnderWay).count())
    }
}

fn state_of(run: &JobRun) -> RunState {
    let reason = || {
        let state = run.job_run_state().map_or("no state", JobRunState::as_str);
        format!("{state}: {}", run.error_message().unwrap_or("no message"))
    };
    match run.job_run_state() {
        Some(JobRunState::Succeeded) => RunState::Succeeded,
        // Expired: it waited in Glue's queue and never ran.
        Some(JobRunState::Stopped | JobRunState::Expired) => RunState::Stopped,
        Some(JobRunState::Failed | JobRunState::Error | JobRunState::Timeout) => {
            RunState::Failed { reason: reason() }
        }
        // A state that is not known here had better be waited for: the lease decides.
        _ => RunState::UnderWay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_glue_has_its_meaning() {
        let state = |state: &str| {
            state_of(&JobRun::builder().job_run_state(state.into()).error_message("oom").build())
        };
        for alive in ["STARTING", "RUNNING", "STOPPING", "WAITING", "SOMETHING_NEW"] {
            assert_eq!(state(alive), RunState::UnderWay, "{alive}");
        }
        for dead in ["FAILED", "ERROR", "TIMEOUT"] {
            assert_eq!(state(dead), RunState::Failed { reason: format!("{dead}: oom") });
        }
        assert_eq!([state("STOPPED"), state("EXPIRED")], [RunState::Stopped, RunState::Stopped]);
        assert_eq!(state("SUCCEEDED"), RunState::Succeeded);
    }

    #[test]
    fn a_run_is_told_its_batches_in_order() {
        let batches =
            [(BatchId::from_bytes([0xab; 32]), Attempt(1)), (BatchId::from_bytes([1; 32]), Attempt(12))];
        let expect = format!("{}:1,{}:12", "ab".repeat(32), "01".repeat(32));
        assert_eq!(batches_argument(&batches), expect);
    }
}
