//! HTTP/1.1 as far as an agent's uploads need it: one request after another on a connection, bodies with a
//! length, `Expect: 100-continue`.

use super::Shelf;
use std::{
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicU64, Ordering},
};

const READ_BYTES: usize = 256 << 10;
/// The longest request line and headers together.
const HEAD_BYTES_MAX: u64 = 64 << 10;
/// The longest object that one PUT may hold, as with S3.
const BODY_BYTES_MAX: u64 = 5 << 30;

static REQUESTS: AtomicU64 = AtomicU64::new(0);

pub(super) struct Connection {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

#[derive(Default)]
struct Head {
    method: String,
    target: String,
    length: Option<u64>,
    /// It announces its SHA-256 and will not overwrite, as the agent promises.
    careful: bool,
    expects_continue: bool,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { reader: BufReader::with_capacity(READ_BYTES, stream.try_clone()?), writer: stream })
    }

    /// Answers requests until the client hangs up.
    pub(super) fn converse(&mut self, shelf: &Shelf) -> io::Result<()> {
        while let Some(head) = self.head()? {
            let length = head.length.unwrap_or(0);
            if length > BODY_BYTES_MAX {
                return self.answer("400 EntityTooLarge");
            }
            if head.expects_continue {
                self.writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            let status = match (head.method.as_str(), head.length) {
                ("PUT", Some(_)) if head.careful => self.put(shelf, &head, length)?,
                ("PUT", _) => self.refuse(length, "400 ChecksumAndConditionExpected")?,
                _ => self.refuse(length, "405 MethodNotAllowed")?,
            };
            self.answer(status)?;
        }
        Ok(())
    }

    fn put(&mut self, shelf: &Shelf, head: &Head, length: u64) -> io::Result<&'static str> {
        let (name, mut file) = shelf.new_file(REQUESTS.fetch_add(1, Ordering::Relaxed))?;
        self.take_body(length, &mut file)?;
        let Some(key) = key_of(&head.target) else { return Ok("400 InvalidURI") };
        Ok(if shelf.keep(&key, &name)? { "200 OK" } else { "412 PreconditionFailed" })
    }

    fn refuse(&mut self, length: u64, status: &'static str) -> io::Result<&'static str> {
        self.take_body(length, &mut io::sink()).map(|()| status)
    }

    fn take_body(&mut self, length: u64, out: &mut impl Write) -> io::Result<()> {
        let taken = io::copy(&mut (&mut self.reader).take(length), out)?;
        if taken == length { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }

    fn answer(&mut self, status: &str) -> io::Result<()> {
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: 0\r\nETag: \"0\"\r\nx-amz-request-id: 4442587FB7D0A2F9\r\n\r\n"
        );
        self.writer.write_all(answer.as_bytes())
    }

    /// The next request's head; none when the client is done.
    fn head(&mut self) -> io::Result<Option<Head>> {
        let mut reader = (&mut self.reader).take(HEAD_BYTES_MAX);
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_ascii_whitespace().map(str::to_owned);
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(ErrorKind::InvalidData.into());
        };
        let (mut head, mut has_checksum, mut has_condition) =
            (Head { method, target, ..Head::default() }, false, false);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                // The empty line ends the head; anything else is a head that is too long, or none.
                head.careful = has_checksum && has_condition;
                return if line == "\r\n" { Ok(Some(head)) } else { Err(ErrorKind::InvalidData.into()) };
            };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.length = value.parse().ok(),
                // A body without a length is not understood: the connection ends.
                "transfer-encoding" => return Err(ErrorKind::Unsupported.into()),
                "expect" => head.expects_continue = value.eq_ignore_ascii_case("100-continue"),
                "x-amz-checksum-sha256" => has_checksum = true,
                "if-none-match" => has_condition = value == "*",
                _ => {}
            }
        }
    }
}

/// The key in `/bucket/key?query`, decoded.
fn key_of(target: &str) -> Option<String> {
    let path = target.split('?').next()?.strip_prefix('/')?;
    let key = path.split_once('/')?.1;
    let (mut bytes, mut decoded) = (key.bytes(), Vec::new());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits: Vec<u8> = bytes.by_ref().take(2).collect();
            decoded.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok().filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_decoded_and_its_bucket_and_query_left_out() {
        let check = |target, expect: Option<&str>| assert_eq!(key_of(target).as_deref(), expect, "{target}");
        check("/logs/host%3Dweb-1/a.log.zst?x-id=PutObject", Some("host=web-1/a.log.zst"));
        check("/logs/", None);
        check("/logs", None);
        check("/logs/%4", Some("\u{4}"));
        check("/logs/%zz", None);
    }
}
