//! What alerts remember from batch to batch, and its bounds.
//!
//! As JSON it fits a note of DynamoDB: [`State::shrink`] sees to it. What is forgotten costs a message that comes twice,
//! or an attack that is spread over so much time and so many addresses that nobody's memory would hold it.

use super::{Alert, Cell, Minutes, Severity, figures::Groups};
use headrig_contract::UnixMicros;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Batches that are known to have been absorbed: more than can be under way.
const BATCHES_MAX: usize = 1_000;
/// Incidents that are remembered.
const INCIDENTS_MAX: usize = 500;
/// Cells that are remembered, of all alerts.
const CELLS_MAX: usize = 5_000;
/// Groups whose past is remembered, of all alerts.
const PASTS_MAX: usize = 500;
/// Hosts' sources that are listened for.
const HEARD_MAX: usize = 500;
/// What people are still to be told, at most; the most urgent stays.
const OUTBOX_MAX: usize = 100;
/// How long cells are remembered behind the window: lines that come later are held against their own batch alone.
pub(super) const GRACE: Minutes = Minutes(60);
/// How quickly the past is forgotten: after so long it counts for half.
const HALF_LIFE: Minutes = Minutes(6 * 60);
/// How long telling may take before another does it.
const TELLING_MICROS_MAX: i64 = 2 * 60 * 1_000_000;
/// Hexadecimal digits that a batch is known by.
const BATCH_DIGITS: usize = 16;

/// What alerts remember.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The batches that were absorbed last.
    pub(super) batches: VecDeque<String>,
    /// By the alert's name, the cells that a window may still reach.
    pub(super) cells: BTreeMap<String, Groups>,
    /// By the alert's name, what went before those, by group.
    pub(super) pasts: BTreeMap<String, BTreeMap<String, Past>>,
    /// The incidents that people know of, in the order that they were told.
    pub(super) incidents: VecDeque<Incident>,
    /// By host and source, when each was heard.
    pub(super) heard: BTreeMap<String, Heard>,
    /// What people are still to be told.
    pub(super) outbox: Vec<Notice>,
    /// What did not fit into the outbox.
    pub(super) untold: u64,
    /// Since when somebody tells what is in the outbox, in microseconds since 1970.
    pub(super) telling: Option<i64>,
}

/// What people are to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The alert's name.
    pub alert: String,
    /// How urgent it is.
    pub severity: Severity,
    /// Whom or what it is about, as `host=web-1 src_ip=192.0.2.7`.
    pub group: String,
    /// When it began, by the lines' own times.
    pub since: Minutes,
    /// When it was last so.
    pub until: Minutes,
    /// It in words.
    pub text: String,
}

/// An alert's condition held for a group, from then until then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Incident {
    pub(super) alert: String,
    pub(super) group: String,
    pub(super) since: Minutes,
    pub(super) until: Minutes,
    /// The figure at its highest.
    pub(super) peak: f64,
}

/// Events long past, the older the less they count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Past {
    hits: f64,
    base: f64,
    at: Minutes,
}

/// When a host's source was heard, by the clock of who listens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Heard {
    /// Since when never as long as a window passed between two batches.
    pub(super) since: Minutes,
    pub(super) last: Minutes,
    /// Whether people know that it is silent.
    pub(super) told: bool,
}

impl State {
    /// Whether the batch was absorbed; it is noted as such.
    pub(super) fn knows(&mut self, batch: &str) -> bool {
        let id = &batch[..batch.floor_char_boundary(BATCH_DIGITS)];
        if self.batches.iter().any(|known| known == id) {
            return true;
        }
        self.batches.push_back(id.into());
        truncate_front(&mut self.batches, BATCHES_MAX);
        false
    }

    /// What people are still to be told, the most urgent first, and how much more there was.
    pub fn outbox(&self) -> (&[Notice], u64) {
        (&self.outbox, self.untold)
    }

    /// Notes that people were told of these, and that there were so many more. Others may have come since.
    pub(super) fn told(&mut self, notices: &[Notice], untold: u64) {
        self.outbox.retain(|notice| !notices.contains(notice));
        self.untold = self.untold.saturating_sub(untold);
        if self.outbox.is_empty() {
            self.telling = None;
        }
    }

    /// Whether another than who began `now` tells what is in the outbox. Whoever takes too long is taken for dead.
    pub(super) fn is_being_told(&self, now: UnixMicros) -> bool {
        self.telling.is_some_and(|since| {
            since != now.0 && now.micros_since(UnixMicros(since)).saturating_abs() < TELLING_MICROS_MAX
        })
    }

    pub(super) fn post(&mut self, notices: Vec<Notice>) {
        self.outbox.extend(notices);
        self.outbox.sort_by_key(|notice| std::cmp::Reverse(notice.severity));
        self.untold += self.outbox.len().saturating_sub(OUTBOX_MAX) as u64;
        self.outbox.truncate(OUTBOX_MAX);
    }

    /// Moves the cells of `alert` that no window reaches any more into the past, or forgets them.
    pub(super) fn settle(&mut self, alert: &Alert, newest: Minutes) {
        let Some(groups) = self.cells.get_mut(&alert.name) else { return };
        let keep = Minutes(newest.0 - alert.window.0 - alert.bucket().0 - GRACE.0);
        let pasts = self.pasts.entry(alert.name.clone()).or_default();
        for (group, cells) in groups.iter_mut() {
            // Lines that claim to be of the future are held against their own batch, and forgotten.
            cells.split_off(&Minutes(newest.0 + 1));
            let recent = cells.split_off(&keep);
            let old = std::mem::replace(cells, recent);
            if alert.figure == super::Figure::Jump {
                let past = pasts.entry(group.clone()).or_default();
                old.iter().for_each(|(at, cell)| past.add(*at, *cell));
            }
        }
        groups.retain(|_, cells| !cells.is_empty());
    }

    /// Keeps within the bounds.
    pub(super) fn shrink(&mut self) {
        truncate_front(&mut self.incidents, INCIDENTS_MAX);
        let count: usize = self.cells.values().flat_map(|groups| groups.values()).map(BTreeMap::len).sum();
        if count > CELLS_MAX {
            let each = CELLS_MAX / self.cells.len().max(1);
            for groups in self.cells.values_mut() {
                super::figures::bound(groups, each);
            }
        }
        self.cells.retain(|_, groups| !groups.is_empty());
        self.pasts.retain(|_, pasts| !pasts.is_empty());
        while self.pasts.values().map(BTreeMap::len).sum::<usize>() > PASTS_MAX {
            let oldest = self
                .pasts
                .iter()
                .flat_map(|(alert, pasts)| {
                    pasts.iter().map(move |(group, past)| (past.at, alert.clone(), group.clone()))
                })
                .min();
            let Some((_, alert, group)) = oldest else { break };
            self.pasts.get_mut(&alert).and_then(|pasts| pasts.remove(&group));
        }
        while self.heard.len() > HEARD_MAX {
            let oldest = self.heard.iter().min_by_key(|(_, heard)| heard.last).map(|(site, _)| site.clone());
            oldest.and_then(|site| self.heard.remove(&site));
        }
    }
}

impl Past {
    /// Adds a cell, earlier or later than what is there: by now both count for less.
    pub(super) fn add(&mut self, at: Minutes, cell: Cell) {
        let weight = |age: i64| 0.5_f64.powf(age as f64 / HALF_LIFE.0 as f64);
        if at > self.at {
            let weight = weight(at.0 - self.at.0);
            (self.hits, self.base, self.at) = (self.hits * weight, self.base * weight, at);
        }
        let weight = weight(self.at.0 - at.0);
        self.hits += cell.hits as f64 * weight;
        self.base += cell.base as f64 * weight;
    }

    /// The share of events, if there were `least` at least of which it is one; of none at all, as if there had been one.
    pub(super) fn share(&self, least: u64) -> Option<f64> {
        (self.base >= least as f64).then(|| self.hits.max(1.0) / self.base)
    }
}

/// Forgets the oldest of a queue that is too long.
fn truncate_front<T>(queue: &mut VecDeque<T>, length: usize) {
    queue.drain(..queue.len().saturating_sub(length));
}
