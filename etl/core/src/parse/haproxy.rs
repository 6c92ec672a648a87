//! haproxy's traffic logs (`option httplog`, `httpslog`, `tcplog`, and connection errors), behind syslog's head or alone:
//! `client:port [accept date] frontend backend/server timers …`.
//!
//! The time is the accept date. For HTTP the level is that of the status, as in access logs; TCP lines and errors state
//! none. haproxy's other lines ("Proxy x started.") are syslog's.

use super::level::severity_of_status;
use super::syslog;
use super::text::{Cursor, address_without_port, is_address, number, present};
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::Timestamp;
use headrig_contract::timestamp::Shape;
use memchr::memchr_iter;

/// Bytes before the accept date: syslog's head and the client.
const FRONT_BYTES_MAX: usize = 256;
/// Brackets looked at for the accept date: syslog's process id has one.
const BRACKETS_MAX: usize = 4;

/// Parses one line.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let (bracket, timestamp) = accept_date(text)?;
    let (front, client) = match text[..bracket - 1].rsplit_once(' ') {
        Some((front, client)) => (Some(front), client),
        None => (None, &text[..bracket - 1]),
    };
    let address = address_without_port(client);
    if !(is_address(address) && address.len() < client.len() || client.starts_with("unix:")) {
        return None;
    }
    let rest = text.get(bracket + 1 + timestamp.length..)?.strip_prefix("] ")?;
    if let Some(front) = front {
        // The head is syslog's where its parser takes it and leaves nothing of it as the message.
        let head = text.get(..front.len() + 1)?;
        (syslog::parse(head, context, event) && event.message.as_deref() == Some("")).then_some(())?;
    }
    context.stamp(event, timestamp.reading, &text[bracket + 1..][..timestamp.length]);
    if is_address(address) {
        event.src_ip = Some(address.into());
    }
    event.message = Some(text[bracket - 1 - client.len()..].into());
    event.service.get_or_insert("haproxy".into());
    event.event_type = EventType::Network;
    traffic(Cursor::new(rest), event).or_else(|| error(rest, event))
}

/// The bracket before `dd/Mon/yyyy:HH:MM:SS.mmm]`, and that time.
fn accept_date(text: &str) -> Option<(usize, Timestamp)> {
    let front = &text.as_bytes()[..text.len().min(FRONT_BYTES_MAX)];
    memchr_iter(b'[', front).take(BRACKETS_MAX).find_map(|bracket| {
        if front.get(bracket + 3) != Some(&b'/') {
            return None;
        }
        let timestamp = Timestamp::parse(&text.as_bytes()[bracket + 1..])?;
        // Without a zone and with a fraction: web servers write it the other way round.
        let fits =
            timestamp.shape == Shape::AccessLog && timestamp.length == "dd/Mon/yyyy:HH:MM:SS.mmm".len();
        (fits && bracket > 0 && front[bracket - 1] == b' ').then_some((bracket, timestamp))
    })
}

/// `frontend backend/server timers …`: five timers are HTTP's, three TCP's.
fn traffic<'a>(mut cursor: Cursor<'a>, event: &mut Event<'a>) -> Option<()> {
    let frontend = cursor.until(b' ')?;
    let (backend, server) = cursor.until(b' ')?.split_once('/')?;
    let timers = cursor.until(b' ')?;
    let count = timers.split('/').count();
    let valid = timers.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'/' | b'-' | b'+'));
    if !valid || !matches!(count, 3 | 5) {
        return None;
    }
    let status = if count == 5 { Some(number(cursor.until(b' ')?.trim_start_matches('-'))?) } else { None };
    let bytes = cursor.until(b' ')?.trim_start_matches('+');
    event.attribute("frontend", frontend.trim_end_matches('~'));
    for (key, value) in [("backend", backend), ("server", server)] {
        if value != "<NOSRV>" {
            event.attribute(key, value);
        }
    }
    event.attribute("timers", timers);
    let total = timers.rsplit('/').next().unwrap_or("").trim_start_matches('+');
    if let Some(status) = status {
        event.http_bytes = number(bytes);
        event.http_duration_ms = number(total).map(|millis| millis as f64);
        cookies(&mut cursor, event)?;
        connections(&mut cursor, event)?;
        request(cursor, status, event);
    } else {
        event.attribute("bytes", bytes);
        event.attribute("duration_ms", total);
        connections(&mut cursor, event)?;
    }
    Some(())
}

fn cookies<'a>(cursor: &mut Cursor<'a>, event: &mut Event<'a>) -> Option<()> {
    for key in ["request_cookie", "response_cookie"] {
        if let Some(cookie) = present(cursor.until(b' ')?) {
            event.attribute(key, cookie);
        }
    }
    Some(())
}

/// The state in which the session ended, connections and queues.
fn connections<'a>(cursor: &mut Cursor<'a>, event: &mut Event<'a>) -> Option<()> {
    for key in ["termination_state", "connections", "queues"] {
        let value = cursor.word();
        if value.is_empty() {
            return None;
        }
        event.attribute(key, value);
        cursor.eat(" ");
    }
    Some(())
}

/// `{request headers} {response headers} "request" …`. A status of -1 says that there was no answer.
fn request<'a>(mut cursor: Cursor<'a>, status: i64, event: &mut Event<'a>) {
    event.event_type = EventType::HttpAccess;
    if status >= 100 {
        event.http_status = i32::try_from(status).ok();
        event.set_severity(severity_of_status(status as i32));
    }
    while cursor.eat("{") {
        let Some(headers) = cursor.until(b'}') else { return };
        if !headers.is_empty() {
            event.attribute("headers", headers);
        }
        cursor.eat(" ");
    }
    let Some(asked) = cursor.quoted() else { return };
    let mut words = asked.split(' ');
    if let (Some(method), Some(path)) = (words.next(), words.next())
        && !method.starts_with('<')
    {
        event.http_method = Some(method.into());
        event.http_path = Some(path.into());
    }
    if let Some(extra) = present(cursor.rest().trim()) {
        event.attribute("extra", extra);
    }
}

/// `frontend/listener: SSL handshake failure`.
fn error<'a>(text: &'a str, event: &mut Event<'a>) -> Option<()> {
    let (place, reason) = text.split_once(": ")?;
    let (frontend, listener) = place.split_once('/').filter(|_| !place.contains(' '))?;
    event.attribute("frontend", frontend.trim_end_matches('~'));
    event.attribute("listener", listener);
    event.attribute("error", reason);
    Some(())
}
