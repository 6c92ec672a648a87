//! Comma-separated exports of logs, whose columns nobody told us.
//!
//! The time is put together from the first fields, after at most two that are no part of it (a line
//! number, a label): `2026-09-21,10:00:00`, `Sep,21,10:00:00`, `260921,100000`. The level is the first
//! of the next fields that is a level word alone. The message is all that follows. Lines that begin with
//! a whole timestamp are the general parser's.

use super::level::{severity_of_letter, severity_of_word};
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::Timestamp;
use headrig_contract::timestamp::{Reading, Shape};

/// Fields looked at for time and level.
const FIELDS_MAX: usize = 16;
/// Where the time may start, the likeliest first: behind a line number, which would else be read as the
/// day of `7,Sep,21,10:00:00`; at the front; behind a number and a label.
const STARTS: [usize; 3] = [1, 0, 2];
/// Fields that a time may be made of.
const TIME_FIELDS_MAX: usize = 4;
/// Fields fewer than this are a sentence with commas.
const FIELDS_MIN: usize = 4;
/// The longest timestamp is much shorter.
const TIME_BYTES_MAX: usize = 64;

/// A field without its quotes, and where the next one starts.
#[derive(Clone, Copy, Default)]
struct Field<'a> {
    text: &'a str,
    next: usize,
}

/// Parses one row.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let mut storage = [Field::default(); FIELDS_MAX];
    let fields = split(text, &mut storage);
    if fields.len() < FIELDS_MIN {
        return None;
    }
    let (reading, first, end) = time(fields)?;
    let start = if first == 0 { 0 } else { fields[first - 1].next };
    let written = text[start..fields[end - 1].next].trim_end_matches(',');
    context.stamp(event, reading, written);
    let level = fields[end..].iter().find_map(|field| Some((severity(field.text)?, field.next)));
    let rest = match level {
        Some((severity, next)) => {
            event.set_severity(severity);
            next
        }
        None => fields[end - 1].next,
    };
    event.event_type = EventType::Application;
    event.message = Some(text[rest..].into());
    Some(())
}

/// The time, and which fields it is made of.
fn time(fields: &[Field<'_>]) -> Option<(Reading, usize, usize)> {
    for first in STARTS {
        for count in (1..=TIME_FIELDS_MAX).rev() {
            let Some(parts) = fields.get(first..first + count) else { continue };
            if let Some(timestamp) = joined(parts) {
                return Some((timestamp.reading, first, first + count));
            }
        }
    }
    None
}

/// The fields, a space between each two, as one timestamp with a date.
fn joined(parts: &[Field<'_>]) -> Option<Timestamp> {
    let mut buffer = [b' '; TIME_BYTES_MAX];
    let mut length = 0;
    for part in parts {
        let text = part.text.trim().as_bytes();
        buffer.get_mut(length..length + text.len())?.copy_from_slice(text);
        length += text.len() + 1;
    }
    let timestamp = Timestamp::parse_whole(buffer.get(..length.checked_sub(1)?)?)?;
    (timestamp.shape != Shape::Clock).then_some(timestamp)
}

fn severity(field: &str) -> Option<i32> {
    match field.trim().as_bytes() {
        [letter] => severity_of_letter(*letter),
        _ => severity_of_word(field.trim()),
    }
}

/// The first fields of a row. A field in quotes may hold commas; doubled quotes are left as they are.
fn split<'a, 's>(text: &'a str, storage: &'s mut [Field<'a>; FIELDS_MAX]) -> &'s [Field<'a>] {
    let (mut at, mut count) = (0, 0);
    while count < FIELDS_MAX && at <= text.len() {
        let rest = &text[at..];
        let quoted = rest.strip_prefix('"').and_then(|inner| {
            let end = inner.find("\",").or_else(|| inner.strip_suffix('"').map(str::len))?;
            Some((&inner[..end], end + 2))
        });
        let plain = || rest.find(',').unwrap_or(rest.len());
        let (field, length) = quoted.unwrap_or_else(|| (&rest[..plain()], plain()));
        at = (at + length + 1).min(text.len() + 1);
        storage[count] = Field { text: field, next: at.min(text.len()) };
        count += 1;
    }
    &storage[..count]
}

#[cfg(test)]
mod tests;
