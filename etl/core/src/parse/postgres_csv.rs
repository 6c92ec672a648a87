//! PostgreSQL's `csvlog`: the columns of its documentation, 23 before version 13 and up to 26 since.

use super::classify::classify_owned;
use super::level::severity_of_word;
use super::postgres;
use super::text::{address_without_port, is_address, number};
use super::time::Context;
use crate::event::{Event, EventType};
use memchr::memchr;
use std::borrow::Cow;

/// Columns of version 14; those that come to be behind them are not looked at.
const COLUMNS_MAX: usize = 26;
/// Columns up to version 12.
const COLUMNS_MIN: usize = 23;
const USER: usize = 1;
const PROCESS: usize = 3;
const CLIENT: usize = 4;
const SEVERITY: usize = 11;
const MESSAGE: usize = 13;

/// The names under which the other columns are kept.
const NAMES: [(usize, &str); 18] = [
    (2, "database"),
    (5, "session"),
    (6, "session_line"),
    (7, "command"),
    (9, "virtual_transaction"),
    (10, "transaction"),
    (12, "sqlstate"),
    (14, "detail"),
    (15, "hint"),
    (16, "internal_query"),
    (17, "internal_query_position"),
    (18, "context"),
    (19, "query"),
    (20, "query_position"),
    (21, "location"),
    (22, "application"),
    (23, "backend"),
    (25, "query_id"),
];

/// Parses one row.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let front = text.as_bytes().first_chunk::<40>()?;
    if front[4] != b'-' || front[19] != b'.' {
        return None;
    }
    let comma = memchr(b',', front)?;
    if !context.stamp_text(event, &text[..comma]) {
        return None;
    }
    let mut columns: [Cow<'a, str>; COLUMNS_MAX] = Default::default();
    let count = split(text, &mut columns)?;
    let pid = number(&columns[PROCESS]);
    let severity = severity(&columns[SEVERITY])?;
    if count < COLUMNS_MIN || pid.is_none() {
        return None;
    }
    event.pid = pid;
    event.set_severity(severity);
    event.event_type = EventType::Database;
    let mut take =
        |index: usize| Some(std::mem::take(&mut columns[index])).filter(|column| !column.is_empty());
    event.user_name = take(USER);
    if let Some(Cow::Borrowed(client)) = take(CLIENT) {
        match address_without_port(client) {
            address if is_address(address) => event.src_ip = Some(address.into()),
            _ => event.attribute("client", client),
        }
    }
    event.message = take(MESSAGE);
    for (index, name) in NAMES {
        if let Some(value) = take(index) {
            event.attribute(name, value);
        }
    }
    kind(event);
    Some(())
}

/// What the message tells, where it stands in the row as it is.
fn kind(event: &mut Event<'_>) {
    // A message that quotes a name has its quotes doubled, so it is owned.
    let Some(message) = event.message.clone() else { return };
    let (user, address) = (event.user_name.clone(), event.src_ip.clone());
    classify_owned("postgres", message, event);
    (event.user_name, event.src_ip) = (user.or(event.user_name.take()), address.or(event.src_ip.take()));
    match event.message.clone() {
        Some(Cow::Borrowed(message)) => postgres::duration(message, event),
        Some(Cow::Owned(message)) => {
            let mut told = Event::default();
            postgres::duration(&message, &mut told);
            event.attributes.extend(told.into_owned().attributes);
        }
        None => {}
    }
}

fn severity(word: &str) -> Option<i32> {
    let capitals = word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    match word {
        "LOG" => Some(9),
        _ if capitals => severity_of_word(word),
        _ => None,
    }
}

/// The columns of a row of RFC 4180 and their number.
fn split<'a>(text: &'a str, columns: &mut [Cow<'a, str>; COLUMNS_MAX]) -> Option<usize> {
    let (mut rest, mut count) = (text, 0);
    while count < COLUMNS_MAX {
        let (column, after) = match rest.strip_prefix('"') {
            Some(inner) => quoted(inner)?,
            None => {
                let end = memchr(b',', rest.as_bytes()).unwrap_or(rest.len());
                (rest[..end].into(), &rest[end..])
            }
        };
        columns[count] = column;
        count += 1;
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return after.is_empty().then_some(count),
        }
    }
    Some(count)
}

/// A column up to its quote, two of which stand for one, and what follows.
fn quoted(inner: &str) -> Option<(Cow<'_, str>, &str)> {
    let (mut at, mut doubled) = (0, false);
    loop {
        at += memchr(b'"', inner.as_bytes().get(at..)?)?;
        if inner.as_bytes().get(at + 1) != Some(&b'"') {
            let column = &inner[..at];
            let plain = if doubled { column.replace("\"\"", "\"").into() } else { column.into() };
            return Some((plain, &inner[at + 1..]));
        }
        (at, doubled) = (at + 2, true);
    }
}
