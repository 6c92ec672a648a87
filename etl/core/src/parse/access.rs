//! Access logs of web servers: Apache's and nginx's common and combined formats and what is usually
//! put around them.
//!
//! `[vhost[:port]] client ident user [time] "request" status bytes ["referrer" "agent"] …` with, at
//! the end, any of: a request time (`0.003` seconds, `1234` microseconds of `%D`, `5ms`), `key=value`
//! pairs (`rt=0.003`), and quoted fields (addresses forwarded for). The time in its brackets followed
//! by a quoted request and a status is what makes a line an access line; a request may be any garbage.
//!
//! Level: 5xx is an error, 4xx a warning, anything else info. This is the hot path: no allocation but
//! where a client escaped its request.

use super::level::severity_of_status;
use super::text::{Cursor, is_address, number, present};
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::Timestamp;
use headrig_contract::timestamp::Shape;
use memchr::memchr_iter;

/// Bytes before the bracketed time: addresses, names and a forwarding chain.
const FRONT_BYTES_MAX: usize = 512;
/// Fields after the agent; more are not looked at.
const EXTRA_FIELDS_MAX: usize = 32;

/// Parses one access line.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let (bracket, timestamp) = bracketed_time(text)?;
    let time_start = bracket + 1;
    let mut cursor = Cursor::new(text.get(time_start + timestamp.length..)?);
    if !(cursor.eat("] ") && cursor.first()? == b'"') {
        return None;
    }
    let asked = cursor.quoted()?;
    if !cursor.eat(" ") {
        return None;
    }
    status_and_bytes(&mut cursor, event)?;
    request(asked, event);
    client(text[..bracket].trim_end(), event)?;
    tail(&mut cursor, event);
    context.stamp(event, timestamp.reading, &text[time_start..time_start + timestamp.length]);
    event.event_type = EventType::HttpAccess;
    event.set_severity(severity_of_status(event.http_status.unwrap_or(0)));
    Some(())
}

/// The bracket before `dd/Mon/yyyy:HH:MM:SS ±hhmm]`, and that time.
#[inline]
fn bracketed_time(text: &str) -> Option<(usize, Timestamp)> {
    let front = &text.as_bytes()[..text.len().min(FRONT_BYTES_MAX)];
    memchr_iter(b'[', front).take(4).find_map(|bracket| {
        if front.get(bracket + 3) != Some(&b'/') {
            return None;
        }
        let timestamp = Timestamp::parse(&text.as_bytes()[bracket + 1..])?;
        (timestamp.shape == Shape::AccessLog).then_some((bracket, timestamp))
    })
}

/// `client ident user`, perhaps with a virtual host or a forwarding chain before. The user may have
/// spaces.
#[inline]
fn client<'a>(front: &'a str, event: &mut Event<'a>) -> Option<()> {
    let mut cursor = Cursor::new(front);
    let mut first = cursor.word();
    cursor.blanks();
    let mut second = cursor.word();
    cursor.blanks();
    let named = second != "-" && is_name(first) && is_client(second.trim_end_matches(','));
    if named && !cursor.rest().is_empty() {
        if let Some(vhost) = present(first) {
            event.attribute("vhost", vhost);
        }
        first = second;
        second = cursor.word();
        cursor.blanks();
    }
    if let Some(address) = first.strip_suffix(',').filter(|first| is_name(first)) {
        first = address;
        while second.ends_with(',') || is_address(second) {
            event.attribute("forwarded_for", second.trim_end_matches(','));
            second = cursor.word();
            cursor.blanks();
        }
    }
    // A proxy's header that the client did not send is a dash, a UNIX socket has no address.
    let known = is_address(first) || (is_name(first) && (second == "-" || first.contains('.')));
    if !known {
        return None;
    }
    event.src_ip = present(first).filter(|first| *first != "unix:").map(Into::into);
    event.user_name = present(unquoted(cursor.rest())).map(Into::into);
    if let Some(identity) = present(second) {
        event.attribute("identity", identity);
    }
    Some(())
}

/// The user without the quotes that some servers put around one.
fn unquoted(user: &str) -> &str {
    user.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(user)
}

/// Whether a word can be a host, perhaps with its port. What stands before some other program's quoted words
/// hardly is.
fn is_name(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]%".contains(&byte))
}

/// Whether a word in the second place is the client of a line that begins with a virtual host.
fn is_client(word: &str) -> bool {
    is_address(word) || word.split('.').count() > 2
}

/// `METHOD target HTTP/x`. Anything else is kept as the message only.
#[inline]
fn request<'a>(asked: &'a str, event: &mut Event<'a>) {
    event.message = present(asked).map(Into::into);
    let Some(space) = memchr::memchr(b' ', asked.as_bytes()) else { return };
    let (method, rest) = (&asked[..space], &asked[space + 1..]);
    let letters = method.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'));
    if method.is_empty() || method.len() > 20 || !letters {
        return;
    }
    let target = match memchr::memrchr(b' ', rest.as_bytes()) {
        Some(space) if rest[space + 1..].starts_with("HTTP/") => &rest[..space],
        _ => rest,
    };
    event.http_method = Some(method.into());
    event.http_path = Some(target.into());
}

/// `status bytes`; either may be a dash.
#[inline]
fn status_and_bytes(cursor: &mut Cursor<'_>, event: &mut Event<'_>) -> Option<()> {
    let status = cursor.word();
    event.http_status = match status {
        "-" => None,
        _ if status.len() == 3 => Some(number(status)? as i32),
        _ => return None,
    };
    if cursor.eat(" ") {
        let mut ahead = *cursor;
        let bytes = ahead.word();
        event.http_bytes = number(bytes);
        if event.http_bytes.is_some() || bytes == "-" {
            *cursor = ahead;
        }
    }
    Some(())
}

/// Everything after the bytes: quoted fields in their order, request times and pairs.
#[inline]
fn tail<'a>(cursor: &mut Cursor<'a>, event: &mut Event<'a>) {
    let mut quoted_fields = 0;
    for _ in 0..EXTRA_FIELDS_MAX {
        cursor.blanks();
        if cursor.first() == Some(b'"') {
            let Some(field) = cursor.quoted() else { break };
            quoted_fields += 1;
            quoted(field, quoted_fields, event);
        } else if cursor.rest().is_empty() {
            return;
        } else if let Some((bytes_in, bytes_out)) = bytes_both_ways(cursor.rest()) {
            event.attribute("bytes_in", bytes_in);
            event.attribute("bytes_out", bytes_out);
            return;
        } else {
            bare(cursor, event);
        }
    }
    if let Some(rest) = present(cursor.rest().trim()) {
        event.attribute("extra", rest);
    }
}

/// Two whole numbers at the line's end: `%I %O`, as Apache's `combinedio` has them.
fn bytes_both_ways(rest: &str) -> Option<(&str, &str)> {
    let (first, second) = rest.trim_end().split_once(' ')?;
    (number(first).is_some() && number(second).is_some()).then_some((first, second))
}

#[inline]
fn quoted<'a>(field: &'a str, place: u32, event: &mut Event<'a>) {
    let Some(field) = present(field) else { return };
    match place {
        1 => event.http_referrer = Some(field.into()),
        2 => event.http_user_agent = Some(field.into()),
        _ if is_address(field.split(',').next().unwrap_or(field).trim()) => {
            event.attribute("forwarded_for", field);
        }
        _ => event.attribute("extra", field),
    }
}

/// A field without quotes: a request time, or `key=value` whose value may have quotes.
fn bare<'a>(cursor: &mut Cursor<'a>, event: &mut Event<'a>) {
    let rest = cursor.rest();
    let end = rest.find([' ', '=']).unwrap_or(rest.len());
    if rest.as_bytes().get(end) == Some(&b'=') && end > 0 {
        let key = &rest[..end];
        *cursor = Cursor::new(&rest[end + 1..]);
        let value = cursor.quoted().unwrap_or_else(|| cursor.word());
        return pair(key, value, event);
    }
    let word = cursor.word();
    match duration_ms(word) {
        Some(duration) if event.http_duration_ms.is_none() || word.ends_with("ms") => {
            event.http_duration_ms = Some(duration);
        }
        _ => {
            if let Some(word) = present(word) {
                event.attribute("extra", word);
            }
        }
    }
}

fn pair<'a>(key: &'a str, value: &'a str, event: &mut Event<'a>) {
    let seconds = matches!(key, "rt" | "request_time" | "req_time" | "duration" | "time");
    match value.parse::<f64>() {
        Ok(duration) if seconds && duration.is_finite() => {
            event.http_duration_ms = Some(duration * 1_000.0);
        }
        _ => event.attribute(key, value),
    }
}

/// `0.003` is seconds (nginx), `1234` microseconds (Apache's `%D`), `5ms` says so (Traefik).
fn duration_ms(word: &str) -> Option<f64> {
    if let Some(micros) = number(word) {
        return Some(micros as f64 / 1_000.0);
    }
    if let Some(millis) = word.strip_suffix("ms") {
        return number(millis).map(|millis| millis as f64);
    }
    let (whole, fraction) = word.split_once('.')?;
    number(whole)?;
    number(fraction)?;
    word.parse::<f64>().ok().map(|seconds| seconds * 1_000.0)
}

#[cfg(test)]
mod tests;
