//! Container logs as Kubernetes' runtimes write them (CRI): `<RFC 3339 time> stdout F <what the program wrote>`.
//!
//! The program's own line is read by the parser that takes it (see [`super::wrapped`]); the time is the
//! runtime's, which is never without a zone. `stderr` is no level. A line in parts (`P`) has `partial=true`.

use super::text::Cursor;
use super::time::Context;
use crate::event::{Event, EventType};

/// The longest time of RFC 3339 with nanoseconds and an offset.
const TIME_BYTES_MAX: usize = 35;

/// Parses one line.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    if text.as_bytes().get(10)? != &b'T' {
        return None;
    }
    let mut cursor = Cursor::new(text);
    let time = cursor.until(b' ').filter(|time| time.len() <= TIME_BYTES_MAX)?;
    let stream = ["stdout", "stderr"].into_iter().find(|stream| cursor.eat(stream))?;
    if !cursor.eat(" ") {
        return None;
    }
    let tag = cursor.word();
    let partial = match tag.split(':').next()? {
        "F" => false,
        "P" => true,
        _ => return None,
    };
    if !context.stamp_text(event, time) {
        return None;
    }
    cursor.eat(" ");
    event.event_type = EventType::Application;
    event.attribute("stream", stream);
    event.message = Some(cursor.rest().into());
    if partial {
        event.attribute("partial", "true");
    }
    event.wraps_line = !partial;
    Some(())
}
