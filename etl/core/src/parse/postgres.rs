//! PostgreSQL's log to stderr, with the usual values of `log_line_prefix`: `<time> <prefix> LOG:  message`.
//!
//! The word in capitals, a colon and two blanks make it PostgreSQL's. Words that other loggers have, too
//! (`ERROR`, `WARNING`, `INFO`, `DEBUG`, `FATAL`), count only where something of a prefix stands before them. From the prefix
//! come process, user, database, client and application, as `%p`, `%u@%d`, `%r` and `user=%u,db=%d,…` write them;
//! what has another shape is the attribute `context`.
//!
//! `LOG` is info, so are the lines that go with another (`DETAIL`, `HINT`, `STATEMENT` …), whose word is the
//! attribute `record`.

use super::classify::classify;
use super::level::severity_of_word;
use super::text::{address_without_port, is_address, number, present};
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::Timestamp;
use headrig_contract::framing::timestamp_in_head;
use headrig_contract::timestamp::{Reading, Shape};
use memchr::memchr_iter;

/// Bytes of a line's prefix.
const PREFIX_BYTES_MAX: usize = 400;

/// Parses one event.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let front = &text.as_bytes()[..text.len().min(PREFIX_BYTES_MAX)];
    let colon = memchr_iter(b':', front).find(|at| front[at + 1..].starts_with(b"  "))?;
    let before = &text[..colon];
    let start = before.len() - before.bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
    let word = &before[start..];
    let own = is_own_word(word);
    let severity = if own { 9 } else { severity_of(word)? };
    let prefix = &before[..start];
    let after_time = match timestamp_in_head(prefix.as_bytes()) {
        Some(head) if is_trusted(&head.timestamp) => {
            let end = head.prefix_length + head.timestamp.length;
            context.stamp(event, head.timestamp.reading, prefix.get(head.prefix_length..end)?);
            prefix.get(end..)?
        }
        Some(_) => return None,
        None => prefix,
    };
    let zoned = after_time.len() < prefix.len()
        && prefix.as_bytes()[prefix.len() - after_time.len() - 1].is_ascii_uppercase();
    if !own && !zoned && !has_prefix(after_time) || prefix.contains('\n') {
        return None;
    }
    event.set_severity(severity);
    if own && word != "LOG" {
        event.attribute("record", word);
    }
    columns(after_time, event);
    let message = &text[colon + ": ".len()..].trim_start_matches(' ');
    event.message = Some((*message).into());
    let (user, address) = (event.user_name.clone(), event.src_ip.clone());
    classify("postgres", message, event);
    (event.user_name, event.src_ip) = (user.or(event.user_name.take()), address.or(event.src_ip.take()));
    if event.event_type == EventType::Application {
        event.event_type = EventType::Database;
    }
    duration(message, event);
    Some(())
}

/// Words that only PostgreSQL writes so.
fn is_own_word(word: &str) -> bool {
    matches!(word, "LOG" | "DETAIL" | "HINT" | "STATEMENT" | "CONTEXT" | "QUERY" | "LOCATION" | "BACKTRACE")
}

fn severity_of(word: &str) -> Option<i32> {
    let known = matches!(word, "ERROR" | "FATAL" | "PANIC" | "WARNING" | "NOTICE" | "INFO");
    let debug =
        word.strip_prefix("DEBUG").is_some_and(|degree| matches!(degree, "1" | "2" | "3" | "4" | "5"));
    if known || debug { severity_of_word(word) } else { None }
}

/// Whether PostgreSQL writes times so: `%t`, `%m`, and `%n` from the epoch.
fn is_trusted(timestamp: &Timestamp) -> bool {
    matches!(timestamp.shape, Shape::Iso | Shape::Epoch)
        && matches!(timestamp.reading, Reading::Instant(_) | Reading::Local(_))
}

/// Whether anything stands between time and level that a logger's separators are not.
fn has_prefix(after_time: &str) -> bool {
    let process = after_time.contains('[') && after_time.contains(|mark: char| mark.is_ascii_digit());
    process || after_time.contains('@') || after_time.contains('=')
}

/// Reads the columns between time and level.
fn columns<'a>(text: &'a str, event: &mut Event<'a>) {
    let mut rest = text.trim_start_matches(['>', ' ', ']']);
    if let Some(after) = rest.strip_prefix(':') {
        rest = client_first(after, event);
    }
    let ends = |mark: char| matches!(mark, ' ' | ',' | '[' | ']' | '<' | '>' | '(' | ')' | '|' | ';');
    for column in rest.split(ends) {
        let column = column.trim_matches(':');
        if present(column).is_some_and(|column| column != "unknown") {
            read_column(column, event);
        }
    }
}

/// `%r:%u@%d:` of Amazon's RDS, whose columns have no blanks between them.
fn client_first<'a>(text: &'a str, event: &mut Event<'a>) -> &'a str {
    let Some((front, rest)) = text.split_once(":[") else { return text };
    let (client, user) = front.rsplit_once(':').unwrap_or((front, ""));
    read_client(client, event);
    read_column(user, event);
    rest
}

fn read_column<'a>(column: &'a str, event: &mut Event<'a>) {
    if let Some((key, value)) = column.split_once('=') {
        return named(key, value, event);
    }
    if let Some((user, database)) = column.split_once('@') {
        event.user_name = known(user).map(Into::into);
        if let Some(database) = known(database) {
            event.attribute("database", database);
        }
        return;
    }
    let process = column.split('-').next().unwrap_or(column);
    match number(process) {
        Some(pid) if event.pid.is_none() => event.pid = Some(pid),
        Some(_) if column.contains('-') => event.attribute("line", column),
        _ if is_address(column) => event.src_ip = Some(column.into()),
        _ => event.attribute("context", column),
    }
}

fn named<'a>(key: &'a str, value: &'a str, event: &mut Event<'a>) {
    let Some(value) = known(value) else { return };
    match key {
        "user" | "usr" | "u" => event.user_name = Some(value.into()),
        "db" | "database" | "d" => event.attribute("database", value),
        "app" | "application" | "application_name" | "a" => event.attribute("application", value),
        "client" | "host" | "remote" | "h" => read_client(value, event),
        "pid" | "p" => event.pid = number(value),
        _ => event.attribute(key, value),
    }
}

/// `192.0.2.1(4711)`, `192.0.2.1:4711`, a host's name; `[local]` is none.
fn read_client<'a>(client: &'a str, event: &mut Event<'a>) {
    let host = client.split_once('(').map_or_else(|| address_without_port(client), |(host, _)| host);
    if is_address(host) {
        event.src_ip = Some(host.into());
    } else if let Some(host) = known(host) {
        event.attribute("client", host);
    }
}

/// A name, unless it is one that stands for none.
fn known(name: &str) -> Option<&str> {
    present(name.trim_matches(['[', ']'])).filter(|name| !matches!(*name, "unknown" | "local"))
}

/// `duration: 12.345 ms …` of slow statements.
pub(super) fn duration<'a>(message: &'a str, event: &mut Event<'a>) {
    if let Some((millis, _)) = message.strip_prefix("duration: ").and_then(|rest| rest.split_once(" ms")) {
        event.attribute("duration_ms", millis);
    }
}
