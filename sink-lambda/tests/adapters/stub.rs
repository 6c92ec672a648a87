//! A service that answers as it is told, one request after the other, and remembers what it was asked.

use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_s3::config::Credentials;
use headrig_aws::Calls;
use headrig_tests::http::Message;
use std::{
    collections::VecDeque,
    io::{BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, LazyLock, Mutex},
    thread,
    time::Duration,
};
use tokio::runtime::Runtime;

/// How long a call waits for its answer: short, since some never come.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(400);

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Answer(Message),
    /// The head, and so many bytes fewer than it announces.
    Torn(Message, usize),
    /// The connection is closed without a word.
    Cut,
    /// Nothing, for longer than anybody waits.
    Silence,
}

/// The service. It serves until its process ends with the test.
pub(crate) struct Stub {
    address: SocketAddr,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    requests: Arc<Mutex<Vec<Message>>>,
}

impl Stub {
    /// One that gives these answers in turn, and then closes every connection.
    pub(crate) fn with(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stub = Self {
            address: listener.local_addr().unwrap(),
            replies: Arc::new(Mutex::new(replies.into_iter().collect())),
            requests: Arc::default(),
        };
        let (replies, requests) = (Arc::clone(&stub.replies), Arc::clone(&stub.requests));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (replies, requests) = (Arc::clone(&replies), Arc::clone(&requests));
                thread::spawn(move || converse(&connection, &replies, &requests));
            }
        });
        stub
    }

    pub(crate) fn calls(&self) -> Calls {
        calls(self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Message> {
        self.requests.lock().unwrap().clone()
    }
}

/// Drives the SDK for all tests.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
});

/// Calls to the service at `address`, each attempted once.
pub(crate) fn calls(address: SocketAddr) -> Calls {
    let times = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .timeout_config(times)
        .retry_config(RetryConfig::disabled());
    Calls::over(RUNTIME.handle().clone(), RUNTIME.block_on(config.load()))
}

/// An answer in one of AWS's ways to write.
pub(crate) fn answer(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Message {
    let start = format!("HTTP/1.1 {status} as told");
    Message { start, body: body.into(), ..Message::default() }.with("content-type", kind)
}

fn converse(mut connection: &TcpStream, replies: &Mutex<VecDeque<Reply>>, requests: &Mutex<Vec<Message>>) {
    let mut reader = BufReader::new(connection);
    while let Ok(Some(mut request)) = Message::read_head(&mut reader) {
        request.read_body(&mut reader).unwrap();
        requests.lock().unwrap().push(request.clone());
        let reply = replies.lock().unwrap().pop_front().unwrap_or(Reply::Cut);
        let mut bytes = Vec::new();
        let missing = match &reply {
            Reply::Cut => return,
            Reply::Silence => return thread::sleep(ATTEMPT_TIMEOUT * 3),
            Reply::Torn(message, missing) => {
                message.write(&mut bytes).unwrap();
                *missing
            }
            Reply::Answer(message) => {
                message.write(&mut bytes).unwrap();
                if request.start.starts_with("HEAD ") { message.body.len() } else { 0 }
            }
        };
        bytes.truncate(bytes.len() - missing);
        // A client that hangs up ends its connection, not the test.
        if connection.write_all(&bytes).is_err() || matches!(reply, Reply::Torn(..)) {
            return;
        }
    }
}
