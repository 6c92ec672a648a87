//! A stand-in for S3, STS and CloudWatch on the loopback interface: records what it is asked, checks what S3
//! checks (SHA-256, If-None-Match), and misbehaves as it is told to. Stopped when it is dropped.

#![allow(dead_code, reason = "each test program uses a part of it")]

mod serve;
mod wire;

pub(crate) use wire::Request;

use std::{
    collections::{HashMap, VecDeque},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

/// What the stand-in does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// What the service would do.
    Serve,
    /// Reads the request and answers with this.
    Answer(u16, &'static str, Vec<(&'static str, &'static str)>),
    /// Answers with this before it has read the body, and hangs up.
    AnswerEarly(u16, &'static str),
    /// Hangs up after so many bytes of the body.
    Cut(usize),
    /// Reads the request and says nothing.
    Silence,
}

impl Reply {
    /// An answer with this status and error code.
    pub(crate) fn error(status: u16, code: &'static str) -> Self {
        Self::Answer(status, code, Vec::new())
    }
}

/// The running stand-in.
pub(crate) struct Standin {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stopping: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
    script: Mutex<VecDeque<Reply>>,
    requests: Mutex<Vec<Request>>,
    objects: Mutex<HashMap<String, [u8; 32]>>,
}

impl Standin {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, acceptor: Some(acceptor) }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it does with the next requests; after them it serves.
    pub(crate) fn will(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.script.lock().unwrap().extend(replies);
    }

    /// The requests so far whose heads arrived, in order.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The SHA-256 of the object at `/bucket/key`.
    pub(crate) fn object(&self, path: &str) -> Option<[u8; 32]> {
        self.shared.objects.lock().unwrap().get(path).copied()
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for connection in self.shared.connections.lock().unwrap().iter() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads = Vec::new();
    for connection in listener.incoming().flatten() {
        let mut connections = shared.connections.lock().unwrap();
        // Checked under the lock: whoever stops has either seen this connection, or is seen here.
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        connections.push(connection.try_clone().unwrap());
        drop(connections);
        let shared = Arc::clone(shared);
        threads.push(thread::spawn(move || {
            // A client that hangs up ends its connection, not the test.
            let _ = serve::converse(&connection, &shared);
            let _ = connection.shutdown(Shutdown::Both);
        }));
    }
    threads.into_iter().for_each(|thread| drop(thread.join()));
}
