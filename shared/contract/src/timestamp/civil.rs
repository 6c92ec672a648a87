//! The proleptic Gregorian calendar: days from dates, and which dates exist.

/// Microseconds of a day.
pub(super) const DAY_MICROS: i64 = 86_400_000_000;

/// Days from 1970-01-01 to the date; nothing where the calendar has no such date.
///
/// The algorithm is Howard Hinnant's `days_from_civil`.
pub(super) fn days_since_epoch(year: i32, month: u32, day: u32) -> Option<i64> {
    if !(1..=12).contains(&month) || day == 0 || day > days_of_month(year, month) {
        return None;
    }
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400) as u32;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(i64::from(era) * 146_097 + i64::from(day_of_era) - 719_468)
}

/// The days of a month. `month` is 1 to 12.
pub(super) const fn days_of_month(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The year that two digits stand for: 1970 to 2069, as POSIX has it but for 69.
pub(super) const fn full_year(two_digits: u32) -> i32 {
    if two_digits < 70 { 2000 + two_digits as i32 } else { 1900 + two_digits as i32 }
}
