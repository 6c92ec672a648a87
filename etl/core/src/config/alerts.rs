//! `[[alert]]`: alerts as they are written, and as they are checked.
//!
//! A table with the name of a built-in alert changes the keys that it has and leaves the others.

use super::{ConfigError, Fault, Place, RawConditions, Texts, conditions::named, quoted};
use crate::{
    Conditions,
    alerts::{ALERTS_MAX, Alert, Alerts, BUILT_IN, Figure, GroupBy, Minutes, Severity, WINDOW_MINUTES_MAX},
};
use serde::Deserialize;

/// The longest message, in bytes.
const MESSAGE_BYTES_MAX: usize = 500;
const WINDOW_DEFAULT: &str = "10m";
const COOLDOWN_DEFAULT: &str = "1h";
/// The longest pause within one incident.
const COOLDOWN_MINUTES_MAX: i64 = 30 * 24 * 60;
/// The longest silence.
const SILENCE_MINUTES_MAX: i64 = 30 * 24 * 60;

/// An alert as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawAlert {
    name: String,
    enabled: Option<bool>,
    figure: Option<String>,
    #[serde(rename = "match")]
    conditions: Option<RawConditions>,
    of: Option<RawConditions>,
    then: Option<RawConditions>,
    group_by: Option<Texts>,
    threshold: Option<f64>,
    least: Option<u64>,
    factor: Option<f64>,
    window: Option<String>,
    cooldown: Option<String>,
    severity: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct BuiltIn {
    alert: Vec<RawAlert>,
}

/// The alerts of a configuration, those that are built in first where they are wanted.
pub(super) fn checked(raw: &[RawAlert], built_in: bool) -> Result<Alerts, ConfigError> {
    let built_in = if built_in { self::built_in()? } else { Vec::new() };
    let mut alerts = built_in.clone();
    for (at, alert) in raw.iter().enumerate() {
        let place = Place::item("alert", at, &alert.name);
        let is_free = !alert.name.is_empty() && raw[..at].iter().all(|known| known.name != alert.name);
        if !is_free {
            let expected = "a name that no other alert of this configuration has";
            return Err(Fault::new(expected, quoted(&alert.name)).at(&place, "name"));
        }
        let alert = match alerts.iter_mut().find(|known| known.name == alert.name) {
            Some(known) => {
                *known = alert.over(known);
                known.clone()
            }
            None => {
                alerts.push(alert.clone());
                alert.clone()
            }
        };
        alert.checked().map_err(|(key, fault)| fault.at(&place, key))?;
    }
    let enabled = alerts.iter().filter(|alert| alert.enabled != Some(false));
    let alerts = enabled
        .map(|alert| {
            alert.checked().map_err(|(key, fault)| fault.at(&Place::item("alert", 0, &alert.name), key))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if alerts.len() > ALERTS_MAX {
        let expected = format!("at most {ALERTS_MAX} alerts, those that are built in among them");
        return Err(Fault::new(expected, alerts.len().to_string()).at(&Place::table("alert"), "[[alert]]"));
    }
    Ok(Alerts::new(alerts))
}

fn built_in() -> Result<Vec<RawAlert>, ConfigError> {
    Ok(toml::from_str::<BuiltIn>(BUILT_IN)?.alert)
}

type Checked<T> = Result<T, (String, Fault)>;

impl RawAlert {
    /// This, and what it leaves open as `other` has it.
    fn over(&self, other: &Self) -> Self {
        let (mine, other) = (self.clone(), other.clone());
        Self {
            name: mine.name,
            enabled: mine.enabled.or(other.enabled),
            figure: mine.figure.or(other.figure),
            conditions: mine.conditions.or(other.conditions),
            of: mine.of.or(other.of),
            then: mine.then.or(other.then),
            group_by: mine.group_by.or(other.group_by),
            threshold: mine.threshold.or(other.threshold),
            least: mine.least.or(other.least),
            factor: mine.factor.or(other.factor),
            window: mine.window.or(other.window),
            cooldown: mine.cooldown.or(other.cooldown),
            severity: mine.severity.or(other.severity),
            message: mine.message.or(other.message),
        }
    }

    fn checked(&self) -> Checked<Alert> {
        let at = |key: &'static str| move |fault| (key.to_owned(), fault);
        let figure = self.figure.as_deref().unwrap_or(Figure::Count.as_str());
        let figure = named(&Figure::ALL, &Figure::ALL.map(Figure::as_str), figure).map_err(at("figure"))?;
        let severity = self.severity.as_deref().unwrap_or(Severity::Medium.as_str());
        let severity =
            named(&Severity::ALL, &Severity::ALL.map(Severity::as_str), severity).map_err(at("severity"))?;
        let names = GroupBy::ALL.map(GroupBy::as_str);
        let groups = self.group_by.as_ref().map(|texts| texts.all().to_vec()).unwrap_or_default();
        let group_by: Vec<GroupBy> = groups
            .iter()
            .map(|name| named(&GroupBy::ALL, &names, name))
            .collect::<Result<_, _>>()
            .map_err(at("group_by"))?;
        let window_max = if figure == Figure::Silence { SILENCE_MINUTES_MAX } else { WINDOW_MINUTES_MAX };
        let alert = Alert {
            name: self.name.clone(),
            figure,
            conditions: conditions("match", self.conditions.as_ref())?,
            base: self.base(figure)?,
            threshold: self.threshold(figure)?,
            least: self.least.unwrap_or(1).max(1),
            factor: self.factor.unwrap_or(1.0),
            window: minutes(self.window.as_deref().unwrap_or(WINDOW_DEFAULT), window_max)
                .map_err(at("window"))?,
            cooldown: minutes(self.cooldown.as_deref().unwrap_or(COOLDOWN_DEFAULT), COOLDOWN_MINUTES_MAX)
                .map_err(at("cooldown"))?,
            severity,
            message: self.message(&group_by, figure).map_err(at("message"))?,
            group_by,
        };
        self.check_keys(figure).map(|()| alert)
    }

    /// What the figure is a share of, or what has to follow.
    fn base(&self, figure: Figure) -> Checked<Conditions> {
        match figure {
            Figure::Share | Figure::Jump => conditions("of", self.of.as_ref()),
            Figure::Followed if self.then.is_none() => {
                let fault =
                    Fault::new("what has to follow, such as { event_type = \"auth_success\" }", "nothing");
                Err(("then".into(), fault))
            }
            Figure::Followed => conditions("then", self.then.as_ref()),
            _ => Ok(Conditions::default()),
        }
    }

    fn threshold(&self, figure: Figure) -> Checked<f64> {
        let threshold = self.threshold.unwrap_or(1.0);
        let (expected, fits) = match figure {
            Figure::Share | Figure::Jump => {
                ("a share above 0 and up to 1", threshold > 0.0 && threshold <= 1.0)
            }
            _ => ("a number from 1 up", threshold >= 1.0),
        };
        if fits {
            Ok(threshold)
        } else {
            Err(("threshold".into(), Fault::new(expected, threshold.to_string())))
        }
    }

    /// No key stands there that nothing looks at.
    fn check_keys(&self, figure: Figure) -> Checked<()> {
        let is_share = matches!(figure, Figure::Share | Figure::Jump);
        let counts = is_share || matches!(figure, Figure::Count | Figure::Followed);
        let given = [
            ("match", self.conditions.is_some(), counts || figure == Figure::Silence),
            ("of", self.of.is_some(), is_share),
            ("then", self.then.is_some(), figure == Figure::Followed),
            ("group_by", self.group_by.is_some(), counts),
            ("threshold", self.threshold.is_some(), counts),
            ("least", self.least.is_some(), is_share),
            ("factor", self.factor.is_some(), figure == Figure::Jump),
            ("window", self.window.is_some(), counts || figure == Figure::Silence),
            // A silence is told once, and again when the source was heard meanwhile.
            ("cooldown", self.cooldown.is_some(), figure != Figure::Silence),
        ];
        match given.iter().find(|(_, is_given, is_used)| *is_given && !is_used) {
            Some((key, ..)) => {
                let expected = format!("no such key with figure = {:?}", figure.as_str());
                Err(((*key).into(), Fault::new(expected, "one")))
            }
            None => Ok(()),
        }
    }

    /// The message, whose names in braces all stand for something.
    fn message(&self, group_by: &[GroupBy], figure: Figure) -> Result<String, Fault> {
        let default = || format!("{}: {{value}} within {{window}}", self.name);
        let message = self.message.clone().unwrap_or_else(default);
        if message.len() > MESSAGE_BYTES_MAX {
            let expected = format!("at most {MESSAGE_BYTES_MAX} bytes");
            return Err(Fault::new(expected, message.len().to_string()));
        }
        let mut names: Vec<&str> = vec!["value", "window"];
        match figure {
            Figure::Silence => names.extend(["host", "source"]),
            _ => names.extend(group_by.iter().map(|by| by.as_str())),
        }
        for part in message.split('{').skip(1) {
            let name = part.split_once('}').map_or(part, |(name, _)| name);
            if !names.contains(&name) {
                let known = names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ");
                return Err(Fault::new(format!("of names in braces only {known}"), quoted(name)));
            }
        }
        Ok(message)
    }
}

fn conditions(key: &str, raw: Option<&RawConditions>) -> Checked<Conditions> {
    let checked = raw.map(RawConditions::checked).transpose();
    Ok(checked.map_err(|(inner, fault)| (format!("{key}.{inner}"), fault))?.unwrap_or_default())
}

/// A time of whole minutes, as `10m`, `6h`, `1d`.
fn minutes(text: &str, max: i64) -> Result<Minutes, Fault> {
    let (number, unit) = text
        .split_at(text.len().saturating_sub(1).min(text.floor_char_boundary(text.len().saturating_sub(1))));
    let factor = match unit {
        "m" => Some(1),
        "h" => Some(60),
        "d" => Some(24 * 60),
        _ => None,
    };
    let minutes = factor.and_then(|factor| number.parse::<i64>().ok()?.checked_mul(factor));
    let fits = minutes.filter(|minutes| (1..=max).contains(minutes)).map(Minutes);
    fits.ok_or_else(|| {
        Fault::new(format!("a time from 1m to {}, such as 10m, 6h or 1d", Minutes(max)), quoted(text))
    })
}
