//! Lines within lines: what a container wrote, as its runtime wraps it.
//!
//! The wrapped line is parsed by the stream's formats as any other; what it says goes before what the
//! wrapper says, but for the time: the wrapper's has a zone and is there for every line. A wrapped time
//! that is further from it than a second is kept beside. A line that no parser takes is a message all the
//! same. Wrappers within wrappers are not opened: the depth is one.

use super::classify::classify_plain;
use super::{Parser, StreamFormat, reset};
use crate::event::{Event, EventType, TsSource};
use crate::parse::Context;
use std::borrow::Cow;

/// The attribute that names the parser of the wrapped line.
pub(super) const FORMAT: &str = "inner_format";
/// The attribute of a wrapped line's own time.
const TIME: &str = "inner_time";
/// A runtime writes a line down sooner than this.
const DELAY_MICROS_MAX: u64 = 1_000_000;

impl StreamFormat {
    /// Parses the line that is the event's message, and fills the event from it.
    pub(super) fn unwrap<'a>(&self, context: &Context<'_>, event: &mut Event<'a>) {
        event.wraps_line = false;
        match event.message.take() {
            Some(Cow::Borrowed(line)) => {
                let mut inner = Event::default();
                reset(&mut inner, context);
                self.parse_wrapped(line, context, &mut inner);
                merge(event, inner);
            }
            Some(Cow::Owned(line)) => {
                let mut inner = Event::default();
                reset(&mut inner, context);
                self.parse_wrapped(&line, context, &mut inner);
                merge(event, inner.into_owned());
            }
            None => {}
        }
    }

    fn parse_wrapped<'a>(&self, line: &'a str, context: &Context<'_>, inner: &mut Event<'a>) {
        let first: Option<&'static Parser> = self.first_wrapped;
        if !self.parse_by(first, line, context, inner) || inner.wraps_line {
            reset(inner, context);
            inner.message = Some(line.into());
            classify_plain(line, inner);
        }
        (inner.wraps_line, inner.event_type) = match inner.event_type {
            EventType::Unparsed => (false, EventType::Application),
            known => (false, known),
        };
    }
}

/// Fills the wrapper's event from the wrapped line's.
fn merge<'a>(event: &mut Event<'a>, inner: Event<'a>) {
    if inner.ts_source == TsSource::Event {
        if event.ts_source != TsSource::Event {
            (event.ts, event.ts_source) = (inner.ts, inner.ts_source);
        } else if inner.ts.0.abs_diff(event.ts.0) > DELAY_MICROS_MAX
            && let Ok(instant) = jiff::Timestamp::from_microsecond(inner.ts.0)
        {
            event.attribute(TIME, instant.to_string());
        }
    }
    if inner.severity_number > 0 {
        event.set_severity(inner.severity_number);
    }
    event.event_type = inner.event_type;
    event.message = inner.message;
    event.service = inner.service.or(event.service.take());
    event.pid = inner.pid.or(event.pid);
    event.src_ip = inner.src_ip.or(event.src_ip.take());
    event.user_name = inner.user_name.or(event.user_name.take());
    event.http_method = inner.http_method.or(event.http_method.take());
    event.http_path = inner.http_path.or(event.http_path.take());
    event.http_status = inner.http_status.or(event.http_status);
    event.http_bytes = inner.http_bytes.or(event.http_bytes);
    event.http_duration_ms = inner.http_duration_ms.or(event.http_duration_ms);
    event.http_user_agent = inner.http_user_agent.or(event.http_user_agent.take());
    event.http_referrer = inner.http_referrer.or(event.http_referrer.take());
    event.trace_id = inner.trace_id.or(event.trace_id.take());
    event.span_id = inner.span_id.or(event.span_id.take());
    event.attributes.extend(inner.attributes);
    if !inner.format.is_empty() {
        event.attribute(FORMAT, inner.format);
    }
}
