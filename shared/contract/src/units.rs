//! Newtypes for times, offsets and lengths, so that no two bare integers stand side by side.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

/// Microseconds since 1970-01-01T00:00:00Z, without leap seconds. May be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMicros(pub i64);

impl From<SystemTime> for UnixMicros {
    /// An instant before 1970 counts as 1970.
    fn from(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

impl UnixMicros {
    /// The instant `seconds` after the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// This instant moved by `micros`, saturating at the ends of the range.
    #[must_use]
    pub const fn saturating_add_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to this instant; negative when `earlier` is later.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The calendar date (year, month 1-12, day 1-31) of this instant in UTC.
    ///
    /// Proleptic Gregorian; the algorithm is Howard Hinnant's `civil_from_days`.
    pub const fn utc_date(self) -> (i64, u32, u32) {
        let days = self.0.div_euclid(86_400_000_000) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u32;
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        (year, month, day)
    }
}

/// A position in a stream's plain (decompressed) bytes, counted from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteOffset(pub u64);

impl ByteOffset {
    /// The position `length` bytes further on.
    #[must_use]
    pub const fn plus(self, length: ByteLength) -> Self {
        Self(self.0 + length.0)
    }

    /// The bytes from `start` to this position; zero when `start` lies behind it.
    pub const fn since(self, start: Self) -> ByteLength {
        ByteLength(self.0.saturating_sub(start.0))
    }
}

impl fmt::Display for ByteOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteLength(pub u64);

impl fmt::Display for ByteLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_date_agrees_with_known_days() {
        let cases = [
            (0, (1970, 1, 1)),
            (951_782_400, (2000, 2, 29)),
            (1_790_000_000, (2026, 9, 21)),
            (-1, (1969, 12, 31)),
            (4_102_444_799, (2099, 12, 31)),
        ];
        for (seconds, expect) in cases {
            assert_eq!(UnixMicros::from_seconds(seconds).utc_date(), expect, "{seconds}");
        }
    }
}
