//! MiniStack, a stand-in for AWS, as a process of the test, on 127.0.0.1.
//!
//! Invariants: it is killed, by its own id, when the last test that uses it is done; what is read from it
//! goes past the program under test.

use crate::{
    http::{self, Message},
    process::{ANSWER_LIMIT, Running, wait_until},
    site::skip,
};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// A port that was free a moment ago may be taken by now.
const START_TRIES: u32 = 3;
/// What S3 lists at once.
const LISTED_MAX: usize = 1_000;
/// Names MiniStack's root user, whose signature it does not check.
const ROOT: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1";

static SHARED: Mutex<Weak<Ministack>> = Mutex::new(Weak::new());

/// A running MiniStack.
#[derive(Debug)]
pub struct Ministack {
    process: Mutex<Running>,
    address: SocketAddr,
}

/// Whom requests are checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policies {
    /// Everybody may do everything.
    Ignored,
    /// IAM decides.
    Enforced,
}

impl Ministack {
    /// The one that tests share, started by the first; none, and the test `what` is noted as skipped, where
    /// MiniStack is not installed.
    ///
    /// # Errors
    /// When it does not start; in CI also when it is not installed.
    pub fn shared(what: &str) -> Result<Option<Arc<Self>>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Ok(Some(running));
        }
        let started = Self::start(what, Policies::Ignored)?.map(Arc::new);
        *shared = started.as_ref().map_or_else(Weak::new, Arc::downgrade);
        Ok(started)
    }

    /// One of its own for the test `what`.
    ///
    /// # Errors
    /// As [`Ministack::shared`].
    pub fn start(what: &str, policies: Policies) -> Result<Option<Self>> {
        let Some(python) = python_with("ministack") else {
            ensure!(std::env::var_os("CI").is_none(), "CI has MiniStack in .venv; run `cargo xtask test`");
            skip(what, "no MiniStack in .venv; `cargo xtask test` installs it");
            return Ok(None);
        };
        for _ in 0..START_TRIES {
            if let Some(started) = Self::start_by(&python, policies)? {
                return Ok(Some(started));
            }
        }
        bail!("MiniStack ended at once, {START_TRIES} times")
    }

    fn start_by(python: &Path, policies: Policies) -> Result<Option<Self>> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(python);
        command.args(["-m", "ministack"]).envs([
            ("BIND_HOST", "127.0.0.1"),
            ("MINISTACK_HOST", "127.0.0.1"),
            ("IOT_MTLS_ENABLED", "0"),
            ("SFTP_ENABLED", "0"),
            ("MINISTACK_ACCOUNT_ID", "123456789012"),
            ("AUTH", if policies == Policies::Enforced { "true" } else { "false" }),
        ]);
        command.env("GATEWAY_PORT", address.port().to_string());
        command.env("AWS_ENDPOINT_URL", format!("http://{address}"));
        // Its functions inherit its environment, and the sink refuses variables of ours that are not its own.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HEADRIG_") {
                command.env_remove(name);
            }
        }
        let mut process = Running::start(command)?;
        let health = Message::request("GET", "/_ministack/health");
        let mut answers = false;
        wait_until("MiniStack answers", ANSWER_LIMIT, || {
            answers = http::ask(address, &health).is_ok_and(|answer| answer.status().ok() == Some(200));
            Ok(answers || process.has_ended()?)
        })?;
        let alive = answers && !process.has_ended()?;
        Ok(alive.then(|| Self { process: Mutex::new(process), address }))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id: the functions that it runs are its children.
    pub fn id(&self) -> u32 {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    /// Makes a bucket.
    ///
    /// # Errors
    /// When it is refused.
    pub fn make_bucket(&self, bucket: &str) -> Result<()> {
        self.ask(&Message::request("PUT", &format!("/{bucket}")), "s3").map(drop)
    }

    /// The keys in a bucket after `after`, in order.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn keys(&self, bucket: &str) -> Result<Vec<String>> {
        let mut keys: Vec<String> = Vec::new();
        loop {
            let after = keys.last().map_or_else(String::new, |key| format!("&start-after={}", escaped(key)));
            let target = format!("/{bucket}?list-type=2&max-keys={LISTED_MAX}{after}");
            let answer = self.ask(&Message::request("GET", &target), "s3")?;
            let xml = String::from_utf8(answer.body).context("a list of keys is UTF-8")?;
            let page: Vec<String> = between(&xml, "<Key>", "</Key>").map(str::to_owned).collect();
            let is_last = page.len() < LISTED_MAX;
            keys.extend(page);
            if is_last {
                return Ok(keys);
            }
        }
    }

    /// An object's bytes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn object(&self, bucket: &str, key: &str) -> Result<Vec<u8>> {
        Ok(self.ask(&Message::request("GET", &format!("/{bucket}/{}", escaped(key))), "s3")?.body)
    }

    /// Calls an action of a service that speaks AWS's query protocol, as root.
    ///
    /// # Errors
    /// When it is refused.
    pub fn call(&self, service: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let pairs: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let mut request = Message::request("POST", "/")
            .with("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        request.body = pairs.join("&").into();
        String::from_utf8(self.ask(&request, service)?.body).context("an answer is UTF-8")
    }

    /// Calls an operation of a service that speaks AWS's JSON, as root; `target` is `DynamoDB_20120810.Query`, say.
    ///
    /// # Errors
    /// When it is refused.
    pub fn call_json(&self, service: &str, target: &str, parameters: &Value) -> Result<Value> {
        let mut request = Message::request("POST", "/")
            .with("content-type", "application/x-amz-json-1.1")
            .with("x-amz-target", target);
        request.body = parameters.to_string().into();
        Ok(serde_json::from_slice(&self.ask(&request, service)?.body)?)
    }

    /// Sends one request as root; the answer's body.
    ///
    /// # Errors
    /// When it is refused.
    pub fn send(&self, service: &str, request: &Message) -> Result<Vec<u8>> {
        Ok(self.ask(request, service)?.body)
    }

    /// Stores an object, with S3's SHA-256 of it where `is_summed`.
    ///
    /// # Errors
    /// When it is refused.
    pub fn put(&self, bucket: &str, key: &str, bytes: &[u8], is_summed: bool) -> Result<()> {
        let mut request = Message::request("PUT", &format!("/{bucket}/{}", escaped(key)));
        if is_summed {
            let hash = headrig_contract::ContentHash::of(bytes);
            request = request.with("x-amz-checksum-sha256", &base64(hash.as_bytes()));
        }
        request.body = bytes.into();
        self.ask(&request, "s3").map(drop)
    }

    fn ask(&self, request: &Message, service: &str) -> Result<Message> {
        let root = format!("{ROOT}/{service}/aws4_request, SignedHeaders=host, Signature=0");
        let answer = http::ask(self.address, &request.clone().with("authorization", &root))
            .with_context(|| format!("{}: {}", request.start, self.said()))?;
        let body = || String::from_utf8_lossy(&answer.body).into_owned();
        ensure!((200..300).contains(&answer.status()?), "{}: {} {}", request.start, answer.start, body());
        Ok(answer)
    }

    fn said(&self) -> String {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        process.stderr_so_far().unwrap_or_default()
    }
}

/// Bytes in base64, as headers have them.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| -> String {
        let bits = (0..3).fold(0_u32, |bits, place| bits << 8 | u32::from(*group.get(place).unwrap_or(&0)));
        let letter = |place: usize| char::from(LETTERS[(bits >> (18 - 6 * place)) as usize & 63]);
        (0..4).map(|place| if place <= group.len() { letter(place) } else { '=' }).collect()
    };
    bytes.chunks(3).map(group).collect()
}

/// Every text between `begin` and `end`.
pub fn between<'a>(text: &'a str, begin: &str, end: &str) -> impl Iterator<Item = &'a str> {
    text.split(begin).skip(1).filter_map(move |rest| rest.split_once(end).map(|(inner, _)| inner))
}

/// The Python of `.venv`, if it has the program `name`.
pub(crate) fn python_with(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.join(".venv/bin");
    (folder.join(name).is_file() && folder.join("python").is_file()).then(|| folder.join("python"))
}

/// `text` for a path, a query or a form: everything but letters, digits, `-._~` and the slash by its bytes.
fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
