//! Lines with colours: a parser reads them without their escapes, and what it found is made the event's own.
//!
//! The only place where usual fields are copied: terminals' escapes stand in the middle of words.

use super::time::Context;
use crate::event::Event;
use memchr::memchr;

/// Whether the text holds an escape.
pub(super) fn has_escapes(text: &str) -> bool {
    memchr(b'\x1b', text.as_bytes()).is_some()
}

/// Has `parse` read the text without its escapes. The event must be fresh.
pub(super) fn parse_plain(
    text: &str,
    context: &Context<'_>,
    event: &mut Event<'_>,
    parse: for<'p> fn(&'p str, &Context<'_>, &mut Event<'p>) -> bool,
) -> bool {
    let plain = without_escapes(text);
    let mut found = Event::default();
    context.stamp_unknown(&mut found);
    let taken = parse(&plain, context, &mut found);
    if taken {
        *event = found.into_owned();
    }
    taken
}

/// The text without its control sequences: ESC `[`, parameters, a final letter.
pub(super) fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'\x1b', rest.as_bytes()) {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(sequence) = rest.strip_prefix('[') {
            let end = sequence.find(|mark: char| !(mark.is_ascii_digit() || matches!(mark, ';' | '?')));
            let end = end.unwrap_or(sequence.len());
            let last = sequence[end..].chars().next().map_or(0, char::len_utf8);
            rest = &sequence[end + last..];
        }
    }
    plain.push_str(rest);
    plain
}
