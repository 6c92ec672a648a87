//! Docker's `json-file`: `{"log":"line\n","stream":"stderr","time":"…"}`, with members that collectors add.
//!
//! The line that the container wrote is the message, and is marked to be parsed again by its own format.
//! The stream is an attribute and no level. Docker cuts lines at 16 KiB: a piece that does not end its
//! line has the attribute `partial=true` and is not parsed again.

use super::{Fact, Object};
use crate::event::Event;
use crate::parse::fields::Fields;
use crate::parse::time::Context;
use memchr::memmem;

/// Parses one entry.
pub(in crate::parse) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    let text = text.trim_ascii();
    let likely = text.starts_with('{')
        && text.ends_with('}')
        && memmem::find(text.as_bytes(), b"\"stream\"").is_some()
        && memmem::find(text.as_bytes(), b"\"log\"").is_some();
    if !likely {
        return false;
    }
    let mut object = Object { fields: Fields::default(), context, event };
    if !object.fill(text) {
        return false;
    }
    let fields = object.fields;
    let Some(ended) = wraps(&fields, event) else { return false };
    fields.finish(event);
    if ended {
        event.wraps_line = true;
    } else {
        event.attribute("partial", "true");
    }
    true
}

/// Whether the object is a container's line, and if so, whether that ends here.
pub(super) fn wraps(fields: &Fields<'_>, event: &Event<'_>) -> Option<bool> {
    let stream = fields.facts.of(Fact::Stream);
    fields.wrapped_line(event).filter(|_| matches!(stream, Some("stdout" | "stderr")))
}
