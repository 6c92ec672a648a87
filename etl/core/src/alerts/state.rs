//! What alerts remember from batch to batch, and its bounds.
//!
//! As JSON it fits a note of DynamoDB, whatever names attackers choose: each part has its share of the note's bytes, and
//! [`State::shrink`] sees to it. What is forgotten costs a message that comes twice, or an attack that is spread over so
//! much time and so many addresses that nobody's memory would hold it. A field whose meaning changes gets a new name, so
//! that versions that run side by side forget that field at worst.

use super::{
    Alert, Cell, Minutes, Severity,
    figures::{self, Groups},
};
use headrig_contract::UnixMicros;
use headrig_notices::NOTE_BYTES_MAX;
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

/// The shares of the note, in bytes of JSON.
const CELLS_BYTES_MAX: usize = 200_000;
const INCIDENTS_BYTES_MAX: usize = 60_000;
const PASTS_BYTES_MAX: usize = 50_000;
const OUTBOX_BYTES_MAX: usize = 45_000;
/// A batch with its quotes and comma.
const BATCHES_BYTES_MAX: usize = BATCHES_MAX * (BATCH_DIGITS + 3);
/// The names of the fields, and the numbers.
const REST_BYTES_MAX: usize = 500;
const _: () = assert!(
    CELLS_BYTES_MAX
        + INCIDENTS_BYTES_MAX
        + PASTS_BYTES_MAX
        + OUTBOX_BYTES_MAX
        + BATCHES_BYTES_MAX
        + REST_BYTES_MAX
        <= NOTE_BYTES_MAX
);

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

impl State {
    /// Whether the batch was absorbed.
    pub(super) fn knows(&self, batch: &str) -> bool {
        self.batches.iter().any(|known| known == digits(batch))
    }

    /// Notes that the batch is absorbed.
    pub(super) fn note(&mut self, batch: &str) {
        self.batches.push_back(digits(batch).into());
        truncate_front(&mut self.batches, BATCHES_MAX);
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
        let kept = fitting(self.outbox.iter(), OUTBOX_MAX, OUTBOX_BYTES_MAX);
        self.untold += (self.outbox.len() - kept) as u64;
        self.outbox.truncate(kept);
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
            if alert.figure == super::Figure::Jump && !old.is_empty() {
                let past = pasts.entry(group.clone()).or_default();
                old.iter().for_each(|(at, cell)| past.add(*at, *cell));
            }
        }
        groups.retain(|_, cells| !cells.is_empty());
    }

    /// Keeps within the bounds.
    pub(super) fn shrink(&mut self) {
        let kept = fitting(self.incidents.iter().rev(), INCIDENTS_MAX, INCIDENTS_BYTES_MAX);
        truncate_front(&mut self.incidents, kept);
        self.shrink_cells();
        self.shrink_pasts();
    }

    fn shrink_cells(&mut self) {
        if self.cells.values().map(figures::count).sum::<usize>() > CELLS_MAX {
            let each = CELLS_MAX / self.cells.len();
            for groups in self.cells.values_mut() {
                figures::bound(groups, each);
            }
        }
        // Names that are long cost more than counts: half of the alert's that takes the most goes.
        while json_bytes(&self.cells) > CELLS_BYTES_MAX {
            let Some(most) = self.cells.values_mut().max_by_key(json_bytes) else { break };
            let count = figures::count(most);
            figures::bound(most, count.saturating_sub(1));
            self.cells.retain(|_, groups| !groups.is_empty());
        }
        self.cells.retain(|_, groups| !groups.is_empty());
    }

    /// Forgets the pasts that nothing was added to for the longest time.
    fn shrink_pasts(&mut self) {
        let mut all: Vec<(Past, String, String)> = Vec::new();
        for (alert, pasts) in std::mem::take(&mut self.pasts) {
            all.extend(pasts.into_iter().map(|(group, past)| (past, alert.clone(), group)));
        }
        all.sort_by_key(|(past, ..)| std::cmp::Reverse(past.at));
        all.truncate(fitting(all.iter(), PASTS_MAX, PASTS_BYTES_MAX));
        for (past, alert, group) in all {
            self.pasts.entry(alert).or_default().insert(group, past);
        }
    }
}

fn digits(batch: &str) -> &str {
    &batch[..batch.floor_char_boundary(BATCH_DIGITS)]
}

/// How many of the first of them are `count_max` at most and take `bytes_max` at most, as a list of JSON.
fn fitting<T: Serialize>(all: impl Iterator<Item = T>, count_max: usize, bytes_max: usize) -> usize {
    let mut bytes = 0_usize;
    all.take(count_max)
        .take_while(|one| {
            bytes = bytes.saturating_add(json_bytes(one) + 1);
            bytes < bytes_max
        })
        .count()
}

/// What it takes as JSON.
pub(super) fn json_bytes(value: &(impl Serialize + ?Sized)) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX / 2, |bytes| bytes.len())
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
