//! Rows of tables whose columns have names: CSV and its like with a header line, and the fixed layouts of
//! clouds (see [`super::amazon`]).
//!
//! A name stands for what it stands for in other structured lines (see [`super::fields`]); what fills no
//! column becomes an attribute of the name. A row has as many fields as the table has columns, or is
//! none. The header itself is a row, with the attribute `header=true`: every line is.

mod header;
mod split;

use super::fields::{Fields, Value, reading_of};
use super::text::present;
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::UnixMicros;
use headrig_contract::timestamp::{LocalMicros, Reading};
use split::Split;
use std::borrow::Cow;

/// How a row's fields are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    /// A mark; fields that hold it stand in quotes.
    Mark(u8),
    /// A space; fields in quotes or brackets may hold spaces.
    Space,
}

/// What a column's values are.
#[derive(Clone, Debug)]
enum Slot {
    /// What the fields' table knows under this name.
    Known(Cow<'static, str>),
    /// A time by UTC, though it does not say so.
    UtcTime,
    /// A date, whose time of day is another column's.
    Date,
    /// The time of day to it.
    Clock,
    /// Seconds that add up to the time taken; below zero where there was none.
    SecondsPart,
}

/// The columns of a table.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    separator: Separator,
    slots: Vec<(Cow<'static, str>, Slot)>,
    /// The line that named them; empty where they are fixed.
    header: Box<str>,
    /// Rows may have fewer fields than columns: newer versions of a fixed layout add some.
    fields_min: usize,
}

/// What several columns of a row make together.
#[derive(Default)]
struct Row<'a> {
    date: &'a str,
    clock: &'a str,
    seconds: Option<f64>,
}

impl Columns {
    /// A fixed layout: each name, and after an equal sign the name that the fields' table knows it by.
    /// `fields_min` of them were there from the first version.
    pub(super) fn fixed(separator: Separator, layout: &'static str, fields_min: usize) -> Self {
        let slot = |column: &'static str| match column.split_once('=') {
            Some((name, "+seconds")) => (name.into(), Slot::SecondsPart),
            Some((name, "+utc")) => (name.into(), Slot::UtcTime),
            Some((name, known)) => (name.into(), Slot::Known(known.into())),
            None => (column.into(), Slot::Known(column.into())),
        };
        let slots = layout.split_whitespace().map(slot).collect();
        Self { separator, slots, header: "".into(), fields_min }
    }

    /// A fixed layout of flow logs.
    pub(super) fn flow(layout: &'static str) -> Self {
        let slot = |name: &'static str| (name.into(), header::flow_slot(name));
        let slots: Vec<_> = layout.split_whitespace().map(slot).collect();
        let fields_min = slots.len();
        Self { separator: Separator::Space, slots, header: "".into(), fields_min }
    }

    /// The columns that the first lines of a file name.
    pub(super) fn of_sample(sample: &[&str]) -> Option<Self> {
        header::find(sample)
    }

    /// Fills a fresh event from a row and says whether it is one.
    pub(super) fn parse<'a>(&self, text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
        if !self.header.is_empty() && *self.header == *text {
            event.event_type = EventType::Application;
            event.message = Some(text.into());
            event.attribute("header", "true");
            return true;
        }
        self.fill(text, context, event).is_some()
    }

    fn fill<'a>(&self, text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
        let count = Split::new(self.separator, text).take(self.slots.len() + 1).count();
        (self.fields_min..=self.slots.len()).contains(&count).then_some(())?;
        let (mut fields, mut row) = (Fields::default(), Row::default());
        for ((name, slot), value) in self.slots.iter().zip(Split::new(self.separator, text)) {
            let Some(plain) = present(value.text) else { continue };
            match slot {
                Slot::UtcTime => match reading_of(plain) {
                    Some(reading) => fields.stamp(in_utc(reading), plain, context, event),
                    None => event.attribute(name.clone(), plain),
                },
                Slot::Date => row.date = plain,
                Slot::Clock => row.clock = plain,
                Slot::SecondsPart => {
                    let seconds = plain.parse::<f64>().ok().filter(|seconds| *seconds >= 0.0);
                    row.seconds = seconds.map(|seconds| seconds + row.seconds.unwrap_or(0.0)).or(row.seconds);
                    event.attribute(name.clone(), plain);
                }
                Slot::Known(known) => {
                    let value = Value::Text(value.unquoted());
                    if let Some(value) = fields.set(known, value, context, event) {
                        event.attribute(name.clone(), value);
                    }
                }
            }
        }
        row.finish(context, &mut fields, event);
        fields.finish(event);
        Some(())
    }
}

impl<'a> Row<'a> {
    fn finish(self, context: &Context<'_>, fields: &mut Fields<'a>, event: &mut Event<'a>) {
        if !self.date.is_empty() {
            match joined(self.date, self.clock) {
                Some(reading) => fields.stamp(reading, self.date, context, event),
                None => event.attribute("written_time", format!("{} {}", self.date, self.clock)),
            }
        }
        // Sums of decimal fractions are kept to the nanosecond, so that 0.1 + 0.2 is 0.3.
        let millis = self.seconds.map(|seconds| (seconds * 1e9).round() / 1e6);
        event.http_duration_ms = event.http_duration_ms.or(millis);
    }
}

/// A date and a time of day from two columns. Without a zone of their own they are what the file's are.
fn joined(date: &str, clock: &str) -> Option<Reading> {
    let mut both = String::with_capacity(date.len() + 1 + clock.len());
    both.extend([date, " ", clock]);
    reading_of(both.trim_end())
}

/// The same instant on a clock that shows UTC, for formats that are known to.
fn in_utc(reading: Reading) -> Reading {
    match reading {
        Reading::Local(LocalMicros(micros)) => Reading::Instant(UnixMicros(micros)),
        other => other,
    }
}

#[cfg(test)]
mod tests;
