//! Error logs of Apache httpd.
//!
//! 2.4: `[Wed Oct 11 14:32:52.123456 2017] [core:error] [pid 1:tid 2] [client 1.2.3.4:5] AH00035: …`;
//! 2.2: `[Wed Oct 11 14:32:52 2017] [error] [client 1.2.3.4] …`. The time is asctime's, in brackets,
//! and the second bracket is the level, perhaps behind its module; both are needed.

use super::classify::classify;
use super::level::severity_of_word;
use super::text::{Cursor, address_without_port, number};
use super::time::Context;
use crate::event::Event;
use headrig_contract::Timestamp;
use headrig_contract::timestamp::Shape;

/// Parses one event of an Apache error log.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let mut cursor = Cursor::new(text);
    if !cursor.eat("[") {
        return None;
    }
    let timestamp = Timestamp::parse(cursor.rest().as_bytes())?;
    let (written, rest) = cursor.rest().split_at_checked(timestamp.length)?;
    cursor = Cursor::new(rest);
    if timestamp.shape != Shape::Asctime || !cursor.eat("] [") {
        return None;
    }
    let kind = cursor.until(b']')?;
    let (module, level) = kind.split_once(':').unwrap_or(("", kind));
    let severity = severity_of_word(level)?;
    context.stamp(event, timestamp.reading, written);
    event.set_severity(severity);
    if !module.is_empty() && module != "-" {
        event.service = Some(module.into());
    }
    cursor.blanks();
    while cursor.eat("[") {
        let rest = cursor.rest();
        let mut inner = cursor.until(b']')?;
        if inner.contains(" [") {
            // `[client [2001:db8::7]:4711]`: the address has brackets of its own.
            cursor.until(b']')?;
            inner = &rest[..rest.len() - cursor.rest().len() - 1];
        }
        if !bracket(inner, event) {
            cursor = Cursor::new(&text[text.len() - rest.len() - 1..]);
            break;
        }
        cursor.blanks();
    }
    let message = cursor.rest();
    event.message = Some(message.into());
    classify("apache_error", message, event);
    Some(())
}

/// `pid 1:tid 2`, `client 1.2.3.4:5`, `remote …`; false where the bracket is the message's own.
fn bracket<'a>(inner: &'a str, event: &mut Event<'a>) -> bool {
    if let Some(process) = inner.strip_prefix("pid ") {
        let (pid, thread) = process.split_once(":tid ").unwrap_or((process, ""));
        event.pid = number(pid);
        if !thread.is_empty() {
            event.attribute("thread", thread);
        }
    } else if let Some(client) = inner.strip_prefix("client ").or_else(|| inner.strip_prefix("remote ")) {
        event.src_ip = Some(address_without_port(client).into());
    } else {
        return false;
    }
    true
}

#[cfg(test)]
mod tests;
