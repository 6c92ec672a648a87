//! A way to a service that fails as it is told: a proxy in front of MiniStack or moto that refuses, cuts, delays or
//! answers in the service's place.
//!
//! What it passes on it passes on byte for byte, and counts by what was asked for. It stops when it is dropped.

use crate::{
    http::{self, Message},
    random::Random,
};
use anyhow::Result;
use std::{
    collections::BTreeMap,
    io::BufReader,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// What happens to requests.
#[derive(Clone, Debug)]
pub enum Fault {
    /// They are passed on.
    None,
    /// Nobody is there: connections are closed at once.
    Away,
    /// So many of a thousand fail, in every way there is.
    Share {
        /// How many.
        per_mille: u64,
    },
    /// So many of a thousand calls of a service that speaks AWS's JSON fail: by one of these errors, or because the
    /// connection is cut before they are done, or after.
    Calls {
        /// How many.
        per_mille: u64,
        /// Statuses, and what the errors are called.
        errors: &'static [(u16, &'static str)],
    },
    /// Requests signed with this access key are answered as S3 does when a session's time is over.
    Expired {
        /// The key.
        access_key: String,
    },
    /// Every request is answered so.
    Always {
        /// The answer.
        answer: Message,
    },
    /// They are passed on after a while.
    Slow {
        /// How long.
        delay: Duration,
    },
}

/// The running proxy.
#[derive(Debug)]
pub struct Faults {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    fault: Mutex<Fault>,
    random: Mutex<Random>,
    connections: Mutex<Vec<TcpStream>>,
    stopping: AtomicBool,
    requests: AtomicU64,
    failed: AtomicU64,
    operations: Mutex<BTreeMap<String, u64>>,
}

/// What becomes of one request.
enum Fate {
    Passed,
    Answered(Message),
    /// The connection is gone before the body was read.
    CutBefore,
    /// The store has done it, and nobody is told.
    CutAfter,
}

impl Faults {
    /// A proxy to `upstream` that passes everything on, for now.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn before(upstream: SocketAddr, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            fault: Mutex::new(Fault::None),
            random: Mutex::new(Random::new(seed)),
            connections: Mutex::default(),
            stopping: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            operations: Mutex::default(),
        });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Self { address, shared, acceptor: Some(acceptor) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What happens from now on. Connections that are open stay so, unless nobody is to be there.
    pub fn set(&self, fault: Fault) {
        let away = matches!(fault, Fault::Away);
        *locked(&self.shared.fault) = fault;
        if away {
            self.shared.hang_up();
        }
    }

    /// How many requests there were, and how many of them failed here.
    pub fn counts(&self) -> (u64, u64) {
        (self.shared.requests.load(Ordering::SeqCst), self.shared.failed.load(Ordering::SeqCst))
    }

    /// How often each operation of a service that speaks AWS's JSON was asked for, repetitions included.
    pub fn operations(&self) -> BTreeMap<String, u64> {
        locked(&self.shared.operations).clone()
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.hang_up();
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl Shared {
    fn hang_up(&self) {
        for connection in locked(&self.connections).drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    fn fate(&self, request: &Message) -> Fate {
        let fault = locked(&self.fault).clone();
        match fault {
            Fault::None => Fate::Passed,
            Fault::Away => Fate::CutBefore,
            Fault::Always { answer } => Fate::Answered(answer),
            Fault::Slow { delay } => {
                thread::sleep(delay);
                Fate::Passed
            }
            Fault::Expired { access_key } => {
                let is_signed_by_it =
                    request.header("authorization").is_some_and(|value| value.contains(&access_key));
                if is_signed_by_it { refused(400, "ExpiredToken") } else { Fate::Passed }
            }
            Fault::Share { per_mille } => {
                let mut random = locked(&self.random);
                if random.below(1_000) >= per_mille {
                    return Fate::Passed;
                }
                match random.below(5) {
                    0 => refused(503, "SlowDown"),
                    1 => refused(500, "InternalError"),
                    2 => refused(403, "AccessDenied"),
                    3 => Fate::CutBefore,
                    _ => Fate::CutAfter,
                }
            }
            Fault::Calls { per_mille, errors } => {
                let mut random = locked(&self.random);
                if random.below(1_000) >= per_mille {
                    return Fate::Passed;
                }
                match random.below(3) {
                    0 => Fate::CutBefore,
                    1 => Fate::CutAfter,
                    _ => {
                        let (status, name) = *random.pick(errors);
                        Fate::Answered(Message::json_error(status, name))
                    }
                }
            }
        }
    }

    fn count(&self, request: &Message) {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let target = request.header("x-amz-target").and_then(|target| target.rsplit('.').next());
        if let Some(operation) = target {
            *locked(&self.operations).entry(operation.into()).or_default() += 1;
        }
    }
}

fn refused(status: u16, code: &str) -> Fate {
    Fate::Answered(Message::s3_error(status, code))
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads = Vec::new();
    for connection in listener.incoming().flatten() {
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        if matches!(*locked(&shared.fault), Fault::Away) {
            shared.failed.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        if let Ok(clone) = connection.try_clone() {
            locked(&shared.connections).push(clone);
        }
        let shared = Arc::clone(shared);
        threads.push(thread::spawn(move || {
            // A client that hangs up ends its connection, not the test.
            let _ = converse(&connection, &shared);
            let _ = connection.shutdown(Shutdown::Both);
        }));
    }
    shared.hang_up();
    threads.into_iter().for_each(|thread| drop(thread.join()));
}

/// Answers the requests of one connection, one after another, until one of them is cut.
fn converse(mut connection: &TcpStream, shared: &Shared) -> Result<()> {
    let mut reader = BufReader::new(connection);
    while let Some(mut request) = Message::read_head(&mut reader)? {
        shared.count(&request);
        let fate = shared.fate(&request);
        if !matches!(fate, Fate::Passed) {
            shared.failed.fetch_add(1, Ordering::SeqCst);
        }
        if matches!(fate, Fate::CutBefore) {
            return Ok(());
        }
        request.read_body(&mut reader)?;
        let is_head = request.start.starts_with("HEAD ");
        match fate {
            Fate::Answered(answer) if is_head => answer.write_head(&mut connection)?,
            Fate::Answered(answer) => answer.write(&mut connection)?,
            Fate::Passed if is_head => passed_on(request, shared)?.write_head(&mut connection)?,
            Fate::Passed => passed_on(request, shared)?.write(&mut connection)?,
            Fate::CutAfter | Fate::CutBefore => return passed_on(request, shared).map(drop),
        }
    }
    Ok(())
}

fn passed_on(mut request: Message, shared: &Shared) -> Result<Message> {
    request.headers.retain(|(name, _)| name != "connection" && name != "expect");
    http::ask(shared.upstream, &request.with("connection", "close")).map(|mut answer| {
        answer.headers.retain(|(name, _)| name != "connection");
        answer
    })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
