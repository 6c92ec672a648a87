//! Timestamps in the shapes that servers write them: recognised and read at the head of a byte string.
//!
//! One pass over the first bytes, no allocation, no table of formats to configure. What the bytes do
//! not say stays unsaid: this module refuses to know the time zone of a host, the year of a syslog
//! line or the date of a bare clock; [`Reading`] tells which of them is missing, and the reader fills
//! it in.
//!
//! Invariants: [`Timestamp::parse`] never panics, never reads past what it reports as `length`, and
//! never returns a date that the calendar lacks or an hour past 23. Second 60 is taken (a leap second)
//! and reads as the first instant of the next minute.

mod civil;
mod names;
mod scan;
mod shapes;
mod zone;

use crate::UnixMicros;
use scan::Scan;

/// A timestamp found at the head of a byte string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// What it says.
    pub reading: Reading,
    /// How it is written.
    pub shape: Shape,
    /// The bytes it takes, from the first digit or letter to the end of its fraction or zone.
    pub length: usize,
}

/// What a timestamp says, by what it leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// An instant: the shape names its offset from UTC, or counts from the epoch.
    Instant(UnixMicros),
    /// A date and time on a clock of unknown zone.
    Local(LocalMicros),
    /// A month, day and time of an unknown year and zone.
    Yearless {
        /// 1 to 12.
        month: u8,
        /// 1 to 31, valid for the month in a leap year.
        day: u8,
        /// The time of that day.
        time: TimeOfDay,
    },
    /// A time of an unknown day and zone.
    Timely(TimeOfDay),
}

/// Microseconds since 1970-01-01T00:00:00 on the clock of some zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalMicros(pub i64);

/// Microseconds since midnight; with a leap second up to one second over a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(pub i64);

/// How a timestamp is written. Parsers and framing trust some shapes more than others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `2026-09-21T10:00:00.5Z` and its cousins with other separators; the year comes first.
    Iso,
    /// `20260921 100000`, `20260921T100000Z`, `20260921-10:00:00`.
    Compact,
    /// `260921 100000`, `260921 10:00:00`, `26/09/21 10:00:00`: two digits of the year, first.
    ShortYear,
    /// `21/Sep/2026:10:00:00 +0000`: Apache, nginx, haproxy.
    AccessLog,
    /// `21-Sep-2026 10:00:00`, `Mon, 21 Sep 2026 10:00:00 GMT`.
    DayMonthYear,
    /// `Mon Sep 21 10:00:00.123 UTC 2026`: asctime and `date`.
    Asctime,
    /// `Sep 21 10:00:00`, `Sep  1 10:00:00.123`: RFC 3164.
    Syslog,
    /// `Sep 21, 2026 10:00:00 AM`, `Sep 21 2026 10:00:00`.
    MonthDayYear,
    /// `09/21/2026 10:00:00`, `21.09.2026 10:00:00`.
    Numeric,
    /// `0921 10:00:00.123456`, without the letter before it.
    Glog,
    /// `09-21 10:00:00.123`: logcat; `09.21 10:00:00`.
    MonthDay,
    /// Seconds, milli-, micro- or nanoseconds since the epoch.
    Epoch,
    /// `10:00:00.123`.
    Clock,
}

impl Timestamp {
    /// Reads the timestamp that `bytes` begin with.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (&first, mut scan) = (bytes.first()?, Scan::new(bytes));
        let (reading, shape) = match first {
            b'0'..=b'9' => shapes::numeric(&mut scan)?,
            b'A'..=b'Z' | b'a'..=b'z' => names::named(&mut scan)?,
            _ => return None,
        };
        if scan.peek().is_some_and(|next| next.is_ascii_digit()) {
            return None;
        }
        Some(Self { reading, shape, length: scan.position() })
    }

    /// Reads `bytes` as one timestamp and nothing else.
    pub fn parse_whole(bytes: &[u8]) -> Option<Self> {
        Self::parse(bytes).filter(|timestamp| timestamp.length == bytes.len())
    }
}

impl Reading {
    /// The reading of a full date and time whose zone the line may name.
    const fn dated(local_micros: i64, offset_seconds: Option<i32>) -> Self {
        match offset_seconds {
            Some(seconds) => Self::Instant(UnixMicros(local_micros - seconds as i64 * scan::SECOND_MICROS)),
            None => Self::Local(LocalMicros(local_micros)),
        }
    }
}

impl LocalMicros {
    /// This date and time on a clock that shows UTC.
    pub const fn as_utc(self) -> UnixMicros {
        UnixMicros(self.0)
    }

    /// `time` on the given day; nothing where the calendar has no such day.
    pub fn on_day(year: i64, month: u8, day: u8, time: TimeOfDay) -> Option<Self> {
        let days = civil::days_since_epoch(i32::try_from(year).ok()?, month.into(), day.into())?;
        Some(Self(days * civil::DAY_MICROS + time.0))
    }
}

#[cfg(test)]
mod tests;
