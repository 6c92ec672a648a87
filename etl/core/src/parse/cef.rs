//! Events of security products: ArcSight's common event format (CEF) and QRadar's LEEF, alone or behind
//! a syslog header.
//!
//! `CEF:0|vendor|product|version|signature|name|severity|key=value …` and
//! `LEEF:2.0|vendor|product|version|event id|delimiter|key=value…`. In CEF a value goes on to the next
//! key, and `\|`, `\=`, `\\`, `\n` are escapes; LEEF parts its pairs by tabs or by the delimiter it names.
//!
//! Severities 0 to 3 (low) are info, to 6 (medium) warnings, to 8 (high) errors, above critical.
//! An action that a packet filter takes makes a firewall's event, a login with an outcome one of
//! authentication.

use super::fields::{Fields, Value};
use super::text::{number, present};
use super::time::Context;
use super::{syslog, syslog5424};
use crate::event::{Event, EventType};
use memchr::{memchr, memchr_iter};
use std::borrow::Cow;

/// Bytes of a syslog header.
const FRONT_BYTES_MAX: usize = 512;
/// Bars in that head, at most: the first behind it parts the version from the vendor.
const BARS_MAX: usize = 8;
/// Pairs beyond this stay in the attribute `rest`.
const PAIRS_MAX: usize = 512;
/// A key is shorter.
const KEY_BYTES_MAX: usize = 64;

/// Parses one event of CEF.
pub(super) fn parse_cef<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill_cef(text, context, event).is_some()
}

/// Parses one event of LEEF.
pub(super) fn parse_leef<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill_leef(text, context, event).is_some()
}

fn fill_cef<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let mut rest = behind_syslog(text, "CEF:", context, event)?;
    let mut header = [""; 7];
    for part in &mut header {
        let end = unescaped(rest, b'|')?;
        (*part, rest) = (&rest[..end], &rest[end + 1..]);
    }
    let [version, vendor, product, release, signature, name, severity] = header;
    number(version)?;
    let mut fields = Fields::default();
    for (key, value) in [("vendor", vendor), ("product_version", release), ("signature", signature)] {
        event.attributes.extend(present(value).map(|value| (key.into(), plain(value))));
    }
    event.service = present(product).map(plain);
    set_severity(severity, event);
    for (key, value) in Pairs::new(rest).take(PAIRS_MAX) {
        set(key, plain(value), &mut fields, context, event);
    }
    settle(fields, name, event);
    Some(())
}

fn fill_leef<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let rest = behind_syslog(text, "LEEF:", context, event)?;
    let mut parts = rest.splitn(6, '|');
    let (version, vendor, product) = (parts.next()?, parts.next()?, parts.next()?);
    let (release, id, mut rest) = (parts.next()?, parts.next()?, parts.next()?);
    let mut delimiter = '\t';
    match version {
        "1.0" | "1" => {}
        "2.0" | "2" => {
            if let Some((written, after)) = rest.split_once('|').filter(|(written, _)| written.len() <= 4) {
                (delimiter, rest) = (delimiter_of(written), after);
            }
        }
        _ => return None,
    }
    let mut fields = Fields::default();
    for (key, value) in [("vendor", vendor), ("product_version", release), ("signature", id)] {
        event.attributes.extend(present(value).map(|value| (key.into(), value.into())));
    }
    event.service = present(product).map(Into::into);
    for pair in rest.split(delimiter).take(PAIRS_MAX) {
        let Some((key, value)) = pair.split_once('=') else { continue };
        match key {
            "sev" => set_severity(value, event),
            key => set(key, value.into(), &mut fields, context, event),
        }
    }
    settle(fields, id, event);
    Some(())
}

/// What follows the marker, and the syslog header before it read into the event.
fn behind_syslog<'a>(
    text: &'a str,
    marker: &str,
    context: &Context<'_>,
    event: &mut Event<'a>,
) -> Option<&'a str> {
    let front = &text.as_bytes()[..text.len().min(FRONT_BYTES_MAX)];
    let start = memchr_iter(b'|', front).take(BARS_MAX).find_map(|bar| marked(&front[..bar], marker))?;
    let rest = &text[start + marker.len()..];
    if start == 0 {
        return Some(rest);
    }
    (front[start - 1] == b' ' && rest.starts_with(|digit: char| digit.is_ascii_digit())).then_some(())?;
    let headed = syslog5424::parse(text, context, event) || syslog::parse(text, context, event);
    headed.then_some(())?;
    // The header's program and message are this event itself.
    let attributes = std::mem::take(&mut event.attributes);
    *event = Event {
        ts: event.ts,
        ts_source: event.ts_source,
        severity_number: event.severity_number,
        level: event.level,
        attributes,
        ..Event::default()
    };
    Some(rest)
}

/// Where the marker begins that ends `front` but for the version behind it.
fn marked(front: &[u8], marker: &str) -> Option<usize> {
    let end = front.iter().rposition(|byte| !(byte.is_ascii_digit() || *byte == b'.'))? + 1;
    front[..end].ends_with(marker.as_bytes()).then(|| end - marker.len())
}

/// One pair of the extension.
fn set<'a>(
    key: &'a str,
    value: Cow<'a, str>,
    fields: &mut Fields<'a>,
    context: &Context<'_>,
    event: &mut Event<'a>,
) {
    let known = match key {
        "rt" | "devTime" | "start" => "time",
        "src" | "c6a2" => "src",
        "suser" | "duser" | "usrName" => "user",
        "msg" => "msg",
        "request" | "url" => "http_path",
        "requestMethod" => "http_method",
        "requestClientApplication" => "http_user_agent",
        "requestContext" => "http_referrer",
        _ => return event.attribute(key, value),
    };
    if let Some(value) = fields.set(known, Value::Text(value), context, event) {
        event.attribute(key, value);
    }
}

/// A severity from 0 to 10, or the word for one.
fn set_severity<'a>(written: &'a str, event: &mut Event<'a>) {
    let severity = match (number(written), written) {
        (Some(0..=3), _) | (_, "Low") => 9,
        (Some(4..=6), _) | (_, "Medium") => 13,
        (Some(7..=8), _) | (_, "High") => 17,
        (Some(9..=10), _) | (_, "Very-High") => 18,
        _ => return event.attribute("severity", written),
    };
    event.set_severity(severity);
}

fn settle<'a>(fields: Fields<'a>, name: &'a str, event: &mut Event<'a>) {
    fields.finish(event);
    match event.message {
        Some(_) => event.attribute("name", plain(name)),
        None => event.message = Some(plain(name)),
    }
    let of = |key: &str| {
        let found = event.attributes.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.to_ascii_lowercase()).unwrap_or_default()
    };
    let (action, outcome, category) = (of("act"), of("outcome"), of("cat"));
    let about = format!("{} {category}", name.to_ascii_lowercase());
    let login = ["login", "logon", "authentication"].iter().any(|word| about.contains(word));
    let verdicts = ["allow", "accept", "permit", "block", "deny", "denied", "drop", "reject", "reset"];
    event.event_type = match outcome.as_str() {
        "failure" | "failed" if login => EventType::AuthFailure,
        "success" if login => EventType::AuthSuccess,
        _ if event.src_ip.is_some() && verdicts.iter().any(|verdict| action.starts_with(verdict)) => {
            EventType::Firewall
        }
        _ => event.event_type,
    };
}

/// The pairs of CEF's extension: a value goes on until the next word that an equal sign follows.
struct Pairs<'a> {
    rest: &'a str,
}

impl<'a> Pairs<'a> {
    const fn new(rest: &'a str) -> Self {
        Self { rest }
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.trim_start();
        let equal = unescaped(text, b'=')?;
        let key = &text[..equal];
        let value = &text[equal + 1..];
        let (mut from, mut space) = (0, None);
        let end = loop {
            let Some(found) = unescaped(&value[from..], b'=').map(|found| from + found) else {
                break value.len();
            };
            // The last space is remembered, so that no byte is looked at twice.
            space = value[from..found].rfind(' ').map(|space| from + space).or(space);
            match space {
                Some(space) if is_key(&value[space + 1..found]) => break space,
                // Equal signs in addresses of pages are often left without their escape.
                _ => from = found + 1,
            }
        };
        self.rest = &value[end..];
        is_key(key).then_some((key, value[..end].trim_end()))
    }
}

fn is_key(key: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'[' | b']');
    (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(allowed)
}

/// Where `mark` stands without a backslash before it.
fn unescaped(text: &str, mark: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let at = from + memchr(mark, &bytes[from..])?;
        let backslashes = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        if backslashes % 2 == 0 {
            return Some(at);
        }
        from = at + 1;
    }
}

/// The value with its escapes resolved.
fn plain(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return value.into();
    }
    let mut plain = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match (character, characters.clone().next()) {
            ('\\', Some('n')) => plain.push('\n'),
            ('\\', Some('r')) => plain.push('\r'),
            ('\\', Some(mark @ ('|' | '=' | '\\'))) => plain.push(mark),
            _ => {
                plain.push(character);
                continue;
            }
        }
        let _ = characters.next();
    }
    plain.into()
}

/// LEEF's delimiter: a character, or its number in hexadecimal.
fn delimiter_of(written: &str) -> char {
    let hex = written.strip_prefix("0x").or_else(|| written.strip_prefix('x'));
    let coded = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
    coded.or_else(|| written.chars().next()).unwrap_or('\t')
}
