//! HTTP/1.1 as far as the stand-in needs it.

use sha2::{Digest, Sha256};
use std::io::{self, BufRead, Read, Write};

/// Bodies up to this length are kept; of longer ones only the hash.
const BODY_KEPT_MAX: usize = 64 * 1024;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query as they were on the wire.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body where it was short, otherwise empty.
    pub(crate) body: Vec<u8>,
    pub(crate) body_length: usize,
    pub(crate) body_sha256: [u8; 32],
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The path, decoded, without the query.
    pub(crate) fn path(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        let mut bytes = path.bytes();
        let mut decoded = Vec::new();
        while let Some(byte) = bytes.next() {
            if byte == b'%' {
                let digits: String = bytes.by_ref().take(2).map(char::from).collect();
                decoded.push(u8::from_str_radix(&digits, 16).unwrap());
            } else {
                decoded.push(byte);
            }
        }
        String::from_utf8(decoded).unwrap()
    }

    pub(crate) fn content_length(&self) -> usize {
        self.header("content-length").map_or(0, |length| length.parse().unwrap())
    }
}

/// Reads a request's head; none when the client is done.
pub(crate) fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let (body, body_length, body_sha256) = (Vec::new(), 0, [0; 32]);
    Ok(Some(Request { method, target, headers, body, body_length, body_sha256 }))
}

/// Reads at most `length_max` bytes of the body, hashing them.
pub(crate) fn read_body(request: &mut Request, reader: &mut impl Read, length_max: usize) -> io::Result<()> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 32 * 1024];
    let expected = request.content_length().min(length_max);
    while request.body_length < expected {
        let most = buffer.len().min(expected - request.body_length);
        let count = reader.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hasher.update(&buffer[..count]);
        request.body_length += count;
        if expected <= BODY_KEPT_MAX {
            request.body.extend_from_slice(&buffer[..count]);
        }
    }
    request.body_sha256 = hasher.finalize().into();
    Ok(())
}

/// Writes an answer.
pub(crate) fn write_answer(
    writer: &mut impl Write,
    status: u16,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<()> {
    let mut answer = format!("HTTP/1.1 {status} as told\r\nContent-Length: {}\r\n", body.len()).into_bytes();
    for (name, value) in headers {
        answer.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(body);
    writer.write_all(&answer)
}
