//! The `logs` table: rows go to the partition of their day, level and event type.
//!
//! Invariant: what the open partitions hold stays within the limit plus one piece of input, whatever the
//! rows are. What goes out, and when, depends on the rows and their order alone.

use super::{
    LakeError, LakeFile, Outlet, date_path, day_of,
    file::{self, FileSpec, Maker},
    origins::{OriginId, Origins},
    rows::{PARTITION_BYTES, Rows},
    schema::{self, LOGS_DELTA, LOGS_SORTED_BY},
};
use crate::{Event, EventType, Level};
use arrow_schema::SchemaRef;
use headrig_contract::{ByteLength, ByteOffset};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;

/// The most partitions held open. A batch of odd timestamps can touch a partition with every row; beyond
/// this many the larger half goes out at once, so that the cost of choosing is shared by many rows.
const PARTITIONS_OPEN_MAX: usize = 4096;

/// Where a row's bytes are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) origin: OriginId,
    pub(crate) offset: ByteOffset,
    pub(crate) length: ByteLength,
    /// Lines that begin in it.
    pub(crate) lines: u64,
}

/// A partition; ordered as partitions go out: by day, level, event type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct PartitionKey {
    day: i32,
    level: Level,
    event_type: EventType,
}

/// The open partitions of a batch.
pub(crate) struct LogsTable {
    batch: String,
    schema: SchemaRef,
    bytes_max: usize,
    open_max: usize,
    bytes: usize,
    open: Vec<(PartitionKey, Rows)>,
    slots: FxHashMap<PartitionKey, usize>,
    /// For each level and event type the day and slot used last: nearly every row is of that day.
    recent: [[Option<(i32, usize)>; EventType::ALL.len()]; Level::ALL.len()],
    /// The files that each partition has so far.
    files: FxHashMap<PartitionKey, u32>,
    formats: Vec<&'static str>,
    /// Rows in the files so far.
    pub(crate) rows: u64,
    pub(crate) origins: Origins,
}

impl LogsTable {
    pub(crate) fn new(batch: &str, bytes_max: usize) -> Self {
        Self {
            batch: batch.into(),
            schema: schema::logs(),
            bytes_max,
            open_max: PARTITIONS_OPEN_MAX,
            bytes: 0,
            open: Vec::new(),
            slots: FxHashMap::default(),
            recent: Default::default(),
            files: FxHashMap::default(),
            formats: Vec::new(),
            rows: 0,
            origins: Origins::default(),
        }
    }

    /// Appends a row. The event's time is within the range that dates are made for.
    pub(crate) fn push(&mut self, event: &Event<'_>, place: &Place, raw: Option<&str>) {
        let format = self.format_number(event.format);
        let slot = self.slot(event);
        self.bytes += self.open[slot].1.push(event, format, place, raw);
    }

    /// Writes out the largest partitions while too much is held.
    pub(crate) fn relieve(&mut self, outlet: &mut Outlet<'_>) -> Result<(), LakeError> {
        if self.bytes <= self.bytes_max && self.open.len() <= self.open_max {
            return Ok(());
        }
        let open = self.close_all();
        let (mut bytes, mut count) = (self.bytes, open.len());
        let mut by_size: Vec<usize> = (0..open.len()).collect();
        by_size.sort_by_key(|at| (Reverse(open[*at].1.bytes()), open[*at].0));
        let mut goes = vec![false; open.len()];
        for at in by_size {
            if bytes <= self.bytes_max / 2 && count <= self.open_max / 2 {
                break;
            }
            goes[at] = true;
            bytes -= open[at].1.bytes() + PARTITION_BYTES;
            count -= 1;
        }
        for ((key, rows), goes) in open.into_iter().zip(goes) {
            if goes {
                outlet.write(self.file(key, rows)?)?;
            } else {
                self.slots.insert(key, self.open.len());
                self.open.push((key, rows));
            }
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Writes out every partition.
    pub(crate) fn finish(&mut self, outlet: &mut Outlet<'_>) -> Result<(), LakeError> {
        for (key, rows) in self.close_all() {
            outlet.write(self.file(key, rows)?)?;
        }
        self.bytes = 0;
        Ok(())
    }

    fn slot(&mut self, event: &Event<'_>) -> usize {
        let key = PartitionKey { day: day_of(event.ts), level: event.level, event_type: event.event_type };
        let recent = &mut self.recent[key.level as usize][key.event_type as usize];
        if let Some((day, slot)) = *recent
            && day == key.day
        {
            return slot;
        }
        let slot = *self.slots.entry(key).or_insert_with(|| {
            self.open.push((key, Rows::default()));
            self.bytes += PARTITION_BYTES;
            self.open.len() - 1
        });
        *recent = Some((key.day, slot));
        slot
    }

    /// The number of a format's name, one up. Names are few, so the list is searched from its end.
    fn format_number(&mut self, format: &'static str) -> u16 {
        if format.is_empty() {
            return 0;
        }
        let known = self.formats.iter().rposition(|known| std::ptr::eq(*known, format) || *known == format);
        let at = known.unwrap_or_else(|| {
            self.formats.push(format);
            self.formats.len() - 1
        });
        at as u16 + 1
    }

    /// Takes the open partitions, in the order of their keys.
    fn close_all(&mut self) -> Vec<(PartitionKey, Rows)> {
        let mut open = std::mem::take(&mut self.open);
        open.sort_by_key(|(key, _)| *key);
        self.slots.clear();
        self.recent = Default::default();
        open
    }

    fn file(&mut self, key: PartitionKey, rows: Rows) -> Result<LakeFile, LakeError> {
        let number = self.files.entry(key).or_default();
        let path = format!(
            "logs/{}/level={}/event_type={}/{}-{number:03}.parquet",
            date_path(key.day),
            key.level.as_str(),
            key.event_type.as_str(),
            self.batch,
        );
        *number += 1;
        let counts = rows.counts();
        self.rows += counts.rows;
        let spec = FileSpec {
            schema: &self.schema,
            maker: Maker::Batch(&self.batch),
            counts,
            sorted_by: LOGS_SORTED_BY,
            delta: &LOGS_DELTA,
            plain: &rows.unrepeating(),
            slight: &rows.slight(),
        };
        let bytes = file::write(&spec, |sink| rows.write(&self.origins, &self.formats, sink))?;
        Ok(LakeFile { path, bytes, rows: counts.rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        LakeSink,
        lake::{DAY_MICROS, Origin},
    };
    use headrig_contract::{Generation, UnixMicros};
    use std::io;

    #[derive(Default)]
    struct Sizes(Vec<u64>);

    impl LakeSink for Sizes {
        fn write(&mut self, file: LakeFile) -> io::Result<()> {
            self.0.push(file.rows);
            Ok(())
        }
    }

    #[test]
    fn a_day_for_every_row_keeps_the_open_partitions_bounded() {
        let mut table = LogsTable { open_max: 8, ..LogsTable::new("b0", usize::MAX) };
        let site = table.origins.site("h", "s");
        let stream = Origin {
            site,
            path: "p".into(),
            chunk: "c".into(),
            stream: "s".into(),
            generation: Generation(0),
        };
        let origin = table.origins.add(stream);
        let mut sizes = Sizes::default();
        let mut outlet = Outlet::new(&mut sizes);
        for row in 0..40 {
            let event = Event { ts: UnixMicros(row * DAY_MICROS), ..Event::default() };
            let place = Place { origin, offset: ByteOffset(row as u64), length: ByteLength(1), lines: 1 };
            table.push(&event, &place, Some("x"));
            table.relieve(&mut outlet).unwrap();
            assert!(table.open.len() <= 8);
            assert_eq!(
                table.bytes,
                table.open.iter().map(|(_, rows)| rows.bytes() + PARTITION_BYTES).sum::<usize>()
            );
        }
        table.finish(&mut outlet).unwrap();
        assert_eq!((table.bytes, sizes.0), (0, vec![1; 40]));
    }
}
