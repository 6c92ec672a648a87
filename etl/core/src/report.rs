//! The figures of a batch: what the summary table and the commit record are made of.
//!
//! Reports only count; that the counts add up is checked where they are made.

use crate::{EventType, Level, RuleCounts, alerts::Figures};
use headrig_contract::{Generation, StreamId, gaps::GapSum};
use std::sync::Arc;

const LEVELS: usize = Level::ALL.len();
const EVENT_TYPES: usize = EventType::ALL.len();

/// Rows by level and event type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    rows: [[u64; EVENT_TYPES]; LEVELS],
}

/// Figures that add up, over a stream, an object or a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Plain bytes.
    pub bytes_raw: u64,
    /// Lines that begin in these bytes.
    pub lines: u64,
    /// Events: lines, multi-line events, and parts of lines that were cut.
    pub events: u64,
    /// Rows in the lake: events less those that a rule dropped.
    pub rows: u64,
    /// Rows that no parser took.
    pub unparsed: u64,
    /// Events that a rule dropped.
    pub dropped: u64,
    /// Their lines: those that are in no table.
    pub dropped_lines: u64,
    /// Events that are not in a rule's sample: in `metrics`, and in no row.
    pub sampled_out: u64,
}

/// One stream's share of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamReport {
    /// The stream.
    pub stream: StreamId,
    /// Its generation.
    pub generation: Generation,
    /// The path it was last read under.
    pub path: Arc<str>,
    /// Its figures.
    pub counts: Counts,
}

/// What became of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectReport {
    /// The object's size.
    pub bytes_in: u64,
    /// Its figures.
    pub counts: Counts,
    /// Its rows by level and event type.
    pub tally: Tally,
    /// Its bytes that have no row.
    pub gaps: GapSum,
    /// Its streams, in the order of their first bytes.
    pub streams: Vec<StreamReport>,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchReport {
    /// Objects read.
    pub objects: u64,
    /// Distinct (stream, generation) pairs.
    pub streams: u64,
    /// The objects' sizes added up.
    pub bytes_in: u64,
    /// The figures of all objects.
    pub counts: Counts,
    /// Rows by level and event type.
    pub tally: Tally,
    /// Files written, both tables.
    pub files: u64,
    /// Their sizes added up.
    pub bytes_out: u64,
    /// Rows of the `metrics` table.
    pub metrics_rows: u64,
    /// What each rule did, in their order.
    pub rules: Vec<RuleCounts>,
    /// What it brought for the alerts.
    pub figures: Figures,
}

impl Default for Tally {
    fn default() -> Self {
        Self { rows: [[0; EVENT_TYPES]; LEVELS] }
    }
}

impl Tally {
    /// Counts one row.
    pub fn count(&mut self, level: Level, event_type: EventType) {
        self.rows[level as usize][event_type as usize] += 1;
    }

    /// Adds another tally's rows.
    pub fn add(&mut self, other: &Self) {
        for (sums, rows) in self.rows.iter_mut().zip(&other.rows) {
            for (sum, rows) in sums.iter_mut().zip(rows) {
                *sum += rows;
            }
        }
    }

    /// The level and event type pairs that have rows, levels in the order of severity.
    pub fn iter(&self) -> impl Iterator<Item = (Level, EventType, u64)> + '_ {
        Level::ALL
            .into_iter()
            .flat_map(|level| EventType::ALL.into_iter().map(move |event_type| (level, event_type)))
            .map(|(level, event_type)| (level, event_type, self.rows[level as usize][event_type as usize]))
            .filter(|(_, _, rows)| *rows > 0)
    }

    /// Rows of `level`, whatever their event type.
    pub fn of_level(&self, level: Level) -> u64 {
        self.rows[level as usize].iter().sum()
    }

    /// Rows of `event_type`, whatever their level.
    pub fn of_event_type(&self, event_type: EventType) -> u64 {
        self.rows.iter().map(|rows| rows[event_type as usize]).sum()
    }

    /// All rows.
    pub fn rows(&self) -> u64 {
        self.rows.iter().flatten().sum()
    }
}

impl Counts {
    /// Adds another's figures.
    pub fn add(&mut self, other: &Self) {
        self.bytes_raw += other.bytes_raw;
        self.lines += other.lines;
        self.events += other.events;
        self.rows += other.rows;
        self.unparsed += other.unparsed;
        self.dropped += other.dropped;
        self.dropped_lines += other.dropped_lines;
        self.sampled_out += other.sampled_out;
    }

    /// Events that have no row.
    pub const fn dropped_by_rule(&self) -> u64 {
        self.dropped + self.sampled_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_adds_up_along_both_sides() {
        let mut tally = Tally::default();
        tally.count(Level::Error, EventType::HttpAccess);
        tally.count(Level::Error, EventType::Kernel);
        tally.count(Level::Info, EventType::Kernel);
        let mut twice = tally.clone();
        twice.add(&tally);
        assert_eq!(
            (twice.rows(), twice.of_level(Level::Error), twice.of_event_type(EventType::Kernel)),
            (6, 4, 4)
        );
        assert_eq!(twice.iter().next(), Some((Level::Info, EventType::Kernel, 2)));
    }

    #[test]
    fn levels_and_event_types_are_numbered_as_listed() {
        assert!(Level::ALL.iter().enumerate().all(|(at, level)| *level as usize == at));
        assert!(EventType::ALL.iter().enumerate().all(|(at, event_type)| *event_type as usize == at));
    }
}
