//! The Lambda function: its ports over AWS, made once, and one handler for every event.
//!
//! It takes any ledger. Invariants: before the first event nothing is contacted; a panic is an error of one
//! invocation, and the next one is served.

use crate::{
    aws::{CloudWatchHeartbeats, GlueJobs, S3Lake, S3Objects, SnsNotifier},
    emf::EmfMetrics,
    environment::Environment,
    events::{Event, EventError},
    ports::{Figure, Metrics, NoteBook},
    sink::{Ports, Sink, SinkError},
};
use headrig_aws::Calls;
use headrig_ledger::Ledger;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// The event is none that the function knows.
    #[error(transparent)]
    Event(#[from] EventError),
    /// It could not be dealt with.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The handler broke down.
    #[error("the handler broke down; this is a bug: {reason}")]
    Panic {
        /// What is known of it.
        reason: String,
    },
}

/// The function, ready to be invoked.
#[derive(Debug)]
pub struct Function<L, N> {
    /// Behind a lock for ledgers that are one connection; Lambda hands a process one event at a time.
    ledger: Mutex<L>,
    notes: N,
    environment: Environment,
    objects: S3Objects,
    lake: S3Lake,
    jobs: GlueJobs,
    notifier: SnsNotifier,
    heartbeats: CloudWatchHeartbeats,
    metrics: EmfMetrics,
}

impl<L, N> Function<L, N>
where
    L: Ledger + Send + 'static,
    N: NoteBook + Send + Sync + 'static,
{
    /// A function over that ledger and those notes.
    pub fn new(ledger: L, notes: N, environment: Environment, calls: &Calls) -> Self {
        let Environment { settings, lake_bucket, lake_prefix, path_style, .. } = &environment;
        Self {
            objects: S3Objects::new(calls.clone(), settings.bucket.clone(), *path_style),
            lake: S3Lake::new(calls.clone(), lake_bucket.clone(), lake_prefix.clone(), *path_style),
            jobs: GlueJobs::new(calls.clone(), environment.job.clone()),
            notifier: SnsNotifier::new(calls.clone(), environment.topic_arn.clone()),
            heartbeats: CloudWatchHeartbeats::new(calls.clone(), environment.metrics_namespace.clone()),
            metrics: EmfMetrics::new(environment.metrics_namespace.clone()),
            ledger: Mutex::new(ledger),
            notes,
            environment,
        }
    }

    /// Serves the Lambda Runtime API until the process is ended.
    ///
    /// # Errors
    /// When the Runtime API cannot be reached.
    pub async fn serve(self) -> Result<(), lambda_runtime::Error> {
        let function = Arc::new(self);
        lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
            let function = Arc::clone(&function);
            async move {
                // The core blocks, so it has a thread of its own while this one drives the SDK.
                let invoked = tokio::task::spawn_blocking(move || function.invoke(&event.payload)).await;
                let broken =
                    |error: tokio::task::JoinError| InvocationError::Panic { reason: error.to_string() };
                invoked.map_err(broken).flatten().map_err(diagnosed)
            }
        }))
        .await
    }

    /// Deals with one event. Blocks.
    ///
    /// # Errors
    /// [`InvocationError`] where the event is to come again.
    pub fn invoke(&self, payload: &Value) -> Result<Value, InvocationError> {
        let event =
            Event::of(payload).inspect_err(|_| self.metrics.publish(&[(Figure::EventsMalformed, 1.0)]))?;
        let ports = Ports {
            objects: &self.objects,
            lake: &self.lake,
            jobs: &self.jobs,
            notifier: &self.notifier,
            metrics: &self.metrics,
            heartbeats: &self.heartbeats,
            notes: &self.notes,
            now: &|| SystemTime::now().into(),
        };
        // Whoever broke down holding it has left nothing half done: every write is a transaction.
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let reply = Sink::new(&*ledger, ports, &self.environment.settings).handle(&event)?;
        Ok(reply.to_json())
    }
}

fn diagnosed(error: InvocationError) -> Diagnostic {
    tracing::error!(%error, "the invocation failed");
    let error_type = match &error {
        InvocationError::Event(_) => "Event",
        InvocationError::Sink(_) => "Sink",
        InvocationError::Panic { .. } => "Panic",
    };
    Diagnostic { error_type: error_type.into(), error_message: error.to_string() }
}
