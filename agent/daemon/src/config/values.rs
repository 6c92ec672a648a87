//! Single values: from what is written to what is meant, and back.
//!
//! Invariant: what [`human_bytes`] and [`human_duration`] write is read as the same value again.

use super::diagnostic::{did_you_mean, nearest};
use crate::aws::SettingError;
use std::{borrow::Cow, fmt::Write, ops::RangeInclusive, str::FromStr, time::Duration};
use toml::de::DeValue;

/// The most characters of a wrong text that are shown.
const SHOWN_CHARS_MAX: usize = 60;
/// The units of sizes, the greatest first: what is written with them, and bytes.
const SIZES: [(&str, u64); 10] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("bytes", 1),
    ("B", 1),
];
/// How many of [`SIZES`] are powers of two, in which sizes are written back.
const BINARY_SIZES: usize = 4;
/// The units of durations, the greatest first, in milliseconds.
const TIMES: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// What a value should have been.
#[derive(Debug)]
pub(super) struct Expected {
    /// After "expected".
    pub(super) what: Cow<'static, str>,
    /// What the operator may do.
    pub(super) suggestion: Option<String>,
    /// What to say of the value instead of showing it.
    pub(super) found: Option<&'static str>,
}

impl Expected {
    /// This, and nothing to suggest.
    pub(super) fn new(what: impl Into<Cow<'static, str>>) -> Self {
        Self { what: what.into(), suggestion: None, found: None }
    }

    /// The same with a suggestion.
    pub(super) fn or_say(self, suggestion: impl Into<String>) -> Self {
        Self { suggestion: Some(suggestion.into()), ..self }
    }

    /// The same of a value that may be secret: only `found` is said of it.
    pub(super) fn hiding(self, found: &'static str) -> Self {
        Self { found: Some(found), ..self }
    }
}

/// A value as a diagnostic shows it.
pub(super) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => match text.char_indices().nth(SHOWN_CHARS_MAX) {
            Some((end, _)) => format!("{:?} and so on", &text[..end]),
            None => format!("{text:?}"),
        },
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(list) if list.is_empty() => "an empty list".into(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

/// `true` or `false`.
pub(super) fn flag(value: &DeValue<'_>) -> Result<bool, Expected> {
    value.as_bool().ok_or_else(|| {
        let expected = Expected::new("true or false");
        match value.as_str() {
            Some(text @ ("true" | "false")) => expected.or_say(format!("write {text} without quotes")),
            _ => expected,
        }
    })
}

/// A text that `is_sound`, which is `what`.
pub(super) fn text(
    what: &'static str,
    is_sound: impl Fn(&str) -> bool,
) -> impl Fn(&DeValue<'_>) -> Result<String, Expected> {
    move |value| match value.as_str() {
        Some(text) if is_sound(text) => Ok(text.into()),
        _ => Err(Expected::new(what)),
    }
}

/// A text that is a `T`.
pub(super) fn parses<T: FromStr<Err = SettingError>>(value: &DeValue<'_>) -> Result<String, Expected> {
    let text = value.as_str().unwrap_or_default();
    let parsed = text.parse::<T>().map_err(|error| Expected::new(error.expected));
    parsed.map(|_| text.into())
}

/// One of these names.
pub(super) fn among(names: &[&'static str]) -> impl Fn(&DeValue<'_>) -> Result<&'static str, Expected> {
    move |value| index_among(value, names).map(|index| names[index])
}

/// One of these, by its name.
pub(super) fn one_of<T: Clone>(choices: &[(&str, T)]) -> impl Fn(&DeValue<'_>) -> Result<T, Expected> {
    move |value| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        index_among(value, &names).map(|index| choices[index].1.clone())
    }
}

fn index_among(value: &DeValue<'_>, names: &[&str]) -> Result<usize, Expected> {
    let found = value.as_str().unwrap_or_default();
    names.iter().position(|name| *name == found).ok_or_else(|| {
        let listed: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        let expected = Expected::new(format!("one of {}", listed.join(", ")));
        match nearest(found, names.iter().copied()) {
            Some(name) => expected.or_say(did_you_mean(name)),
            None => expected,
        }
    })
}

/// The name of `value` among `choices`, which hold it.
pub(super) fn name_of<T: PartialEq>(choices: &[(&'static str, T)], value: T) -> &'static str {
    choices.iter().find(|(_, choice)| *choice == value).map_or("", |(name, _)| name)
}

/// A whole number within `range`.
pub(super) fn integer(range: RangeInclusive<i64>) -> impl Fn(&DeValue<'_>) -> Result<i64, Expected> {
    move |value| {
        whole(value).filter(|number| range.contains(number)).ok_or_else(|| {
            let (low, high) = (range.start(), range.end());
            Expected::new(format!("a whole number from {low} to {high}"))
        })
    }
}

/// A number of bytes within `range`: `"8MiB"`, `"8 MB"` or 8388608.
pub(super) fn bytes(range: RangeInclusive<u64>) -> impl Fn(&DeValue<'_>) -> Result<u64, Expected> {
    move |value| {
        let found = match value.as_str() {
            Some(text) => parse_bytes(text),
            None => whole(value).and_then(|number| u64::try_from(number).ok()),
        };
        found.filter(|bytes| range.contains(bytes)).ok_or_else(|| {
            let [low, high] = [range.start(), range.end()].map(|bound| human_bytes(*bound));
            let expected = Expected::new(format!("a size from {low} to {high}, such as \"8MiB\""));
            // "8M" leaves open which of the two is meant.
            let completed = |text: &str| ["iB", "B"].map(|ending| format!("{text}{ending}"));
            match value.as_str().map(|text| completed(text.trim())) {
                Some([binary, decimal]) if parse_bytes(&binary).is_some() && found.is_none() => {
                    expected.or_say(format!("did you mean {binary:?} or {decimal:?}?"))
                }
                _ => expected,
            }
        })
    }
}

/// A time within `range`: `"30s"`, `"5m"`, `"1h 30m"`.
pub(super) fn duration(
    range: RangeInclusive<Duration>,
) -> impl Fn(&DeValue<'_>) -> Result<Duration, Expected> {
    move |value| {
        let found = value.as_str().and_then(parse_duration);
        found.filter(|duration| range.contains(duration)).ok_or_else(|| {
            let [low, high] = [range.start(), range.end()].map(|bound| human_duration(*bound));
            let expected = Expected::new(format!("a time from {low} to {high}, such as \"30s\""));
            match whole(value) {
                Some(seconds) => expected.or_say(did_you_mean(&format!("{seconds}s"))),
                None => expected,
            }
        })
    }
}

/// `"off"`, or what `read` takes.
pub(super) fn or_off<T>(
    read: impl Fn(&DeValue<'_>) -> Result<T, Expected>,
) -> impl Fn(&DeValue<'_>) -> Result<Option<T>, Expected> {
    move |value| match value.as_str() {
        Some("off") => Ok(None),
        _ => read(value).map(Some).map_err(|expected| Expected {
            what: format!("\"off\" or {}", expected.what).into(),
            ..expected
        }),
    }
}

/// `bytes` in the greatest unit that divides them.
pub(super) fn human_bytes(bytes: u64) -> String {
    in_units(bytes, &SIZES[..BINARY_SIZES]).unwrap_or_else(|| format!("{bytes}B"))
}

/// `duration`, whole milliseconds, in the greatest unit that divides it.
pub(super) fn human_duration(duration: Duration) -> String {
    let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    in_units(milliseconds, &TIMES).unwrap_or_else(|| "0s".into())
}

/// `text` as a TOML string.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ if character.is_control() => {
                write!(out, "\\u{:04X}", u32::from(character)).expect("a string takes everything");
            }
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

fn in_units(value: u64, units: &[(&str, u64)]) -> Option<String> {
    let (unit, one) = units.iter().find(|(_, one)| value > 0 && value.is_multiple_of(*one))?;
    Some(format!("{}{unit}", value / one))
}

fn whole(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn parse_bytes(text: &str) -> Option<u64> {
    let (number, unit) = split_number(text.trim())?;
    let (_, one) = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()))?;
    number.checked_mul(*one)
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (mut rest, mut sum) = (text.trim(), 0u64);
    loop {
        let (number, tail) = split_number(rest)?;
        let tail = tail.trim_start();
        let end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (_, one) = TIMES.iter().find(|(name, _)| *name == &tail[..end])?;
        sum = sum.checked_add(number.checked_mul(*one)?)?;
        rest = tail[end..].trim_start();
        if rest.is_empty() {
            return Some(Duration::from_millis(sum));
        }
    }
}

/// The whole number that `text` begins with, and the rest.
fn split_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let check = |text, expect| assert_eq!(parse_bytes(text), expect, "{text:?}");
        check("8MiB", Some(8 << 20));
        check("8 MB", Some(8_000_000));
        check(" 8 mib ", Some(8 << 20));
        check("1024B", Some(1024));
        check("5 bytes", Some(5));
        for text in ["", "MiB", "8", "8M", "-8MiB", "1.5MiB", "8MiB8", "99999999999TiB"] {
            check(text, None);
        }
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let check = |text, expect: Option<u64>| {
            assert_eq!(parse_duration(text), expect.map(Duration::from_millis), "{text:?}");
        };
        check("30s", Some(30_000));
        check("250ms", Some(250));
        check("1h 30m", Some(5_400_000));
        check("1d12h", Some(129_600_000));
        for text in ["", "30", "s", "-5s", "1.5h", "30S", "5 minutes", "99999999999999999d"] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_back_is_read_as_the_same(number in prop_oneof![0..5_000u64, any::<u64>()]) {
            prop_assert_eq!(parse_bytes(&human_bytes(number)), Some(number));
            let duration = Duration::from_millis(number);
            prop_assert_eq!(parse_duration(&human_duration(duration)), Some(duration));
        }

        #[test]
        fn every_text_survives_quoting(text: String) {
            let written = format!("a = {}", quoted(&text));
            let table = toml::de::DeTable::parse(&written).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(table.get_ref().get("a").and_then(|value| value.get_ref().as_str()), Some(text.as_str()));
        }
    }
}
