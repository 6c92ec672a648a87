//! HTTP/1.1 as far as the harness needs it: one message after another, bodies with a Content-Length.
//!
//! Knows no service. What it does not understand is an error, never a guess.

use anyhow::{Context, Result, bail, ensure};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// How long a server may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// A longer line or body is not of this harness's making.
const LINE_BYTES_MAX: u64 = 64 << 10;
const BODY_BYTES_MAX: usize = 64 << 20;
const HEADERS_MAX: usize = 100;

/// A request or an answer.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// The request or status line.
    pub start: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Message {
    /// A request without headers or body, on a connection of its own.
    pub fn request(method: &str, target: &str) -> Self {
        Self { start: format!("{method} {target} HTTP/1.1"), ..Self::default() }.with("connection", "close")
    }

    /// An answer with this status and an S3 error with this code.
    pub fn s3_error(status: u16, code: &str) -> Self {
        let body =
            format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>As told</Message></Error>");
        let start = format!("HTTP/1.1 {status} as told");
        Self { start, headers: Vec::new(), body: body.into() }.with("content-type", "application/xml")
    }

    /// An answer with this status and an error of this name, as services say it that speak AWS's JSON.
    pub fn json_error(status: u16, name: &str) -> Self {
        let body = format!("{{\"__type\":\"{name}\",\"message\":\"As told\"}}");
        let start = format!("HTTP/1.1 {status} as told");
        Self { start, headers: Vec::new(), body: body.into() }
            .with("content-type", "application/x-amz-json-1.1")
    }

    /// One more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// An answer's status.
    ///
    /// # Errors
    /// When this is no answer.
    pub fn status(&self) -> Result<u16> {
        let word = self.start.split_whitespace().nth(1);
        word.and_then(|word| word.parse().ok()).with_context(|| format!("no status in {:?}", self.start))
    }

    /// The next message's head, its body not read; none when the other side is done.
    ///
    /// # Errors
    /// When it is cut short or is no HTTP.
    pub fn read_head(reader: &mut impl BufRead) -> Result<Option<Self>> {
        let start = read_line(reader)?;
        if start.is_empty() {
            return Ok(None);
        }
        let mut message = Self { start, ..Self::default() };
        while message.headers.len() < HEADERS_MAX {
            let line = read_line(reader)?;
            match line.split_once(':') {
                Some((name, value)) => message.headers.push((name.to_lowercase(), value.trim().into())),
                None => return Ok(Some(message)),
            }
        }
        bail!("more than {HEADERS_MAX} headers")
    }

    /// Reads the body that the head announces.
    ///
    /// # Errors
    /// When it is cut short, too long, or sent in a way that is not known here.
    pub fn read_body(&mut self, reader: &mut impl Read) -> Result<()> {
        ensure!(self.header("transfer-encoding").is_none(), "a body without a length: {self:?}");
        let length: usize = self.header("content-length").map_or(Ok(0), str::parse)?;
        ensure!(length <= BODY_BYTES_MAX, "a body of {length} bytes");
        self.body = vec![0; length];
        Ok(reader.read_exact(&mut self.body)?)
    }

    /// Sends it as the answer to a HEAD: without its body, with the length that it says the body has.
    ///
    /// # Errors
    /// When the other side is gone.
    pub fn write_head(&self, writer: &mut impl Write) -> Result<()> {
        let headers: String =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        Ok(writer.write_all(format!("{}\r\n{headers}\r\n", self.start).as_bytes())?)
    }

    /// Sends it, with its length.
    ///
    /// # Errors
    /// When the other side is gone.
    pub fn write(&self, writer: &mut impl Write) -> Result<()> {
        let mut bytes = format!("{}\r\n", self.start).into_bytes();
        for (name, value) in self.headers.iter().filter(|(name, _)| name != "content-length") {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", self.body.len()).as_bytes());
        bytes.extend_from_slice(&self.body);
        Ok(writer.write_all(&bytes)?)
    }
}

/// Sends one request and returns the answer.
///
/// # Errors
/// When nobody answers in time, or not in HTTP.
pub fn ask(address: SocketAddr, request: &Message) -> Result<Message> {
    let mut connection = TcpStream::connect_timeout(&address, SILENCE_MAX)?;
    connection.set_read_timeout(Some(SILENCE_MAX))?;
    let mut request = request.clone();
    if request.header("host").is_none() {
        request = request.with("host", &address.to_string());
    }
    request.write(&mut connection)?;
    let mut reader = BufReader::new(connection);
    let mut answer = Message::read_head(&mut reader)?.context("no answer")?;
    if !request.start.starts_with("HEAD ") {
        answer.read_body(&mut reader)?;
    }
    Ok(answer)
}

/// A line without its end; empty also where nothing is left.
fn read_line(reader: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    reader.take(LINE_BYTES_MAX).read_line(&mut line)?;
    Ok(line.trim_end().into())
}
