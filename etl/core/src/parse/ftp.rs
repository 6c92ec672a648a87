//! FTP servers' own logs, both headed by asctime's time: the transfer log of wu-ftpd's form (`xferlog`, also
//! ProFTPD's and vsftpd's), and vsftpd's.
//!
//! - `Mon Sep 21 10:00:00 2026 1 192.0.2.1 1234 /path b _ o r ana ftp 0 * c`
//! - `Mon Sep 21 10:00:00 2026 [pid 2] [ana] OK LOGIN: Client "192.0.2.1"`

use super::classify::classify;
use super::text::{Cursor, is_address, number, present};
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::timestamp::Shape;

/// Columns of a transfer behind the time.
const COLUMNS: usize = 13;

/// Parses one transfer.
pub(super) fn xferlog<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    transfer(text, context, event).is_some()
}

/// Parses one line of vsftpd's log.
pub(super) fn vsftpd<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    command(text, context, event).is_some()
}

/// Stamps the event and returns what follows the time and its blank.
fn after_time<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<&'a str> {
    // A weekday's name and its blank; most other lines end here.
    let head = text.as_bytes().first_chunk::<4>()?;
    if !(head[0].is_ascii_uppercase() && head[3] == b' ') {
        return None;
    }
    let timestamp = context.time_at_head(text).filter(|found| found.shape == Shape::Asctime)?;
    let (written, rest) = text.split_at_checked(timestamp.length)?;
    context.stamp(event, timestamp.reading, written);
    rest.strip_prefix(' ')
}

fn transfer<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let rest = after_time(text, context, event)?;
    let mut columns = [""; COLUMNS];
    let mut words = rest.split(' ');
    for column in &mut columns {
        *column = words.next()?;
    }
    let [seconds, host, bytes, path, kind, action, direction, access, user, service, method, _, done] =
        columns;
    let flags = matches!(kind, "a" | "b") && matches!(access, "a" | "g" | "r") && matches!(method, "0" | "1");
    let (direction, status) = (direction_named(direction)?, status_named(done)?);
    if !flags || words.next().is_some() || number(seconds).is_none() {
        return None;
    }
    event.event_type = EventType::Application;
    event.service = Some(service.into());
    event.user_name = present(user).map(Into::into);
    if is_address(host) {
        event.src_ip = Some(host.into());
    } else {
        event.attribute("client", host);
    }
    event.message = Some(rest.into());
    let attributes = [
        ("file", path),
        ("file_bytes", bytes),
        ("seconds", seconds),
        ("direction", direction),
        ("status", status),
    ];
    for (key, value) in attributes {
        event.attribute(key, value);
    }
    if action != "_" {
        event.attribute("action", action);
    }
    Some(())
}

fn direction_named(letter: &str) -> Option<&'static str> {
    Some(match letter {
        "o" => "outgoing",
        "i" => "incoming",
        "d" => "deleted",
        _ => return None,
    })
}

fn status_named(letter: &str) -> Option<&'static str> {
    match letter {
        "c" => Some("complete"),
        "i" => Some("incomplete"),
        _ => None,
    }
}

fn command<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let mut cursor = Cursor::new(after_time(text, context, event)?);
    cursor.eat("[pid ").then_some(())?;
    event.pid = Some(number(cursor.until(b']')?)?);
    cursor.blanks();
    event.service = Some("vsftpd".into());
    event.message = Some(cursor.rest().into());
    classify("vsftpd", cursor.rest(), event);
    Some(())
}
