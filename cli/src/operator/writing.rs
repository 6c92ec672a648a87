//! How values are written for people: aligned columns, sizes, ages, times.

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use headrig_contract::{ByteLength, UnixMicros};
use indicatif::{BinaryBytes, HumanCount};

/// Names with their values, one a line, aligned; empty values are left out.
pub(crate) struct Fields(Table);

impl Fields {
    pub(crate) fn new() -> Self {
        let mut table = Table::new();
        table.load_style(NOTHING);
        Self(table)
    }

    pub(crate) fn add(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.0.add_row([name.to_owned(), value]);
        }
    }

    pub(crate) fn text(&self) -> String {
        self.0.trim_fmt() + "\n"
    }
}

/// Rows under a head, aligned; the columns whose heads begin with '>' to the right.
pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(head.iter().map(|name| name.trim_start_matches('>')));
    rows.into_iter().for_each(|row| {
        table.add_row(row);
    });
    for (column, _) in table.column_iter_mut().zip(head).filter(|(_, name)| name.starts_with('>')) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt() + "\n"
}

pub(crate) fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

pub(crate) fn bytes(length: ByteLength) -> String {
    BinaryBytes(length.0).to_string()
}

/// An instant as programs read it, RFC 3339 in UTC.
pub(crate) fn time(at: UnixMicros) -> String {
    jiff::Timestamp::from_microsecond(at.0).map_or_else(|_| format!("{} µs", at.0), |time| time.to_string())
}

/// An instant as people read it, in UTC to the second.
pub(super) fn clock_time(at: UnixMicros) -> String {
    jiff::Timestamp::from_microsecond(at.0)
        .map_or_else(|_| format!("{} µs", at.0), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// How long ago `at` was, in the largest unit that leaves more than one.
pub(super) fn age(at: UnixMicros, now: UnixMicros) -> String {
    let seconds = now.micros_since(at) / 1_000_000;
    match seconds.unsigned_abs() {
        _ if seconds < 0 => format!("in {}", span(seconds.unsigned_abs())),
        seconds => span(seconds),
    }
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_in_the_largest_unit_that_leaves_more_than_one() {
        let now = UnixMicros::from_seconds(1_000_000);
        for (ago, expect) in
            [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 d"), (-5, "in 5 s")]
        {
            assert_eq!(age(UnixMicros::from_seconds(1_000_000 - ago), now), expect);
        }
    }

    #[test]
    fn tables_are_aligned_and_end_where_their_text_does() {
        let text = table(
            &["state", ">files"],
            [vec!["done".into(), "7".into()], vec!["quarantined".into(), "1,234".into()]],
        );
        assert_eq!(text, " state        files\n done             7\n quarantined  1,234\n");
    }
}
