//! A Lambda Runtime API: it runs a function's real `bootstrap`, hands it events one at a time and times its answers.
//!
//! It knows no function. Invariant: the process is killed, by its own id, when this is dropped.

use crate::{
    http::Message,
    process::{ANSWER_LIMIT, Running},
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::{
    io::BufReader,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

/// How often a poll that waits for an event looks whether it is to end.
const POLL: Duration = Duration::from_millis(20);

/// A running function.
#[derive(Debug)]
pub struct Lambda {
    process: Running,
    address: SocketAddr,
    started: Instant,
    events: Sender<Vec<u8>>,
    told: Receiver<Told>,
    shared: Arc<Shared>,
}

/// What came of one event.
#[derive(Clone, Debug)]
pub struct Invoked {
    /// Whether the function says that it failed.
    pub has_failed: bool,
    /// What it answered.
    pub answer: Value,
    /// From the event's handing over to the answer.
    pub took: Duration,
}

#[derive(Debug)]
struct Shared {
    events: Mutex<Receiver<Vec<u8>>>,
    handed: Mutex<Instant>,
    stopping: AtomicBool,
}

#[derive(Debug)]
enum Told {
    Polled(Instant),
    Answered(Invoked),
}

impl Lambda {
    /// Starts `program` with nothing in its environment but what Lambda gives, and `environment`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(program: &Path, environment: &[(&str, String)]) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (events, receiver) = channel();
        let (teller, told) = channel();
        let shared = Arc::new(Shared {
            events: Mutex::new(receiver),
            handed: Mutex::new(Instant::now()),
            stopping: AtomicBool::new(false),
        });
        thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared, &teller)
        });
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "headrig-sink")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .envs(environment.iter().map(|(name, value)| (name, value)));
        let started = Instant::now();
        let process = Running::start(command)?;
        Ok(Self { process, address, started, events, told, shared })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits for the first poll, and says how long after the process's start it came.
    ///
    /// # Errors
    /// When it does not come in time.
    pub fn first_poll(&self) -> Result<Duration> {
        match self.told.recv_timeout(ANSWER_LIMIT) {
            Ok(Told::Polled(at)) => Ok(at.duration_since(self.started)),
            other => Err(anyhow::anyhow!("no poll but {other:?}; it said:\n{}", self.said()?)),
        }
    }

    /// Hands over one event and waits for the answer.
    ///
    /// # Errors
    /// When there is none in time.
    pub fn invoke(&self, event: &Value) -> Result<Invoked> {
        self.events.send(event.to_string().into()).context("the Runtime API has ended")?;
        loop {
            match self.told.recv_timeout(ANSWER_LIMIT) {
                Ok(Told::Polled(_)) => {}
                Ok(Told::Answered(invoked)) => return Ok(invoked),
                Err(error) => return Err(error).with_context(|| self.said().unwrap_or_default()),
            }
        }
    }

    /// Everything it has written to its standard output and error so far: figures and log lines.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn said(&self) -> Result<String> {
        Ok(self.process.stdout_so_far()? + &self.process.stderr_so_far()?)
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, teller: &Sender<Told>) {
    for connection in listener.incoming().flatten() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let (shared, teller) = (Arc::clone(shared), teller.clone());
        thread::spawn(move || {
            // A function that is gone ends its connection, not the test.
            let _ = converse(&connection, &shared, &teller);
            let _ = connection.shutdown(Shutdown::Both);
        });
    }
}

fn converse(mut connection: &TcpStream, shared: &Shared, teller: &Sender<Told>) -> Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection);
    while let Some(mut request) = Message::read_head(&mut reader)? {
        request.read_body(&mut reader)?;
        let path = request.start.split(' ').nth(1).unwrap_or_default().to_owned();
        if path.ends_with("/invocation/next") {
            teller.send(Told::Polled(Instant::now()))?;
            let Some(event) = next(shared) else { return Ok(()) };
            *locked(&shared.handed) = Instant::now();
            next_event(event).write(&mut connection)?;
            continue;
        }
        let took = locked(&shared.handed).elapsed();
        Message { start: "HTTP/1.1 202 Accepted".into(), body: b"{}".to_vec(), ..Message::default() }
            .write(&mut connection)?;
        ensure!(path.ends_with("/response") || path.ends_with("/error"), "{path}");
        let answer = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        teller.send(Told::Answered(Invoked { has_failed: path.ends_with("/error"), answer, took }))?;
    }
    Ok(())
}

/// The next event; none when there will be no more.
fn next(shared: &Shared) -> Option<Vec<u8>> {
    let events = locked(&shared.events);
    while !shared.stopping.load(Ordering::SeqCst) {
        match events.recv_timeout(POLL) {
            Ok(event) => return Some(event),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    None
}

fn next_event(body: Vec<u8>) -> Message {
    Message { start: "HTTP/1.1 200 OK".into(), body, ..Message::default() }
        .with("lambda-runtime-aws-request-id", "1")
        .with("lambda-runtime-deadline-ms", "9999999999999")
        .with(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:headrig-sink",
        )
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
