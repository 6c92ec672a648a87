//! The general parser: a line that begins with a timestamp, and what usually stands between that and
//! the message.
//!
//! Java, Python, Go, Rust, Hadoop, Spring, glog, logcat, zap, MySQL, PostgreSQL and their like differ
//! in where they put level, thread, logger and process. A level word is looked for near the front (see
//! [`level_at`]); thread, logger and process id are taken out where their shape leaves no doubt and
//! stay in the message otherwise. A line without a level has an unknown one, and is parsed all the same.
//!
//! A full time behind other columns counts, too (see [`behind`]); those columns are the attribute `context`.
//!
//! The message is the rest of the first line and all lines joined to it.

mod behind;
mod header;
mod level_at;

use super::ansi;
use super::classify::{classify, classify_unnamed};
use super::level::{severity_of_letter, severity_of_word};
use super::text::number;
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::framing::timestamp_in_head;
use headrig_contract::timestamp::{Shape, Timestamp};
use level_at::LevelAt;
use std::borrow::Cow;

/// Parses one event that begins with a timestamp.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    match ansi::has_escapes(text) {
        true => ansi::parse_plain(text, context, event, plain),
        false => plain(text, context, event),
    }
}

fn plain<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let head = head(text, context);
    let (prefix_length, timestamp) = head.or_else(|| behind::find(text))?;
    let (prefix, rest) = text.split_at_checked(prefix_length)?;
    let (written, rest) = rest.split_at_checked(timestamp.length)?;
    context.stamp(event, timestamp.reading, written);
    event.event_type = EventType::Application;
    if head.is_none() {
        event.attribute("context", prefix.trim_end_matches([' ', '\t', '|', '[', '(', '"']));
    } else if let Some(severity) = prefix_severity(prefix, event) {
        event.set_severity(severity);
    }
    if let (true, Some(process)) = (prefix.ends_with(", ["), rest.strip_prefix(" #")) {
        ruby(process, event);
    } else if timestamp.shape == Shape::Glog {
        glog(rest, event);
    } else if event.severity_number > 0 {
        after(rest, event);
    } else if let Some(level) = level_at::find(rest, timestamp.shape) {
        leveled(rest, level, event);
    } else {
        if let Some(severity) = second_line_severity(rest) {
            event.set_severity(severity);
        }
        event.message = Some(header::without_separators(rest).trim_start_matches(['\r', '\n']).into());
    }
    if event.event_type == EventType::Application
        && let Some(Cow::Borrowed(message)) = event.message
    {
        match event.service.clone() {
            Some(service) if service.starts_with("fail2ban.") => classify(&service, message, event),
            _ => classify_unnamed(message, event),
        }
    }
    Some(())
}

/// The time in the text's head, and how many bytes stand before it.
fn head(text: &str, context: &Context<'_>) -> Option<(usize, Timestamp)> {
    if text.as_bytes().first()?.is_ascii_digit()
        && let Some(timestamp) = context.time_at_head(text)
    {
        return Some((0, timestamp));
    }
    timestamp_in_head(text.as_bytes()).map(|head| (head.prefix_length, head.timestamp))
}

/// The level before the timestamp. A label there (a container, a file) is kept as an attribute.
fn prefix_severity<'a>(prefix: &'a str, event: &mut Event<'a>) -> Option<i32> {
    let plain = header::without_escapes(prefix.trim_start_matches('\u{feff}'));
    let word = plain.trim_matches(|mark: char| !mark.is_ascii_alphanumeric());
    if word.is_empty() {
        return None;
    }
    if let Some((level, thread)) = word.split_once('[')
        && let Some(severity) = severity_of_word(level.trim_end())
    {
        event.attribute("thread", thread);
        return Some(severity);
    }
    let severity = match word.as_bytes() {
        [letter] => severity_of_letter(*letter),
        _ => severity_of_word(word),
    };
    if severity.is_none() {
        event.attribute("label", plain.trim_end_matches([' ', '|', '[', '(', '"']));
    }
    severity
}

/// `1234]  INFO -- program: message` after the time of Ruby's Logger.
fn ruby<'a>(rest: &'a str, event: &mut Event<'a>) {
    let (pid, rest) = rest.split_once(']').unwrap_or(("", rest));
    event.pid = number(pid);
    let (program, message) = rest.split_once(" -- ").map_or(("", rest), |(_, rest)| {
        rest.split_once(": ").unwrap_or(("", rest.strip_prefix(':').unwrap_or(rest)))
    });
    if !program.is_empty() && !program.contains(' ') {
        event.service = Some(program.into());
    }
    event.message = Some(message.into());
}

/// `thread file:line] message` after glog's time.
fn glog<'a>(rest: &'a str, event: &mut Event<'a>) {
    let line = rest.trim_start();
    let parts = line.split_once("] ").and_then(|(front, message)| {
        let (thread, caller) = front.split_once(' ')?;
        let caller = caller.trim_start();
        (thread.bytes().all(|byte| byte.is_ascii_digit()) && !caller.contains(' '))
            .then_some((thread, caller, message))
    });
    match parts {
        Some((thread, caller, message)) => {
            event.attribute("thread", thread);
            event.attribute("caller", caller);
            event.message = Some(message.into());
        }
        None => event.message = Some(line.into()),
    }
}

fn leveled<'a>(rest: &'a str, level: LevelAt, event: &mut Event<'a>) {
    event.set_severity(level.severity);
    header::before(&rest[..level.start], &level, event);
    if &rest[level.start..level.end] == "[Note]" {
        // Only MySQL and MariaDB take notes.
        event.event_type = EventType::Database;
    }
    if level.postgres {
        event.event_type = EventType::Database;
        event.message = Some(header::without_separators(&rest[level.end..]).into());
    } else {
        after(&rest[level.end..], event);
    }
}

fn after<'a>(rest: &'a str, event: &mut Event<'a>) {
    let message = header::after(rest, event);
    event.message = Some(message.into());
}

/// `java.util.logging` puts its level at the beginning of a second line.
fn second_line_severity(rest: &str) -> Option<i32> {
    let second = rest.split_once('\n')?.1;
    let (word, _) = second.split_once(':')?;
    let capitals = word.bytes().all(|byte| byte.is_ascii_uppercase());
    if capitals { severity_of_word(word) } else { None }
}

#[cfg(test)]
mod tests;
