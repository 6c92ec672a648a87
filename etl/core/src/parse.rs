//! From an event's text to its fields.
//!
//! A parser is a function that takes the whole event or refuses it; [`PARSERS`] lists them from the
//! strictest to the most general, and one more is one file in `parse/` and one line there. A stream's
//! format is found once, by majority over a sample, and then checked on every line: a line of another
//! format is read by the parser that takes it, and what none takes is unparsed.
//!
//! This module knows no bytes, offsets or columns: text in, [`Event`] out. Parsers never panic, and on
//! the usual lines they do not allocate: fields borrow from the text.

mod access;
mod apache_error;
mod audit;
mod classify;
mod delimited;
mod fields;
mod json;
mod level;
mod logfmt;
mod nginx_error;
mod syslog;
mod syslog5424;
mod tagged;
mod text;
mod time;
mod timestamped;

pub use level::severity_of_word;
pub use time::Context;

use crate::event::{Event, EventType};

/// The events looked at to find a stream's format.
pub const SAMPLE_EVENTS_MAX: usize = 64;

/// One log format.
#[derive(Debug)]
pub struct Parser {
    /// The value of the lake's `format` column, and the name a format hint uses.
    pub name: &'static str,
    /// A strict parser takes hardly a line that is not of its format, so it may be asked first.
    pub strict: bool,
    /// Fills a fresh event from the text and says whether it could. A parser that refuses may leave
    /// traces in the event; the caller resets it.
    pub parse: for<'a> fn(&'a str, &Context<'_>, &mut Event<'a>) -> bool,
}

/// Every parser, the strictest first.
pub static PARSERS: &[Parser] = &[
    Parser { name: "syslog_5424", strict: true, parse: syslog5424::parse },
    Parser { name: "json", strict: true, parse: json::parse },
    Parser { name: "audit", strict: true, parse: audit::parse },
    Parser { name: "apache_error", strict: true, parse: apache_error::parse },
    Parser { name: "nginx_error", strict: true, parse: nginx_error::parse },
    Parser { name: "access", strict: true, parse: access::parse },
    Parser { name: "syslog_3164", strict: true, parse: syslog::parse },
    Parser { name: "logfmt", strict: true, parse: logfmt::parse },
    Parser { name: "timestamped", strict: false, parse: timestamped::parse },
    Parser { name: "delimited", strict: false, parse: delimited::parse },
    Parser { name: "tagged", strict: false, parse: tagged::parse },
];

/// What is known of one stream's format.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamFormat {
    /// The parser to ask before the others.
    first: Option<&'static Parser>,
}

impl StreamFormat {
    /// The format of the stream whose first events are `sample`. A `hint` that names a parser wins;
    /// any other hint is no hint.
    pub fn detect<'t>(sample: impl Iterator<Item = &'t str>, hint: &str) -> Self {
        if let Some(named) = PARSERS.iter().find(|parser| parser.name == hint) {
            return Self { first: Some(named) };
        }
        let zone = jiff::tz::TimeZone::UTC;
        let context = Context::new(Default::default(), Default::default(), &zone);
        let mut votes = [0_usize; PARSERS.len()];
        for text in sample.take(SAMPLE_EVENTS_MAX) {
            let mut event = Event::default();
            let taker = PARSERS.iter().position(|parser| {
                reset(&mut event, &context);
                (parser.parse)(text, &context, &mut event)
            });
            if let Some(taker) = taker {
                votes[taker] += 1;
            }
        }
        let most = votes.iter().copied().max().unwrap_or(0);
        let winner = votes.iter().position(|&count| count == most && count > 0);
        Self { first: winner.map(|index| &PARSERS[index]).filter(|parser| parser.strict) }
    }

    /// Fills `event` from the text of one event, its last line terminator cut off. Whatever `event`
    /// held before is gone; the capacity of its attributes stays.
    pub fn parse<'a>(&self, text: &'a str, context: &Context<'_>, event: &mut Event<'a>) {
        let first = self.first.into_iter();
        let others = PARSERS.iter().filter(|parser| self.first.is_none_or(|first| first.name != parser.name));
        for parser in first.chain(others) {
            reset(event, context);
            if (parser.parse)(text, context, event) {
                event.format = parser.name;
                return;
            }
        }
        reset(event, context);
    }
}

/// An event of which nothing is known but when its file was written or read.
fn reset(event: &mut Event<'_>, context: &Context<'_>) {
    let mut attributes = std::mem::take(&mut event.attributes);
    attributes.clear();
    *event = Event { attributes, event_type: EventType::Unparsed, ..Event::default() };
    context.stamp_unknown(event);
}

#[cfg(test)]
mod tests;
