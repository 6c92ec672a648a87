//! nginx's error log: `2009/01/01 19:45:44 [error] 12#34: *98 message, client: 1.2.3.4, server: …`.
//!
//! The fields that nginx puts behind the message are taken off its end, by their names.

use super::classify::classify;
use super::level::severity_of_word;
use super::text::{Cursor, number};
use super::time::Context;
use crate::event::Event;
use headrig_contract::timestamp::Shape;

/// The fields behind the message, in nginx's order.
const FIELDS: [&str; 8] =
    ["client", "server", "request", "subrequest", "upstream", "host", "referrer", "login"];

/// Places where the fields may begin.
const STARTS_MAX: usize = 8;

/// Parses one line of nginx's error log.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    if text.as_bytes().get(4)? != &b'/' {
        return None;
    }
    let timestamp = context.time_at_head(text)?;
    let (written, rest) = text.split_at_checked(timestamp.length)?;
    let mut cursor = Cursor::new(rest);
    if timestamp.shape != Shape::Iso || !cursor.eat(" [") {
        return None;
    }
    let severity = severity_of_word(cursor.until(b']')?)?;
    cursor.blanks();
    let pid = number(cursor.until(b'#')?)?;
    let thread = cursor.until(b':')?;
    number(thread)?;
    cursor.blanks();
    context.stamp(event, timestamp.reading, written);
    event.set_severity(severity);
    event.pid = Some(pid);
    if cursor.eat("*") {
        let connection = cursor.word();
        event.attribute("connection", connection);
        cursor.blanks();
    }
    // The fields quote the visitor, so what is told is looked for in the message alone.
    let message = fields(cursor.rest(), event);
    classify("nginx_error", message, event);
    event.message = Some(message.into());
    Some(())
}

/// Takes the named fields and returns the message before them. They begin where what follows is fields to
/// the line's end: a message may quote a user name that looks like one.
fn fields<'a>(whole: &'a str, event: &mut Event<'a>) -> &'a str {
    let starts = || whole.match_indices(", client: ").map(|(start, _)| start).take(STARTS_MAX);
    let whole_fields = |start: &usize| field_list(&whole[*start..]).is_some_and(str::is_empty);
    let Some(start) = starts().find(whole_fields).or_else(|| starts().next()) else { return whole };
    let mut rest = &whole[start..];
    while let Some(((name, value), after)) = next_field(rest) {
        field_into(name, value, event);
        rest = after;
    }
    &whole[..start]
}

/// What follows the fields that come next, none of them twice.
fn field_list(text: &str) -> Option<&str> {
    let (mut rest, mut seen) = (text, [false; FIELDS.len()]);
    while let Some(((name, _), after)) = next_field(rest) {
        let at = FIELDS.iter().position(|known| *known == name)?;
        if std::mem::replace(&mut seen[at], true) {
            return None;
        }
        rest = after;
    }
    Some(rest)
}

/// `, name: value` and what follows it.
fn next_field(text: &str) -> Option<((&str, &str), &str)> {
    let (name, value) = text.strip_prefix(", ")?.split_once(": ")?;
    let (value, after) = value_of(value);
    FIELDS.contains(&name).then_some(((name, value), after))
}

/// A value in quotes, or up to the next comma.
fn value_of(text: &str) -> (&str, &str) {
    let mut cursor = Cursor::new(text);
    match cursor.quoted() {
        Some(value) => (value, cursor.rest()),
        None => text.split_at(text.find(", ").unwrap_or(text.len())),
    }
}

fn field_into<'a>(name: &'a str, value: &'a str, event: &mut Event<'a>) {
    match name {
        "client" => event.src_ip = Some(value.into()),
        "request" => {
            let mut words = value.split(' ');
            event.http_method = words.next().map(Into::into);
            event.http_path = words.next().map(Into::into);
        }
        "referrer" => event.http_referrer = Some(value.into()),
        _ => event.attribute(name, value),
    }
}

#[cfg(test)]
mod tests;
