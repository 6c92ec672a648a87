//! MongoDB's own log before 4.4: `2026-09-21T10:00:00.123+0000 I NETWORK  [conn1] message`.
//!
//! Since 4.4 it is JSON (see [`super::kinds`]).

use super::level::severity_of_letter;
use super::text::Cursor;
use super::time::Context;
use crate::event::{Event, EventType};
use crate::parse::fields::split_port;
use headrig_contract::timestamp::Shape;

/// Parses one line.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let timestamp = context.time_at_head(text).filter(|timestamp| timestamp.shape == Shape::Iso)?;
    let (written, rest) = text.split_at_checked(timestamp.length)?;
    let mut cursor = Cursor::new(rest);
    let severity = match (cursor.eat(" "), cursor.word().as_bytes()) {
        (true, [letter @ (b'F' | b'E' | b'W' | b'I' | b'D')] | [letter @ b'D', b'1'..=b'5']) => {
            severity_of_letter(*letter)?
        }
        _ => return None,
    };
    cursor.blanks();
    let component = cursor.word();
    let capitals = component.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-'));
    cursor.blanks();
    if !(capitals && !component.is_empty() && cursor.eat("[")) {
        return None;
    }
    event.attribute("ctx", cursor.until(b']')?);
    let message = cursor.rest().trim_start_matches(' ');
    context.stamp(event, timestamp.reading, written);
    event.set_severity(severity);
    event.service = Some(component).filter(|component| *component != "-").map(Into::into);
    event.message = Some(message.into());
    event.event_type = EventType::Database;
    authentication(message, event);
    Some(())
}

/// `… authentication failed for ana on admin from client 203.0.113.9:4000 ; …` and
/// `Successfully authenticated as principal ana on admin from client …`.
fn authentication<'a>(message: &'a str, event: &mut Event<'a>) {
    let after = |marker: &str| {
        let (_, rest) = message.split_once(marker)?;
        rest.split([' ', ';']).next().filter(|word| !word.is_empty())
    };
    let failed = message.split_once(" authentication failed for ");
    event.event_type = if failed.is_some_and(|(mechanism, _)| !mechanism.contains(' ')) {
        event.user_name = after(" authentication failed for ").map(Into::into);
        EventType::AuthFailure
    } else if message.starts_with("Successfully authenticated as principal ") {
        event.user_name = after(" as principal ").map(Into::into);
        EventType::AuthSuccess
    } else {
        return;
    };
    let client = after(" from client ").and_then(split_port);
    event.src_ip = client.map(|(host, _)| host.into());
}
