//! The time of a format of the configuration: found by its shape, or read as strftime's letters say.

use super::FormatError;
use crate::parse::fields::reading_of;
use headrig_contract::UnixMicros;
use headrig_contract::timestamp::{LocalMicros, Reading, TimeOfDay};
use jiff::civil::{DateTime, Time};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;

/// The longest format.
const FORMAT_BYTES_MAX: usize = 256;

/// How a time is written.
#[derive(Debug)]
pub(super) enum Clock {
    /// In any of the usual shapes.
    Auto,
    /// As this format of strftime says.
    Format(String),
}

impl Clock {
    pub(super) fn new(written: &str) -> Result<Self, FormatError> {
        if written == "auto" {
            return Ok(Self::Auto);
        }
        let wrong = |reason: String| FormatError {
            key: "time",
            expected: "auto, or a format such as %Y-%m-%d %H:%M:%S%.f %z".into(),
            found: format!("{written:?}{reason}"),
        };
        if !written.contains('%') || written.len() > FORMAT_BYTES_MAX {
            return Err(wrong(String::new()));
        }
        // A format that cannot read what it writes would read no line.
        let sample = DateTime::constant(2026, 9, 21, 10, 1, 2, 500_000_000).to_zoned(TimeZone::UTC);
        let sample = sample.map_err(|error| wrong(format!(": {error}")))?;
        let text = strtime::format(written, &sample).map_err(|error| wrong(format!(": {error}")))?;
        BrokenDownTime::parse(written, &text).map_err(|error| wrong(format!(": {error}")))?;
        let clock = Self::Format(written.into());
        match clock.read(&text) {
            Some(_) => Ok(clock),
            None => Err(wrong(", which leaves out the hour, or a part of the date".into())),
        }
    }

    /// What a text says, where all of it is a time.
    pub(super) fn read(&self, text: &str) -> Option<Reading> {
        match self {
            Self::Auto => reading_of(text),
            Self::Format(format) => broken_down(&BrokenDownTime::parse(format, text).ok()?),
        }
    }
}

fn broken_down(parts: &BrokenDownTime) -> Option<Reading> {
    let instant = |stamp: jiff::Timestamp| Some(Reading::Instant(UnixMicros(stamp.as_microsecond())));
    if parts.iana_time_zone().is_some() {
        return instant(parts.to_zoned().ok()?.timestamp());
    }
    if parts.timestamp().is_some() || parts.offset().is_some() {
        return instant(parts.to_timestamp().ok()?);
    }
    if let Ok(local) = parts.to_datetime() {
        let as_utc = TimeZone::UTC.to_timestamp(local).ok()?;
        return Some(Reading::Local(LocalMicros(as_utc.as_microsecond())));
    }
    let time = time_of_day(parts.to_time().ok()?);
    match (parts.month(), parts.day()) {
        (Some(month), Some(day)) => {
            Some(Reading::Yearless { month: u8::try_from(month).ok()?, day: u8::try_from(day).ok()?, time })
        }
        (None, None) if parts.hour().is_some() => Some(Reading::Timely(time)),
        _ => None,
    }
}

fn time_of_day(time: Time) -> TimeOfDay {
    let seconds = (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60 + i64::from(time.second());
    TimeOfDay(seconds * 1_000_000 + i64::from(time.subsec_nanosecond()) / 1_000)
}
