//! `[[rule]]`: rules as they are written, and as they are checked.

use super::{
    ConfigError, Fault, Place, RawConditions, Texts,
    conditions::{event_type, level, named, regex},
    quoted,
};
use crate::{
    Field, Rules,
    rules::{Action, Builtin, RULES_MAX, Redaction, Relabelling, Rule},
};
use serde::Deserialize;
use std::{collections::BTreeMap, ops::RangeInclusive};

/// What stands in the place of what was redacted.
const REPLACEMENT: &str = "[redacted]";
/// The longest replacement, in bytes: a row must not grow out of bounds.
const REPLACEMENT_BYTES_MAX: usize = 64;
/// Of how many events one may be kept.
const ONE_OF: RangeInclusive<u32> = 2..=1_000_000;

/// A rule as it is written. It does one thing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawRule {
    name: String,
    #[serde(rename = "match")]
    conditions: RawConditions,
    drop: bool,
    /// Of so many events one is kept.
    sample: Option<u32>,
    redact: Option<RawRedaction>,
    relabel: Option<RawRelabelling>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawRedaction {
    what: Option<Texts>,
    pattern: Option<Texts>,
    columns: Option<Texts>,
    replacement: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawRelabelling {
    level: Option<String>,
    event_type: Option<String>,
    service: Option<String>,
    attributes: BTreeMap<String, String>,
    remove: Option<Texts>,
}

/// The rules in their order.
pub(super) fn checked(raw: &[RawRule]) -> Result<Rules, ConfigError> {
    let mut rules: Vec<Rule> = Vec::new();
    for (at, rule) in raw.iter().enumerate() {
        let place = Place::item("rule", at, &rule.name);
        let is_free = !rule.name.is_empty() && rules.iter().all(|known| known.name != rule.name);
        if !is_free {
            return Err(Fault::new("a name that no other rule has", quoted(&rule.name)).at(&place, "name"));
        }
        if at >= RULES_MAX {
            let expected = format!("at most {RULES_MAX} rules");
            return Err(Fault::new(expected, raw.len().to_string()).at(&place, "[[rule]]"));
        }
        let conditions =
            rule.conditions.checked().map_err(|(key, fault)| fault.at(&place, format!("match.{key}")))?;
        let action = rule.action().map_err(|(key, fault)| fault.at(&place, key))?;
        rules.push(Rule { name: rule.name.clone(), conditions, action });
    }
    Ok(Rules::new(rules))
}

type Checked<T> = Result<T, (String, Fault)>;

impl RawRule {
    fn action(&self) -> Checked<Action> {
        match (self.drop, self.sample, &self.redact, &self.relabel) {
            (true, None, None, None) => Ok(Action::Drop),
            (false, Some(one_of), None, None) if ONE_OF.contains(&one_of) => Ok(Action::Sample(one_of)),
            (false, Some(one_of), None, None) => {
                let expected = format!("a number from {} to {}", ONE_OF.start(), ONE_OF.end());
                Err(("sample".into(), Fault::new(expected, one_of.to_string())))
            }
            (false, None, Some(redact), None) => redact.checked().map(|it| Action::Redact(Box::new(it))),
            (false, None, None, Some(relabel)) => relabel.checked().map(|it| Action::Relabel(Box::new(it))),
            (drop, sample, redact, relabel) => {
                let given = [
                    ("drop", drop),
                    ("sample", sample.is_some()),
                    ("redact", redact.is_some()),
                    ("relabel", relabel.is_some()),
                ];
                let given: Vec<&str> = given.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
                let found = if given.is_empty() { "none".into() } else { given.join(" and ") };
                let expected = "one of drop = true, sample, redact and relabel";
                Err(("action".into(), Fault::new(expected, found)))
            }
        }
    }
}

impl RawRedaction {
    fn checked(&self) -> Checked<Redaction> {
        let all =
            |texts: &Option<Texts>| texts.as_ref().map(|texts| texts.all().to_vec()).unwrap_or_default();
        let at = |key: &'static str| move |fault| (format!("redact.{key}"), fault);
        let names = Builtin::ALL.map(Builtin::as_str);
        let builtins = all(&self.what)
            .iter()
            .map(|name| named(&Builtin::ALL, &names, name))
            .collect::<Result<Vec<_>, _>>();
        let columns = all(&self.columns).iter().map(|name| column(name)).collect::<Result<Vec<_>, _>>();
        let (builtins, columns) = (builtins.map_err(at("what"))?, columns.map_err(at("columns"))?);
        let patterns = all(&self.pattern);
        if builtins.is_empty() && columns.is_empty() && patterns.is_empty() {
            return Err(at("what")(Fault::new("what, pattern or columns", "none of them")));
        }
        for pattern in &patterns {
            // Where the empty text is to be found, it is found everywhere.
            if regex(pattern).map_err(at("pattern"))?.is_match("") {
                return Err(at("pattern")(Fault::new(
                    "a regular expression that needs a text",
                    quoted(pattern),
                )));
            }
        }
        let replacement = self.replacement.clone().unwrap_or_else(|| REPLACEMENT.into());
        if replacement.len() > REPLACEMENT_BYTES_MAX {
            let expected = format!("at most {REPLACEMENT_BYTES_MAX} bytes");
            return Err(at("replacement")(Fault::new(expected, replacement.len().to_string())));
        }
        Redaction::new(&builtins, &patterns, columns, replacement, regex).map_err(at("pattern"))
    }
}

/// A column of text that may be redacted as a whole.
fn column(name: &str) -> Result<Field, Fault> {
    const NUMBERS: [&str; 6] =
        ["format", "pid", "http_status", "http_bytes", "http_duration_ms", "severity_number"];
    let field = name.parse().map_err(|expected: String| Fault::new(expected, quoted(name)))?;
    if NUMBERS.contains(&name) {
        return Err(Fault::new("a column of text from the line", quoted(name)));
    }
    Ok(field)
}

impl RawRelabelling {
    fn checked(&self) -> Checked<Relabelling> {
        let at = |key: &'static str| move |fault| (format!("relabel.{key}"), fault);
        let relabelling = Relabelling {
            level: self.level.as_deref().map(level).transpose().map_err(at("level"))?,
            event_type: self.event_type.as_deref().map(event_type).transpose().map_err(at("event_type"))?,
            service: self.service.clone(),
            attributes: self.attributes.clone().into_iter().collect(),
            remove: self.remove.as_ref().map(|texts| texts.all().to_vec()).unwrap_or_default(),
        };
        let Relabelling { level, event_type, service, attributes, remove } = &relabelling;
        let is_empty = level.is_none()
            && event_type.is_none()
            && service.is_none()
            && attributes.is_empty()
            && remove.is_empty();
        if is_empty {
            let expected = "level, event_type, service, attributes or remove";
            return Err(at("level")(Fault::new(expected, "none of them")));
        }
        Ok(relabelling)
    }
}
