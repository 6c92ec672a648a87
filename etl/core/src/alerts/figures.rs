//! What a batch, or a part of one, brought for the alerts: counts by group and time, that add up in any order.

use super::Minutes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The most cells of one alert in one batch: 1 MB of them.
pub(super) const CELLS_MAX: usize = 16_384;
/// The most hosts' sources that are noted as heard.
pub(super) const SITES_MAX: usize = 10_000;
/// Where there is too much, of what is long past and of the present only the newest weeks are looked at.
const SPAN_MAX: Minutes = Minutes(14 * 24 * 60);
/// Of so many cells one at most may claim to be of the future: those do not make the present long past.
const FUTURE_SHARE: usize = 4;

/// Figures of a batch. Merging them is associative and commutative while nothing is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// By the alert's name.
    pub alerts: BTreeMap<String, Groups>,
    /// Hosts and their sources that lines came from.
    pub sites: BTreeSet<(String, String)>,
    /// Cells and hosts' sources that were too many and are not among these.
    pub left_out: u64,
}

/// The cells of each group, by where their bucket begins.
pub type Groups = BTreeMap<String, BTreeMap<Minutes, Cell>>;

/// Events of one group in one bucket of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Those that are counted.
    #[serde(rename = "n")]
    pub hits: u64,
    /// Those that they are a share of, or that follow them.
    #[serde(rename = "of", default, skip_serializing_if = "is_zero")]
    pub base: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Figures {
    /// Adds those of another part of the batch.
    pub fn merge(&mut self, other: &Self) {
        for (alert, groups) in &other.alerts {
            let known = self.alerts.entry(alert.clone()).or_default();
            for (group, cells) in groups {
                let mine = known.entry(group.clone()).or_default();
                cells.iter().for_each(|(at, cell)| mine.entry(*at).or_default().add(*cell));
            }
            self.left_out += bound(known, CELLS_MAX);
        }
        self.sites.extend(other.sites.iter().cloned());
        while self.sites.len() > SITES_MAX {
            self.sites.pop_last();
            self.left_out += 1;
        }
        self.left_out += other.left_out;
    }

    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        self.alerts.is_empty() && self.sites.is_empty()
    }
}

impl Cell {
    pub(super) fn add(&mut self, other: Self) {
        self.hits += other.hits;
        self.base += other.base;
    }
}

/// The cells of all groups.
pub(super) fn count(groups: &Groups) -> usize {
    groups.values().map(BTreeMap::len).sum()
}

/// Takes the least telling half of too many cells away: what is long past, then the groups with the fewest events.
/// Returns how many went.
pub(super) fn bound(groups: &mut Groups, cells_max: usize) -> u64 {
    let before = count(groups);
    if before <= cells_max {
        return 0;
    }
    forget_long_past(groups, cells_max / 2);
    let mut left = count(groups);
    let mut by_hits: Vec<(u64, String)> = groups
        .iter()
        .map(|(group, cells)| (cells.values().map(|cell| cell.hits).sum(), group.clone()))
        .collect();
    by_hits.sort_unstable();
    for (_, group) in by_hits {
        if left <= cells_max / 2 || groups.len() == 1 {
            break;
        }
        left -= groups.remove(&group).map_or(0, |cells| cells.len());
    }
    // One group alone: its newest.
    if let Some(cells) = groups.values_mut().next().filter(|_| left > cells_max) {
        while cells.len() > cells_max / 2 {
            cells.pop_first();
        }
    }
    groups.retain(|_, cells| !cells.is_empty());
    (before - count(groups)) as u64
}

/// Takes away what is long past until `cells_max` are left, or nothing is.
///
/// No clock says when now is. The newest cell is no measure, as one line may claim any time: the present is where the
/// newest quarter of all cells begins. Each round takes away what is long past by that, which moves it on.
fn forget_long_past(groups: &mut Groups, cells_max: usize) {
    let mut left = count(groups);
    while left > cells_max {
        let mut times: Vec<Minutes> = groups.values().flat_map(BTreeMap::keys).copied().collect();
        times.sort_unstable();
        let present = times[times.len() - 1 - times.len() / FUTURE_SHARE];
        let oldest = Minutes(present.0.saturating_sub(SPAN_MAX.0));
        groups.values_mut().for_each(|cells| *cells = cells.split_off(&oldest));
        if count(groups) == left {
            break;
        }
        left = count(groups);
    }
    groups.retain(|_, cells| !cells.is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(all: &[(&str, i64, u64)]) -> Groups {
        let mut groups = Groups::new();
        for (group, at, hits) in all {
            let cells = groups.entry((*group).into()).or_default();
            cells.entry(Minutes(*at)).or_default().add(Cell { hits: *hits, base: 0 });
        }
        groups
    }

    #[test]
    fn of_too_many_cells_the_groups_with_the_fewest_events_go() {
        let many: Vec<(String, i64, u64)> =
            (0..40).map(|number| (format!("g{number:02}"), 100, number + 1)).collect();
        let many: Vec<_> = many.iter().map(|(group, at, hits)| (group.as_str(), *at, *hits)).collect();
        let mut found = groups(&many);
        assert_eq!(bound(&mut found, 20), 30);
        assert_eq!(found.keys().next().map(String::as_str), Some("g30"));
    }

    #[test]
    fn what_is_long_past_goes_first_and_one_group_keeps_its_newest() {
        let mut found =
            groups(&[("a", 0, 9), ("a", 1, 9), ("a", 2, 9), ("a", 100_000, 1), ("b", 100_001, 1)]);
        assert_eq!(bound(&mut found, 4), 3);
        assert_eq!(found, groups(&[("a", 100_000, 1), ("b", 100_001, 1)]));
        let mut found = groups(&(0..50).map(|at| ("a", at, 1)).collect::<Vec<_>>());
        assert_eq!(bound(&mut found, 20), 40);
        assert_eq!(found["a"].keys().next(), Some(&Minutes(40)));
    }

    #[test]
    fn lines_that_claim_to_be_of_the_future_do_not_make_the_present_long_past() {
        let future = 94_672_800;
        let attack: Vec<(String, i64, u64)> =
            (0..30).map(|at| (format!("g{at:02}"), 29_833_440, 25)).collect();
        let mut all: Vec<_> = attack.iter().map(|(group, at, hits)| (group.as_str(), *at, *hits)).collect();
        all.push(("misdated", future, 1));
        let mut found = groups(&all);
        assert_eq!(bound(&mut found, 30), 16);
        assert!(found.values().all(|cells| cells.contains_key(&Minutes(29_833_440))), "{found:?}");
        // A year of history, with one such line: the last weeks stay.
        let mut year: Vec<_> = (0..365).map(|day| ("a", 29_833_440 - day * 1440, 1)).collect();
        year.push(("a", future, 1));
        let mut found = groups(&year);
        bound(&mut found, 300);
        assert!(found["a"].contains_key(&Minutes(29_833_440)), "{found:?}");
        assert!(found["a"].len() < 150, "{}", found["a"].len());
    }

    #[test]
    fn figures_add_up_in_any_order() {
        let part = |group: &str, at| Figures {
            alerts: [("x".to_owned(), groups(&[(group, at, 2)]))].into(),
            sites: [("h".to_owned(), group.to_owned())].into(),
            left_out: 0,
        };
        let parts = [part("a", 1), part("b", 1), part("a", 1), part("a", 2)];
        let mut one = Figures::default();
        parts.iter().for_each(|part| one.merge(part));
        let mut other = Figures::default();
        parts.iter().rev().for_each(|part| other.merge(part));
        assert_eq!(one, other);
        assert_eq!(one.alerts["x"]["a"][&Minutes(1)].hits, 4);
        let text = serde_json::to_string(&one).unwrap();
        assert_eq!(serde_json::from_str::<Figures>(&text).unwrap(), one);
    }
}
