//! Redis, Valkey and Sentinel: `1:M 21 Sep 2026 10:00:00.123 * message`, and before version 3
//! `[1] 21 Sep 10:00:00.123 * message`.
//!
//! Level by the mark: `.` debug, `-` (verbose) info, `*` notice, `#` warning. The signal handler writes
//! neither clock nor mark, but the epoch.

use super::text::{Cursor, number};
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::Timestamp;
use headrig_contract::timestamp::Shape;

/// Parses one line.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let mut cursor = Cursor::new(text);
    let process = cursor.word();
    let (pid, role) = match process.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(pid) => (pid, None),
        None => process.split_once(':').map(|(pid, role)| (pid, Some(role)))?,
    };
    let pid = number(pid)?;
    cursor.eat(" ").then_some(())?;
    let role = match role {
        Some("signal-handler") => return signal(pid, cursor, context, event),
        Some(role) => Some(role_named(role)?),
        None => None,
    };
    let timestamp = Timestamp::parse(cursor.rest().as_bytes())?;
    if !matches!(timestamp.shape, Shape::DayMonthYear | Shape::MonthDay) {
        return None;
    }
    let (written, rest) = cursor.rest().split_at_checked(timestamp.length)?;
    let mut marked = Cursor::new(rest.strip_prefix(' ')?);
    let severity = match marked.word() {
        "." => 5,
        "-" => 9,
        "*" => 10,
        "#" => 13,
        _ => return None,
    };
    marked.eat(" ");
    context.stamp(event, timestamp.reading, written);
    event.set_severity(severity);
    finish(pid, marked.rest(), event);
    if let Some(role) = role {
        event.attribute("role", role);
    }
    Some(())
}

/// `1:signal-handler (1789984800) Received SIGTERM …`.
fn signal<'a>(pid: i64, mut cursor: Cursor<'a>, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    cursor.eat("(").then_some(())?;
    let epoch = cursor.until(b')')?;
    context.stamp_text(event, epoch).then_some(())?;
    cursor.eat(" ");
    finish(pid, cursor.rest(), event);
    Some(())
}

fn finish<'a>(pid: i64, message: &'a str, event: &mut Event<'a>) {
    event.event_type = EventType::Database;
    event.service = Some("redis".into());
    event.pid = Some(pid);
    event.message = Some(message.into());
}

fn role_named(letter: &str) -> Option<&'static str> {
    Some(match letter {
        "X" => "sentinel",
        "C" => "child",
        "S" => "replica",
        "M" => "master",
        _ => return None,
    })
}
