//! MySQL's and MariaDB's slow query log: some lines of comment, then the statement.
//!
//! ```text
//! # Time: 2026-09-21T10:00:00.123456Z
//! # User@Host: ana[ana] @ app1 [192.0.2.1]  Id:     8
//! # Query_time: 2.000161  Lock_time: 0.000004 Rows_sent: 1  Rows_examined: 0
//! use shop;
//! SET timestamp=1789984800;
//! select sleep(2);
//! ```
//!
//! The time is that of `# Time`, or else the statement's own `SET timestamp`. The statement is the message,
//! the pairs are attributes as they are named. Being slow is no level.

use super::text::{is_address, present};
use super::time::Context;
use crate::event::{Event, EventType, TsSource};

/// Lines of comment before a statement.
const COMMENTS_MAX: usize = 32;

/// Parses one event.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    if !(text.starts_with("# Time: ") || text.starts_with("# User@Host: ")) {
        return None;
    }
    let mut rest = text;
    for _ in 0..COMMENTS_MAX {
        let Some(comment) = rest.strip_prefix("# ") else { break };
        let (line, after) = split_line(comment);
        rest = after;
        if let Some(time) = line.strip_prefix("Time: ") {
            context.stamp_text(event, time).then_some(())?;
        } else if let Some(who) = line.strip_prefix("User@Host: ") {
            user_and_host(who, event);
        } else {
            pairs(line, event);
        }
    }
    event.event_type = EventType::Database;
    event.message = Some(statement(rest, context, event).into());
    Some(())
}

fn split_line(text: &str) -> (&str, &str) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    (line.trim_end_matches('\r'), rest)
}

/// `ana[ana] @ app1 [192.0.2.1]  Id:     8`; either of name and address may be missing.
fn user_and_host<'a>(who: &'a str, event: &mut Event<'a>) {
    let (user, rest) = who.split_once(" @ ").unwrap_or((who, ""));
    event.user_name = present(user.split('[').next().unwrap_or(user)).map(Into::into);
    let (host, rest) = rest.split_once('[').unwrap_or((rest, ""));
    let (address, rest) = rest.split_once(']').unwrap_or((rest, ""));
    if is_address(address) {
        event.src_ip = Some(address.into());
    }
    if let Some(host) = present(host.trim()) {
        event.attribute("client", host);
    }
    pairs(rest, event);
}

/// `Query_time: 2.000161  Lock_time: 0.000004`.
fn pairs<'a>(line: &'a str, event: &mut Event<'a>) {
    let mut words = line.split_ascii_whitespace();
    while let Some(word) = words.next() {
        let Some(key) = word.strip_suffix(':') else { continue };
        let Some(value) = words.next() else { return };
        event.attribute(key, value);
    }
}

/// The statement, after the lines that the server puts before it.
fn statement<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> &'a str {
    let mut rest = text;
    if let Some(after) = rest.strip_prefix("use ") {
        let (database, after) = split_line(after);
        event.attribute("database", database.trim_end_matches(';'));
        rest = after;
    }
    if let Some(after) = rest.strip_prefix("SET timestamp=") {
        let (epoch, after) = split_line(after);
        if event.ts_source != TsSource::Event {
            context.stamp_text(event, epoch.trim_end_matches(';'));
        }
        rest = after;
    }
    rest.trim_end()
}
