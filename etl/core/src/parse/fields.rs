//! Names that structured loggers give to the lake's columns, shared by JSON lines, logfmt and tables.
//!
//! The first member that fits a column fills it; a value that the column cannot take (a level nobody
//! knows, an address that is none) and a second member for the same column go back to the caller, who
//! keeps them as attributes. A better name for the time, the level or who wrote the line takes the place of a worse
//! one, whatever their order; the worse one's value becomes an attribute.
//!
//! A line is an access line where it has a status and a method or a path; only then are sizes and bare
//! paths HTTP's. Its level is the graver of the one that it states and the one of its status.

mod columns;
mod names;
mod values;

use super::kinds::{self, Facts};
use super::level::{is_plain_level, severity_of_status, severity_of_word};
use super::text::number;
use super::time::Context;
use crate::event::{Event, EventType, TsSource};
use headrig_contract::UnixMicros;
use headrig_contract::timestamp::Reading;
use names::Field;
pub(super) use names::{Fact, has_prefix, is_known_name, is_time_name};
use std::borrow::Cow;
pub(super) use values::{level_of, milliseconds, reading_of, split_port, split_request};

/// A value as a structured line has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// A string, its escapes resolved.
    Text(Cow<'a, str>),
    /// A string that ends with a line feed, which is left off here, and has no other escape.
    Line(&'a str),
    /// A number or a boolean as written.
    Plain(&'a str),
    /// An object or array as written.
    Nested(&'a str),
    /// Nothing.
    Null,
}

/// A member that waits for others to tell what it means.
type Waiting<'a> = Option<(&'static str, Cow<'a, str>)>;

/// What filled a column: how good its name is, the name, and the value as it was written.
type Ranked<'a> = (u8, &'static str, Cow<'a, str>);

/// What was seen of one line so far, beyond what the event itself holds.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    timed: Option<Ranked<'a>>,
    leveled: Option<Ranked<'a>>,
    /// The rank and name of what filled the service.
    service: Option<(u8, &'static str)>,
    /// A message under a name that often means something else, and whether it ended its line.
    weak_message: Waiting<'a>,
    line_ended: bool,
    /// A duration whose unit only other members tell.
    bare_duration: Waiting<'a>,
    /// A status of HTTP's, its name and how it is written.
    status: Option<(i32, &'static str, Cow<'a, str>)>,
    /// The names that filled columns which only access lines have.
    method: &'static str,
    path: &'static str,
    bytes: &'static str,
    /// What tells which kind of record it is.
    pub(super) facts: Facts<'a>,
}

impl<'a> Value<'a> {
    /// The value as text; nothing for null.
    pub(super) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Line(line) => Some(format!("{line}\n").into()),
            Self::Plain(text) | Self::Nested(text) => Some(text.into()),
            Self::Null => None,
        }
    }
}

impl<'a> Fields<'a> {
    /// Whether anything seen so far is what only a log line says.
    pub(super) fn is_log(&self, event: &Event<'_>) -> bool {
        self.timed.is_some() || self.leveled.is_some() || event.message.is_some()
    }

    /// Whether a container's line ended, where the message is one.
    pub(super) fn wrapped_line(&self, event: &Event<'_>) -> Option<bool> {
        let (name, _) = self.weak_message.as_ref()?;
        (*name == "log" && event.message.is_none()).then_some(self.line_ended)
    }

    /// Fills the column that `name` stands for, or gives the value back.
    pub(super) fn set(
        &mut self,
        name: &str,
        value: Value<'a>,
        context: &Context<'_>,
        event: &mut Event<'a>,
    ) -> Option<Cow<'a, str>> {
        let Some(entry) = names::entry(name) else { return value.into_text() };
        let quoted = matches!(value, Value::Text(_) | Value::Line(_));
        let weak = quoted && self.weak_message.is_none() && matches!(entry.field, Some(Field::WeakMessage));
        if weak {
            self.line_ended = match &value {
                Value::Text(text) => text.ends_with('\n'),
                other => matches!(other, Value::Line(_)),
            };
        }
        let text = match (value, entry.field) {
            // The line feed at the end of a message is no part of it, so that nothing need be copied.
            (Value::Line(line), Some(Field::WeakMessage | Field::Message)) => line.into(),
            (value, _) => value.into_text()?,
        };
        if let Some(fact) = entry.fact {
            self.facts.add(fact, text.clone());
        }
        match entry.field {
            None => Some(text),
            Some(_) if weak => {
                self.weak_message = Some((entry.name, text));
                None
            }
            Some(field) => self.fill(entry.name, field, text, context, event),
        }
    }

    fn fill(
        &mut self,
        name: &'static str,
        field: Field,
        text: Cow<'a, str>,
        context: &Context<'_>,
        event: &mut Event<'a>,
    ) -> Option<Cow<'a, str>> {
        match field {
            Field::Time(rank) => self.set_time((rank, name, text), context, event),
            Field::TimeNanos => add_nanos(text, context, event),
            Field::Level(rank) => self.set_level(level_of(&text), (rank, name, text), event),
            Field::LevelLetter => {
                self.set_level(values::mongo_level(&text), (names::LEVEL_PERHAPS, name, text), event)
            }
            Field::PythonLevel => {
                self.set_level(values::python_level(&text), (names::LEVEL, name, text), event)
            }
            Field::Severity => {
                let severity = values::open_telemetry_level(&text);
                self.set_level(severity, (names::LEVEL_NUMBER, name, text), event)
            }
            Field::Status => self.set_status(name, text, event),
            Field::Service(rank) => self.set_service(rank, name, text, event),
            Field::Duration(unit) => self.set_duration(unit, name, text, event),
            Field::Method => noted(&mut self.method, name, fill(&mut event.http_method, text)),
            Field::Path => noted(&mut self.path, name, fill(&mut event.http_path, text)),
            Field::Bytes => {
                let bytes = number(&text);
                noted(&mut self.bytes, name, fill_number(&mut event.http_bytes, bytes, text))
            }
            _ => columns::set_column(field, text, event),
        }
    }

    /// Settles what depends on several members: the message, the kind of event, the level it implies.
    pub(super) fn finish(mut self, event: &mut Event<'a>) {
        match self.weak_message.take() {
            Some((_, text)) if event.message.is_none() => {
                event.message = Some(values::without_line_end(text));
            }
            Some((key, text)) => event.attribute(key, text),
            None => {}
        }
        self.settle_duration(event);
        event.event_type = EventType::Application;
        let leveled = self.leveled.is_some();
        match self.status.take() {
            Some((status, ..)) if event.http_method.is_some() || event.http_path.is_some() => {
                event.http_status = Some(status);
                event.event_type = EventType::HttpAccess;
                let implied = severity_of_status(status);
                if !leveled || (status >= 400 && implied > event.severity_number) {
                    event.set_severity(implied);
                }
                if let (None, Some(method), Some(path)) =
                    (&event.message, &event.http_method, &event.http_path)
                {
                    event.message = Some(format!("{method} {path}").into());
                }
            }
            status => {
                event.attributes.extend(status.map(|(_, name, text)| (name.into(), text)));
                self.keep_aside(event);
            }
        }
        kinds::settle(&self.facts, leveled, event);
    }

    /// What looked like an access line's and is not.
    fn keep_aside(&self, event: &mut Event<'a>) {
        if let Some(bytes) = event.http_bytes.take() {
            event.attribute(self.bytes, bytes.to_string());
        }
        // A method without a path is a procedure's, a path without a method a file's.
        if event.http_method.is_some() != event.http_path.is_some() {
            let method = event.http_method.take().map(|method| (self.method, method));
            let path = event.http_path.take().map(|path| (self.path, path));
            event.attributes.extend(method.into_iter().chain(path).map(|(key, text)| (key.into(), text)));
        }
    }

    /// Sets the time, where several members or a rule of the format make it.
    pub(super) fn stamp(
        &mut self,
        reading: Reading,
        written: impl Into<Cow<'a, str>>,
        context: &Context<'_>,
        event: &mut Event<'a>,
    ) {
        self.timed = Some((0, "time", Cow::Borrowed("")));
        context.stamp(event, reading, written);
    }

    fn set_time(
        &mut self,
        ranked: Ranked<'a>,
        context: &Context<'_>,
        event: &mut Event<'a>,
    ) -> Option<Cow<'a, str>> {
        let reading = reading_of(&ranked.2);
        match reading.filter(|_| is_better(&ranked, self.timed.as_ref())) {
            Some(reading) => {
                context.stamp(event, reading, ranked.2.clone());
                self.timed = give_back(self.timed.take(), ranked, event);
                None
            }
            None => Some(ranked.2),
        }
    }

    fn set_level(
        &mut self,
        severity: Option<i32>,
        ranked: Ranked<'a>,
        event: &mut Event<'a>,
    ) -> Option<Cow<'a, str>> {
        match severity.filter(|_| is_better(&ranked, self.leveled.as_ref())) {
            Some(severity) => {
                event.set_severity(severity);
                // The number says what the word beside it does.
                let former = self.leveled.take().filter(|_| ranked.0 != names::LEVEL_NUMBER);
                self.leveled = give_back(former, ranked, event);
                None
            }
            None => Some(ranked.2),
        }
    }

    /// A status is HTTP's where it can be, and elsewhere perhaps a level (Datadog). What came of something, success or
    /// failure, is no level there.
    fn set_status(
        &mut self,
        name: &'static str,
        text: Cow<'a, str>,
        event: &mut Event<'a>,
    ) -> Option<Cow<'a, str>> {
        let code = number(&text).and_then(|code| i32::try_from(code).ok());
        match code.filter(|code| (100..600).contains(code)) {
            Some(code) if self.status.is_none() => {
                self.status = Some((code, name, text));
                None
            }
            _ => {
                let severity = severity_of_word(&text).filter(|_| is_plain_level(&text));
                self.set_level(severity, (names::LEVEL_STATUS, name, text), event)
            }
        }
    }

    /// A better name's value takes the column, and the worse one's becomes an attribute.
    fn set_service(
        &mut self,
        rank: u8,
        name: &'static str,
        text: Cow<'a, str>,
        event: &mut Event<'a>,
    ) -> Option<Cow<'a, str>> {
        if text.is_empty() || text == "-" {
            return None;
        }
        match self.service.replace((rank, name)) {
            Some(former) if former.0 <= rank => {
                self.service = Some(former);
                Some(text)
            }
            former => {
                if let Some((_, name)) = former
                    && let Some(worse) = event.service.take()
                {
                    event.attribute(name, worse);
                }
                event.service = Some(text);
                None
            }
        }
    }

    fn set_duration(
        &mut self,
        unit: Option<f64>,
        name: &'static str,
        text: Cow<'a, str>,
        event: &mut Event<'a>,
    ) -> Option<Cow<'a, str>> {
        let millis = milliseconds(&text, unit);
        if millis.is_none() && unit.is_none() && self.bare_duration.is_none() {
            self.bare_duration = Some((name, text));
            return None;
        }
        fill_number(&mut event.http_duration_ms, millis, text)
    }

    /// A duration without a unit is in that of the program whose line this is.
    fn settle_duration(&mut self, event: &mut Event<'a>) {
        let Some((name, text)) = self.bare_duration.take() else { return };
        let unit = if self.facts.has(Fact::CountsMillis) {
            Some(1.0)
        } else {
            self.facts.has(Fact::CountsSeconds).then_some(1e3)
        };
        match milliseconds(&text, unit) {
            Some(millis) if event.http_duration_ms.is_none() => event.http_duration_ms = Some(millis),
            _ => event.attribute(name, text),
        }
    }
}

/// Whether a value's name is better than that of the one before.
fn is_better(new: &Ranked<'_>, former: Option<&Ranked<'_>>) -> bool {
    former.is_none_or(|former| new.0 < former.0)
}

/// The better value; the one before becomes an attribute.
fn give_back<'a>(
    former: Option<Ranked<'a>>,
    better: Ranked<'a>,
    event: &mut Event<'a>,
) -> Option<Ranked<'a>> {
    event.attributes.extend(former.map(|(_, name, text)| (name.into(), text)));
    Some(better)
}

/// Takes note of the name whose value was taken.
fn noted<'a>(
    noted: &mut &'static str,
    name: &'static str,
    rest: Option<Cow<'a, str>>,
) -> Option<Cow<'a, str>> {
    if rest.is_none() && noted.is_empty() {
        *noted = name;
    }
    rest
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

/// The nanoseconds of the second that the event's time is.
fn add_nanos<'a>(text: Cow<'a, str>, context: &Context<'_>, event: &mut Event<'a>) -> Option<Cow<'a, str>> {
    let whole = event.ts_source == TsSource::Event && event.ts.0 % 1_000_000 == 0;
    match number(&text).filter(|nanos| whole && (0..1_000_000_000).contains(nanos)) {
        Some(nanos) => {
            context.stamp(event, Reading::Instant(UnixMicros(event.ts.0 + nanos / 1_000)), text);
            None
        }
        None => Some(text),
    }
}
