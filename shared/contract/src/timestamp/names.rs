//! Shapes that begin with the name of a month or of a day of the week.

use super::civil::{DAY_MICROS, days_since_epoch};
use super::scan::Scan;
use super::shapes::{day_month_year, iso, year, yearless};
use super::zone::zone;
use super::{Reading, Shape};

/// Full names, so that `March` is one and `Marble` is not.
const MONTHS: [&[u8]; 12] = [
    b"january",
    b"february",
    b"march",
    b"april",
    b"may",
    b"june",
    b"july",
    b"august",
    b"september",
    b"october",
    b"november",
    b"december",
];
const WEEKDAYS: [&[u8]; 7] =
    [b"monday", b"tuesday", b"wednesday", b"thursday", b"friday", b"saturday", b"sunday"];

type Found = Option<(Reading, Shape)>;

/// Reads a timestamp that begins with a letter.
pub(super) fn named(scan: &mut Scan<'_>) -> Found {
    match month_name(scan) {
        Some(month) => month_day(scan, month, false),
        None => after_weekday(scan),
    }
}

/// `Mon, 21 Sep 2026 …`, `Monday, 21-Sep-26 …`, `Mon Sep 21 …`, and systemd's `Mon 2026-09-21 …`.
fn after_weekday(scan: &mut Scan<'_>) -> Found {
    name_of(scan, &WEEKDAYS)?;
    let _ = scan.eat(b',');
    scan.spaces()?;
    match scan.digit_count(5) {
        0 => {}
        4 => return iso(scan),
        _ => return day_month_year(scan),
    }
    let month = month_name(scan)?;
    month_day(scan, month, true)
}

/// What follows a month's name. The year may stand before the clock, or (after a weekday) behind it.
fn month_day(scan: &mut Scan<'_>, month: u32, after_weekday: bool) -> Found {
    let _ = scan.eat(b'.');
    scan.spaces()?;
    let day = scan.short_number()?;
    let comma = scan.eat(b',').is_some();
    if !comma || scan.peek() == Some(b' ') {
        scan.spaces()?;
    }
    if scan.digit_count(5) == 4 {
        let days = days_since_epoch(scan.number(4)? as i32, month, day)?;
        scan.eat_any(b" ,")?;
        let _ = scan.spaces();
        let micros = days * DAY_MICROS + scan.clock_of_halves()?;
        return Some((Reading::dated(micros, zone(scan)), Shape::MonthDayYear));
    }
    let time = scan.clock_to_seconds()?;
    match if after_weekday { trailing_year(scan, time) } else { None } {
        Some((time, year, offset)) => {
            let micros = days_since_epoch(year, month, day)? * DAY_MICROS + time;
            Some((Reading::dated(micros, offset), Shape::Asctime))
        }
        None => Some((yearless(month, day, time)?, Shape::Syslog)),
    }
}

/// `[ AM][ zone] yyyy` behind a time, taken only when whole. A zone of an unknown name leaves the time local.
fn trailing_year(scan: &mut Scan<'_>, time: i64) -> Option<(i64, i32, Option<i32>)> {
    let mut ahead = scan.clone();
    let time = ahead.in_half(time)?;
    let offset = zone(&mut ahead);
    ahead.spaces()?;
    let name = ahead.rest().iter().take(5).take_while(|byte| byte.is_ascii_uppercase()).count();
    if offset.is_none() && name >= 3 {
        ahead.skip(name);
        ahead.spaces()?;
    }
    let year = (ahead.digit_count(5) == 4).then(|| year(&mut ahead))??;
    *scan = ahead;
    Some((time, year, offset))
}

/// The number of the month whose English name, short or full, comes next.
pub(super) fn month_name(scan: &mut Scan<'_>) -> Option<u32> {
    name_of(scan, &MONTHS).map(|index| index as u32 + 1)
}

/// The number of the month with these first three letters, in any case.
#[inline]
pub(super) fn month(letters: &[u8; 3]) -> Option<u32> {
    let [a, b, c] = letters.map(|letter| u32::from(letter | 0x20));
    Some(match a << 16 | b << 8 | c {
        0x6a616e => 1,
        0x666562 => 2,
        0x6d6172 => 3,
        0x617072 => 4,
        0x6d6179 => 5,
        0x6a756e => 6,
        0x6a756c => 7,
        0x617567 => 8,
        0x736570 => 9,
        0x6f6374 => 10,
        0x6e6f76 => 11,
        0x646563 => 12,
        _ => return None,
    })
}

/// Takes one of `names`, whole or its first three letters, and returns its index.
fn name_of(scan: &mut Scan<'_>, names: &[&[u8]]) -> Option<usize> {
    let rest = scan.rest();
    let length = rest.iter().take(10).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = &rest[..length];
    let index = names.iter().position(|name| {
        (length == 3 || length == name.len() || (length == 4 && name.starts_with(b"sept")))
            && name.len() >= length
            && word.eq_ignore_ascii_case(&name[..length])
    })?;
    scan.skip(length);
    Some(index)
}
