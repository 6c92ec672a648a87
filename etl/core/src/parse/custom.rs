//! Formats that the configuration brings along: a regular expression whose groups are named as columns.
//!
//! They are asked before every built-in format, in their order, for the sources and paths that they are
//! limited to; the first whose expression matches from the event's first byte takes it. A group that
//! names no column becomes an attribute, and so does a value that its column cannot take. Everything is
//! checked once, when the configuration is read; an event costs one search and no compilation. Groups of
//! the expression library match in time that is linear in the text, whatever the expression.

mod clock;
mod column;

use super::classify::classify;
use super::level::severity_of_status;
use super::text::present;
use super::time::Context;
use super::{PARSERS, level};
use crate::event::{Event, EventType};
use clock::Clock;
use column::Column;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

/// The most formats that a configuration may bring: each is asked for each line.
pub const FORMATS_MAX: usize = 256;
/// The longest expression.
pub const PATTERN_BYTES_MAX: usize = 16 << 10;
/// What a compiled expression may take, so that counted repetitions stay small.
pub const PATTERN_SIZE_MAX: usize = 4 << 20;
/// The longest name.
const NAME_BYTES_MAX: usize = 64;

/// `[[format]]` as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormatSpec {
    /// The value of the lake's `format` column.
    pub name: String,
    /// A regular expression with named groups.
    pub pattern: String,
    /// How the group `ts` is written: `auto`, or strftime's letters.
    pub time: Option<String>,
    /// What its events are, where the fields do not tell better.
    pub event_type: Option<String>,
    /// The sources that it is for, as globs; all where there are none.
    #[serde(default)]
    pub sources: Vec<String>,
    /// The files that it is for, as globs; all where there are none.
    #[serde(default)]
    pub paths: Vec<String>,
}

/// What is wrong with a `[[format]]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: expected {expected}, found {found}")]
pub struct FormatError {
    /// The key in the table.
    pub key: &'static str,
    /// What could stand there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

/// A format of the configuration, checked.
#[derive(Debug)]
pub struct CustomFormat {
    name: &'static str,
    pattern: Regex,
    /// The column of each group that has a name, by the group's number.
    columns: Vec<(usize, Column)>,
    clock: Clock,
    event_type: Option<EventType>,
    sources: Option<GlobSet>,
    paths: Option<GlobSet>,
}

/// The formats of a configuration, in their order.
#[derive(Clone, Debug, Default)]
pub struct Formats(Vec<Arc<CustomFormat>>);

impl Formats {
    /// The formats that are written; an error names the index of the table it is about.
    ///
    /// # Errors
    /// [`FormatError`], for the first table that is wrong.
    pub fn new(specs: &[FormatSpec]) -> Result<Self, (usize, FormatError)> {
        let mut formats = Self::default();
        for (index, spec) in specs.iter().enumerate() {
            let format = formats.next(spec).map_err(|error| (index, error))?;
            formats.0.push(Arc::new(format));
        }
        Ok(formats)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|format| format.name)
    }

    /// Those for one stream. The one that `hint` names goes first, whatever it is limited to.
    pub(super) fn of_stream(&self, source: &str, path: &str, hint: &str) -> Vec<Arc<CustomFormat>> {
        let named = self.0.iter().filter(|format| format.name == hint);
        let others = self.0.iter().filter(|format| format.name != hint && format.is_for(source, path));
        named.chain(others).cloned().collect()
    }

    fn next(&self, spec: &FormatSpec) -> Result<CustomFormat, FormatError> {
        let wrong =
            |expected: String| Err(FormatError { key: "name", expected, found: format!("{:?}", spec.name) });
        if self.0.len() == FORMATS_MAX {
            return wrong(format!("at most {FORMATS_MAX} formats"));
        }
        if PARSERS.iter().any(|parser| parser.name == spec.name) {
            return wrong("a name that no built-in format has".into());
        }
        if self.names().any(|name| name == spec.name) {
            return wrong("each name once".into());
        }
        CustomFormat::new(spec)
    }
}

impl CustomFormat {
    /// The format that is written.
    ///
    /// # Errors
    /// [`FormatError`], for the first key that is wrong.
    pub fn new(spec: &FormatSpec) -> Result<Self, FormatError> {
        check_name(&spec.name)?;
        let pattern = compiled(&spec.pattern)?;
        let columns = columns(&pattern, &spec.pattern)?;
        let clock = Clock::new(spec.time.as_deref().unwrap_or("auto"))?;
        if spec.time.is_some() && !columns.iter().any(|(_, column)| matches!(column, Column::Time)) {
            let expected = "a group ts in the pattern, for the time to be read from".into();
            return Err(FormatError { key: "time", expected, found: "none".into() });
        }
        Ok(Self {
            name: interned(&spec.name),
            pattern,
            columns,
            clock,
            event_type: spec.event_type.as_deref().map(event_type).transpose()?,
            sources: globs("sources", &spec.sources)?,
            paths: globs("paths", &spec.paths)?,
        })
    }

    /// The value of the lake's `format` column.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    fn is_for(&self, source: &str, path: &str) -> bool {
        let fits = |set: &Option<GlobSet>, text| set.as_ref().is_none_or(|set| set.is_match(text));
        fits(&self.sources, source) && fits(&self.paths, path)
    }

    /// Fills a fresh event from the text and says whether it could.
    pub(super) fn parse<'a>(&self, text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
        let Some(groups) = self.pattern.captures(text) else { return false };
        let end = groups.get(0).map_or(0, |whole| whole.end());
        let mut rest = &text[end..];
        for (number, column) in &self.columns {
            let Some(group) = groups.get(*number) else { continue };
            let mut value = group.as_str();
            if matches!(column, Column::Message) && group.end() == end {
                // The lines that were joined to the first belong to the message.
                (value, rest) = (&text[group.start()..], "");
            }
            if matches!(column, Column::Time) {
                match self.clock.read(value) {
                    Some(reading) => context.stamp(event, reading, value),
                    None => event.attribute("written_time", value),
                }
            } else if let Some(value) = present(value) {
                column.fill(value, event);
            }
        }
        if let Some(rest) = present(rest.trim()) {
            event.attribute("rest", rest);
        }
        self.settle(event);
        true
    }

    /// The event's type and level, where no group says them.
    fn settle(&self, event: &mut Event<'_>) {
        let asked = event.http_method.is_some() || event.http_path.is_some();
        let status = event.http_status;
        event.event_type = match (self.event_type, status) {
            (Some(event_type), _) => event_type,
            (None, Some(_)) if asked => EventType::HttpAccess,
            (None, _) => classified(event),
        };
        if event.severity_number == 0 {
            let implied = match (event.event_type, status) {
                (EventType::HttpAccess, Some(status)) => severity_of_status(status),
                (EventType::AuthFailure, _) => level::WARN,
                _ => 0,
            };
            event.set_severity(implied);
        }
    }
}

/// What the message tells, as a syslog line of the same program would.
fn classified(event: &mut Event<'_>) -> EventType {
    let service = event.service.clone().unwrap_or_default();
    match event.message.clone() {
        Some(Cow::Borrowed(message)) => classify(&service, message, event),
        _ => event.event_type = EventType::Application,
    }
    event.event_type
}

fn check_name(name: &str) -> Result<(), FormatError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    let expected = format!("1 to {NAME_BYTES_MAX} letters, digits, and any of _ - .");
    Err(FormatError { key: "name", expected, found: format!("{name:?}") })
}

fn compiled(pattern: &str) -> Result<Regex, FormatError> {
    let wrong = |expected: String, found: String| Err(FormatError { key: "pattern", expected, found });
    if pattern.is_empty() || pattern.len() > PATTERN_BYTES_MAX {
        let expected = format!("an expression of 1 to {PATTERN_BYTES_MAX} bytes");
        return wrong(expected, format!("{} bytes", pattern.len()));
    }
    let anchored = format!("^(?:{pattern})");
    match RegexBuilder::new(&anchored).size_limit(PATTERN_SIZE_MAX).build() {
        Ok(regex) => Ok(regex),
        Err(regex::Error::CompiledTooBig(_)) => {
            let expected = format!("an expression that compiles to at most {PATTERN_SIZE_MAX} bytes");
            wrong(format!("{expected}; make its counted repetitions smaller"), format!("{pattern:?}"))
        }
        Err(error) => {
            // The last line of the library's message is the reason, the others draw the place.
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            wrong("a regular expression".into(), format!("{pattern:?}: {reason}"))
        }
    }
}

fn columns(regex: &Regex, pattern: &str) -> Result<Vec<(usize, Column)>, FormatError> {
    let named = regex.capture_names().enumerate();
    let columns: Vec<_> = named.filter_map(|(number, name)| Some((number, Column::named(name?)))).collect();
    if columns.is_empty() {
        let expected = "at least one named group, such as (?<message>.*)".into();
        return Err(FormatError { key: "pattern", expected, found: format!("{pattern:?}") });
    }
    Ok(columns)
}

fn event_type(name: &str) -> Result<EventType, FormatError> {
    let known = EventType::ALL.into_iter().filter(|known| *known != EventType::Unparsed);
    known.clone().find(|known| known.as_str() == name).ok_or_else(|| {
        let names: Vec<_> = known.map(EventType::as_str).collect();
        let expected = format!("one of {}", names.join(", "));
        FormatError { key: "event_type", expected, found: format!("{name:?}") }
    })
}

/// The set of some globs; nothing where there are none. A star stands for a part of one name.
fn globs(key: &'static str, patterns: &[String]) -> Result<Option<GlobSet>, FormatError> {
    let wrong = |pattern: &String| FormatError {
        key,
        expected: "a pattern such as /var/log/app/*.log".into(),
        found: format!("{pattern:?}"),
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        set.add(glob.map_err(|_| wrong(pattern))?);
    }
    let Some(first) = patterns.first() else { return Ok(None) };
    set.build().map(Some).map_err(|_| wrong(first))
}

/// The name for as long as the process lives, as the names of the built-in formats do: events refer to
/// it without a lifetime of their own. Each name is kept once, however often a configuration is read.
fn interned(name: &str) -> &'static str {
    static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.iter().find(|known| **known == name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.into());
    names.push(kept);
    kept
}

#[cfg(test)]
mod tests;
