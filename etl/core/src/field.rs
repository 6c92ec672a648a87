//! An event's columns by name: what conditions, rules and alerts may speak of.

use crate::Event;
use std::{borrow::Cow, fmt, str::FromStr};

/// The prefix of an attribute's name.
const ATTRIBUTE: &str = "attributes.";

/// A column that comes from the line, or one attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// One of [`Field::NAMES`], by its place there.
    Column(usize),
    /// `attributes.<key>`.
    Attribute(String),
}

impl Field {
    /// The columns that come from the line, as the lake names them.
    pub const NAMES: [&'static str; 16] = [
        "format",
        "service",
        "pid",
        "message",
        "src_ip",
        "user_name",
        "http_method",
        "http_path",
        "http_status",
        "http_bytes",
        "http_duration_ms",
        "http_user_agent",
        "http_referrer",
        "trace_id",
        "span_id",
        "severity_number",
    ];

    /// Its value in `event`, numbers as they are printed.
    pub fn of<'e>(&self, event: &'e Event<'_>) -> Option<Cow<'e, str>> {
        let number = |value: Option<String>| value.map(Cow::Owned);
        match self {
            Self::Attribute(name) => {
                event.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| Cow::Borrowed(&**value))
            }
            Self::Column(at) => match Self::NAMES[*at] {
                "format" => Some(event.format).filter(|name| !name.is_empty()).map(Cow::Borrowed),
                "pid" => number(event.pid.map(|pid| pid.to_string())),
                "http_status" => number(event.http_status.map(|status| status.to_string())),
                "http_bytes" => number(event.http_bytes.map(|bytes| bytes.to_string())),
                "http_duration_ms" => number(event.http_duration_ms.map(|duration| duration.to_string())),
                "severity_number" => number(Some(event.severity_number.to_string())),
                name => text(event, name).map(Cow::Borrowed),
            },
        }
    }
}

fn text<'e>(event: &'e Event<'_>, name: &str) -> Option<&'e str> {
    match name {
        "service" => event.service.as_deref(),
        "message" => event.message.as_deref(),
        "src_ip" => event.src_ip.as_deref(),
        "user_name" => event.user_name.as_deref(),
        "http_method" => event.http_method.as_deref(),
        "http_path" => event.http_path.as_deref(),
        "http_user_agent" => event.http_user_agent.as_deref(),
        "http_referrer" => event.http_referrer.as_deref(),
        "trace_id" => event.trace_id.as_deref(),
        "span_id" => event.span_id.as_deref(),
        _ => None,
    }
}

/// Every column of text that comes from the line, to be changed in place.
pub(crate) fn texts_mut<'e, 'a>(event: &'e mut Event<'a>) -> [&'e mut Option<Cow<'a, str>>; 10] {
    [
        &mut event.message,
        &mut event.service,
        &mut event.src_ip,
        &mut event.user_name,
        &mut event.http_method,
        &mut event.http_path,
        &mut event.http_user_agent,
        &mut event.http_referrer,
        &mut event.trace_id,
        &mut event.span_id,
    ]
}

/// The same, to be read.
pub(crate) fn texts<'e, 'a>(event: &'e Event<'a>) -> [&'e Option<Cow<'a, str>>; 10] {
    [
        &event.message,
        &event.service,
        &event.src_ip,
        &event.user_name,
        &event.http_method,
        &event.http_path,
        &event.http_user_agent,
        &event.http_referrer,
        &event.trace_id,
        &event.span_id,
    ]
}

impl FromStr for Field {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if let Some(key) = name.strip_prefix(ATTRIBUTE).filter(|key| !key.is_empty()) {
            return Ok(Self::Attribute(key.into()));
        }
        Self::NAMES
            .iter()
            .position(|known| *known == name)
            .map(Self::Column)
            .ok_or_else(|| format!("{ATTRIBUTE}<key> or one of {}", Self::NAMES.join(", ")))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(at) => f.write_str(Self::NAMES[*at]),
            Self::Attribute(key) => write!(f, "{ATTRIBUTE}{key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_field_with_a_value() {
        let text = || Some("x".into());
        let mut event = Event {
            format: "x",
            service: text(),
            pid: Some(1),
            message: text(),
            src_ip: text(),
            user_name: text(),
            http_method: text(),
            http_path: text(),
            http_status: Some(1),
            http_bytes: Some(1),
            http_duration_ms: Some(1.5),
            http_user_agent: text(),
            http_referrer: text(),
            trace_id: text(),
            span_id: text(),
            ..Event::default()
        };
        event.attribute("a.b", "x");
        for name in Field::NAMES.iter().copied().chain(["attributes.a.b"]) {
            let field: Field = name.parse().unwrap();
            assert_eq!(field.to_string(), name);
            assert!(field.of(&event).is_some(), "{name}");
        }
        assert!("attributes.".parse::<Field>().is_err() && "ts".parse::<Field>().is_err());
    }
}
