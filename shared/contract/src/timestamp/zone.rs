//! Offsets from UTC, as numbers and by the names that `date` prints.

use super::scan::Scan;

/// The widest offset in use is 14 hours; some clocks are set to more.
const OFFSET_HOURS_MAX: u32 = 18;

/// Zone names and their offsets in minutes. A name that stands for several zones has none: it is
/// taken off the line, and the time stays local.
const NAMES: [(&[u8], Option<i32>); 30] = [
    (b"UTC", Some(0)),
    (b"GMT", Some(0)),
    (b"UCT", Some(0)),
    (b"WET", Some(0)),
    (b"WEST", Some(60)),
    (b"CET", Some(60)),
    (b"CEST", Some(120)),
    (b"EET", Some(120)),
    (b"EEST", Some(180)),
    (b"MSK", Some(180)),
    (b"SAST", Some(120)),
    (b"EST", Some(-300)),
    (b"EDT", Some(-240)),
    (b"CDT", Some(-300)),
    (b"MST", Some(-420)),
    (b"MDT", Some(-360)),
    (b"PST", Some(-480)),
    (b"PDT", Some(-420)),
    (b"AKST", Some(-540)),
    (b"AKDT", Some(-480)),
    (b"JST", Some(540)),
    (b"KST", Some(540)),
    (b"HKT", Some(480)),
    (b"AEST", Some(600)),
    (b"AEDT", Some(660)),
    (b"NZST", Some(720)),
    (b"NZDT", Some(780)),
    (b"CST", None),
    (b"IST", None),
    (b"BST", None),
];

/// The areas of the tz database, by which a name such as `Europe/Berlin` is told from other words.
const AREAS: [&[u8]; 12] = [
    b"Africa",
    b"America",
    b"Antarctica",
    b"Arctic",
    b"Asia",
    b"Atlantic",
    b"Australia",
    b"Etc",
    b"Europe",
    b"Indian",
    b"Pacific",
    b"US",
];

/// Takes the zone after a time, if one is there, and returns its offset in seconds. The rules of a named area
/// are not known here: it is taken, and the time stays local; behind an offset it says nothing more.
pub(super) fn zone(scan: &mut Scan<'_>) -> Option<i32> {
    let spaced = scan.peek() == Some(b' ');
    let mut ahead = scan.clone();
    if spaced {
        ahead.skip(1);
    }
    let seconds = match ahead.peek()? {
        b'Z' | b'z' => zulu(&mut ahead),
        b'+' | b'-' => signed(&mut ahead, spaced),
        b'A'..=b'Z' => return named(scan, ahead),
        _ => None,
    }?;
    *scan = ahead;
    if scan.peek() == Some(b'[') {
        bracketed_area(scan);
    }
    Some(seconds)
}

/// Takes `[Area/Place]`, as Java writes it behind an offset. Seldom, so it is kept out of the hot loop.
#[cold]
fn bracketed_area(scan: &mut Scan<'_>) {
    let mut behind = scan.clone();
    behind.skip(1);
    if area(&mut behind) && behind.eat(b']').is_some() {
        *scan = behind;
    }
}

/// Takes `Area/Place`.
fn area(scan: &mut Scan<'_>) -> bool {
    let rest = scan.rest();
    let Some(area) = AREAS.iter().find(|area| rest.starts_with(area) && rest.get(area.len()) == Some(&b'/'))
    else {
        return false;
    };
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+');
    let place = rest[area.len() + 1..].iter().take(32).take_while(|byte| allowed(byte)).count();
    scan.skip(area.len() + 1 + place);
    place > 0
}

fn zulu(scan: &mut Scan<'_>) -> Option<i32> {
    scan.skip(1);
    scan.peek().is_none_or(|next| !next.is_ascii_alphanumeric()).then_some(0)
}

/// `±hh`, `±hhmm` or `±hh:mm`. After a space only those with minutes: `- 12` may be anything.
#[inline(always)]
fn signed(scan: &mut Scan<'_>, spaced: bool) -> Option<i32> {
    let sign = if scan.eat_any(b"+-")? == b'-' { -1 } else { 1 };
    let hours = scan.number(2)?;
    let colon = scan.peek() == Some(b':');
    let minutes = if colon || scan.digit_count(1) == 1 {
        scan.skip(usize::from(colon));
        scan.number(2)?
    } else if spaced {
        return None;
    } else {
        0
    };
    let valid = hours <= OFFSET_HOURS_MAX
        && minutes < 60
        && scan.peek().is_none_or(|next| !next.is_ascii_alphanumeric());
    valid.then(|| sign * (hours * 3_600 + minutes * 60) as i32)
}

/// Takes a name of the table off `scan`, whether or not it tells the offset.
#[inline(never)]
fn named(scan: &mut Scan<'_>, mut ahead: Scan<'_>) -> Option<i32> {
    let rest = ahead.rest();
    if rest.get(1).is_some_and(|next| next.is_ascii_lowercase() || *next == b'S') {
        let mut named = ahead.clone();
        if area(&mut named) {
            scan.skip(named.position() - scan.position());
            return None;
        }
    }
    let length = rest.iter().take(5).take_while(|byte| byte.is_ascii_uppercase()).count();
    if rest.get(length).is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'_') {
        return None;
    }
    let (name, minutes) = NAMES.iter().find(|(name, _)| *name == &rest[..length])?;
    ahead.skip(length);
    scan.skip(ahead.position() - scan.position());
    // `UTC+02:00`
    if matches!(*name, b"UTC" | b"GMT")
        && let Some(seconds) = signed(&mut ahead, false)
    {
        scan.skip(ahead.position() - scan.position());
        return Some(seconds);
    }
    minutes.map(|minutes| minutes * 60)
}
