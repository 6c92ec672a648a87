//! Columns that a member fills by itself: text, an address with its port, a request in one value.

use super::names::Field;
use super::values::{is_trace, last_segment, part, split_port, split_request, unquoted, without_line_end};
use super::{fill, fill_number, number};
use crate::event::Event;
use std::borrow::Cow;

/// Fills the field's column, or gives the value back.
pub(super) fn set_column<'a>(
    field: Field,
    text: Cow<'a, str>,
    event: &mut Event<'a>,
) -> Option<Cow<'a, str>> {
    match field {
        Field::Message => fill(&mut event.message, without_line_end(text)),
        Field::Trace if is_trace(&text) => fill(&mut event.trace_id, last_segment(text)),
        Field::Span if is_trace(&text) => fill(&mut event.span_id, text),
        Field::User => fill(&mut event.user_name, unquoted(text)),
        Field::Agent => fill(&mut event.http_user_agent, text),
        Field::Referrer => fill(&mut event.http_referrer, text),
        Field::Address => address(text, event),
        Field::Pid => fill_number(&mut event.pid, number(&text), text),
        Field::Request => request(text, event),
        _ => Some(text),
    }
}

/// `GET /path HTTP/1.1` in one value, or a path alone.
fn request<'a>(text: Cow<'a, str>, event: &mut Event<'a>) -> Option<Cow<'a, str>> {
    if let Some((method, path)) = split_request(&text) {
        let (method, path) = (part(&text, method), part(&text, path));
        let rest = fill(&mut event.http_method, method).or(fill(&mut event.http_path, path));
        return if event.message.is_none() { fill(&mut event.message, text) } else { rest.map(|_| text) };
    }
    if text.starts_with('/') { fill(&mut event.http_path, text) } else { Some(text) }
}

/// An address, its port kept aside.
fn address<'a>(text: Cow<'a, str>, event: &mut Event<'a>) -> Option<Cow<'a, str>> {
    let Some((host, port)) = split_port(&text).filter(|_| event.src_ip.is_none()) else {
        return Some(text);
    };
    if let Some(port) = port {
        event.attribute("src_port", part(&text, port).into_owned());
    }
    event.src_ip = Some(part(&text, host));
    None
}
