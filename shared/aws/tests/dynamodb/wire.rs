//! A network that counts what goes over it, and loses requests and answers as it is told.
//!
//! It stands below the SDK, so that what the SDK does about losses is tested too. It knows no ledger.

use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    shared::IntoShared,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// The requests that change something.
const WRITES: [&str; 6] =
    ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems", "ExecuteStatement"];

/// One attempt of a request, as a plan sees it.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// What is asked for: `PutItem`, say.
    pub(crate) operation: String,
    /// Which attempt of the same request it is, from 1.
    pub(crate) number: u32,
    /// How many attempts there were before, of whatever.
    pub(crate) requests_before: u64,
}

/// What happens to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The request never arrives; the SDK tries again.
    Request,
    /// The request is done and the answer lost; the SDK tries again.
    Answer,
    /// The request never arrives, and the SDK gives up.
    RequestForGood,
    /// The request is done and the answer lost, and the SDK gives up.
    AnswerForGood,
    /// What the same query was first answered is answered again, as by an index that lags behind.
    OldAnswer,
    /// Each entry that a query finds comes twice, as from an index in which it is just moving.
    Twice,
    /// DynamoDB says that another transaction is at work on the item; nothing is done.
    InTheWay,
    /// DynamoDB says that there is too much to do; nothing is done.
    Throttled,
}

type Plan = Arc<dyn Fn(&Attempt) -> Option<Loss> + Send + Sync>;

/// The network. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Wire {
    inner: SharedHttpClient,
    state: Arc<State>,
    plan: Plan,
}

/// Status and body.
type OldAnswer = (u16, Vec<u8>);

#[derive(Default)]
struct State {
    requests: Mutex<BTreeMap<String, u64>>,
    losses: Mutex<u64>,
    answers: Mutex<BTreeMap<Vec<u8>, OldAnswer>>,
    in_order: AtomicBool,
}

impl Wire {
    /// A network that loses nothing.
    pub(crate) fn sound() -> Self {
        Self::losing(|_| None)
    }

    /// A network that loses what `plan` says.
    pub(crate) fn losing(plan: impl Fn(&Attempt) -> Option<Loss> + Send + Sync + 'static) -> Self {
        Self { inner: Builder::new().build_http().into_shared(), state: Arc::default(), plan: Arc::new(plan) }
    }

    /// Does `act` while nothing is lost or counted.
    pub(crate) fn in_order<T>(&self, act: impl FnOnce() -> T) -> T {
        self.state.in_order.store(true, Ordering::SeqCst);
        let result = act();
        self.state.in_order.store(false, Ordering::SeqCst);
        result
    }

    /// How many requests of each kind there were.
    pub(crate) fn requests(&self) -> BTreeMap<String, u64> {
        self.state.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests there were that change something.
    pub(crate) fn writes(&self) -> u64 {
        self.requests()
            .iter()
            .filter(|(name, _)| WRITES.contains(&name.as_str()))
            .map(|(_, count)| count)
            .sum()
    }

    /// How many requests or answers were lost.
    pub(crate) fn losses(&self) -> u64 {
        *self.state.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn loss_of(&self, request: &HttpRequest) -> Option<Loss> {
        if self.state.in_order.load(Ordering::SeqCst) {
            return None;
        }
        let header = |name| request.headers().get(name).unwrap_or_default();
        let operation = header("x-amz-target").rsplit('.').next().unwrap_or_default().to_owned();
        let number =
            header("amz-sdk-request").split(';').find_map(|part| part.trim().strip_prefix("attempt="));
        let number = number.and_then(|number| number.parse().ok()).expect("the SDK numbers its attempts");
        let requests_before = self.requests().values().sum();
        *self.state.requests.lock().unwrap().entry(operation.clone()).or_default() += 1;
        let loss = (self.plan)(&Attempt { operation, number, requests_before });
        *self.state.losses.lock().unwrap() += u64::from(loss.is_some());
        loss
    }
}

/// Whether the operation changes something.
pub(crate) fn is_write(attempt: &Attempt) -> bool {
    WRITES.contains(&attempt.operation.as_str())
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, wire: self.clone() })
    }
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    wire: Wire,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let lost = |what: &str| Box::<dyn std::error::Error + Send + Sync>::from(format!("{what} is lost"));
        let (loss, inner, state) = (self.wire.loss_of(&request), self.inner.clone(), self.wire.state.clone());
        HttpConnectorFuture::new(async move {
            match loss {
                None => remembered(&inner, request, &state).await,
                Some(Loss::Request) => Err(ConnectorError::io(lost("the request"))),
                Some(Loss::RequestForGood) => Err(ConnectorError::other(lost("the request"), None)),
                Some(Loss::Answer) => {
                    inner.call(request).await?;
                    Err(ConnectorError::timeout(lost("the answer")))
                }
                Some(Loss::AnswerForGood) => {
                    inner.call(request).await?;
                    Err(ConnectorError::other(lost("the answer"), None))
                }
                Some(Loss::InTheWay) => Ok(in_the_way(&request)),
                Some(Loss::Throttled) => Ok(failure("ThrottlingException", "")),
                Some(Loss::Twice) => Ok(twice(inner.call(request).await?).await?),
                Some(Loss::OldAnswer) => {
                    let body = request.body().bytes().unwrap_or_default().to_vec();
                    let old = state.answers.lock().unwrap().get(&body).cloned();
                    match old {
                        Some((status, old)) => Ok(answer(status, &old)),
                        None => remembered(&inner, request, &state).await,
                    }
                }
            }
        })
    }
}

async fn remembered(
    inner: &SharedHttpConnector,
    request: HttpRequest,
    state: &State,
) -> Result<HttpResponse, ConnectorError> {
    let asked = request.body().bytes().unwrap_or_default().to_vec();
    let (status, told) = read(inner.call(request).await?).await?;
    state.answers.lock().unwrap().entry(asked).or_insert_with(|| (status, told.clone()));
    Ok(answer(status, &told))
}

async fn twice(response: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let (status, told) = read(response).await?;
    let mut told: serde_json::Value = serde_json::from_slice(&told).expect("DynamoDB answers in JSON");
    if let Some(items) = told["Items"].as_array_mut() {
        *items = items.iter().flat_map(|item| [item.clone(), item.clone()]).collect();
    }
    Ok(answer(status, told.to_string().as_bytes()))
}

async fn read(response: HttpResponse) -> Result<OldAnswer, ConnectorError> {
    let status = response.status().as_u16();
    let told = ByteStream::new(response.into_body()).collect().await;
    Ok((status, told.map_err(|error| ConnectorError::io(error.into()))?.to_vec()))
}

/// A single write is told so itself; a transaction is cancelled, here for its second item.
fn in_the_way(request: &HttpRequest) -> HttpResponse {
    if request.headers().get("x-amz-target").is_some_and(|target| target.ends_with("TransactWriteItems")) {
        let reasons = r#","CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict"}]"#;
        return failure("TransactionCanceledException", reasons);
    }
    failure("TransactionConflictException", "")
}

fn failure(name: &str, more: &str) -> HttpResponse {
    let body =
        format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{name}","message":"as planned"{more}}}"#);
    answer(400, body.as_bytes())
}

fn answer(status: u16, body: &[u8]) -> HttpResponse {
    HttpResponse::new(status.try_into().expect("a status that was answered"), SdkBody::from(body))
}
