//! What the services do with a request: PutObject, PutMetricData and AssumeRole, as far as the agent sees it.

use super::{Reply, Request, Shared, wire};
use aws_smithy_types::base64;
use std::{
    io::{self, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
};

const REQUEST_ID: (&str, &str) = ("x-amz-request-id", "4442587FB7D0A2F9");

/// Answers the requests of one connection, one after another.
pub(crate) fn converse(mut connection: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    while let Some(mut request) = wire::read_head(&mut reader)? {
        let reply = shared.script.lock().unwrap().pop_front().unwrap_or(Reply::Serve);
        let length_max = match reply {
            Reply::AnswerEarly(..) => 0,
            Reply::Cut(length) => length,
            _ => usize::MAX,
        };
        let read = wire::read_body(&mut request, &mut reader, length_max);
        shared.requests.lock().unwrap().push(request.clone());
        read?;
        match reply {
            Reply::Serve => serve(&mut connection, &request, shared)?,
            Reply::Answer(status, code, headers) => {
                refuse(&mut connection, &request, status, code, &headers)?
            }
            Reply::AnswerEarly(status, code) => {
                refuse(&mut connection, &request, status, code, &[("Connection", "close")])?;
                return linger(connection, &mut reader);
            }
            Reply::Cut(_) => return Ok(()),
            Reply::Silence => return reader.read_to_end(&mut Vec::new()).map(drop),
        }
    }
    Ok(())
}

/// Hangs up as a careful server does: what is still on its way is taken, so that the answer arrives.
fn linger(connection: &TcpStream, reader: &mut impl Read) -> io::Result<()> {
    connection.shutdown(Shutdown::Write)?;
    io::copy(reader, &mut io::sink()).map(drop)
}

fn serve(writer: &mut impl Write, request: &Request, shared: &Shared) -> io::Result<()> {
    match (request.method.as_str(), request.header("content-type")) {
        ("PUT", _) => put_object(writer, request, shared),
        ("POST", Some("application/cbor")) => {
            let headers = [("smithy-protocol", "rpc-v2-cbor"), ("Content-Type", "application/cbor")];
            wire::write_answer(writer, 200, &headers, &[0xa0])
        }
        ("POST", _) => wire::write_answer(writer, 200, &[("Content-Type", "text/xml")], ASSUMED.as_bytes()),
        _ => refuse(writer, request, 405, "MethodNotAllowed", &[]),
    }
}

fn put_object(writer: &mut impl Write, request: &Request, shared: &Shared) -> io::Result<()> {
    let announced = request.header("x-amz-checksum-sha256");
    if announced.is_some_and(|announced| announced != base64::encode(request.body_sha256)) {
        return refuse(writer, request, 400, "BadDigest", &[]);
    }
    // Asked and stored under one lock: of two at once, one is told that the other was first.
    let mut objects = shared.objects.lock().unwrap();
    if request.header("if-none-match") == Some("*") && objects.contains_key(&request.path()) {
        return refuse(writer, request, 412, "PreconditionFailed", &[]);
    }
    objects.insert(request.path(), request.body_sha256);
    drop(objects);
    wire::write_answer(writer, 200, &[("ETag", "\"0\""), REQUEST_ID], b"")
}

/// An error in the words of the protocol in which the request was made.
fn refuse(
    writer: &mut impl Write,
    request: &Request,
    status: u16,
    code: &str,
    headers: &[(&str, &str)],
) -> io::Result<()> {
    let mut headers = headers.to_vec();
    headers.push(REQUEST_ID);
    if request.header("content-type") == Some("application/cbor") {
        headers.extend([("smithy-protocol", "rpc-v2-cbor"), ("Content-Type", "application/cbor")]);
        return wire::write_answer(writer, status, &headers, &cbor_error(code));
    }
    headers.push(("Content-Type", "application/xml"));
    let xml = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>As told</Message></Error>");
    let body = if code.is_empty() { "" } else { &xml };
    wire::write_answer(writer, status, &headers, body.as_bytes())
}

/// `{"__type": code}` (RFC 8949; both texts are shorter than 256 bytes).
fn cbor_error(code: &str) -> Vec<u8> {
    let text = |text: &str| [&[0x78, text.len() as u8], text.as_bytes()].concat();
    [vec![0xa1], text("__type"), text(code)].concat()
}

const ASSUMED: &str = r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/agent/headrig</Arn>
<AssumedRoleId>AROA:headrig</AssumedRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>ASIAASSUMED</AccessKeyId><SecretAccessKey>assumed</SecretAccessKey>
<SessionToken>assumed-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>"#;
