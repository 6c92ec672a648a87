//! Lines within lines: what a container wrote, as its runtime wraps it.
//!
//! The wrapped line is parsed by the stream's formats as any other; what it says goes before what the
//! wrapper says, but for the time: the wrapper's has a zone and is there for every line. A wrapped time
//! that is further from it than a second is kept beside. A line that no parser takes is a message all the
//! same. Wrappers within wrappers are not opened: the depth is one.

use super::classify::classify_plain;
use super::{PARSERS, Parser, StreamFormat, reset};
use crate::event::{Event, EventType, TsSource};
use crate::parse::Context;
use std::borrow::Cow;

/// The attribute that names the parser of the wrapped line.
pub(super) const FORMAT: &str = "inner_format";
/// The attribute of a wrapped line's own time.
const TIME: &str = "inner_time";
/// A runtime writes a line down sooner than this.
const DELAY_MICROS_MAX: u64 = 1_000_000;

/// Programs whose lines in syslog have the form that they write to files, by the beginnings of their names,
/// with the parsers of that form.
const CARRIED: [(&str, &[&str]); 6] = [
    ("nginx", &["access", "nginx_error"]),
    ("httpd", &["access", "apache_error"]),
    ("apache", &["access", "apache_error"]),
    ("postgres", &["postgres"]),
    ("mysqld", &["mysql_error"]),
    ("mariadbd", &["mysql_error"]),
];

/// Fills a syslog line's event from its message, where that is a line in a format of its own: an object of
/// JSON whoever wrote it, and what [`CARRIED`] lists. The time that such a line states has its year, so it
/// goes before that of an envelope whose time is not `exact`.
pub(super) fn open_message<'a>(exact: bool, context: &Context<'_>, event: &mut Event<'a>) {
    let Some(Cow::Borrowed(message)) = event.message else { return };
    let service = event.service.as_deref().unwrap_or("");
    let object = message.strip_prefix("@cee:").map_or(message, str::trim_start).trim_end();
    let (text, names): (&str, &[&str]) = if object.starts_with("{\"") && object.ends_with('}') {
        (object, &["json"])
    } else if let Some((_, names)) = CARRIED.iter().find(|(program, _)| service.starts_with(program)) {
        (without_count(message), names)
    } else {
        return;
    };
    for parser in PARSERS.iter().filter(|parser| names.contains(&parser.name)) {
        let mut inner = Event::default();
        reset(&mut inner, context);
        if parser.admits(text) && (parser.parse)(text, context, &mut inner) {
            if inner.ts_source == TsSource::Event && !exact {
                (event.ts, event.ts_source) = (inner.ts, inner.ts_source);
            }
            (inner.format, inner.wraps_line) = (parser.name, false);
            inner.message = inner.message.or(Some(text.into()));
            // Whoever wrote the object, the program is known by the tag.
            if inner.event_type == EventType::Application {
                inner.event_type = event.event_type;
            }
            // The envelope's classification may have found the same.
            inner.attributes.retain(|pair| !event.attributes.contains(pair));
            return merge(event, inner);
        }
    }
}

/// The message after `[3-1] `, PostgreSQL's count of lines.
fn without_count(message: &str) -> &str {
    let counted = message.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    let count = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    counted.filter(|(text, _)| count(text)).map_or(message, |(_, rest)| rest)
}

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
