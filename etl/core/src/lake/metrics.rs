//! The `metrics` table: the figures of each minute, host, source, level and event type.
//!
//! Percentiles come from a sketch of bounded size. Invariant: at most [`GROUPS_MAX`] groups are held, and those that one
//! block of input brings besides; those of a single event, which may be a block's every line, hold no sketch.

use super::{
    DAY_MICROS, LakeError, LakeFile, Outlet, SiteId, date_path,
    file::{self, FileCounts, FileSpec, Maker},
    origins::Origins,
    schema::{self, METRICS_SORTED_BY},
};
use crate::{Event, EventType, Level};
use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow_schema::SchemaRef;
use rustc_hash::FxHashMap;
use sketches_ddsketch::{Config, DDSketch};
use std::{collections::BTreeMap, sync::Arc};

/// Groups held before they are written out; their figures then stand in two rows, to be added up.
const GROUPS_MAX: usize = 8192;
/// The relative error of a percentile.
const PERCENTILE_ERROR: f64 = 0.02;
/// Bins of a sketch: at 2 % they span nine decimal powers, and take 4 KiB at most.
const SKETCH_BINS_MAX: u32 = 512;
/// Durations below this many milliseconds count as 0.
const DURATION_MS_MIN: f64 = 1e-3;
const MINUTE_MICROS: i64 = 60_000_000;

/// What a row adds to its group.
pub(crate) struct Observation {
    pub(crate) site: SiteId,
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct GroupKey {
    /// Minutes since the epoch.
    minute: i64,
    site: SiteId,
    level: Level,
    event_type: EventType,
}

struct Group {
    key: GroupKey,
    lines: u64,
    bytes: u64,
    errors: u64,
    auth_failures: u64,
    http_4xx: u64,
    http_5xx: u64,
    durations_ms: Durations,
}

/// The durations of a group.
enum Durations {
    None,
    One(f64),
    Many(Box<DDSketch>),
}

/// The groups of a batch.
pub(crate) struct MetricsTable {
    batch: String,
    schema: SchemaRef,
    groups: Vec<Group>,
    slots: FxHashMap<GroupKey, usize>,
    /// For each level and event type the minute, site and slot used last.
    recent: [[Option<(i64, SiteId, usize)>; EventType::ALL.len()]; Level::ALL.len()],
    /// The files that each day has so far.
    files: BTreeMap<i32, u32>,
    pub(crate) rows: u64,
}

impl MetricsTable {
    pub(crate) fn new(batch: &str) -> Self {
        Self {
            batch: batch.into(),
            schema: schema::metrics(),
            groups: Vec::new(),
            slots: FxHashMap::default(),
            recent: Default::default(),
            files: BTreeMap::new(),
            rows: 0,
        }
    }

    /// Adds a row to its group.
    pub(crate) fn observe(&mut self, event: &Event<'_>, seen: &Observation) {
        let minute = event.ts.0.div_euclid(MINUTE_MICROS);
        let slot =
            self.slot(GroupKey { minute, site: seen.site, level: event.level, event_type: event.event_type });
        let group = &mut self.groups[slot];
        group.lines += seen.lines;
        group.bytes += seen.bytes;
        group.errors += u64::from(matches!(event.level, Level::Error | Level::Fatal));
        group.auth_failures += u64::from(event.event_type == EventType::AuthFailure);
        group.http_4xx += u64::from(matches!(event.http_status, Some(400..=499)));
        group.http_5xx += u64::from(matches!(event.http_status, Some(500..=599)));
        if let Some(duration_ms) = event.http_duration_ms.filter(|duration| duration.is_finite()) {
            group.durations_ms.add(duration_ms.max(0.0));
        }
    }

    /// Writes the groups out when there are too many.
    pub(crate) fn relieve(&mut self, origins: &Origins, outlet: &mut Outlet<'_>) -> Result<(), LakeError> {
        if self.groups.len() > GROUPS_MAX { self.flush(origins, outlet) } else { Ok(()) }
    }

    /// Writes out every group, one file a day.
    pub(crate) fn flush(&mut self, origins: &Origins, outlet: &mut Outlet<'_>) -> Result<(), LakeError> {
        self.slots.clear();
        self.recent = Default::default();
        let mut groups = std::mem::take(&mut self.groups);
        let order = |group: &Group| {
            (group.key.minute, origins.site_names(group.key.site), group.key.level, group.key.event_type)
        };
        groups.sort_by(|a, b| order(a).cmp(&order(b)));
        for day in groups.chunk_by(|a, b| a.day() == b.day()) {
            outlet.write(self.file(day, origins)?)?;
        }
        Ok(())
    }

    fn slot(&mut self, key: GroupKey) -> usize {
        let recent = &mut self.recent[key.level as usize][key.event_type as usize];
        if let Some((minute, site, slot)) = *recent
            && (minute, site) == (key.minute, key.site)
        {
            return slot;
        }
        let slot = *self.slots.entry(key).or_insert_with(|| {
            self.groups.push(Group::new(key));
            self.groups.len() - 1
        });
        *recent = Some((key.minute, key.site, slot));
        slot
    }

    /// The file of the groups of one day.
    fn file(&mut self, groups: &[Group], origins: &Origins) -> Result<LakeFile, LakeError> {
        let day = groups.first().map(Group::day).unwrap_or_default();
        let number = self.files.entry(day).or_default();
        let path = format!("metrics/{}/{}-{number:03}.parquet", date_path(day), self.batch);
        *number += 1;
        let rows = groups.len() as u64;
        self.rows += rows;
        let spec = FileSpec {
            schema: &self.schema,
            maker: Maker::Batch(&self.batch),
            counts: FileCounts {
                rows,
                lines: groups.iter().map(|group| group.lines).sum(),
                raw_bytes: groups.iter().map(|group| group.bytes).sum(),
            },
            sorted_by: METRICS_SORTED_BY,
            delta: &[],
            plain: &[],
            slight: &[],
        };
        let bytes = file::write(&spec, |sink| {
            columns(groups, origins).into_iter().try_for_each(|column| sink.column(column))
        })?;
        Ok(LakeFile { path, bytes, rows })
    }
}

impl Group {
    fn new(key: GroupKey) -> Self {
        Self {
            key,
            lines: 0,
            bytes: 0,
            errors: 0,
            auth_failures: 0,
            http_4xx: 0,
            http_5xx: 0,
            durations_ms: Durations::None,
        }
    }

    fn day(&self) -> i32 {
        self.key.minute.div_euclid(DAY_MICROS / MINUTE_MICROS) as i32
    }

    fn duration_ms(&self, quantile: f64) -> Option<f64> {
        self.durations_ms.quantile(quantile)
    }
}

impl Durations {
    fn add(&mut self, duration_ms: f64) {
        match self {
            Self::None => *self = Self::One(duration_ms),
            Self::One(first) => {
                let mut sketch = new_sketch();
                sketch.add(*first);
                sketch.add(duration_ms);
                *self = Self::Many(Box::new(sketch));
            }
            Self::Many(sketch) => sketch.add(duration_ms),
        }
    }

    fn quantile(&self, quantile: f64) -> Option<f64> {
        match self {
            Self::None => None,
            // As a sketch tells it, so that a figure does not depend on how it was held.
            Self::One(only) => {
                let mut sketch = new_sketch();
                sketch.add(*only);
                sketch.quantile(quantile).ok().flatten()
            }
            Self::Many(sketch) => sketch.quantile(quantile).ok().flatten(),
        }
    }
}

fn new_sketch() -> DDSketch {
    DDSketch::new(Config::new(PERCENTILE_ERROR, SKETCH_BINS_MAX, DURATION_MS_MIN))
}

/// The table's columns in the schema's order.
fn columns(groups: &[Group], origins: &Origins) -> Vec<ArrayRef> {
    let text = |value: &dyn Fn(&GroupKey) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(groups.iter().map(|group| value(&group.key))))
    };
    let count = |value: fn(&Group) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(groups.iter().map(|group| value(group) as i64)))
    };
    let quantile = |quantile: f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter(groups.iter().map(|group| group.duration_ms(quantile))))
    };
    let minutes = groups.iter().map(|group| group.key.minute * MINUTE_MICROS);
    vec![
        Arc::new(TimestampMicrosecondArray::from_iter_values(minutes).with_timezone("UTC")),
        text(&|key| origins.site_names(key.site).0.into()),
        text(&|key| origins.site_names(key.site).1.into()),
        text(&|key| key.level.as_str().into()),
        text(&|key| key.event_type.as_str().into()),
        count(|group| group.lines),
        count(|group| group.bytes),
        count(|group| group.errors),
        count(|group| group.auth_failures),
        count(|group| group.http_4xx),
        count(|group| group.http_5xx),
        quantile(0.5),
        quantile(0.95),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use headrig_contract::UnixMicros;

    #[test]
    fn a_block_of_a_group_a_line_holds_no_sketch_and_tells_the_same() {
        let mut table = MetricsTable::new("b0");
        let seen = Observation { site: SiteId(0), lines: 1, bytes: 20 };
        for minute in 0..20_000 {
            let ts = UnixMicros(minute * MINUTE_MICROS);
            let event = Event { ts, http_duration_ms: Some(7.0), ..Event::default() };
            table.observe(&event, &seen);
        }
        assert_eq!(table.groups.len(), 20_000);
        assert!(table.groups.iter().all(|group| matches!(group.durations_ms, Durations::One(_))));
        let event = Event { ts: UnixMicros(0), http_duration_ms: Some(7.0), ..Event::default() };
        table.observe(&event, &seen);
        assert!(matches!(table.groups[0].durations_ms, Durations::Many(_)));
        assert_eq!(table.groups[0].duration_ms(0.5), table.groups[1].duration_ms(0.5));
    }
}
