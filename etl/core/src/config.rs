//! The ETL's configuration: read as written, then checked into [`Settings`] that inner code can rely on.
//!
//! `headrig local` has these tables in its own file, the Spark job hands over the same text: [`RawConfig`] is what is
//! written, [`RawConfig::checked`] the one way from it to settings. This module knows no files. Invariant: no key is
//! accepted that nothing honours.

mod alerts;
mod conditions;
mod rules;

pub use alerts::RawAlert;
pub use conditions::{RawConditions, Texts};
pub use rules::RawRule;

use crate::{
    Settings,
    parse::{FormatError, FormatSpec, Formats},
};
use headrig_contract::SourceName;
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The tables as they are written. Every list of tables has one field here, one file below `config/`, and one
/// line in [`RawConfig::checked`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawConfig {
    /// `[etl]`: what holds for all lines.
    pub etl: RawEtl,
    /// `[[rule]]`: what is dropped, sampled, redacted and relabelled, in this order.
    pub rule: Vec<RawRule>,
    /// `[[alert]]`: what people are to be told of.
    pub alert: Vec<RawAlert>,
    /// `[[format]]`: formats beside the built-in ones, in the order they are asked.
    pub format: Vec<FormatSpec>,
}

/// The table `[etl]` as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawEtl {
    /// When the column `raw` is kept.
    pub raw: Option<RawColumn>,
    /// The zone of times that name none.
    pub timezone: Option<String>,
    /// The same for single sources.
    pub timezones: BTreeMap<String, String>,
    /// Whether the alerts that are built in are wanted; they are where nothing is said.
    pub built_in_alerts: Option<bool>,
}

/// When the column `raw` is kept.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum RawColumn {
    /// Where no parser took the line.
    #[default]
    Unparsed,
    /// Of every line.
    Always,
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is no TOML, or has a key or a type that is not known.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A value cannot be what it is.
    #[error("{place}: {key}: expected {expected}, found {found}")]
    Value {
        /// The table, with its number and name where there are several.
        place: Place,
        /// The key in it.
        key: String,
        /// What could stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
}

/// A table of the configuration, as people are told of it: `[etl]`, or `[[rule]] 2 "health checks"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    table: &'static str,
    /// Its number from 1 and its name, where there are several.
    item: Option<(usize, String)>,
}

/// Reads a configuration that holds the ETL's tables and nothing else.
///
/// # Errors
/// [`ConfigError`], for the first thing that is wrong.
pub fn parse(text: &str) -> Result<Settings, ConfigError> {
    toml::from_str::<RawConfig>(text)?.checked()
}

impl RawConfig {
    /// The settings that are written here.
    ///
    /// # Errors
    /// [`ConfigError::Value`], for the first value that is wrong.
    pub fn checked(&self) -> Result<Settings, ConfigError> {
        let place = Place::table("etl");
        let mut settings =
            Settings { raw_always: self.etl.raw == Some(RawColumn::Always), ..Settings::default() };
        if let Some(name) = &self.etl.timezone {
            settings.zone = zone(name).map_err(|fault| fault.at(&place, "timezone"))?;
        }
        for (source, name) in &self.etl.timezones {
            let key = || format!("timezones.{source}");
            let source = source.parse::<SourceName>().map_err(|error| {
                Fault::new(format!("a source's name ({error})"), quoted(source)).at(&place, key())
            })?;
            settings.zones.insert(source, zone(name).map_err(|fault| fault.at(&place, key()))?);
        }
        settings.rules = rules::checked(&self.rule)?;
        settings.alerts = alerts::checked(&self.alert, self.etl.built_in_alerts != Some(false))?;
        settings.formats = Formats::new(&self.format).map_err(|(at, error)| {
            let FormatError { key, expected, found } = error;
            Fault::new(expected, found).at(&Place::item("format", at, &self.format[at].name), key)
        })?;
        Ok(settings)
    }
}

impl Place {
    /// A table of which there is one.
    pub const fn table(table: &'static str) -> Self {
        Self { table, item: None }
    }

    /// The table at index `at` of a list.
    pub fn item(table: &'static str, at: usize, name: &str) -> Self {
        Self { table, item: Some((at + 1, name.into())) }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.item {
            None => write!(f, "[{}]", self.table),
            Some((number, name)) if name.is_empty() => write!(f, "[[{}]] {number}", self.table),
            Some((number, name)) => write!(f, "[[{}]] {number} {name:?}", self.table),
        }
    }
}

/// What is wrong with a value, wherever it stands.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    expected: String,
    found: String,
}

impl Fault {
    pub(crate) fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { expected: expected.into(), found: found.into() }
    }

    pub(crate) fn at(self, place: &Place, key: impl Into<String>) -> ConfigError {
        let Self { expected, found } = self;
        ConfigError::Value { place: place.clone(), key: key.into(), expected, found }
    }
}

/// A text as it is told of.
pub(crate) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn zone(name: &str) -> Result<TimeZone, Fault> {
    TimeZone::get(name).map_err(|_| Fault::new("a name such as UTC or Europe/Berlin", quoted(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let message = parse(text).map_or_else(|error| error.to_string(), |_| "fine".into());
        assert!(message.contains(expect), "{text:?}: {message}");
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_was_expected() {
        check("", "fine");
        check("[etl]\nraw = 'always'\ntimezone = 'Europe/Berlin'\ntimezones = { web = 'UTC' }", "fine");
        check("[elt]", "unknown field `elt`");
        check("[etl]\nzone = 'UTC'", "unknown field `zone`");
        check("[etl]\nraw = 'never'", "unknown variant `never`");
        check("[etl]\ntimezone = 'Mars'", "[etl]: timezone: expected a name such as UTC");
        check("[etl]\ntimezones = { web = 'Mars' }", "[etl]: timezones.web: expected a name such as UTC");
        check("[etl]\ntimezones = { 'a/b' = 'UTC' }", "[etl]: timezones.a/b: expected a source's name");
    }
}
