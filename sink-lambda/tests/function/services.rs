//! A Lambda Runtime API and as much of S3 as the function asks for. Each serves until its process ends with the test.

use aws_smithy_types::base64;
use headrig_contract::ContentHash;
use serde_json::Value;
use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

struct Request {
    method: String,
    path: String,
    body: Vec<u8>,
}

/// Hands out events one after the other and gathers the answers.
pub(crate) struct Lambda {
    address: SocketAddr,
    answers: Receiver<(String, Value)>,
    first_poll: Arc<Mutex<Option<Instant>>>,
}

/// Answers HEAD and GET for its objects; everything else is not there.
pub(crate) struct Store {
    address: SocketAddr,
}

impl Lambda {
    pub(crate) fn start(events: Vec<Value>) -> Self {
        let (told, answers): (Sender<(String, Value)>, _) = channel();
        let first_poll = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&first_poll);
        let next = Mutex::new(events.into_iter().enumerate());
        let address = serve(move |request, connection| {
            if request.path.ends_with("/invocation/next") {
                noted.lock().unwrap().get_or_insert_with(Instant::now);
                let Some((number, event)) = next.lock().unwrap().next() else {
                    // Lambda freezes the process until there is an event.
                    thread::park();
                    return;
                };
                let deadline = format!(
                    "Lambda-Runtime-Aws-Request-Id: {number}\r\nLambda-Runtime-Deadline-Ms: 9999999999999\r\nLambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:x\r\n"
                );
                answer(connection, "200 OK", &deadline, event.to_string().as_bytes());
            } else {
                let kind = request.path.rsplit('/').next().unwrap().to_owned();
                let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
                let _ = told.send((kind, body));
                answer(connection, "202 Accepted", "", b"{}");
            }
        });
        Self { address, answers, first_poll }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn answers(&self, count: usize, patience: Duration) -> Vec<(String, Value)> {
        (0..count).map(|_| self.answers.recv_timeout(patience).unwrap()).collect()
    }

    pub(crate) fn first_poll(&self) -> Option<Instant> {
        *self.first_poll.lock().unwrap()
    }
}

impl Store {
    pub(crate) fn start(objects: &[(&str, &str, bool)]) -> Self {
        let objects: HashMap<String, (String, bool)> = objects
            .iter()
            .map(|(key, bytes, is_summed)| {
                let path = format!("/logs/{}", key.replace('+', "%2B").replace(' ', "%20"));
                (path, ((*bytes).into(), *is_summed))
            })
            .collect();
        let address = serve(move |request, connection| {
            let path = request.path.split('?').next().unwrap();
            let Some((bytes, is_summed)) = objects.get(path) else {
                return answer(connection, "404 Not Found", "", b"");
            };
            let hash = base64::encode(ContentHash::of(bytes.as_bytes()).as_bytes());
            let sum = if *is_summed { format!("x-amz-checksum-sha256: {hash}\r\n") } else { String::new() };
            if request.method == "HEAD" {
                let head = format!("HTTP/1.1 200 OK\r\n{sum}Content-Length: {}\r\n\r\n", bytes.len());
                let _ = connection.write_all(head.as_bytes());
            } else {
                answer(connection, "200 OK", &sum, bytes.as_bytes());
            }
        });
        Self { address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn serve(handler: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let handler = Arc::new(handler);
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let handler = Arc::clone(&handler);
            thread::spawn(move || {
                let mut reader = BufReader::new(connection.try_clone().unwrap());
                while let Some(request) = read(&mut reader) {
                    handler(&request, &mut connection);
                }
            });
        }
    });
    address
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, body })
}

fn answer(connection: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    // A client that hangs up ends its connection, not the test.
    let _ = connection.write_all(&[head.as_bytes(), body].concat());
}
