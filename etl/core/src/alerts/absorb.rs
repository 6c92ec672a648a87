//! A batch's figures against the thresholds, with what other batches left; and what becomes of both.
//!
//! Time is that of the lines: a window is looked at wherever a cell of this batch falls into it, so batches may come in
//! any order. An incident is the time in which the condition held for a group, with pauses up to the cooldown; a batch
//! that comes late extends it at either end.

use super::{
    Alert, Alerts, Cell, Figure, Figures, GroupBy, Minutes, Severity,
    heard::Silence,
    state::{Incident, Notice, Past, State},
    watch::push_part,
};
use headrig_contract::UnixMicros;
use std::{borrow::Cow, collections::BTreeMap};

/// The most incidents that one batch opens for one alert; the first by name are told, the rest counted.
const OPENED_MAX: usize = 200;
/// The longest text of a notice, in bytes.
const TEXT_BYTES_MAX: usize = 1_000;
/// The name under which the alerts tell of themselves: what they left out, or forgot.
const OWN: &str = "alerts";
/// How long the same of themselves is not told again.
const OWN_COOLDOWN: Minutes = Minutes(24 * 60);

/// The end of a window in which the condition held, with the figure.
struct Over {
    at: Minutes,
    value: f64,
}

impl Alerts {
    /// Takes in the figures of a batch that is committed; a batch that is known is left alone. What people are to be
    /// told is in the state's outbox then.
    pub fn absorb(&self, state: &mut State, batch: &str, figures: &Figures, now: UnixMicros) {
        if state.knows(batch) {
            return;
        }
        state.note(batch);
        let now = Minutes::of(now);
        for alert in self.all().iter().filter(|alert| alert.counts()) {
            if let Some(groups) = figures.alerts.get(&alert.name) {
                let notices: Vec<Notice> = absorb_groups(alert, state, groups, now);
                state.post(notices);
            }
        }
        if figures.left_out > 0 {
            let text = format!(
                "a batch brought more than alerts can count: {} counts of long ago, of groups with few events or of \
                 hosts' sources were left out; what they would have told is in the rows alone",
                figures.left_out
            );
            remark(state, "left_out", text, now);
        }
        state.shrink();
    }

    /// What who runs a batch or an agent has seen: `text` is about `group`. Told once until it was quiet for the
    /// cooldown; `figure` is `bytes_lost` or `conservation`.
    pub fn raise(&self, state: &mut State, figure: Raised, group: &str, text: &str, now: UnixMicros) {
        let (figure, now) = (figure.figure(), Minutes::of(now));
        for alert in self.all().iter().filter(|alert| alert.figure == figure) {
            let incident = (alert.name.as_str(), group, alert.cooldown);
            if extend(incident, state, &Over { at: now, value: 1.0 }).is_some() {
                let mut notice = notice(alert, group, (now, now), 1.0);
                notice.text = shortened(format!("{}: {text}", notice.text));
                state.post(vec![notice]);
            }
        }
        state.shrink();
    }
}

/// What is not seen in lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raised {
    /// Bytes that were gone before they could be read.
    BytesLost,
    /// Lines in and rows out do not add up.
    Conservation,
}

impl Raised {
    const fn figure(self) -> Figure {
        match self {
            Self::BytesLost => Figure::BytesLost,
            Self::Conservation => Figure::Conservation,
        }
    }
}

fn absorb_groups(
    alert: &Alert,
    state: &mut State,
    groups: &super::figures::Groups,
    now: Minutes,
) -> Vec<Notice> {
    let mut notices = Vec::new();
    for (group, fresh) in groups {
        let past = state.pasts.get(&alert.name).and_then(|pasts| pasts.get(group)).copied();
        let mut cells = fresh.clone();
        if let Some(known) = state.cells.get(&alert.name).and_then(|groups| groups.get(group)) {
            known.iter().for_each(|(at, cell)| cells.entry(*at).or_default().add(*cell));
        }
        let over = overs(alert, &cells, fresh, past.unwrap_or_default());
        let mut opened: Vec<usize> = over
            .iter()
            .filter_map(|over| extend((&alert.name, group, alert.cooldown), state, over))
            .collect();
        opened.dedup();
        let room = OPENED_MAX.saturating_sub(notices.len());
        state.untold += opened.len().saturating_sub(room) as u64;
        for at in opened.into_iter().take(room) {
            let Incident { since, until, peak, .. } = state.incidents[at].clone();
            notices.push(notice(alert, group, (since, until), peak));
        }
        state.cells.entry(alert.name.clone()).or_default().insert(group.clone(), cells);
    }
    // A clock that is ahead must not make all others late.
    let newest = groups.values().filter_map(|cells| cells.keys().next_back()).max().copied();
    let known = state.cells.get(&alert.name).into_iter().flatten();
    let known = known.filter_map(|(_, cells)| cells.range(..=now).next_back()).map(|(at, _)| *at).max();
    let newest = newest.unwrap_or_default().max(known.unwrap_or_default()).min(now);
    state.settle(alert, newest);
    notices
}

/// The windows that reach over the alert's threshold, of those that a `fresh` cell falls into.
fn overs(
    alert: &Alert,
    cells: &BTreeMap<Minutes, Cell>,
    fresh: &BTreeMap<Minutes, Cell>,
    mut past: Past,
) -> Vec<Over> {
    let cells: Vec<(Minutes, Cell)> = cells.iter().map(|(at, cell)| (*at, *cell)).collect();
    let mut overs = Vec::new();
    let (mut from, mut sum) = (0, Cell::default());
    for (end, (at, cell)) in cells.iter().enumerate() {
        sum.add(*cell);
        while cells[from].0.0 <= at.0 - alert.window.0 {
            let (left_at, left) = cells[from];
            (sum.hits, sum.base) = (sum.hits - left.hits, sum.base - left.base);
            past.add(left_at, left);
            from += 1;
        }
        let is_touched = cells[from..=end].iter().any(|(at, _)| fresh.contains_key(at));
        if is_touched && let Some(value) = value_over(alert, sum, *cell, &past) {
            overs.push(Over { at: *at, value });
        }
    }
    overs
}

/// The figure of a window, where it reaches the threshold. `last` is the window's last cell.
fn value_over(alert: &Alert, sum: Cell, last: Cell, past: &Past) -> Option<f64> {
    let share = sum.hits as f64 / sum.base.max(1) as f64;
    let holds = match alert.figure {
        Figure::Count => sum.hits as f64 >= alert.threshold,
        Figure::Followed => sum.hits as f64 >= alert.threshold && last.base > 0,
        Figure::Share => sum.hits >= alert.least && share >= alert.threshold,
        Figure::Jump => {
            let before = past.share(alert.least);
            sum.hits >= alert.least
                && share >= alert.threshold
                && before.is_some_and(|before| share >= alert.factor * before)
        }
        Figure::Silence | Figure::BytesLost | Figure::Conservation => false,
    };
    let is_share = matches!(alert.figure, Figure::Share | Figure::Jump);
    holds.then_some(if is_share { share } else { sum.hits as f64 })
}

/// Adds to the incident that it belongs to, or opens one and says where that is.
fn extend((alert, group, cooldown): (&str, &str, Minutes), state: &mut State, over: &Over) -> Option<usize> {
    let belongs = |known: &&mut Incident| {
        known.alert == alert
            && known.group == group
            && over.at.0 >= known.since.0 - cooldown.0
            && over.at.0 <= known.until.0 + cooldown.0
    };
    let opened_now = state.incidents.len();
    if let Some(known) = state.incidents.iter_mut().rev().find(belongs) {
        (known.since, known.until) = (known.since.min(over.at), known.until.max(over.at));
        known.peak = known.peak.max(over.value);
        return None;
    }
    let (alert, group) = (alert.to_owned(), group.to_owned());
    state.incidents.push_back(Incident { alert, group, since: over.at, until: over.at, peak: over.value });
    Some(opened_now)
}

/// Tells of the alerts themselves, once a day: `about` tells one such matter from another.
pub(super) fn remark(state: &mut State, about: &str, text: String, now: Minutes) {
    let over = Over { at: now, value: 1.0 };
    if extend((OWN, about, OWN_COOLDOWN), state, &over).is_some() {
        let (alert, group) = (OWN.into(), about.into());
        let severity = Severity::Low;
        state.post(vec![Notice { alert, severity, group, since: now, until: now, text }]);
    }
}

/// That a source fell silent.
pub(super) fn silence((alert, host, source, last): &Silence<'_>, now: Minutes) -> Notice {
    let mut group = String::new();
    push_part(&mut group, GroupBy::Host, host);
    push_part(&mut group, GroupBy::Source, source);
    notice(alert, &group, (*last, now), (now.0 - last.0) as f64)
}

/// It in words.
fn notice(alert: &Alert, group: &str, (since, until): (Minutes, Minutes), value: f64) -> Notice {
    let figure = match alert.figure {
        Figure::Share | Figure::Jump => format!("{:.1} %", 100.0 * value),
        Figure::Silence => Minutes(value as i64).to_string(),
        _ => format!("{value:.0}"),
    };
    let text = filled(&alert.message, |name| match name {
        "value" => Some(Cow::Borrowed(figure.as_str())),
        "window" => Some(Cow::Owned(alert.window.to_string())),
        _ => {
            let parts = group.split(' ').filter_map(|part| part.split_once('='));
            parts.into_iter().find_map(|(part, value)| (part == name).then_some(Cow::Borrowed(value)))
        }
    });
    let text = shortened(text);
    Notice { alert: alert.name.clone(), severity: alert.severity, group: group.into(), since, until, text }
}

/// The message with values for its names in braces. What stands in a value stays as it is: a visitor may have chosen it.
fn filled<'v>(message: &str, value: impl Fn(&str) -> Option<Cow<'v, str>>) -> String {
    let (mut text, mut left) = (String::new(), message);
    while let Some((before, behind)) = left.split_once('{') {
        text.push_str(before);
        let named = behind.split_once('}').and_then(|(name, rest)| Some((value(name)?, rest)));
        let Some((value, rest)) = named else {
            text.push('{');
            left = behind;
            continue;
        };
        text.push_str(&value);
        left = rest;
    }
    text + left
}

fn shortened(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        text.push('…');
    }
    text
}
