//! `match = { … }`: conditions as they are written, and as they are checked.

use super::{Fault, quoted};
use crate::{
    EventType, Level,
    conditions::{Conditions, Mask, Test},
};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use std::{collections::BTreeMap, ops::RangeInclusive};

/// The most memory that one regular expression may take, compiled.
const REGEX_BYTES_MAX: usize = 8 << 20;

/// Conditions as they are written; docs/operations/rules.md lists them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawConditions {
    host: Option<Texts>,
    source: Option<Texts>,
    path: Option<Texts>,
    format: Option<Texts>,
    not_format: Option<Texts>,
    level: Option<Texts>,
    level_min: Option<String>,
    level_max: Option<String>,
    event_type: Option<Texts>,
    message: Option<String>,
    http_status: Option<Numbers>,
    fields: BTreeMap<String, RawTest>,
}

/// One text or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub enum Texts {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// One number, or from and to.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a number or two, [from, to]")]
enum Numbers {
    One(i32),
    Range([i32; 2]),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text, a list of texts, or { regex = '…' }")]
enum RawTest {
    Equals(Texts),
    Matches(RawRegex),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRegex {
    regex: String,
}

impl Texts {
    /// All of them.
    pub(crate) fn all(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(texts) => texts,
        }
    }
}

impl RawConditions {
    /// The conditions, or the key that is wrong and why.
    pub(crate) fn checked(&self) -> Result<Conditions, (String, Fault)> {
        let at = |key: &str| {
            let key = key.to_owned();
            move |fault| (key, fault)
        };
        let globs = |key: &str, texts: &Option<Texts>| {
            texts.as_ref().map(|texts| globs(texts.all())).transpose().map_err(at(key))
        };
        let mut fields = Vec::new();
        for (name, test) in &self.fields {
            let key = format!("fields.{name}");
            let field = name.parse().map_err(|expected| (key.clone(), Fault::new(expected, quoted(name))))?;
            fields.push((field, test.checked().map_err(at(&key))?));
        }
        Ok(Conditions {
            hosts: globs("host", &self.host)?,
            sources: globs("source", &self.source)?,
            paths: globs("path", &self.path)?,
            mask: self.mask()?,
            formats: self.format.as_ref().map(|texts| texts.all().to_vec()),
            formats_not: self.not_format.as_ref().map(|texts| texts.all().to_vec()).unwrap_or_default(),
            http_status: self.http_status.as_ref().map(range).transpose().map_err(at("http_status"))?,
            message: self.message.as_deref().map(regex).transpose().map_err(at("message"))?,
            fields,
        })
    }

    fn mask(&self) -> Result<Mask, (String, Fault)> {
        let at = |key: &'static str| move |fault| (key.to_owned(), fault);
        let bound = |key, text: &Option<String>| text.as_deref().map(bound).transpose().map_err(at(key));
        let (min, max) = (bound("level_min", &self.level_min)?, bound("level_max", &self.level_max)?);
        let levels = listed(&self.level, level).map_err(at("level"))?;
        let event_types = listed(&self.event_type, event_type).map_err(at("event_type"))?;
        let bits =
            event_types.map_or(u16::MAX, |types| types.iter().fold(0, |bits, it| bits | 1 << *it as u16));
        Ok(Level::ALL.map(|level| {
            let is_known = level != Level::Unknown || min.is_none() && max.is_none();
            let holds = levels.as_ref().is_none_or(|levels| levels.contains(&level))
                && min.is_none_or(|min| level >= min)
                && max.is_none_or(|max| level <= max)
                && is_known;
            if holds { bits } else { 0 }
        }))
    }
}

impl RawTest {
    fn checked(&self) -> Result<Test, Fault> {
        match self {
            Self::Equals(texts) => Ok(Test::OneOf(texts.all().to_vec())),
            Self::Matches(raw) => regex(&raw.regex).map(Test::Matches),
        }
    }
}

/// A compiled regular expression of bounded size.
pub(crate) fn regex(pattern: &str) -> Result<Regex, Fault> {
    RegexBuilder::new(pattern).multi_line(true).size_limit(REGEX_BYTES_MAX).build().map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
        Fault::new("a regular expression", format!("{pattern:?}: {reason}"))
    })
}

/// The level of that name.
pub(crate) fn level(name: &str) -> Result<Level, Fault> {
    let names = Level::ALL.map(Level::as_str);
    named(&Level::ALL, &names, name)
}

/// The event type of that name.
pub(crate) fn event_type(name: &str) -> Result<EventType, Fault> {
    let names = EventType::ALL.map(EventType::as_str);
    named(&EventType::ALL, &names, name)
}

/// The one of `all` that has this name.
pub(crate) fn named<T: Copy>(all: &[T], names: &[&str], name: &str) -> Result<T, Fault> {
    let found = names.iter().position(|known| *known == name).map(|at| all[at]);
    found.ok_or_else(|| Fault::new(format!("one of {}", names.join(", ")), quoted(name)))
}

/// A level that others can be above or below of.
fn bound(name: &str) -> Result<Level, Fault> {
    match level(name)? {
        Level::Unknown => Err(Fault::new("a level that has a place in the order", quoted(name))),
        level => Ok(level),
    }
}

fn listed<T>(texts: &Option<Texts>, one: impl Fn(&str) -> Result<T, Fault>) -> Result<Option<Vec<T>>, Fault> {
    texts.as_ref().map(|texts| texts.all().iter().map(|text| one(text)).collect()).transpose()
}

fn range(numbers: &Numbers) -> Result<RangeInclusive<i32>, Fault> {
    match *numbers {
        Numbers::One(status) => Ok(status..=status),
        Numbers::Range([from, to]) if from <= to => Ok(from..=to),
        Numbers::Range([from, to]) => {
            Err(Fault::new("[from, to] with from not above to", format!("[{from}, {to}]")))
        }
    }
}

fn globs(patterns: &[String]) -> Result<GlobSet, Fault> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        set.add(glob.map_err(|error| {
            Fault::new("a pattern such as web-* or /var/log/**", format!("{pattern:?}: {}", error.kind()))
        })?);
    }
    set.build().map_err(|error| Fault::new("patterns", error.to_string()))
}
