//! Conditions on an event: what a rule or an alert is for. All that are given have to hold.
//!
//! What depends on the place alone (host, source, path) is asked once for a piece, what depends on level and event
//! type by one look into a table, see [`Conditions::mask`]; only then is text looked at.

use crate::{Event, EventType, Level, field::Field};
use globset::GlobSet;
use regex::{Regex, RegexSet, RegexSetBuilder};
use std::ops::RangeInclusive;

/// For each level, a bit for each event type.
pub(crate) type Mask = [u16; Level::ALL.len()];

/// Where a line comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site<'s> {
    pub(crate) host: &'s str,
    pub(crate) source: &'s str,
    pub(crate) path: &'s str,
}

/// Conditions, checked and compiled. The default holds for everything.
#[derive(Clone, Debug)]
pub struct Conditions {
    pub(crate) hosts: Option<GlobSet>,
    pub(crate) sources: Option<GlobSet>,
    pub(crate) paths: Option<GlobSet>,
    pub(crate) mask: Mask,
    pub(crate) formats: Option<Vec<String>>,
    pub(crate) formats_not: Vec<String>,
    pub(crate) http_status: Option<RangeInclusive<i32>>,
    pub(crate) message: Option<Regex>,
    pub(crate) fields: Vec<(Field, Test)>,
}

/// What a field's value has to be.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    /// One of these.
    OneOf(Vec<String>),
    /// What this finds something in.
    Matches(Regex),
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            hosts: None,
            sources: None,
            paths: None,
            mask: [u16::MAX; Level::ALL.len()],
            formats: None,
            formats_not: Vec::new(),
            http_status: None,
            message: None,
            fields: Vec::new(),
        }
    }
}

impl Conditions {
    /// Whether what depends on the place holds.
    pub(crate) fn hold_at(&self, site: &Site<'_>) -> bool {
        let holds = |set: &Option<GlobSet>, text| set.as_ref().is_none_or(|set| set.is_match(text));
        holds(&self.hosts, site.host) && holds(&self.sources, site.source) && holds(&self.paths, site.path)
    }

    /// Whether what depends on level and event type holds.
    pub(crate) fn hold_for(&self, level: Level, event_type: EventType) -> bool {
        self.mask[level as usize] & (1 << event_type as u16) != 0
    }

    /// Whether everything else holds. `line` stands in for the message of an event that has none.
    pub(crate) fn hold_in(&self, event: &Event<'_>, line: &str) -> bool {
        let status = |range: &RangeInclusive<i32>| event.http_status.is_some_and(|it| range.contains(&it));
        self.http_status.as_ref().is_none_or(status)
            && self.formats.as_ref().is_none_or(|names| names.iter().any(|name| name == event.format))
            && !self.formats_not.iter().any(|name| name == event.format)
            && self.fields.iter().all(|(field, test)| test.holds(field, event))
            && self.message.as_ref().is_none_or(|regex| regex.is_match(message_of(event, line)))
    }
}

impl Test {
    fn holds(&self, field: &Field, event: &Event<'_>) -> bool {
        let Some(value) = field.of(event) else { return false };
        match self {
            Self::OneOf(values) => values.iter().any(|it| *it == value),
            Self::Matches(regex) => regex.is_match(&value),
        }
    }
}

/// The human part, or the line where nobody knows it.
pub(crate) fn message_of<'e>(event: &'e Event<'_>, line: &'e str) -> &'e str {
    event.message.as_deref().unwrap_or(line)
}

/// All of `patterns` at once, to see that none of them finds anything. None where they are too large together.
pub(crate) fn regex_set<'r>(patterns: impl Iterator<Item = &'r Regex>) -> Option<RegexSet> {
    RegexSetBuilder::new(patterns.map(Regex::as_str)).multi_line(true).build().ok()
}

/// For each level and event type, which of `all` may hold, a bit each. There are at most 64.
pub(crate) fn table<'c>(
    all: impl Iterator<Item = &'c Conditions>,
) -> [[u64; EventType::ALL.len()]; Level::ALL.len()] {
    let mut table = [[0; EventType::ALL.len()]; Level::ALL.len()];
    for (at, conditions) in all.enumerate() {
        for level in Level::ALL {
            for event_type in EventType::ALL {
                let bit = u64::from(conditions.hold_for(level, event_type)) << at;
                table[level as usize][event_type as usize] |= bit;
            }
        }
    }
    table
}
