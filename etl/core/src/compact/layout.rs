//! Where the files of each partition lie in a lake that readers reach through a catalog, and who may change that.
//!
//! One record of the ledger, changed by conditional writes only; this module says under which conditions, and knows no
//! ledger, no store and no catalog. docs/decisions/0011-compaction.md says why. Invariant: between the reading that a
//! compaction plans by and its switch, nothing was committed into a closed day.

use std::collections::BTreeMap;

/// The folder of what was compacted; outside of the tables' own, so that nobody lists it who was not sent there.
const COMPACTED: &str = "compacted";

/// A day, counted from the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

/// The record.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Layout {
    /// How often days were closed or partitions switched.
    epoch: u64,
    /// Days before this one may be compacted.
    closed_before: Day,
    /// Commits with rows of closed days.
    late: u64,
    /// The generation of each partition that was compacted; all others lie in their table's folder.
    generations: BTreeMap<String, String>,
}

/// What a run or a compaction has read of a layout, to be held against it when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reading {
    epoch: u64,
    late: u64,
}

/// Why a layout was not changed, or a commit not let in: begin anew from a new reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Overtaken {
    /// Partitions were switched or days closed.
    #[error("expected the lake's layout of epoch {expected}, found {found}")]
    Epoch {
        /// What was read.
        expected: u64,
        /// What is there now.
        found: u64,
    },
    /// Rows were committed that the compaction has not seen.
    #[error("expected {expected} late commits, found {found}")]
    Late {
        /// What was read.
        expected: u64,
        /// What is there now.
        found: u64,
    },
    /// The day may still get rows at any time.
    #[error("the day is not closed")]
    Open,
}

impl Layout {
    /// What is to be held against it later.
    pub const fn reading(&self) -> Reading {
        Reading { epoch: self.epoch, late: self.late }
    }

    /// Where the files of a partition lie in the lake.
    pub fn location(&self, partition: &str) -> String {
        match self.generations.get(partition) {
            Some(generation) => format!("{COMPACTED}/{generation}/{partition}"),
            None => partition.to_owned(),
        }
    }

    /// Lets in the commit of a run that wrote where the layout of `reading` has it, with rows of `days`.
    ///
    /// # Errors
    /// When a day is closed and the layout is another: the run's files may lie where no reader looks.
    pub fn commit(&mut self, reading: Reading, days: impl IntoIterator<Item = Day>) -> Result<(), Overtaken> {
        if days.into_iter().all(|day| day >= self.closed_before) {
            return Ok(());
        }
        self.expect_epoch(reading)?;
        self.late += 1;
        Ok(())
    }

    /// Closes the days before `day`; days stay closed.
    pub fn close(&mut self, day: Day) {
        if day > self.closed_before {
            self.closed_before = day;
            self.epoch += 1;
        }
    }

    /// Sends readers and writers of a partition of `day` to its next generation, which holds what was committed by the
    /// time of `reading`.
    ///
    /// # Errors
    /// When the generation may lack something by now.
    pub fn switch(
        &mut self,
        reading: Reading,
        (partition, day): (&str, Day),
        generation: &str,
    ) -> Result<(), Overtaken> {
        if day >= self.closed_before {
            return Err(Overtaken::Open);
        }
        self.expect_epoch(reading)?;
        if reading.late != self.late {
            return Err(Overtaken::Late { expected: reading.late, found: self.late });
        }
        self.generations.insert(partition.to_owned(), generation.to_owned());
        self.epoch += 1;
        Ok(())
    }

    fn expect_epoch(&self, Reading { epoch: expected, .. }: Reading) -> Result<(), Overtaken> {
        let found = self.epoch;
        if expected == found { Ok(()) } else { Err(Overtaken::Epoch { expected, found }) }
    }
}

#[cfg(test)]
mod tests;
