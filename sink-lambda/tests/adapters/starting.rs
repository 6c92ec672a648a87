//! The job in Glue: what is asked for, and what each answer means.

use crate::stub::{Reply, Stub, answer};
use headrig_ledger::{Attempt, BatchId};
use headrig_sink::{
    CallError,
    aws::GlueJobs,
    ports::{JobStarter, RunState, StartError},
};

const KIND: &str = "application/x-amz-json-1.1";

/// Whether the error is the one that is meant.
type Meaning<'a> = &'a dyn Fn(&StartError) -> bool;

fn said(status: u16, name: &str) -> Reply {
    Reply::Answer(answer(status, KIND, format!("{{\"__type\":\"{name}\",\"Message\":\"as told\"}}")))
}

fn job(stub: &Stub) -> GlueJobs {
    GlueJobs::new(stub.calls(), "etl".into())
}

fn start(reply: Reply) -> Result<String, StartError> {
    let stub = Stub::with([reply]);
    let started = job(&stub).start(&[(BatchId::from_bytes([7; 32]), Attempt(3))]);
    let requests = stub.requests();
    assert_eq!(
        requests.len(),
        1,
        "a start is never repeated: there is no token by which Glue would know it again"
    );
    let body = String::from_utf8_lossy(&requests[0].body).into_owned();
    let expect = format!("{{\"JobName\":\"etl\",\"Arguments\":{{\"--batches\":\"{}:3\"}}}}", "07".repeat(32));
    assert_eq!(body, expect);
    started.map(|run| run.as_str().to_owned())
}

#[test]
fn a_start_that_failed_says_whether_there_may_be_a_run() {
    let throttled = |error: &StartError| matches!(error, StartError::Throttled { .. });
    let lost = |error: &StartError| matches!(error, StartError::AnswerLost { .. });
    let denied = |error: &StartError| matches!(error, StartError::Denied { .. });
    let refused = |error: &StartError| matches!(error, StartError::Refused { .. });
    let missing = |error: &StartError| *error == StartError::NoSuchJob { job: "etl".into() };
    let torn = answer(200, KIND, "{\"JobRunId\":\"jr_1\"}");
    let cases: [(Reply, Meaning<'_>); 18] = [
        (said(400, "ConcurrentRunsExceededException"), &throttled),
        (said(400, "ResourceNumberLimitExceededException"), &throttled),
        (said(400, "ThrottlingException"), &throttled),
        (said(429, "TooManyRequestsException"), &throttled),
        (said(429, "Whatever"), &throttled),
        (said(400, "EntityNotFoundException"), &missing),
        (said(400, "AccessDeniedException"), &denied),
        (said(403, "ExpiredTokenException"), &denied),
        (said(400, "InvalidInputException"), &refused),
        (said(400, "IdempotentParameterMismatchException"), &refused),
        (said(400, "OperationTimeoutException"), &lost),
        (said(500, "InternalServiceException"), &lost),
        (said(503, "ServiceUnavailable"), &lost),
        (Reply::Cut, &lost),
        (Reply::Silence, &lost),
        (Reply::Torn(torn, 4), &lost),
        (Reply::Answer(answer(200, KIND, "{\"JobRunId\":")), &lost),
        (Reply::Answer(answer(200, KIND, "{}")), &lost),
    ];
    for (reply, is_meant) in cases {
        let error = start(reply.clone()).unwrap_err();
        assert!(is_meant(&error), "{reply:?}: {error:?}");
    }
    assert_eq!(start(Reply::Answer(answer(200, KIND, "{\"JobRunId\":\"jr_1\"}"))).unwrap(), "jr_1");
}

#[test]
fn a_run_that_cannot_be_asked_for_is_not_taken_for_dead() {
    let run = "jr_1".parse().unwrap();
    let state = |reply: Reply| job(&Stub::with([reply])).state(&run);
    let stands = |state: &str| {
        let body = format!(
            "{{\"JobRun\":{{\"Id\":\"jr_1\",\"JobRunState\":\"{state}\",\"ErrorMessage\":\"oom\"}}}}"
        );
        Reply::Answer(answer(200, KIND, body))
    };
    assert_eq!(state(stands("RUNNING")), Ok(RunState::UnderWay));
    assert_eq!(state(stands("FAILED")), Ok(RunState::Failed { reason: "FAILED: oom".into() }));
    assert_eq!(state(said(400, "EntityNotFoundException")), Ok(RunState::Unknown));
    assert!(matches!(state(said(400, "AccessDeniedException")), Err(CallError::Denied { .. })));
    for reply in
        [said(400, "ThrottlingException"), said(500, "InternalServiceException"), Reply::Cut, Reply::Silence]
    {
        let error = state(reply.clone()).unwrap_err();
        assert!(
            matches!(error, CallError::Unavailable { .. }) && error.is_retryable(),
            "{reply:?}: {error:?}"
        );
    }
}

#[test]
fn runs_that_have_ended_are_not_counted() {
    let runs: Vec<_> = ["RUNNING", "STARTING", "SUCCEEDED", "FAILED", "WAITING", "STOPPED"]
        .map(|state| format!("{{\"JobRunState\":\"{state}\"}}"))
        .into();
    let stub =
        Stub::with([Reply::Answer(answer(200, KIND, format!("{{\"JobRuns\":[{}]}}", runs.join(","))))]);
    assert_eq!(job(&stub).under_way(), Ok(3));
}
