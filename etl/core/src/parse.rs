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
mod amazon;
mod ansi;
mod apache_error;
mod audit;
mod begins;
mod cef;
mod classify;
mod cri;
mod custom;
mod delimited;
mod dmesg;
mod fields;
mod ftp;
mod haproxy;
mod json;
mod kinds;
mod klog;
mod level;
mod leveled;
mod logcat;
mod logfmt;
mod macos_unified;
mod mongodb;
mod mysql;
mod mysql_slow;
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
mod table;
mod tagged;
mod text;
mod time;
mod timestamped;
mod tracing;
mod w3c;
mod windows_xml;
mod wrapped;

pub use custom::{
    CustomFormat, FORMATS_MAX, FormatError, FormatSpec, Formats, PATTERN_BYTES_MAX, PATTERN_SIZE_MAX,
};
pub use level::severity_of_word;
pub use time::Context;

use crate::event::{Event, EventType};
use begins::Begins;
use std::sync::Arc;
use table::Columns;

/// The events looked at to find a stream's format.
pub const SAMPLE_EVENTS_MAX: usize = 64;

/// The format of rows whose columns a header names. It is no parser of the list: a row alone says nothing.
const TABLE: &str = "table";

/// Fills a fresh event from a text and says whether it could. One that refuses may leave traces in the event; the
/// caller resets it.
type Parse = for<'a> fn(&'a str, &Context<'_>, &mut Event<'a>) -> bool;

/// One log format.
#[derive(Debug)]
pub struct Parser {
    /// The value of the lake's `format` column, and the name a format hint uses.
    pub name: &'static str,
    /// A strict parser takes hardly a line that is not of its format, so it may be asked first.
    pub strict: bool,
    /// With what its texts begin; others it is not asked of.
    begins: Begins,
    parse: Parse,
}

/// The parser whose columns a stream may name.
const W3C: &str = "w3c";

/// Every parser, the strictest first.
pub static PARSERS: &[Parser] = &ALL;

const ALL: [Parser; 41] = [
    strict("cef", Begins::with("<0-9A-Za-z"), cef::parse_cef),
    strict("leef", Begins::with("<0-9A-Za-z"), cef::parse_leef),
    strict("cri", Begins::with("0-9"), cri::parse),
    strict("syslog_5424", Begins::with("<"), syslog5424::parse),
    strict("docker", Begins::with("{ \t\n\x0c\r"), json::parse_docker),
    strict("json", Begins::with("{ \t\n\x0c\r"), json::parse),
    strict("audit", Begins::with("nt"), audit::parse),
    strict("apache_error", Begins::with("["), apache_error::parse),
    strict("nginx_error", Begins::with("0-9"), nginx_error::parse),
    strict("access", Begins::ANY, access::parse),
    strict("aws_elb", Begins::with("0-9ghtw"), amazon::parse_balancer),
    strict("aws_s3", Begins::with("0-9A-Fa-f"), amazon::parse_bucket),
    strict("aws_vpc_flow", Begins::with("2"), amazon::parse_flow),
    strict("windows_xml", Begins::with("< \t\n\x0c\r"), windows_xml::parse),
    strict("mongodb", Begins::with("0-9"), mongodb::parse),
    strict("haproxy", Begins::with("<:[0-9A-Za-z"), haproxy::parse),
    strict("klog", Begins::with("EFIW"), klog::parse),
    strict("mysql_slow", Begins::with("#"), mysql_slow::parse),
    strict("mysql_error", Begins::with("0-9"), mysql::parse),
    strict("postgres_csv", Begins::with("0-9"), postgres_csv::parse),
    strict("postgres", Begins::ANY, postgres::parse),
    strict("logcat", Begins::with("0-9[ADEFIVW-"), logcat::parse),
    strict("python", Begins::with("CDEITW"), python::parse),
    strict("tracing", Begins::with("0-9 \x1b"), tracing::parse),
    strict("dpkg", Begins::with("0-9"), packages::dpkg),
    strict("apt", Begins::with("ELS"), packages::apt),
    strict("yum", Begins::with("A-Za-z"), packages::yum),
    strict("macos_unified", Begins::with("0-9"), macos_unified::parse),
    strict("redis", Begins::with("0-9["), redis::parse),
    strict("squid", Begins::with("0-9"), squid::parse),
    strict("xferlog", Begins::with("A-Z"), ftp::xferlog),
    strict("vsftpd", Begins::with("A-Z"), ftp::vsftpd),
    strict(W3C, Begins::with("#0-9"), w3c::parse),
    strict("dmesg", Begins::with("[<a-z"), dmesg::parse),
    strict("supercomputer", Begins::with("0-9A-Z_-"), supercomputer::parse),
    strict("syslog_3164", Begins::with("<0-9A-Za-z"), syslog::parse),
    strict("logfmt", Begins::with("./0-9@A-Z_a-z-"), logfmt::parse),
    general("timestamped", Begins::ANY, timestamped::parse),
    general("delimited", Begins::ANY, delimited::parse),
    general("tagged", Begins::ANY, tagged::parse),
    general("leveled", Begins::ANY, leveled::parse),
];

/// The parsers, a bit for each, that admit a text by its first byte; the last entry is for the empty text.
static BY_FIRST: [u64; 257] = {
    assert!(ALL.len() <= 64, "a parser has a bit");
    let (mut table, mut first) = ([0; 257], 0);
    while first < table.len() {
        let mut at = 0;
        while at < ALL.len() {
            let byte = if first < 256 { Some(first as u8) } else { None };
            table[first] |= (ALL[at].begins.admits(byte) as u64) << at;
            at += 1;
        }
        first += 1;
    }
    table
};

/// The parsers that admit the text, in their order.
fn parsers_of(text: &str) -> impl Iterator<Item = &'static Parser> {
    let mut left = BY_FIRST[text.as_bytes().first().map_or(256, |first| usize::from(*first))];
    std::iter::from_fn(move || {
        let at = left.trailing_zeros() as usize;
        left &= left.wrapping_sub(1);
        PARSERS.get(at)
    })
}

const fn strict(name: &'static str, begins: Begins, parse: Parse) -> Parser {
    Parser { name, strict: true, begins, parse }
}

const fn general(name: &'static str, begins: Begins, parse: Parse) -> Parser {
    Parser { name, strict: false, begins, parse }
}

impl Parser {
    /// Fills a fresh event from the text of one event and says whether it could. A parser that refuses may leave
    /// traces in the event.
    pub fn parse<'a>(&self, text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
        context.begin_line();
        self.admits(text) && (self.parse)(text, context, event)
    }

    #[inline]
    fn admits(&self, text: &str) -> bool {
        self.begins.admits(text.as_bytes().first().copied())
    }
}

/// Where a stream comes from, as far as its format depends on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamOrigin<'s> {
    /// The configured source.
    pub source: &'s str,
    /// The file.
    pub path: &'s str,
    /// The name of a format, or nothing that is known.
    pub hint: &'s str,
}

/// What is known of one stream's format.
#[derive(Clone, Debug, Default)]
pub struct StreamFormat {
    /// The configuration's formats for this stream, which are asked before all others.
    own: Vec<Arc<CustomFormat>>,
    /// The columns that the stream's first line names.
    columns: Option<Arc<Columns>>,
    /// The columns that a directive in the sample names.
    directive: Option<w3c::Columns>,
    /// The parser to ask before the others.
    first: Option<&'static Parser>,
    /// The same for lines that are wrapped in others.
    first_wrapped: Option<&'static Parser>,
}

impl StreamFormat {
    /// The format of the stream whose first events are `sample`. A `hint` that names a parser wins;
    /// any other hint is no hint.
    pub fn detect<'t>(sample: impl Iterator<Item = &'t str>, hint: &str) -> Self {
        Self::of_stream(&Formats::default(), &StreamOrigin { hint, ..StreamOrigin::default() }, sample)
    }

    /// The same for a stream of which more is known, with the configuration's own formats.
    pub fn of_stream<'t>(
        formats: &Formats,
        origin: &StreamOrigin<'_>,
        sample: impl Iterator<Item = &'t str>,
    ) -> Self {
        let StreamOrigin { source, path, hint } = *origin;
        let zone = jiff::tz::TimeZone::UTC;
        let context = Context::new(Default::default(), Default::default(), &zone);
        let sample: Vec<&str> = sample.take(SAMPLE_EVENTS_MAX).collect();
        let own = formats.of_stream(source, path, hint);
        let mut format = Self { own, columns: Columns::of_sample(&sample).map(Arc::new), ..Self::default() };
        let (mut outer, mut wrapped) = (Votes::default(), Votes::default());
        for text in sample {
            format.directive = w3c::Columns::of_directive(text).or(format.directive);
            let mut event = Event::default();
            format.parse(text, &context, &mut event);
            outer.add(event.format);
            let inner = event.attributes.iter().find(|(key, _)| key == wrapped::FORMAT);
            wrapped.add(inner.map_or("", |(_, name)| name));
        }
        let named = PARSERS.iter().find(|parser| parser.name == hint);
        format.first = named.or_else(|| outer.winner());
        format.first_wrapped = wrapped.winner();
        format
    }

    /// The same with what an earlier sample told that this one could not: the columns stand in the first
    /// lines of a file only.
    pub fn after(mut self, former: &Self) -> Self {
        self.columns = self.columns.or_else(|| former.columns.clone());
        self.directive = self.directive.or_else(|| former.directive.clone());
        self
    }

    /// Fills `event` from the text of one event, its last line terminator cut off. Whatever `event`
    /// held before is gone; the capacity of its attributes stays.
    pub fn parse<'a>(&self, text: &'a str, context: &Context<'_>, event: &mut Event<'a>) {
        reset(event, context);
        context.begin_line();
        let usual = self.own.is_empty() && self.columns.is_none();
        match self.first {
            Some(first) if usual && self.ask(first, text, context, event) => event.format = first.name,
            _ => self.parse_by_others(text, context, event),
        }
        if event.wraps_line {
            self.unwrap(context, event);
        }
        // sshd tells syslog that a refused login is information, and other files no level at all.
        if event.event_type == EventType::AuthFailure && event.severity_number < level::WARN {
            event.set_severity(level::WARN);
        }
    }

    /// Apart from the usual way, which the loop over all lines takes in.
    #[inline(never)]
    fn parse_by_others<'a>(&self, text: &'a str, context: &Context<'_>, event: &mut Event<'a>) {
        reset(event, context);
        let _ = self.parse_by(self.first, text, context, event);
    }

    /// Asks the configuration's formats, the stream's columns, one parser, then the others. The event must be
    /// fresh, and is so again where nobody took the text.
    fn parse_by<'a>(
        &self,
        first: Option<&'static Parser>,
        text: &'a str,
        context: &Context<'_>,
        event: &mut Event<'a>,
    ) -> bool {
        context.begin_line();
        if let Some(own) = self.own.iter().find(|own| own.parse(text, context, event)) {
            event.format = own.name();
            return true;
        }
        if let Some(columns) = &self.columns {
            if columns.parse(text, context, event) {
                event.format = TABLE;
                return true;
            }
            reset(event, context);
        }
        if let Some(first) = first
            && self.takes(first, text, context, event)
        {
            return true;
        }
        let mut others =
            parsers_of(text).filter(|parser| first.is_none_or(|first| !std::ptr::eq(first, *parser)));
        others.any(|parser| self.takes(parser, text, context, event))
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
        match &self.directive {
            Some(columns) if parser.name == W3C => w3c::parse_by(columns, text, context, event),
            _ => parser.admits(text) && (parser.parse)(text, context, event),
        }
    }
}

/// How many events each parser took.
struct Votes([usize; PARSERS.len()]);

impl Default for Votes {
    fn default() -> Self {
        Self([0; PARSERS.len()])
    }
}

impl Votes {
    fn add(&mut self, name: &str) {
        if let Some(index) = PARSERS.iter().position(|parser| parser.name == name) {
            self.0[index] += 1;
        }
    }

    /// The strict parser that took most.
    fn winner(&self) -> Option<&'static Parser> {
        let most = self.0.iter().copied().max().filter(|most| *most > 0)?;
        let index = self.0.iter().position(|count| *count == most)?;
        Some(&PARSERS[index]).filter(|parser| parser.strict)
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
