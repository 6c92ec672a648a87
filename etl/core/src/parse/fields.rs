//! Names that structured loggers give to the lake's columns, shared by JSON lines and logfmt.
//!
//! The first member that fits a column fills it; a value that the column cannot take (a level nobody
//! knows, an address that is none) and a second member for the same column go back to the caller, who
//! keeps them as attributes.

mod names;

use super::classify::classify_owned;
use super::level::{severity_of_status, severity_of_syslog, severity_of_word};
use super::text::{is_address, number};
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::Timestamp;
pub(super) use names::has_prefix;
use names::{Field, field_named};
use std::borrow::Cow;

/// A value as a structured line has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// A string, its escapes resolved.
    Text(Cow<'a, str>),
    /// A number or a boolean as written.
    Plain(&'a str),
    /// An object or array as written.
    Nested(&'a str),
    /// Nothing.
    Null,
}

/// What was seen of one line so far, beyond what the event itself holds.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    timed: bool,
    leveled: bool,
    journal: bool,
    /// A message under a name that often means something else.
    weak_message: Option<(&'static str, Cow<'a, str>)>,
    status: Option<i32>,
}

impl<'a> Fields<'a> {
    /// Whether anything seen so far is what only a log line says.
    pub(super) const fn is_log(&self, event: &Event<'_>) -> bool {
        self.timed || self.leveled || event.message.is_some()
    }

    /// Fills the column that `name` stands for, or gives the value back.
    pub(super) fn set(
        &mut self,
        name: &str,
        value: Value<'a>,
        context: &Context<'_>,
        event: &mut Event<'a>,
    ) -> Option<Cow<'a, str>> {
        let (text, quoted) = match value {
            Value::Text(text) => (text, true),
            Value::Plain(text) | Value::Nested(text) => (text.into(), false),
            Value::Null => return None,
        };
        match field_named(name) {
            None => Some(text),
            Some(Field::Time) => self.set_time(text, context, event),
            Some(Field::Level) => self.set_level(level_of(&text), text, event),
            Some(Field::PythonLevel) => self.set_level(python_level(&text), text, event),
            Some(Field::Severity) => self.set_level(open_telemetry_level(&text), text, event),
            Some(Field::Status) => self.set_status(text, event),
            Some(Field::WeakMessage(key)) if quoted && self.weak_message.is_none() => {
                self.weak_message = Some((key, text));
                None
            }
            Some(field) => {
                self.journal |= matches!(name, "SYSLOG_IDENTIFIER" | "_SYSTEMD_UNIT");
                set_column(field, text, event)
            }
        }
    }

    /// Settles what depends on several members: the message, the kind of event, the level it implies.
    pub(super) fn finish(self, event: &mut Event<'a>) {
        match self.weak_message {
            Some((_, text)) if event.message.is_none() => {
                event.message = Some(without_line_end(text));
            }
            Some((key, text)) => event.attribute(key, text),
            None => {}
        }
        event.event_type = EventType::Application;
        let asked = event.http_method.is_some() || event.http_path.is_some();
        match self.status {
            Some(status) if asked => {
                event.http_status = Some(status);
                event.event_type = EventType::HttpAccess;
                if !self.leveled {
                    event.set_severity(severity_of_status(status));
                }
            }
            Some(status) => event.attribute("status", status.to_string()),
            None if self.journal => classify_journal(event),
            None => {}
        }
    }

    fn set_time(
        &mut self,
        text: Cow<'a, str>,
        context: &Context<'_>,
        event: &mut Event<'a>,
    ) -> Option<Cow<'a, str>> {
        let found = Timestamp::parse_whole(text.trim().as_bytes());
        match found {
            Some(timestamp) if !self.timed => {
                self.timed = true;
                context.stamp(event, timestamp.reading, text);
                None
            }
            _ => Some(text),
        }
    }

    fn set_level(
        &mut self,
        severity: Option<i32>,
        text: Cow<'a, str>,
        event: &mut Event<'a>,
    ) -> Option<Cow<'a, str>> {
        match severity {
            Some(severity) if !self.leveled => {
                self.leveled = true;
                event.set_severity(severity);
                None
            }
            _ => Some(text),
        }
    }

    /// A status is HTTP's where it can be, and elsewhere perhaps a level (Datadog).
    fn set_status(&mut self, text: Cow<'a, str>, event: &mut Event<'a>) -> Option<Cow<'a, str>> {
        let code = number(&text).and_then(|code| i32::try_from(code).ok());
        match code.filter(|code| (100..600).contains(code)) {
            Some(code) if self.status.is_none() => {
                self.status = Some(code);
                None
            }
            _ => self.set_level(severity_of_word(&text), text, event),
        }
    }
}

fn set_column<'a>(field: Field, text: Cow<'a, str>, event: &mut Event<'a>) -> Option<Cow<'a, str>> {
    match field {
        Field::Message => fill(&mut event.message, without_line_end(text)),
        Field::Service => fill(&mut event.service, text),
        Field::Trace => fill(&mut event.trace_id, text),
        Field::Span => fill(&mut event.span_id, text),
        Field::User => fill(&mut event.user_name, text),
        Field::Method => fill(&mut event.http_method, text),
        Field::Path => fill(&mut event.http_path, text),
        Field::Agent => fill(&mut event.http_user_agent, text),
        Field::Referrer => fill(&mut event.http_referrer, text),
        Field::Address => match address(&text) {
            true => fill(&mut event.src_ip, text),
            false => Some(text),
        },
        Field::Pid => fill_number(&mut event.pid, number(&text), text),
        Field::Bytes => fill_number(&mut event.http_bytes, number(&text), text),
        Field::Duration(unit) => {
            let millis = milliseconds(&text, unit);
            fill_number(&mut event.http_duration_ms, millis, text)
        }
        Field::Request => request(text, event),
        _ => Some(text),
    }
}

fn fill<'a>(column: &mut Option<Cow<'a, str>>, text: Cow<'a, str>) -> Option<Cow<'a, str>> {
    if column.is_some() {
        return Some(text);
    }
    if !text.is_empty() && text != "-" {
        *column = Some(text);
    }
    None
}

fn fill_number<'a, N>(column: &mut Option<N>, value: Option<N>, text: Cow<'a, str>) -> Option<Cow<'a, str>> {
    if column.is_some() || value.is_none() {
        return Some(text);
    }
    *column = value;
    None
}

/// `GET /path HTTP/1.1` in one value.
fn request<'a>(text: Cow<'a, str>, event: &mut Event<'a>) -> Option<Cow<'a, str>> {
    let mut words = text.split(' ');
    if let (Some(method), Some(path)) = (words.next(), words.next())
        && !method.is_empty()
        && method.bytes().all(|byte| byte.is_ascii_uppercase())
    {
        event.http_method = Some(method.to_owned().into());
        event.http_path = Some(path.to_owned().into());
        return fill(&mut event.message, text);
    }
    Some(text)
}

/// An address, perhaps with its port.
fn address(text: &str) -> bool {
    let host = text.rsplit_once(':').map_or(text, |(host, _)| host.trim_matches(['[', ']']));
    is_address(text) || is_address(host)
}

fn without_line_end(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => text.trim_end_matches(['\n', '\r']).into(),
        Cow::Owned(mut text) => {
            text.truncate(text.trim_end_matches(['\n', '\r']).len());
            text.into()
        }
    }
}

/// A word, or a number of bunyan and pino (10 to 60), or of syslog (0 to 7).
fn level_of(text: &str) -> Option<i32> {
    match number(text) {
        Some(level @ 0..=7) => severity_of_syslog(level as u32),
        Some(level @ 10..=69) => Some([1, 5, 9, 13, 17, 21][(level / 10 - 1) as usize]),
        Some(_) => None,
        None => severity_of_word(text.trim()),
    }
}

fn python_level(text: &str) -> Option<i32> {
    match number(text)? {
        level @ 10..=59 => Some([5, 9, 13, 17, 18][(level / 10 - 1) as usize]),
        _ => None,
    }
}

fn open_telemetry_level(text: &str) -> Option<i32> {
    number(text).filter(|level| (1..=24).contains(level)).map(|level| level as i32)
}

/// A duration in milliseconds, by its own unit or by the one that its name has.
fn milliseconds(text: &str, unit: Option<f64>) -> Option<f64> {
    let digits = text.find(|mark: char| !mark.is_ascii_digit() && mark != '.').unwrap_or(text.len());
    let factor = match &text[digits..] {
        "" => unit?,
        "ns" => 1e-6,
        "us" | "µs" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        _ => return None,
    };
    text[..digits].parse::<f64>().ok().map(|value| value * factor)
}

/// A journal entry tells what a syslog line of the same program does.
fn classify_journal(event: &mut Event<'_>) {
    let service = event.service.clone().unwrap_or_default();
    let message = event.message.clone().unwrap_or_default();
    classify_owned(&service, message, event);
}
