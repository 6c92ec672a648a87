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
mod ansi;
mod apache_error;
mod classify;
mod cri;
mod delimited;
mod dmesg;
mod fields;
mod ftp;
mod haproxy;
mod json;
mod klog;
mod level;
mod leveled;
mod logcat;
mod logfmt;
mod macos_unified;
mod mysql;
mod mysql_slow;
mod nested;
mod nginx_error;
mod packages;
mod postgres;
mod postgres_csv;
mod python;
mod redis;
mod squid;
mod supercomputer;
mod syslog;
mod syslog5424;
mod text;
mod time;
mod timestamped;
mod tracing;
mod w3c;

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

/// The parser whose columns a stream may name.
const W3C: &str = "w3c";

/// Every parser, the strictest first.
pub static PARSERS: &[Parser] = &[
    Parser { name: "cri", strict: true, parse: cri::parse },
    Parser { name: "syslog_5424", strict: true, parse: syslog5424::parse },
    Parser { name: "json", strict: true, parse: json::parse },
    Parser { name: "apache_error", strict: true, parse: apache_error::parse },
    Parser { name: "nginx_error", strict: true, parse: nginx_error::parse },
    Parser { name: "access", strict: true, parse: access::parse },
    Parser { name: "haproxy", strict: true, parse: haproxy::parse },
    Parser { name: "klog", strict: true, parse: klog::parse },
    Parser { name: "mysql_slow", strict: true, parse: mysql_slow::parse },
    Parser { name: "mysql_error", strict: true, parse: mysql::parse },
    Parser { name: "postgres_csv", strict: true, parse: postgres_csv::parse },
    Parser { name: "postgres", strict: true, parse: postgres::parse },
    Parser { name: "logcat", strict: true, parse: logcat::parse },
    Parser { name: "python", strict: true, parse: python::parse },
    Parser { name: "tracing", strict: true, parse: tracing::parse },
    Parser { name: "dpkg", strict: true, parse: packages::dpkg },
    Parser { name: "apt", strict: true, parse: packages::apt },
    Parser { name: "yum", strict: true, parse: packages::yum },
    Parser { name: "macos_unified", strict: true, parse: macos_unified::parse },
    Parser { name: "redis", strict: true, parse: redis::parse },
    Parser { name: "squid", strict: true, parse: squid::parse },
    Parser { name: "xferlog", strict: true, parse: ftp::xferlog },
    Parser { name: "vsftpd", strict: true, parse: ftp::vsftpd },
    Parser { name: W3C, strict: true, parse: w3c::parse },
    Parser { name: "dmesg", strict: true, parse: dmesg::parse },
    Parser { name: "supercomputer", strict: true, parse: supercomputer::parse },
    Parser { name: "syslog_3164", strict: true, parse: syslog::parse },
    Parser { name: "logfmt", strict: true, parse: logfmt::parse },
    Parser { name: "timestamped", strict: false, parse: timestamped::parse },
    Parser { name: "delimited", strict: false, parse: delimited::parse },
    Parser { name: "leveled", strict: false, parse: leveled::parse },
];

/// What is known of one stream's format.
#[derive(Clone, Debug, Default)]
pub struct StreamFormat {
    /// The parser to ask before the others.
    first: Option<&'static Parser>,
    /// The columns that a directive in the sample names, where the first parser reads such.
    columns: Option<w3c::Columns>,
}

impl StreamFormat {
    /// The format of the stream whose first events are `sample`. A `hint` that names a parser wins;
    /// any other hint is no hint.
    pub fn detect<'t>(sample: impl Iterator<Item = &'t str>, hint: &str) -> Self {
        let named = PARSERS.iter().find(|parser| parser.name == hint);
        let zone = jiff::tz::TimeZone::UTC;
        let context = Context::new(Default::default(), Default::default(), &zone);
        let mut votes = [0_usize; PARSERS.len()];
        let mut found = Self::default();
        for text in sample.take(SAMPLE_EVENTS_MAX) {
            found.columns = w3c::Columns::of_directive(text).or(found.columns);
            let mut event = Event::default();
            reset(&mut event, &context);
            let taker = PARSERS.iter().position(|parser| found.takes(parser, text, &context, &mut event));
            if let Some(taker) = taker {
                votes[taker] += 1;
            }
        }
        let most = votes.iter().copied().max().unwrap_or(0);
        let winner = votes.iter().position(|&count| count == most && count > 0);
        found.first = named.or(winner.map(|index| &PARSERS[index]).filter(|parser| parser.strict));
        found
    }

    /// Fills `event` from the text of one event, its last line terminator cut off. Whatever `event`
    /// held before is gone; the capacity of its attributes stays.
    pub fn parse<'a>(&self, text: &'a str, context: &Context<'_>, event: &mut Event<'a>) {
        reset(event, context);
        match self.first {
            Some(first) if self.ask(first, text, context, event) => event.format = first.name,
            _ => self.parse_by_others(text, context, event),
        }
    }

    /// Apart from the usual way, which the loop over all lines takes in.
    #[inline(never)]
    fn parse_by_others<'a>(&self, text: &'a str, context: &Context<'_>, event: &mut Event<'a>) {
        reset(event, context);
        let asked = |parser: &Parser| self.first.is_some_and(|first| std::ptr::eq(first, parser));
        PARSERS.iter().filter(|parser| !asked(parser)).any(|parser| self.takes(parser, text, context, event));
    }

    /// Whether the parser takes the text. Where not, the event is as fresh as it was.
    #[inline]
    fn takes<'a>(
        &self,
        parser: &Parser,
        text: &'a str,
        context: &Context<'_>,
        event: &mut Event<'a>,
    ) -> bool {
        let taken = self.ask(parser, text, context, event);
        if taken {
            event.format = parser.name;
        } else if event.is_touched() {
            reset(event, context);
        }
        taken
    }

    /// Has a parser try the text, with the columns that the stream has named where it reads such.
    #[inline(always)]
    fn ask<'a>(&self, parser: &Parser, text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
        match &self.columns {
            Some(columns) if parser.name == W3C => w3c::parse_by(columns, text, context, event),
            _ => (parser.parse)(text, context, event),
        }
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
