//! The layout's one row. Its table is made with the first layout, so that a lake without one has the file it always
//! had.

use super::{Failure, rows::number};
use crate::{
    LedgerError,
    layout::{Day, Epoch, Layout, Placed, Reading},
};
use headrig_contract::ContentHash;
use rusqlite::{Connection, OptionalExtension, params};

const TABLE: &str = "
CREATE TABLE IF NOT EXISTS layout (
    one           INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    epoch         INTEGER NOT NULL,
    closed_before INTEGER NOT NULL,
    late          INTEGER NOT NULL,
    generations   BLOB    CHECK (length(generations) = 32)
) STRICT, WITHOUT ROWID";

/// See [`crate::Ledger::layout`].
pub(super) fn read(connection: &Connection) -> rusqlite::Result<Layout> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'layout'";
    if connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(Layout::default());
    }
    let found = connection.prepare_cached("SELECT * FROM layout")?.query_row([], |row| {
        Ok(Layout {
            epoch: Epoch(number(row, "epoch")?),
            closed_before: Day(row.get("closed_before")?),
            late: number(row, "late")?,
            generations: row.get::<_, Option<[u8; 32]>>("generations")?.map(ContentHash::from_bytes),
        })
    });
    Ok(found.optional()?.unwrap_or_default())
}

/// Moves the layout to where a commit leaves it.
pub(super) fn admit(open: &Connection, placed: &Placed) -> Result<(), Failure> {
    if placed.first_day.is_none() {
        return Ok(());
    }
    let present = read(open)?;
    let next = present.admit(placed)?;
    if next == present { Ok(()) } else { write(open, &next) }
}

/// See [`crate::Ledger::swap_layout`].
pub(super) fn swap(open: &Connection, expected: Reading, next: &Layout) -> Result<(), Failure> {
    let present = read(open)?;
    if present.reading() != expected {
        return Err(LedgerError::layout_conflict(expected, Some(&present)).into());
    }
    open.execute_batch(TABLE)?;
    write(open, &Layout { late: present.late, ..*next })
}

fn write(open: &Connection, layout: &Layout) -> Result<(), Failure> {
    let mut replace = open.prepare_cached(
        "REPLACE INTO layout (one, epoch, closed_before, late, generations) VALUES (1, ?1, ?2, ?3, ?4)",
    )?;
    replace.execute(params![
        layout.epoch.0.cast_signed(),
        layout.closed_before.0,
        layout.late.cast_signed(),
        layout.generations.as_ref().map(ContentHash::as_bytes),
    ])?;
    Ok(())
}
