//! Shapes that begin with a digit, told apart by the length of the first run of digits.

use super::civil::{DAY_MICROS, days_of_month, days_since_epoch, full_year};
use super::names::{month, month_name};
use super::scan::{SECOND_MICROS, Scan, clock_micros};
use super::zone::zone;
use super::{Reading, Shape, TimeOfDay};
use crate::UnixMicros;

/// Epoch numbers are believed from 2001-09-09 to 2039-09-18; others are some other number.
const EPOCH_SECONDS: std::ops::Range<i64> = 1_000_000_000..2_200_000_000;

type Found = Option<(Reading, Shape)>;

/// Reads a timestamp that begins with a digit.
#[inline]
pub(super) fn numeric(scan: &mut Scan<'_>) -> Found {
    if let Some(found) = access_log(scan) {
        return Some(found);
    }
    let count = scan.digit_count(20);
    // At the end of the bytes only a number alone is left to be found.
    match (count, scan.peek_at(count).unwrap_or(b' ')) {
        (4, b'-' | b'/' | b'.') => iso(scan),
        (4, b' ') => year_or_glog(scan),
        (2, b':') => clock_alone(scan),
        (1, b'.') if scan.digit_count_after(2, 12) >= 9 => scientific_epoch(scan),
        (1 | 2, b'/' | b'-' | b'.') => parted(scan),
        (1 | 2, b' ') => day_month_year(scan),
        (6, b' ') => short_year(scan),
        (8, b' ' | b'T' | b'-' | b'_') => compact(scan),
        (14, _) => compact_whole(scan),
        (10 | 13 | 16 | 19, next) if !next.is_ascii_alphabetic() => epoch(scan, count),
        _ => None,
    }
}

/// `dd/Mon/yyyy:HH:MM:SS[.fraction] ±hhmm`, read at fixed places: the shape of the hottest loop.
#[inline]
fn access_log(scan: &mut Scan<'_>) -> Found {
    let bytes = scan.rest().first_chunk::<20>()?;
    if bytes[2] != b'/' || bytes[6] != b'/' || bytes[11] != b':' {
        return None;
    }
    if bytes[14] != b':' || bytes[17] != b':' {
        return None;
    }
    let year = pair(bytes[7], bytes[8])? * 100 + pair(bytes[9], bytes[10])?;
    let days =
        days_since_epoch(year as i32, month(&[bytes[3], bytes[4], bytes[5]])?, pair(bytes[0], bytes[1])?)?;
    let time =
        clock_micros(pair(bytes[12], bytes[13])?, pair(bytes[15], bytes[16])?, pair(bytes[18], bytes[19])?)?;
    scan.skip(20);
    let micros = days * DAY_MICROS + time + scan.fraction();
    Some((Reading::dated(micros, zone(scan)), Shape::AccessLog))
}

#[inline]
fn pair(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| u32::from(tens) * 10 + u32::from(ones))
}

/// `yyyy-mm-dd` (or `/`, `.`, or a month's name), a separator and a clock.
pub(super) fn iso(scan: &mut Scan<'_>) -> Found {
    let year = scan.number(4)? as i32;
    let separator = scan.eat_any(b"-/.")?;
    let month = match scan.peek()? {
        b'0'..=b'9' => scan.short_number()?,
        _ => month_name(scan)?,
    };
    scan.eat(separator)?;
    let days = days_since_epoch(year, month, scan.short_number()?)?;
    let time = match scan.eat_any(b"T t_:,\t-;")? {
        b'-' => scan.dotted_clock().or_else(|| scan.clock())?,
        b',' | b' ' | b'\t' => {
            let _ = scan.spaces();
            scan.clock_of_halves()?
        }
        _ => scan.clock()?,
    };
    Some((Reading::dated(days * DAY_MICROS + time, zone(scan)), Shape::Iso))
}

/// `yyyy Mon dd HH:MM:SS`, or glog's `mmdd HH:MM:SS.ffffff`, which must have its six digits.
fn year_or_glog(scan: &mut Scan<'_>) -> Found {
    if scan.peek_at(5)?.is_ascii_alphabetic() {
        let year = scan.number(4)? as i32;
        scan.eat(b' ')?;
        let month = month_name(scan)?;
        scan.spaces()?;
        let days = days_since_epoch(year, month, scan.short_number()?)?;
        scan.spaces()?;
        let micros = days * DAY_MICROS + scan.clock()?;
        return Some((Reading::dated(micros, zone(scan)), Shape::Iso));
    }
    let (month, day) = (scan.number(2)?, scan.number(2)?);
    scan.eat(b' ')?;
    let start = scan.position();
    let time = scan.clock()?;
    let reading = yearless(month, day, time)?;
    (scan.position() - start == "HH:MM:SS.ffffff".len()).then_some((reading, Shape::Glog))
}

/// `HH:MM:SS[fraction]` and nothing but a boundary after it.
fn clock_alone(scan: &mut Scan<'_>) -> Found {
    let time = scan.clock_to_seconds()?;
    let ended = scan.peek().is_none_or(|next| !next.is_ascii_alphanumeric() && next != b':');
    ended.then_some((Reading::Timely(TimeOfDay(time)), Shape::Clock))
}

/// Numbers parted by `/`, `-` or `.`: which of them is the year, the month and the day.
///
/// `21/Sep/2026`, `9/21/2026` (day first where the first cannot be a month, or with `.`),
/// `26/09/21` (year first where the first cannot be a month), and `09-21` without a year.
fn parted(scan: &mut Scan<'_>) -> Found {
    let first = scan.short_number()?;
    let separator = scan.eat_any(b"/-.")?;
    if scan.peek()?.is_ascii_alphabetic() {
        return named_month(scan, first, separator);
    }
    let second = scan.short_number()?;
    if scan.eat(separator).is_none() {
        scan.spaces()?;
        let day_first = separator == b'.' && first > 12;
        let (month, day) = if day_first { (second, first) } else { (first, second) };
        return Some((yearless(month, day, scan.clock_to_seconds()?)?, Shape::MonthDay));
    }
    let count = scan.digit_count(5);
    let third = if matches!(count, 2 | 4) {
        scan.number(count)?
    } else {
        return None;
    };
    let day_first = first > 12 || separator == b'.';
    let (year, month, day, shape) = match (count, day_first) {
        (4, false) => (third as i32, first, second, Shape::Numeric),
        (4, true) => (third as i32, second, first, Shape::Numeric),
        (2, true) if separator != b'.' => (full_year(first), second, third, Shape::ShortYear),
        (_, true) => (full_year(third), second, first, Shape::Numeric),
        (_, false) => (full_year(third), first, second, Shape::Numeric),
    };
    let days = days_since_epoch(year, month, day)?;
    if scan.eat_any(b",;:T_-").is_some() {
        let _ = scan.spaces();
    } else {
        scan.spaces()?;
    }
    let micros = days * DAY_MICROS + scan.clock_of_halves()?;
    Some((Reading::dated(micros, zone(scan)), shape))
}

/// The rest of `21-Sep-2026 10:00:00` and `21/Sep/26:10:00:00`, after the first separator.
fn named_month(scan: &mut Scan<'_>, day: u32, separator: u8) -> Found {
    let month = month_name(scan)?;
    scan.eat(separator)?;
    let year = year(scan)?;
    let days = days_since_epoch(year, month, day)?;
    scan.eat_any(b" :T_,")?;
    let _ = scan.spaces();
    let micros = days * DAY_MICROS + scan.clock_of_halves()?;
    Some((Reading::dated(micros, zone(scan)), Shape::DayMonthYear))
}

/// `21 Sep 2026 10:00:00`, and without a year `21 Sep 10:00:00` as Redis before 2.8 has it.
pub(super) fn day_month_year(scan: &mut Scan<'_>) -> Found {
    let day = scan.short_number()?;
    let separator = scan.eat_any(b" -")?;
    let month = month_name(scan)?;
    scan.eat(separator)?;
    if scan.peek_at(2)? == b':' {
        return Some((yearless(month, day, scan.clock_to_seconds()?)?, Shape::MonthDay));
    }
    let days = days_since_epoch(year(scan)?, month, day)?;
    scan.eat_any(b" ,")?;
    let _ = scan.spaces();
    let micros = days * DAY_MICROS + scan.clock_of_halves()?;
    Some((Reading::dated(micros, zone(scan)), Shape::DayMonthYear))
}

/// `yymmdd HHMMSS` (HDFS) and `yymmdd HH:MM:SS` (MySQL before 5.7, which pads the hour with a space).
fn short_year(scan: &mut Scan<'_>) -> Found {
    let (year, month, day) = (full_year(scan.number(2)?), scan.number(2)?, scan.number(2)?);
    let days = days_since_epoch(year, month, day)?;
    scan.spaces()?;
    let time = if scan.digit_count(7) == 6 { scan.compact_clock()? } else { scan.clock()? };
    Some((Reading::dated(days * DAY_MICROS + time, zone(scan)), Shape::ShortYear))
}

/// `yyyymmdd`, a separator, and a clock with or without its colons.
fn compact(scan: &mut Scan<'_>) -> Found {
    let days = compact_days(scan)?;
    scan.skip(1);
    let time = match scan.digit_count(7) {
        6 => scan.compact_clock()?,
        _ => loose_clock(scan)?,
    };
    Some((Reading::dated(days * DAY_MICROS + time, zone(scan)), Shape::Compact))
}

/// `yyyymmddHHMMSS`.
fn compact_whole(scan: &mut Scan<'_>) -> Found {
    let days = compact_days(scan)?;
    let micros = days * DAY_MICROS + scan.compact_clock()?;
    Some((Reading::dated(micros, zone(scan)), Shape::Compact))
}

fn compact_days(scan: &mut Scan<'_>) -> Option<i64> {
    let (year, month, day) = (scan.number(4)? as i32, scan.number(2)?, scan.number(2)?);
    (1970..2100).contains(&year).then(|| days_since_epoch(year, month, day))?
}

/// `H:M:S:mmm`, each without leading zeros, as some devices write it after a compact date.
fn loose_clock(scan: &mut Scan<'_>) -> Option<i64> {
    let hour = scan.short_number()?;
    scan.eat(b':')?;
    let minute = scan.short_number()?;
    scan.eat(b':')?;
    let second = scan.short_number()?;
    let time = clock_micros(hour, minute, second)?;
    let fraction = scan.fraction();
    if fraction == 0 && scan.peek() == Some(b':') && matches!(scan.rest().get(1), Some(b'0'..=b'9')) {
        scan.skip(1);
        let count = scan.digit_count(4);
        let millis = if count <= 3 {
            scan.number(count)?
        } else {
            return None;
        };
        return Some(time + i64::from(millis) * 1_000);
    }
    Some(time + fraction)
}

/// Seconds with or without a fraction, or finer units by the number of digits.
fn epoch(scan: &mut Scan<'_>, count: usize) -> Found {
    let mut value = i64::from(scan.number(9)?);
    for _ in 9..count {
        value = value.checked_mul(10)?.checked_add(i64::from(scan.number(1)?))?;
    }
    let micros = match count {
        10 => value * SECOND_MICROS,
        13 => value * 1_000,
        16 => value,
        _ => value / 1_000,
    };
    let dotted = count == 10 && scan.peek() == Some(b'.');
    let micros = micros + if dotted { scan.fraction() } else { 0 };
    let plausible = EPOCH_SECONDS.contains(&micros.div_euclid(SECOND_MICROS));
    plausible.then_some((Reading::Instant(UnixMicros(micros)), Shape::Epoch))
}

/// `1.7899848001234567e+09`: seconds as Go's `fmt` prints them, and with it zap's console.
fn scientific_epoch(scan: &mut Scan<'_>) -> Found {
    let mut seconds = i64::from(scan.number(1)?);
    scan.eat(b'.')?;
    seconds = seconds * 1_000_000_000 + i64::from(scan.number(9)?);
    let count = scan.digit_count(10);
    let micros = (0..6).try_fold(0, |micros, place| {
        let digit = if place < count { scan.number(1)? } else { 0 };
        Some(micros * 10 + i64::from(digit))
    })?;
    scan.skip(count.saturating_sub(6));
    scan.rest().starts_with(b"e+09").then(|| scan.skip(4))?;
    let plausible = EPOCH_SECONDS.contains(&seconds);
    plausible.then_some((Reading::Instant(UnixMicros(seconds * SECOND_MICROS + micros)), Shape::Epoch))
}

/// A month, day and time whose year is not said: 29 February may exist.
pub(super) fn yearless(month: u32, day: u32, time: i64) -> Option<Reading> {
    let valid = (1..=12).contains(&month) && day >= 1 && day <= days_of_month(2000, month);
    valid.then_some(Reading::Yearless { month: month as u8, day: day as u8, time: TimeOfDay(time) })
}

/// A year of four digits, or of two.
pub(super) fn year(scan: &mut Scan<'_>) -> Option<i32> {
    match scan.digit_count(5) {
        4 => Some(scan.number(4)? as i32),
        2 => Some(full_year(scan.number(2)?)),
        _ => None,
    }
}
