//! What a named group of an expression fills.

use super::interned;
use crate::event::Event;
use crate::parse::fields::{level_of, milliseconds, split_port, split_request};
use crate::parse::level::severity_of_letter;
use crate::parse::text::number;

/// What a group fills.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    Time,
    Level,
    Service,
    Pid,
    Message,
    Address,
    User,
    /// Method and path at once, as in `GET /x HTTP/1.1`.
    Request,
    Method,
    Path,
    Status,
    Bytes,
    /// How many milliseconds its unit has, and the group's name.
    Duration(f64, &'static str),
    Agent,
    Referrer,
    Trace,
    Span,
    Attribute(&'static str),
}

impl Column {
    /// What a group of this name fills.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "ts" => Self::Time,
            "level" => Self::Level,
            "service" => Self::Service,
            "pid" => Self::Pid,
            "message" => Self::Message,
            "src_ip" => Self::Address,
            "user_name" => Self::User,
            "http_request" => Self::Request,
            "http_method" => Self::Method,
            "http_path" => Self::Path,
            "http_status" => Self::Status,
            "http_bytes" => Self::Bytes,
            "http_duration_ms" => Self::Duration(1.0, "http_duration_ms"),
            "http_duration_s" => Self::Duration(1e3, "http_duration_s"),
            "http_duration_us" => Self::Duration(1e-3, "http_duration_us"),
            "http_user_agent" => Self::Agent,
            "http_referrer" => Self::Referrer,
            "trace_id" => Self::Trace,
            "span_id" => Self::Span,
            other => Self::Attribute(interned(other)),
        }
    }

    /// Fills the column with a value that is there; what it cannot take becomes an attribute.
    pub(super) fn fill<'a>(self, value: &'a str, event: &mut Event<'a>) {
        match self {
            Self::Time => {}
            Self::Level => match level(value) {
                Some(severity) => event.set_severity(severity),
                None => event.attribute("level", value),
            },
            Self::Service => event.service = Some(value.into()),
            Self::Message => event.message = Some(value.into()),
            Self::Address => {
                let (host, port) = split_port(value).unwrap_or((value, None));
                event.src_ip = Some(host.into());
                event.attributes.extend(port.map(|port| ("src_port".into(), port.into())));
            }
            Self::User => event.user_name = Some(value.into()),
            Self::Request => match split_request(value) {
                Some((method, path)) => {
                    (event.http_method, event.http_path) = (Some(method.into()), Some(path.into()));
                }
                None => event.attribute("http_request", value),
            },
            Self::Method => event.http_method = Some(value.into()),
            Self::Path => event.http_path = Some(value.into()),
            Self::Agent => event.http_user_agent = Some(value.into()),
            Self::Referrer => event.http_referrer = Some(value.into()),
            Self::Trace => event.trace_id = Some(value.into()),
            Self::Span => event.span_id = Some(value.into()),
            Self::Attribute(name) => event.attribute(name, value),
            Self::Pid | Self::Status | Self::Bytes | Self::Duration(..) => self.fill_number(value, event),
        }
    }

    fn fill_number<'a>(self, value: &'a str, event: &mut Event<'a>) {
        let whole = number(value);
        let taken = match self {
            Self::Pid => whole.map(|pid| event.pid = Some(pid)),
            Self::Bytes => whole.map(|bytes| event.http_bytes = Some(bytes)),
            Self::Duration(unit, _) => {
                milliseconds(value, Some(unit)).map(|millis| event.http_duration_ms = Some(millis))
            }
            _ => whole
                .and_then(|status| i32::try_from(status).ok())
                .filter(|status| (100..1000).contains(status))
                .map(|status| event.http_status = Some(status)),
        };
        if taken.is_none() {
            event.attribute(self.number_name(), value);
        }
    }

    const fn number_name(self) -> &'static str {
        match self {
            Self::Pid => "pid",
            Self::Bytes => "http_bytes",
            Self::Duration(_, name) => name,
            _ => "http_status",
        }
    }
}

/// A level in any way: a word, a number, a letter.
fn level(value: &str) -> Option<i32> {
    match value.as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => severity_of_letter(letter.to_ascii_uppercase()),
        _ => level_of(value),
    }
}
