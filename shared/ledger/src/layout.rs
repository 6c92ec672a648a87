//! Where the files of a lake's partitions lie, as far as the ledger has a say: who may change that, and which commits
//! fit it.
//!
//! One record, changed by conditional writes only; a lake that was never compacted has none, which is the same as the
//! default. It knows no store, no catalog and no file: which partition lies where is in the object that the record
//! names. docs/decisions/0011-compaction.md says why. Invariant: between the reading that a compaction plans by and its
//! switch, nothing was committed into a closed day, and no other compaction has begun.

use crate::LedgerError;
use headrig_contract::ContentHash;
use std::fmt;

/// A day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

/// How often compactions have begun or partitions were switched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// The record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Layout {
    /// What a compaction or a commit holds it to.
    pub epoch: Epoch,
    /// Days before this one may be compacted.
    pub closed_before: Day,
    /// Commits with rows of closed days.
    pub late: u64,
    /// The object that lists the generation of each compacted partition; while there is none, all files lie in their
    /// tables' folders.
    pub generations: Option<ContentHash>,
}

/// What a compaction has read of a layout, to be held against it when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The epoch.
    pub epoch: Epoch,
    /// The late commits.
    pub late: u64,
}

/// What a commit says of its rows: under which layout they were written, and of which days they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// The layout's epoch, as it was read after the claim.
    pub under: Epoch,
    /// The first day that has rows; none where there are none, or where nothing is ever compacted by a layout.
    pub first_day: Option<Day>,
    /// Whether that day was closed in that layout.
    pub is_late: bool,
}

impl Epoch {
    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Layout {
    /// What is to be held against it later.
    pub const fn reading(&self) -> Reading {
        Reading { epoch: self.epoch, late: self.late }
    }

    /// Whether rows of the day may have been compacted. In a lake that never was, no day is closed.
    pub fn is_closed(&self, day: Day) -> bool {
        self.epoch > Epoch::default() && day < self.closed_before
    }

    /// What a commit of rows of `days`, written where this layout has them, says of them.
    pub fn placed(&self, days: impl IntoIterator<Item = Day>) -> Placed {
        let first_day = days.into_iter().min();
        Placed { under: self.epoch, first_day, is_late: first_day.is_some_and(|day| self.is_closed(day)) }
    }

    /// It behind such a commit.
    ///
    /// # Errors
    /// [`LedgerError::Overtaken`] when a day is closed and the layout is another: files may lie where no reader looks.
    pub fn admit(&self, placed: &Placed) -> Result<Self, LedgerError> {
        if !placed.first_day.is_some_and(|day| self.is_closed(day)) {
            return Ok(*self);
        }
        if placed.under != self.epoch {
            return Err(LedgerError::Overtaken { expected: placed.under, found: Some(self.epoch) });
        }
        Ok(Self { late: self.late + 1, ..*self })
    }

    /// It when a compaction begins that closes the days before `day`; days stay closed. Whatever compaction began
    /// before can switch nothing any more.
    #[must_use]
    pub fn begun(&self, day: Day) -> Self {
        Self { epoch: self.epoch.next(), closed_before: day.max(self.closed_before), ..*self }
    }

    /// It when readers and writers are sent to the generations that are listed in that object.
    #[must_use]
    pub const fn switched(&self, generations: ContentHash) -> Self {
        Self { epoch: self.epoch.next(), generations: Some(generations), ..*self }
    }

    /// Whether it is `other` but for late commits, which come all the time.
    pub fn is_that_of(&self, other: &Self) -> bool {
        Self { late: other.late, ..*self } == *other
    }
}

#[cfg(test)]
mod tests;
