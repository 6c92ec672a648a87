//! What a written time means: the year, zone or date that the line leaves out.
//!
//! The reference is the file's modification time: a line is hardly younger than its file. Time zone
//! rules are asked once per quarter of an hour that occurs in a block; offsets that are fixed cost an
//! addition.

use crate::event::{Event, TsSource};
use headrig_contract::UnixMicros;
use headrig_contract::timestamp::{LocalMicros, Reading, TimeOfDay, Timestamp};
use jiff::tz::TimeZone;
use std::borrow::Cow;
use std::cell::Cell;

const SECOND_MICROS: i64 = 1_000_000;
const DAY_MICROS: i64 = 86_400 * SECOND_MICROS;
/// Every zone changes its offset at a multiple of this on its own clock.
const QUARTER_MICROS: i64 = 900 * SECOND_MICROS;
/// A written time this far after the reading cannot be right; clocks of hosts do differ by less.
const FUTURE_MICROS_MAX: i64 = DAY_MICROS;

/// What a parser knows beside the text: the clock of the reader and of the file, and the host's zone.
#[derive(Debug)]
pub struct Context<'c> {
    read_at: UnixMicros,
    modified: UnixMicros,
    zone: &'c TimeZone,
    fixed_offset_micros: Option<i64>,
    /// The last quarter of an hour that was asked for, and its offset.
    last_offset: Cell<Option<(i64, i64)>>,
    /// The text whose head was looked at last, by where it lies, and the time that it begins with. Several parsers
    /// ask it of each line.
    head: Cell<Option<(Place, Option<Timestamp>)>>,
}

/// Where a text lies: address and length. It names the text as long as that lives.
type Place = (usize, usize);

impl<'c> Context<'c> {
    /// A context for lines read at `read_at` from a file modified at `modified` (0 where unknown),
    /// written by a host whose clock shows `zone`.
    pub fn new(read_at: UnixMicros, modified: UnixMicros, zone: &'c TimeZone) -> Self {
        let fixed = zone.to_fixed_offset().ok();
        let fixed_offset_micros = fixed.map(|offset| i64::from(offset.seconds()) * SECOND_MICROS);
        // A file from the future was touched, or its clock was wrong: that time says nothing.
        let modified = if modified.micros_since(read_at) > DAY_MICROS { UnixMicros(0) } else { modified };
        Self {
            read_at,
            modified,
            zone,
            fixed_offset_micros,
            last_offset: Cell::new(None),
            head: Cell::new(None),
        }
    }

    /// Forgets the line before: what lies in its place now is another text.
    pub(super) fn begin_line(&self) {
        self.head.set(None);
    }

    /// The time that `text` begins with. `text` lives at least as long as the line that is parsed.
    pub(super) fn time_at_head(&self, text: &str) -> Option<Timestamp> {
        let place = (text.as_ptr().addr(), text.len());
        match self.head.get() {
            Some((seen, found)) if seen == place => found,
            _ => {
                let found = Timestamp::parse(text.as_bytes());
                self.head.set(Some((place, found)));
                found
            }
        }
    }

    /// When it was read.
    pub const fn read_at(&self) -> UnixMicros {
        self.read_at
    }

    /// The instant that a reading stands for.
    pub fn resolve(&self, reading: Reading) -> UnixMicros {
        match reading {
            Reading::Instant(instant) => instant,
            Reading::Local(local) => self.instant_of(local),
            Reading::Yearless { month, day, time } => self.in_latest_year(month, day, time),
            Reading::Timely(time) => self.on_latest_day(time),
        }
    }

    /// Sets the event's time to the one written, unless that cannot be right; then the written one
    /// becomes an attribute. Before 1970 nothing happened: the year 1 is what programs write for no time.
    pub(super) fn stamp<'a>(
        &self,
        event: &mut Event<'a>,
        reading: Reading,
        written: impl Into<Cow<'a, str>>,
    ) {
        let instant = self.resolve(reading);
        let read = self.read_at.0 > 0;
        if instant.0 < 0 || (read && instant.micros_since(self.read_at) > FUTURE_MICROS_MAX) {
            self.stamp_unknown(event);
            event.attribute("written_time", written);
        } else {
            (event.ts, event.ts_source) = (instant, TsSource::Event);
        }
    }

    /// [`Context::stamp`] from a text that is one timestamp whole. False where it is none.
    pub(super) fn stamp_text<'a>(&self, event: &mut Event<'a>, written: &'a str) -> bool {
        let found = Timestamp::parse_whole(written.trim().as_bytes());
        if let Some(timestamp) = found {
            self.stamp(event, timestamp.reading, written);
        }
        found.is_some()
    }

    /// The time of an event that does not say: its file's, or else that of the reading.
    pub(super) fn stamp_unknown(&self, event: &mut Event<'_>) {
        (event.ts, event.ts_source) = if self.modified.0 != 0 {
            (self.modified, TsSource::File)
        } else {
            (self.read_at, TsSource::Read)
        };
    }

    fn reference(&self) -> UnixMicros {
        if self.modified.0 != 0 { self.modified } else { self.read_at }
    }

    /// The latest year in which the time is at most a day after the reference.
    fn in_latest_year(&self, month: u8, day: u8, time: TimeOfDay) -> UnixMicros {
        let (year, ..) = self.reference().utc_date();
        // 29 February may be eight years back, across a century that is no leap year.
        let instants = (0..=9).filter_map(|back| {
            LocalMicros::on_day(year + 1 - back, month, day, time).map(|local| self.instant_of(local))
        });
        let in_reach = |instant: &UnixMicros| instant.micros_since(self.reference()) <= DAY_MICROS;
        instants.clone().find(in_reach).or_else(|| instants.last()).unwrap_or(self.reference())
    }

    /// The time on the reference's day by the host's clock, or the day before where it lies ahead.
    fn on_latest_day(&self, time: TimeOfDay) -> UnixMicros {
        let reference = self.reference();
        let local_reference = reference.0 + self.offset_at(reference);
        let midnight = local_reference.div_euclid(DAY_MICROS) * DAY_MICROS;
        let instant = self.instant_of(LocalMicros(midnight + time.0));
        if instant > reference {
            self.instant_of(LocalMicros(midnight + time.0 - DAY_MICROS))
        } else {
            instant
        }
    }

    fn instant_of(&self, local: LocalMicros) -> UnixMicros {
        let offset = self.fixed_offset_micros.unwrap_or_else(|| self.offset_for(local));
        UnixMicros(local.0.saturating_sub(offset))
    }

    /// The offset by the zone's rules; of two that a clock set back allows, the earlier instant's.
    fn offset_for(&self, local: LocalMicros) -> i64 {
        let quarter = local.0.div_euclid(QUARTER_MICROS);
        if let Some((seen, offset)) = self.last_offset.get()
            && seen == quarter
        {
            return offset;
        }
        let start = UnixMicros(quarter * QUARTER_MICROS);
        let offset = jiff::Timestamp::from_microsecond(start.0)
            .map(|as_utc| TimeZone::UTC.to_datetime(as_utc))
            .and_then(|civil| self.zone.to_timestamp(civil))
            .map_or(0, |instant| start.0 - instant.as_microsecond());
        self.last_offset.set(Some((quarter, offset)));
        offset
    }

    fn offset_at(&self, instant: UnixMicros) -> i64 {
        self.fixed_offset_micros.unwrap_or_else(|| {
            jiff::Timestamp::from_microsecond(instant.0)
                .map_or(0, |instant| i64::from(self.zone.to_offset(instant).seconds()) * SECOND_MICROS)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, modified: &str, zone: &TimeZone, expect: &str) {
        let micros = |text: &str| UnixMicros(text.parse::<jiff::Timestamp>().expect(text).as_microsecond());
        let context = Context::new(micros(modified), micros(modified), zone);
        let found = Timestamp::parse_whole(written.as_bytes()).expect(written);
        assert_eq!(context.resolve(found.reading), micros(expect), "{written} {modified}");
    }

    #[test]
    fn a_missing_year_is_the_latest_that_is_not_ahead() {
        let utc = &TimeZone::UTC;
        check("Dec 31 23:59:59", "2026-01-01T00:10:00Z", utc, "2025-12-31T23:59:59Z");
        check("Jan  1 00:30:00", "2025-12-31T23:59:00Z", utc, "2026-01-01T00:30:00Z");
        check("Jan 10 00:30:00", "2025-12-31T23:59:00Z", utc, "2025-01-10T00:30:00Z");
        check("Feb 29 10:00:00", "2026-01-01T00:00:00Z", utc, "2024-02-29T10:00:00Z");
    }

    #[test]
    fn a_missing_date_is_the_latest_that_is_not_ahead() {
        let utc = &TimeZone::UTC;
        check("10:00:00.5", "2026-01-02T11:00:00Z", utc, "2026-01-02T10:00:00.5Z");
        check("23:00:00", "2026-01-02T11:00:00Z", utc, "2026-01-01T23:00:00Z");
    }

    #[test]
    fn a_missing_zone_is_the_hosts() {
        let zone = TimeZone::get("Europe/Berlin").expect("bundled");
        let modified = "2026-12-31T00:00:00Z";
        check("2026-07-01 12:00:00", modified, &zone, "2026-07-01T10:00:00Z");
        check("2026-12-01 12:00:00", modified, &zone, "2026-12-01T11:00:00Z");
        check("2026-07-01 12:00:00Z", modified, &zone, "2026-07-01T12:00:00Z");
        check("Jul  1 12:00:00", modified, &zone, "2026-07-01T10:00:00Z");
    }

    #[test]
    fn a_clock_set_forward_or_back_gives_an_instant_all_the_same() {
        let zone = TimeZone::get("Europe/Berlin").expect("bundled");
        let modified = "2026-12-31T00:00:00Z";
        check("2026-03-29 02:30:00", modified, &zone, "2026-03-29T01:30:00Z");
        check("2026-10-25 02:30:00", modified, &zone, "2026-10-25T00:30:00Z");
    }

    #[test]
    fn a_time_far_ahead_of_the_reading_is_kept_aside() {
        let utc = TimeZone::UTC;
        let context = Context::new(UnixMicros(DAY_MICROS), UnixMicros(7), &utc);
        let mut event = Event::default();
        assert!(context.stamp_text(&mut event, "1970-01-04T00:00:00Z"));
        assert_eq!((event.ts, event.ts_source), (UnixMicros(7), TsSource::File));
        assert_eq!(event.attributes, [("written_time".into(), "1970-01-04T00:00:00Z".into())]);
    }
}
