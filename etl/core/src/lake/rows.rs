//! The rows of one partition of `logs` on their way into a file.
//!
//! Rows stay in the order they came; a file's order is made when it is written. `bytes` is what the rows
//! hold in memory, reckoned from their content alone, so that it is the same on every machine.

use super::{
    LakeError, Place,
    columns::{AttributesColumn, NumberColumn, TextColumn, ordered, ordered_numbers},
    file::{ColumnSink, DICTIONARY_BYTES_MAX, FileCounts},
    origins::Origins,
    schema::attribute_entries,
};
use crate::{Event, TsSource};
use arrow_array::{
    ArrayRef, DictionaryArray, StringArray, UInt16Array, UInt32Array,
    types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt16Type, UInt32Type},
};
use arrow_schema::ArrowError;
use std::sync::Arc;

/// What a row takes in the columns that every row has.
const ROW_BYTES: usize = 8 + 2 + 4 + 2 + 4 + 8 + 8;
/// What a partition takes before its first row.
pub(super) const PARTITION_BYTES: usize = 1024;

/// `TsSource` as the dictionary keys of its column.
const TS_SOURCES: [TsSource; 3] = [TsSource::Event, TsSource::File, TsSource::Read];

/// Rows, column by column.
#[derive(Default)]
pub(super) struct Rows {
    bytes: usize,
    /// Lines of the rows.
    lines: u64,
    /// Their plain bytes.
    raw_bytes: u64,
    unsorted: bool,
    ts: Vec<i64>,
    ts_source: Vec<u16>,
    severity: Vec<i32>,
    /// The number of the format's name, one up; 0 where there is none.
    format: Vec<u16>,
    origin: Vec<u32>,
    offset: Vec<i64>,
    length: Vec<i64>,
    pid: NumberColumn<Int64Type>,
    http_status: NumberColumn<Int32Type>,
    http_bytes: NumberColumn<Int64Type>,
    http_duration_ms: NumberColumn<Float64Type>,
    texts: [TextColumn; TEXTS.len()],
    attributes: AttributesColumn,
}

/// The columns of text that come from the line, as they are numbered in [`Rows`].
const TEXTS: [&str; 11] = [
    "service",
    "message",
    "src_ip",
    "user_name",
    "http_method",
    "http_path",
    "http_user_agent",
    "http_referrer",
    "trace_id",
    "span_id",
    "raw",
];

/// Columns of so few values that a page of them is a few runs.
pub(super) const CONSTANTS: [&str; 3] = ["ts_source", "severity_number", "format"];
/// The leaves of the attributes.
const ATTRIBUTES: [&str; 2] = ["attributes.key_value.key", "attributes.key_value.value"];
/// The columns of a row's origin.
const ORIGINS: [&str; 6] = ["host", "source", "path", "chunk", "stream", "generation"];
/// The columns of numbers that every row has.
const PLACES: [&str; 3] = ["ts", "offset", "length"];
/// With fewer rows, those are next to nothing.
const SLIGHT_ROWS: usize = 64;

impl Rows {
    /// Rows held.
    pub(super) fn len(&self) -> usize {
        self.ts.len()
    }

    /// What they stand for.
    pub(super) fn counts(&self) -> FileCounts {
        FileCounts { rows: self.len() as u64, lines: self.lines, raw_bytes: self.raw_bytes }
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends a row; `format` is the number of its format's name, one up. Returns the bytes it takes.
    pub(super) fn push(&mut self, event: &Event<'_>, format: u16, place: &Place, raw: Option<&str>) -> usize {
        let row = self.len();
        self.unsorted |= self.ts.last().is_some_and(|last| *last > event.ts.0);
        self.lines += place.lines;
        self.raw_bytes += place.length.0;
        self.ts.push(event.ts.0);
        self.ts_source.push(event.ts_source as u16);
        self.severity.push(event.severity_number);
        self.format.push(format);
        self.origin.push(place.origin.0);
        self.offset.push(place.offset.0 as i64);
        self.length.push(place.length.0 as i64);
        let mut bytes = ROW_BYTES;
        bytes += event.pid.map_or(0, |pid| self.pid.set(row, pid));
        bytes += event.http_status.map_or(0, |status| self.http_status.set(row, status));
        bytes += event.http_bytes.map_or(0, |bytes| self.http_bytes.set(row, bytes));
        bytes += event.http_duration_ms.map_or(0, |duration| self.http_duration_ms.set(row, duration));
        for (column, text) in self.texts.iter_mut().zip(texts(event, raw)) {
            bytes += text.map_or(0, |text| column.set(row, text));
        }
        if !event.attributes.is_empty() {
            bytes += self.attributes.set(row, &event.attributes);
        }
        self.bytes += bytes;
        bytes
    }

    /// The names of the columns of text whose values hardly repeat.
    pub(super) fn unrepeating(&self) -> Vec<&'static str> {
        let columns = TEXTS.iter().zip(&self.texts);
        columns.filter(|(_, column)| !column.repeats(DICTIONARY_BYTES_MAX)).map(|(name, _)| *name).collect()
    }

    /// The names of the columns that hold next to nothing.
    pub(super) fn slight(&self) -> Vec<&'static str> {
        let mut slight = CONSTANTS.to_vec();
        slight.extend(
            TEXTS.iter().zip(&self.texts).filter(|(_, column)| column.is_slight()).map(|(name, _)| *name),
        );
        let numbers = [
            ("pid", self.pid.is_slight()),
            ("http_status", self.http_status.is_slight()),
            ("http_bytes", self.http_bytes.is_slight()),
            ("http_duration_ms", self.http_duration_ms.is_slight()),
        ];
        slight.extend(numbers.iter().filter(|(_, is_slight)| *is_slight).map(|(name, _)| *name));
        if self.attributes.is_empty() {
            slight.extend(ATTRIBUTES);
        }
        if self.origin.windows(2).all(|pair| pair[0] == pair[1]) {
            slight.extend(ORIGINS);
        }
        if self.len() < SLIGHT_ROWS {
            slight.extend(PLACES);
        }
        slight
    }

    /// Writes the columns, rows sorted by time, rows of the same time in the order they came.
    pub(super) fn write(
        mut self,
        origins: &Origins,
        formats: &[&'static str],
        sink: &mut ColumnSink<'_, '_>,
    ) -> Result<(), LakeError> {
        let rows = self.len();
        let order = self.unsorted.then(|| self.order());
        let order = order.as_ref();
        let from = origins.columns(&ordered_numbers::<UInt32Type>(self.origin, order))?;
        let ts = ordered_numbers::<TimestampMicrosecondType>(self.ts, order).with_timezone("UTC");
        let mut text = |name: &str| -> Result<ArrayRef, ArrowError> {
            let at = TEXTS.iter().position(|text| *text == name);
            at.map(|at| std::mem::take(&mut self.texts[at])).unwrap_or_default().take(rows, order)
        };
        sink.column(Arc::new(ts))?;
        sink.column(ts_source_column(self.ts_source, order)?)?;
        sink.column(Arc::new(ordered_numbers::<Int32Type>(self.severity, order)))?;
        sink.column(from.host)?;
        sink.column(from.source)?;
        sink.column(from.path)?;
        sink.column(format_column(self.format, formats, order)?)?;
        sink.column(text("service")?)?;
        sink.column(self.pid.take(rows, order)?)?;
        for name in ["message", "src_ip", "user_name", "http_method", "http_path"] {
            sink.column(text(name)?)?;
        }
        sink.column(self.http_status.take(rows, order)?)?;
        sink.column(self.http_bytes.take(rows, order)?)?;
        sink.column(self.http_duration_ms.take(rows, order)?)?;
        for name in ["http_user_agent", "http_referrer", "trace_id", "span_id"] {
            sink.column(text(name)?)?;
        }
        sink.column(self.attributes.take(rows, order, &attribute_entries())?)?;
        sink.column(text("raw")?)?;
        sink.column(from.chunk)?;
        sink.column(from.stream)?;
        sink.column(from.generation)?;
        sink.column(Arc::new(ordered_numbers::<Int64Type>(self.offset, order)))?;
        sink.column(Arc::new(ordered_numbers::<Int64Type>(self.length, order)))
    }

    fn order(&self) -> UInt32Array {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by_key(|row| self.ts[*row as usize]);
        order.into()
    }
}

/// The event's texts in the order of [`TEXTS`].
fn texts<'e>(event: &'e Event<'_>, raw: Option<&'e str>) -> [Option<&'e str>; TEXTS.len()] {
    [
        event.service.as_deref(),
        event.message.as_deref(),
        event.src_ip.as_deref(),
        event.user_name.as_deref(),
        event.http_method.as_deref(),
        event.http_path.as_deref(),
        event.http_user_agent.as_deref(),
        event.http_referrer.as_deref(),
        event.trace_id.as_deref(),
        event.span_id.as_deref(),
        raw,
    ]
}

fn ts_source_column(keys: Vec<u16>, order: Option<&UInt32Array>) -> Result<ArrayRef, ArrowError> {
    let names = StringArray::from_iter_values(TS_SOURCES.map(TsSource::as_str));
    let column = DictionaryArray::<UInt16Type>::try_new(UInt16Array::from(keys), Arc::new(names))?;
    ordered(Arc::new(column), order)
}

fn format_column(
    numbers: Vec<u16>,
    formats: &[&'static str],
    order: Option<&UInt32Array>,
) -> Result<ArrayRef, ArrowError> {
    let names = StringArray::from_iter_values(formats);
    let keys: UInt16Array = numbers.into_iter().map(|number| number.checked_sub(1)).collect();
    ordered(Arc::new(DictionaryArray::<UInt16Type>::try_new(keys, Arc::new(names))?), order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ts_sources_are_numbered_as_listed() {
        assert!(TS_SOURCES.iter().enumerate().all(|(at, source)| *source as usize == at));
    }
}
