//! macOS's unified log as `log show` prints it:
//! `2026-09-21 10:00:00.123456+0200 0x1f2     Error       0x0                  123    0    kernel: (Sandbox) message`.
//!
//! Level by the type: `Default` is notice, as Console shows it; `Fault` is critical; `Activity` is info.

use super::text::{Cursor, number};
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::timestamp::{Reading, Shape};

/// Parses one event.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    // Date, clock with six digits, offset.
    if !matches!(text.as_bytes().get(26)?, b'+' | b'-') || text.as_bytes().get(31)? != &b' ' {
        return None;
    }
    let mut cursor = Cursor::new(text.get(32..)?);
    let thread = cursor.word();
    let kind = column(&mut cursor);
    let severity = match kind {
        "Default" => 10,
        "Info" | "Activity" => 9,
        "Debug" => 5,
        "Error" => 17,
        "Fault" => 18,
        _ => return None,
    };
    let activity = column(&mut cursor);
    if !(thread.starts_with("0x") && activity.starts_with("0x")) {
        return None;
    }
    let (pid, _) = (number(column(&mut cursor))?, number(column(&mut cursor))?);
    cursor.blanks();
    let (process, message) = cursor.rest().split_once(": ")?;
    let timestamp = context
        .time_at_head(text)
        .filter(|found| found.shape == Shape::Iso && matches!(found.reading, Reading::Instant(_)))?;
    context.stamp(event, timestamp.reading, text.get(..timestamp.length)?);
    event.set_severity(severity);
    event.event_type = if process == "kernel" { EventType::Kernel } else { EventType::Application };
    event.service = Some(process.into());
    event.pid = Some(pid);
    event.message = Some(message.into());
    event.attribute("thread", thread);
    if activity != "0x0" {
        event.attribute("activity", activity);
    }
    Some(())
}

fn column<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    cursor.blanks();
    cursor.word()
}
