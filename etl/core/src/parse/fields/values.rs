//! Values of structured lines as the columns have them.

use crate::parse::level::{severity_of_letter, severity_of_syslog, severity_of_word};
use crate::parse::text::{is_address, number};
use headrig_contract::timestamp::Reading;
use headrig_contract::{Timestamp, UnixMicros};
use std::borrow::Cow;

/// Longer values are no ids of traces.
const TRACE_BYTES_MAX: usize = 256;
/// Parts of a duration such as `1h2m3.5s`.
const DURATION_PARTS_MAX: usize = 6;
/// What Go's slog adds to OpenTelemetry's numbers.
const SLOG_OFFSET: i64 = 9;

/// `slice`, which is part of `text`, with as long a life as `text` has.
pub(in crate::parse) fn part<'a>(text: &Cow<'a, str>, slice: &str) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(whole) => {
            let start = (slice.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
            let within = start.checked_add(slice.len()).and_then(|end| whole.get(start..end));
            within.map_or_else(|| Cow::Owned(slice.to_owned()), Cow::Borrowed)
        }
        Cow::Owned(_) => Cow::Owned(slice.to_owned()),
    }
}

/// The reading of a whole text: any timestamp, or a number of seconds or milliseconds with a fraction or
/// an exponent, as encoders of floating point write them.
pub(in crate::parse) fn reading_of(text: &str) -> Option<Reading> {
    let text = text.trim();
    if let Some(timestamp) = Timestamp::parse_whole(text.as_bytes()) {
        return Some(timestamp.reading);
    }
    let numeric = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+');
    if !text.bytes().all(numeric) || !text.contains(['.', 'e', 'E']) {
        return None;
    }
    let value = text.parse::<f64>().ok()?;
    let seconds = if value >= 1e11 { value / 1e3 } else { value };
    (1e8..1e10).contains(&seconds).then(|| Reading::Instant(UnixMicros((seconds * 1e6).round() as i64)))
}

/// The severity number of a level as loggers write it: a word, a number of bunyan and pino (10 to 60) or
/// of syslog (0 to 7), or slog's word with a distance (`WARN+1`).
pub(in crate::parse) fn level_of(text: &str) -> Option<i32> {
    match number(text) {
        Some(level @ 0..=7) => severity_of_syslog(level as u32),
        Some(level @ 10..=69) => Some([1, 5, 9, 13, 17, 21][(level / 10 - 1) as usize]),
        Some(_) => None,
        None => severity_of_word(text.trim()).or_else(|| slog_level(text)).or_else(|| npm_level(text)),
    }
}

/// slog counts from DEBUG -4 over INFO 0, WARN 4 and ERROR 8, made so that 9 more is OpenTelemetry's.
fn slog_level(text: &str) -> Option<i32> {
    let (word, distance) = text.split_at(text.find(['+', '-'])?);
    let base = match word {
        "DEBUG" => -4,
        "INFO" => 0,
        "WARN" => 4,
        "ERROR" => 8,
        _ => return None,
    };
    let size = number(&distance[1..]).filter(|size| *size < 100)?;
    let level = base + if distance.starts_with('-') { -size } else { size };
    Some((level + SLOG_OFFSET).clamp(1, 24) as i32)
}

/// What winston, npm and Kubernetes' own tools add to the usual words.
fn npm_level(text: &str) -> Option<i32> {
    match text {
        "http" => Some(9),
        _ => None,
    }
}

/// The letters of MongoDB: `D1` to `D5` are its debug levels.
pub(super) fn mongo_level(text: &str) -> Option<i32> {
    match text.as_bytes() {
        [letter] | [letter @ b'D', b'1'..=b'5'] => severity_of_letter(*letter),
        _ => severity_of_word(text),
    }
}

pub(super) fn python_level(text: &str) -> Option<i32> {
    match number(text)? {
        level @ 10..=59 => Some([5, 9, 13, 17, 18][(level / 10 - 1) as usize]),
        _ => None,
    }
}

pub(super) fn open_telemetry_level(text: &str) -> Option<i32> {
    number(text).filter(|level| (1..=24).contains(level)).map(|level| level as i32)
}

/// A duration in milliseconds, by its own units (`1m2.5s`) or by the one that its name has.
pub(in crate::parse) fn milliseconds(text: &str, unit: Option<f64>) -> Option<f64> {
    let (mut rest, mut total) = (text, 0.0);
    for _ in 0..DURATION_PARTS_MAX {
        let digits = rest.find(|mark: char| !mark.is_ascii_digit() && mark != '.').unwrap_or(rest.len());
        let value = rest[..digits].parse::<f64>().ok()?;
        let named = &rest[digits..];
        let length = named.find(|mark: char| mark.is_ascii_digit()).unwrap_or(named.len());
        total += value
            * match &named[..length] {
                "" => unit.filter(|_| digits == text.len())?,
                "ns" => 1e-6,
                "us" | "µs" | "μs" => 1e-3,
                "ms" => 1.0,
                "s" => 1e3,
                "m" => 6e4,
                "h" => 3.6e6,
                _ => return exponent(text, unit),
            };
        rest = &named[length..];
        if rest.is_empty() {
            return Some(total);
        }
    }
    None
}

/// `1.5e-05`, as encoders of floating point write small numbers.
fn exponent(text: &str, unit: Option<f64>) -> Option<f64> {
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let value = numeric.then(|| text.parse::<f64>().ok())??;
    (value.is_finite() && value >= 0.0).then_some(value * unit?)
}

/// An address and, where it has one, its port: `192.0.2.1:80`, `[2001:db8::1]:443`.
pub(in crate::parse) fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if is_address(text) {
        return Some((text, None));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(inner) => {
            let (host, after) = inner.split_once(']')?;
            (host, after.strip_prefix(':'))
        }
        None => text.rsplit_once(':').map(|(host, port)| (host, Some(port)))?,
    };
    let numbered = port.is_none_or(|port| number(port).is_some());
    (numbered && is_address(host)).then_some((host, port))
}

/// Method and target of `GET /path HTTP/1.1`.
pub(in crate::parse) fn split_request(text: &str) -> Option<(&str, &str)> {
    let (method, rest) = text.split_once(' ')?;
    let capitals = method.bytes().all(|byte| byte.is_ascii_uppercase());
    let target = match rest.rsplit_once(' ') {
        Some((target, version)) if version.starts_with("HTTP/") => target,
        _ => rest,
    };
    (capitals && !method.is_empty() && !target.is_empty()).then_some((method, target))
}

/// Whether a text can be the id of a trace or span: one word.
pub(in crate::parse) fn is_trace(text: &str) -> bool {
    text.len() <= TRACE_BYTES_MAX && !text.contains(char::is_whitespace) && !text.starts_with(['{', '['])
}

/// The id at the end of `projects/p/traces/id`.
pub(super) fn last_segment(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.rsplit_once('/') {
        Some((_, id)) => part(&text, id),
        None => text,
    }
}

/// A name that stands in quotes of its own, as the audit trail's do.
pub(super) fn unquoted(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')) {
        Some(inner) => part(&text, inner),
        None => text,
    }
}

pub(super) fn without_line_end(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => text.trim_end_matches(['\n', '\r']).into(),
        Cow::Owned(mut text) => {
            text.truncate(text.trim_end_matches(['\n', '\r']).len());
            text.into()
        }
    }
}
