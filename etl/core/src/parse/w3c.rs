//! The W3C's extended log format: IIS, HTTP.sys, CloudFront's standard logs, the Windows firewall.
//!
//! A `#Fields:` directive names the columns. The one that a stream's sample shows is kept with the stream's format
//! (see [`Columns`]); a line that does not fit it, or that comes without a directive in sight, is read by its own
//! shape: the columns that IIS, CloudFront and the firewall write unless told otherwise, found from the method, the
//! address and the status. Directives themselves are rows, without a level.
//!
//! Times are in UTC, as the format demands, but for the firewall's, which are local. Level by status, as in access
//! logs; the firewall states none. Agents are told as they were sent.

mod columns;
mod shape;

use super::level::severity_of_status;
use super::text::{is_address, number, present};
use super::time::Context;
use crate::event::{Event, EventType};
pub(super) use columns::Columns;
use columns::{COLUMNS_MAX, Name};
use headrig_contract::timestamp::{LocalMicros, Reading};
use headrig_contract::{Timestamp, UnixMicros};
use std::borrow::Cow;

/// The directives of the draft, and those that Microsoft adds.
const DIRECTIVES: [&str; 9] = [
    "#Fields: ",
    "#Version: ",
    "#Software: ",
    "#Date: ",
    "#Start-Date: ",
    "#End-Date: ",
    "#Remark: ",
    "#Time Format: ",
    "#X-",
];

/// A line's columns.
type Words<'a> = [&'a str; COLUMNS_MAX];

/// What has to be put together from several columns.
#[derive(Default)]
struct Gathered<'a> {
    date: Option<&'a str>,
    time: Option<&'a str>,
    stem: Option<&'a str>,
    query: Option<&'a str>,
    action: Option<&'a str>,
}

/// Parses one line without a directive in sight.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    match text.as_bytes().first() {
        Some(b'#') => directive(text, context, event).is_some(),
        Some(b'0'..=b'9') => shape::parse(text, context, event).is_some(),
        _ => false,
    }
}

/// Parses one line of a stream whose columns are known.
pub(super) fn parse_by<'a>(
    columns: &Columns,
    text: &'a str,
    context: &Context<'_>,
    event: &mut Event<'a>,
) -> bool {
    let mut words = [""; COLUMNS_MAX];
    let fits = !text.starts_with('#') && split(text, &mut words) == columns.names().len();
    if fits && fill(columns.names(), &words, text, context, event).is_some() {
        return true;
    }
    super::reset(event, context);
    parse(text, context, event)
}

fn directive<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let known = DIRECTIVES.into_iter().find(|known| text.starts_with(known))?;
    if known.ends_with("Date: ")
        && let Some(timestamp) = Timestamp::parse_whole(text[known.len()..].trim().as_bytes())
    {
        context.stamp(event, in_utc(timestamp.reading), &text[known.len()..]);
    }
    event.event_type = EventType::Application;
    event.message = Some(text.into());
    Some(())
}

const fn in_utc(reading: Reading) -> Reading {
    match reading {
        Reading::Local(LocalMicros(micros)) => Reading::Instant(UnixMicros(micros)),
        other => other,
    }
}

/// The columns, parted by tabs where there is one, else by blanks. A quoted one may hold blanks.
fn split<'a>(text: &'a str, words: &mut Words<'a>) -> usize {
    let separator = if text.contains('\t') { '\t' } else { ' ' };
    let (mut rest, mut count) = (text.trim_end(), 0);
    while !rest.is_empty() && count < COLUMNS_MAX {
        let quoted =
            rest.strip_prefix('"').and_then(|inner| inner.find('"').map(|end| (&inner[..end], end + 2)));
        let plain = rest.find(separator).unwrap_or(rest.len());
        let (word, length) = quoted.unwrap_or((&rest[..plain], plain));
        words[count] = word;
        count += 1;
        rest = rest[length..].strip_prefix(separator).unwrap_or(&rest[length..]);
    }
    if rest.is_empty() { count } else { COLUMNS_MAX + 1 }
}

/// Fills the event from columns of known names. Nothing where a column does not hold what its name says.
fn fill<'a>(
    names: &[Name],
    words: &Words<'a>,
    text: &'a str,
    context: &Context<'_>,
    event: &mut Event<'a>,
) -> Option<()> {
    let mut gathered = Gathered::default();
    for (name, word) in names.iter().zip(words) {
        if let Some(word) = present(word) {
            column(name, word, &mut gathered, event)?;
        }
    }
    stamp(&gathered, text, context, event)?;
    event.event_type = EventType::Application;
    if event.http_method.is_some() || event.http_status.is_some() {
        event.event_type = EventType::HttpAccess;
        if let Some(status) = event.http_status {
            event.set_severity(severity_of_status(status));
        }
    } else if gathered.action.is_some() && event.src_ip.is_some() {
        event.event_type = EventType::Firewall;
    }
    event.http_path = path(&gathered);
    event.message = Some(message(&gathered, text, event));
    Some(())
}

fn column<'a>(name: &Name, word: &'a str, gathered: &mut Gathered<'a>, event: &mut Event<'a>) -> Option<()> {
    match name.as_str() {
        "date" => gathered.date = Some(word),
        "time" => gathered.time = Some(word),
        "cs-uri-stem" | "cs-uri" => gathered.stem = Some(word),
        "cs-uri-query" => gathered.query = Some(word),
        "c-ip" | "src-ip" => event.src_ip = Some(is_address(word).then_some(word)?.into()),
        "cs-username" => event.user_name = Some(word.into()),
        "cs-method" => event.http_method = Some(word.into()),
        "sc-status" => event.http_status = Some(status(word)?),
        "sc-bytes" => event.http_bytes = Some(number(word)?),
        "time-taken" => event.http_duration_ms = Some(duration_ms(word)?),
        "cs(User-Agent)" => event.http_user_agent = Some(agent(word)),
        "cs(Referer)" => event.http_referrer = Some(word.into()),
        known => {
            gathered.action = if known == "action" { Some(word) } else { gathered.action };
            event.attribute(name.to_cow(), word);
        }
    }
    Some(())
}

fn status(word: &str) -> Option<i32> {
    let code = number(word).filter(|code| *code < 1_000)?;
    i32::try_from(code).ok()
}

/// Milliseconds in IIS; seconds, which have a fraction, in CloudFront.
fn duration_ms(word: &str) -> Option<f64> {
    match number(word) {
        Some(millis) => Some(millis as f64),
        None => {
            word.parse::<f64>().ok().filter(|seconds| seconds.is_finite()).map(|seconds| seconds * 1_000.0)
        }
    }
}

/// The agent as it was sent: IIS writes `+` for a blank, CloudFront encodes blanks and others by percent.
fn agent(word: &str) -> Cow<'_, str> {
    if word.contains("%20") {
        return percent_decoded(word).into();
    }
    if word.contains('+') && !word.contains(' ') { word.replace('+', " ").into() } else { word.into() }
}

fn percent_decoded(word: &str) -> String {
    let bytes = word.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = (byte == b'%').then(|| word.get(at + 1..at + 3)).flatten();
        let decoded = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        plain.push(decoded.unwrap_or(byte));
        at += if decoded.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

fn stamp<'a>(
    gathered: &Gathered<'a>,
    text: &'a str,
    context: &Context<'_>,
    event: &mut Event<'a>,
) -> Option<()> {
    let (Some(date), Some(time)) = (gathered.date, gathered.time) else { return None };
    let written = between(text, date, time)?;
    let timestamp = Timestamp::parse_whole(written.as_bytes())?;
    let firewall = gathered.action.is_some();
    let reading = if firewall { timestamp.reading } else { in_utc(timestamp.reading) };
    context.stamp(event, reading, written);
    Some(())
}

/// The text from the beginning of one column to the end of a later one.
fn between<'a>(text: &'a str, first: &'a str, last: &'a str) -> Option<&'a str> {
    let start = (first.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let end = (last.as_ptr() as usize).checked_sub(text.as_ptr() as usize)? + last.len();
    text.get(start..end)
}

fn path<'a>(gathered: &Gathered<'a>) -> Option<Cow<'a, str>> {
    let stem = gathered.stem?;
    Some(match gathered.query {
        Some(query) => format!("{stem}?{query}").into(),
        None => stem.into(),
    })
}

/// The request, or all columns behind the time.
fn message<'a>(gathered: &Gathered<'a>, text: &'a str, event: &Event<'a>) -> Cow<'a, str> {
    if let (Some(Cow::Borrowed(method)), Some(stem)) = (&event.http_method, gathered.stem)
        && let Some(request) = between(text, method, stem)
        && request.len() == method.len() + 1 + stem.len()
    {
        return request.into();
    }
    let behind = gathered.time.and_then(|time| between(text, text, time)).map_or(0, str::len);
    text[behind..].trim_start().into()
}
