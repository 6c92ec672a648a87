use super::*;
use proptest::prelude::*;

const SECOND: i64 = scan::SECOND_MICROS;
/// 2026-09-21T10:00:00Z.
const MORNING: i64 = 1_789_984_800 * SECOND;

fn check(input: &str, length: usize, reading: Reading, shape: Shape) {
    let expect = Timestamp { reading, shape, length };
    assert_eq!(Timestamp::parse(input.as_bytes()), Some(expect), "{input}");
}

fn check_all(cases: &[(&str, usize, Reading, Shape)]) {
    for &(input, length, reading, shape) in cases {
        check(input, length, reading, shape);
    }
}

const fn instant(after_morning_micros: i64) -> Reading {
    Reading::Instant(UnixMicros(MORNING + after_morning_micros))
}

const fn local(after_morning_micros: i64) -> Reading {
    Reading::Local(LocalMicros(MORNING + after_morning_micros))
}

const fn yearless(after_ten_micros: i64) -> Reading {
    Reading::Yearless { month: 9, day: 21, time: ten(after_ten_micros) }
}

const fn ten(after_micros: i64) -> TimeOfDay {
    TimeOfDay(36_000 * SECOND + after_micros)
}

#[test]
fn shapes_that_begin_with_the_year_are_read() {
    check_all(&[
        ("2026-09-21T10:00:00Z x", 20, instant(0), Shape::Iso),
        ("2026-09-21T12:00:00+02:00", 25, instant(0), Shape::Iso),
        ("2026-09-21 04:30:00.25 -0530 x", 28, instant(250_000), Shape::Iso),
        ("2026-09-21 12:00:00.123+02", 26, instant(123_000), Shape::Iso),
        ("2026-09-21 10:00:00,123 - INFO", 23, local(123_000), Shape::Iso),
        ("2026-09-21 10:00:00, Info", 19, local(0), Shape::Iso),
        ("2026-09-21 10:00:00,12,x", 19, local(0), Shape::Iso),
        ("2026-09-21,10:00:00:123 x", 23, local(123_000), Shape::Iso),
        ("2026-09-21 10:00 x", 16, local(0), Shape::Iso),
        ("2026/09/21 10:00:00 [error]", 19, local(0), Shape::Iso),
        ("2026.09.21_10:00:00", 19, local(0), Shape::Iso),
        ("2026-09-21-10.00.00.123456 x", 26, local(123_456), Shape::Iso),
        ("2026-Sep-21 10:00:00", 20, local(0), Shape::Iso),
        ("2026 Sep 21 10:00:00", 20, local(0), Shape::Iso),
        ("2026-09-21\t10:00:00\tx", 19, local(0), Shape::Iso),
        ("2026-09-21T10:00:00.123456789Z", 30, instant(123_456), Shape::Iso),
        ("2026-09-21 03:00:00.5 PDT [1]", 25, instant(500_000), Shape::Iso),
        ("2026-09-21 10:00:00 UTC [1]", 23, instant(0), Shape::Iso),
        ("2026-09-21 10:00:00 CST x", 23, local(0), Shape::Iso),
        ("2026-09-21 10:00:00 INFO", 19, local(0), Shape::Iso),
        ("2026-09-21T12:00:00+02:00[Europe/Paris] x", 39, instant(0), Shape::Iso),
        ("2026-09-21 12:00:00 UTC+02:00 x", 29, instant(0), Shape::Iso),
        ("2026-09-21 10:00:00 UTC - x", 23, instant(0), Shape::Iso),
        ("2026-09-21 10:00:00 Europe/Berlin] x", 33, local(0), Shape::Iso),
        ("2026-09-21 10:00:00 Tcp/Udp x", 19, local(0), Shape::Iso),
        ("Mon 2026-09-21 10:00:00 UTC x", 27, instant(0), Shape::Iso),
        ("20260921 100000 x", 15, local(0), Shape::Compact),
        ("20260921T100000Z", 16, instant(0), Shape::Compact),
        ("20260921 10:00:00.5", 19, local(500_000), Shape::Compact),
        ("20260921-10:0:0:44|x", 18, local(44_000), Shape::Compact),
        ("20260921100000 x", 14, local(0), Shape::Compact),
        ("260921 100000 148 INFO", 13, local(0), Shape::ShortYear),
        ("260921 10:00:00 [Note]", 15, local(0), Shape::ShortYear),
        ("26/09/21 10:00:00 INFO", 17, local(0), Shape::ShortYear),
    ]);
}

#[test]
fn shapes_that_begin_with_the_day_or_month_are_read() {
    check_all(&[
        ("21/Sep/2026:12:00:00 +0200] \"GET", 26, instant(0), Shape::AccessLog),
        ("21/Sep/2026:10:00:00.123] x", 24, local(123_000), Shape::AccessLog),
        ("21-Sep-2026 10:00:00.123 INFO", 24, local(123_000), Shape::DayMonthYear),
        ("21 Sep 2026 10:00:00", 20, local(0), Shape::DayMonthYear),
        ("Mon, 21 Sep 2026 10:00:00 GMT", 29, instant(0), Shape::DayMonthYear),
        ("Monday, 21-Sep-26 10:00:00 GMT", 30, instant(0), Shape::DayMonthYear),
        ("Mon Sep 21 10:00:00 AM UTC 2026", 31, instant(0), Shape::Asctime),
        ("Sep 21, 2026 10:00:00\u{202f}AM x", 26, local(0), Shape::MonthDayYear),
        ("Mon Sep 21 10:00:00 2026]", 24, local(0), Shape::Asctime),
        ("Mon Sep 21 10:00:00.123456 2026]", 31, local(123_456), Shape::Asctime),
        ("Mon Sep 21 10:00:00 UTC 2026", 28, instant(0), Shape::Asctime),
        ("Mon Sep 21 10:00:00 XYZT 2026", 29, local(0), Shape::Asctime),
        ("Sep 21 2026 10:00:00: x", 20, local(0), Shape::MonthDayYear),
        ("Sep 21, 2026 10:00:00 AM com", 24, local(0), Shape::MonthDayYear),
        ("September 21, 2026 10:00:00 PM", 30, local(43_200 * SECOND), Shape::MonthDayYear),
        ("9/21/2026 10:00:00 PM x", 21, local(43_200 * SECOND), Shape::Numeric),
        ("09/21/2026 10:00:00", 19, local(0), Shape::Numeric),
        ("21/09/2026 10:00:00", 19, local(0), Shape::Numeric),
        ("21.09.2026 10:00:00", 19, local(0), Shape::Numeric),
        ("Sep 21 10:00:00 host", 15, yearless(0), Shape::Syslog),
        ("Sep 21 10:00:00.123 host", 19, yearless(123_000), Shape::Syslog),
        ("09-21 10:00:00.123  1 2 D", 18, yearless(123_000), Shape::MonthDay),
        ("09.21 10:00:00] x", 14, yearless(0), Shape::MonthDay),
        ("21 Sep 10:00:00.123 * x", 19, yearless(123_000), Shape::MonthDay),
        ("0921 10:00:00.123456  1 x.cc:1]", 20, yearless(123_456), Shape::Glog),
    ]);
    let single_digit = Reading::Yearless { month: 9, day: 1, time: ten(0) };
    check("Sep  1 10:00:00 host", 15, single_digit, Shape::Syslog);
}

#[test]
fn epoch_numbers_and_clocks_are_read() {
    check_all(&[
        ("1789984800", 10, instant(0), Shape::Epoch),
        ("1789984800.25 x", 13, instant(250_000), Shape::Epoch),
        ("1.789984800123e+09\tx", 18, instant(123_000), Shape::Epoch),
        ("1.7899848001234567e+09 x", 22, instant(123_456), Shape::Epoch),
        ("1789984800123 x", 13, instant(123_000), Shape::Epoch),
        ("1789984800123456", 16, instant(123_456), Shape::Epoch),
        ("1789984800123456789]", 19, instant(123_456), Shape::Epoch),
        ("10:00:00.123 [main]", 12, Reading::Timely(ten(123_000)), Shape::Clock),
        ("10:00:00", 8, Reading::Timely(ten(0)), Shape::Clock),
    ]);
}

#[test]
fn what_no_calendar_or_clock_shows_is_refused() {
    let refused = [
        "",
        "2026-02-30 10:00:00",
        "2026-13-01 10:00:00",
        "2026-09-21 24:00:00",
        "2026-09-21 10:60:00",
        "2026-09-21 10:00:61",
        "2026-09-21",
        "31/Apr/2026:10:00:00 +0000",
        "21/Sop/2026:10:00:00 +0000",
        "Sep 31 10:00:00 host",
        "Sep 21 10:00 host",
        "Marble 21 10:00:00",
        "119.224.20.139 - - [20/May/2015:15:05:38 +0000]",
        "10.10.20.30 - -",
        "0521 10:00:00 x",
        "10:00 x",
        "0123456789 x",
        "99999999999999999999",
        "123456 789012 x",
        "12345678-1234-1234-1234-123456789012",
    ];
    for input in refused {
        assert_eq!(Timestamp::parse(input.as_bytes()), None, "{input}");
    }
}

#[test]
fn a_leap_second_reads_as_the_next_minute() {
    check("2026-09-21T10:00:60Z", 20, instant(60 * SECOND), Shape::Iso);
}

#[test]
fn twelve_oclock_belongs_to_the_half_day_it_begins() {
    let noon = local(7_200 * SECOND);
    check("09/21/2026 12:00:00 PM", 22, noon, Shape::Numeric);
    let midnight = local(-36_000 * SECOND);
    check("09/21/2026 12:00:00 AM", 22, midnight, Shape::Numeric);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        if let Some(found) = Timestamp::parse(&bytes) {
            prop_assert!(found.length <= bytes.len());
        }
    }

    #[test]
    fn likely_characters_are_survived(text in "[0-9A-Za-z:/., +TZ-]{0,40}") {
        if let Some(found) = Timestamp::parse(text.as_bytes()) {
            prop_assert!(found.length <= text.len());
        }
    }

    #[test]
    fn dates_agree_with_the_calendar_of_units(seconds in 0_i64..4_000_000_000) {
        let instant = UnixMicros::from_seconds(seconds);
        let (year, month, day) = instant.utc_date();
        let of_day = seconds.rem_euclid(86_400);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        let text = format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
        let expect = Some(Reading::Instant(instant));
        prop_assert_eq!(Timestamp::parse(text.as_bytes()).map(|found| found.reading), expect);
    }
}
