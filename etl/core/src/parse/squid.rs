//! Squid's own access log: `1789984800.123    456 192.0.2.1 TCP_MISS/200 1234 GET http://x/ ana HIER_DIRECT/… text/html`.
//!
//! Level as for access logs: 5xx is an error, 4xx a warning, any other status info; a request that got none
//! (`000`) says nothing.

use super::level::severity_of_status;
use super::text::{Cursor, number, present};
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::timestamp::Shape;

/// Parses one line.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    if text.as_bytes().get(10)? != &b'.' {
        return None;
    }
    let timestamp = context.time_at_head(text).filter(|found| found.shape == Shape::Epoch)?;
    let (written, rest) = text.split_at_checked(timestamp.length)?;
    let mut cursor = Cursor::new(rest);
    let duration = number(column(&mut cursor))?;
    let client = column(&mut cursor);
    let (result, status) = column(&mut cursor).split_once('/')?;
    let status = number(status).filter(|status| *status < 1_000)?;
    let bytes = number(column(&mut cursor))?;
    let (method, target) = (column(&mut cursor), column(&mut cursor));
    let (user, (hierarchy, peer)) = (column(&mut cursor), column(&mut cursor).split_once('/')?);
    let capitals = |word: &str| word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if !capitals(result) || result.is_empty() || method.is_empty() {
        return None;
    }
    context.stamp(event, timestamp.reading, written);
    event.event_type = EventType::HttpAccess;
    event.src_ip = present(client).map(Into::into);
    event.user_name = present(user).map(Into::into);
    event.http_method = present(method).map(Into::into);
    event.http_path = present(target).map(Into::into);
    event.http_bytes = Some(bytes);
    event.http_duration_ms = Some(duration as f64);
    if status >= 100 {
        event.http_status = i32::try_from(status).ok();
        event.set_severity(severity_of_status(status as i32));
    }
    event.message = Some(text[text.len() - rest.len()..].trim_start().into());
    event.attribute("result", result);
    event.attribute("hierarchy", hierarchy);
    for (key, value) in [("peer", peer), ("content_type", column(&mut cursor))] {
        if let Some(value) = present(value) {
            event.attribute(key, value);
        }
    }
    Some(())
}

fn column<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    cursor.blanks();
    cursor.word()
}
