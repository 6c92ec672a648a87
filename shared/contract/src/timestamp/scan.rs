//! A position in the bytes, and the small pieces that all shapes are made of: numbers and clocks.

pub(super) const SECOND_MICROS: i64 = 1_000_000;
/// U+202F in UTF-8.
const NARROW_SPACE: &[u8] = b"\xe2\x80\xaf";

/// A position in a byte string. Everything it reads is optional: past the end there is nothing.
#[derive(Clone)]
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Half of a day, where a clock shows one.
enum Half {
    Am,
    Pm,
}

impl<'a> Scan<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) const fn position(&self) -> usize {
        self.at
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    pub(super) fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at.min(self.bytes.len())..]
    }

    pub(super) fn skip(&mut self, count: usize) {
        self.at = (self.at + count).min(self.bytes.len());
    }

    /// Takes `byte` if it is next.
    #[inline]
    pub(super) fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Takes the next byte if it is one of `set`.
    #[inline]
    pub(super) fn eat_any(&mut self, set: &[u8]) -> Option<u8> {
        let next = self.peek()?;
        set.contains(&next).then(|| self.at += 1)?;
        Some(next)
    }

    /// Takes at least one space.
    pub(super) fn spaces(&mut self) -> Option<()> {
        self.eat(b' ')?;
        while self.eat(b' ').is_some() {}
        Some(())
    }

    /// The digits from here on, counted up to `limit`.
    #[inline]
    pub(super) fn digit_count(&self, limit: usize) -> usize {
        self.rest().iter().take(limit).take_while(|byte| byte.is_ascii_digit()).count()
    }

    /// The digits from `ahead` bytes further on, counted up to `limit`.
    pub(super) fn digit_count_after(&self, ahead: usize, limit: usize) -> usize {
        self.rest().iter().skip(ahead).take(limit).take_while(|byte| byte.is_ascii_digit()).count()
    }

    /// Exactly `count` digits (at most nine), more of which may follow.
    #[inline]
    pub(super) fn number(&mut self, count: usize) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + count)?;
        let mut value = 0;
        for &digit in digits {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + u32::from(digit);
        }
        self.at += count;
        Some(value)
    }

    /// One or two digits.
    pub(super) fn short_number(&mut self) -> Option<u32> {
        let count = if self.peek_at(1).is_some_and(|next| next.is_ascii_digit()) { 2 } else { 1 };
        self.number(count)
    }

    /// `HH:MM[:SS[fraction]]`, the hour of one or two digits, in microseconds since midnight.
    pub(super) fn clock(&mut self) -> Option<i64> {
        let (hour, minute) = (self.short_number()?, self.after(b':')?);
        let has_seconds = self.peek() == Some(b':');
        let second = if has_seconds { self.after(b':')? } else { 0 };
        let whole = clock_micros(hour, minute, second)?;
        Some(whole + if has_seconds { self.fraction() } else { 0 })
    }

    /// [`Scan::clock`] that must show its seconds.
    pub(super) fn clock_to_seconds(&mut self) -> Option<i64> {
        let start = self.at;
        let time = self.clock()?;
        (self.at - start >= "H:MM:SS".len()).then_some(time)
    }

    /// [`Scan::clock`] with ` AM` or ` PM` after it, where it has one.
    pub(super) fn clock_of_halves(&mut self) -> Option<i64> {
        let time = self.clock()?;
        self.in_half(time)
    }

    /// `time` in the half of the day that comes next, where one does.
    pub(super) fn in_half(&mut self, time: i64) -> Option<i64> {
        let half_day = 12 * 3_600 * SECOND_MICROS;
        match self.half() {
            None => Some(time),
            Some(_) if time >= half_day + 3_600 * SECOND_MICROS => None,
            Some(Half::Am) => Some(time % half_day),
            Some(Half::Pm) => Some(time % half_day + half_day),
        }
    }

    /// `HHMMSS[fraction]`.
    pub(super) fn compact_clock(&mut self) -> Option<i64> {
        let (hour, minute, second) = (self.number(2)?, self.number(2)?, self.number(2)?);
        Some(clock_micros(hour, minute, second)? + self.fraction())
    }

    /// `HH.MM.SS[.fraction]`, as DB2 and Blue Gene write it.
    pub(super) fn dotted_clock(&mut self) -> Option<i64> {
        let (hour, minute, second) = (self.number(2)?, self.after(b'.')?, self.after(b'.')?);
        Some(clock_micros(hour, minute, second)? + self.fraction())
    }

    /// The fraction of a second in microseconds, cut and not rounded: `.` and any digits, or `,` and
    /// three, six or nine of them (fewer are a field of their own), or `:` and three.
    #[inline]
    pub(super) fn fraction(&mut self) -> i64 {
        match self.peek() {
            Some(separator @ (b'.' | b',' | b':')) => self.fraction_after(separator),
            _ => 0,
        }
    }

    fn fraction_after(&mut self, separator: u8) -> i64 {
        let ahead = Self { bytes: self.bytes, at: self.at + 1 };
        let count = ahead.digit_count(12);
        let fits = match separator {
            b'.' => count > 0,
            b',' => matches!(count, 3 | 6 | 9),
            _ => count == 3,
        };
        if !fits {
            return 0;
        }
        let digits = &ahead.rest()[..count];
        self.at = ahead.at + count;
        (0..6).fold(0, |micros, place| {
            micros * 10 + digits.get(place).map_or(0, |digit| i64::from(digit - b'0'))
        })
    }

    fn after(&mut self, separator: u8) -> Option<u32> {
        self.eat(separator)?;
        self.number(2)
    }

    fn half(&mut self) -> Option<Half> {
        let mut ahead = self.clone();
        // Since its version 42 CLDR, and with it Java, puts a narrow no-break space there.
        if ahead.eat(b' ').is_none() && ahead.rest().starts_with(NARROW_SPACE) {
            ahead.skip(NARROW_SPACE.len());
        }
        let half = match ahead.peek()?.to_ascii_lowercase() {
            b'a' => Half::Am,
            b'p' => Half::Pm,
            _ => return None,
        };
        ahead.skip(1);
        ahead.eat_any(b"mM")?;
        if ahead.peek().is_some_and(|next| next.is_ascii_alphanumeric()) {
            return None;
        }
        *self = ahead;
        Some(half)
    }
}

/// Microseconds since midnight; second 60 is a leap second.
#[inline]
pub(super) fn clock_micros(hour: u32, minute: u32, second: u32) -> Option<i64> {
    let valid = hour < 24 && minute < 60 && second <= 60;
    valid.then(|| i64::from(hour * 3_600 + minute * 60 + second) * SECOND_MICROS)
}
