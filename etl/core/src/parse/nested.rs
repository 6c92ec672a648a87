//! A line within a line: what a wrapper (a container runtime) carries is read like any other text.
//!
//! The wrapper's time stays, and its attributes come first; all else is the inner line's.

use super::time::Context;
use super::{PARSERS, reset};
use crate::event::{Event, EventType};

/// Formats that carry other lines. One within another is not opened, so nothing nests twice.
const WRAPPERS: [&str; 1] = ["cri"];

/// Fills `event`, which holds what the wrapper says, from the text that it carries. What no parser takes is
/// the message.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) {
    let mut inner = Event::default();
    reset(&mut inner, context);
    let taken = PARSERS.iter().filter(|parser| !WRAPPERS.contains(&parser.name)).any(|parser| {
        let taken = (parser.parse)(text, context, &mut inner);
        if !taken && inner.is_touched() {
            reset(&mut inner, context);
        }
        taken
    });
    if !taken {
        event.event_type = EventType::Application;
        event.message = Some(text.into());
        return;
    }
    (inner.ts, inner.ts_source) = (event.ts, event.ts_source);
    let mut attributes = std::mem::take(&mut event.attributes);
    attributes.append(&mut inner.attributes);
    *event = Event { attributes, ..inner };
}
