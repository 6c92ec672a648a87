//! Which small files of a partition become one large file, and in what steps that happens.
//!
//! It decides by a listing and touches nothing; docs/decisions/0011-compaction.md says why these steps are right.
//! Invariants: a plan depends on the listing alone; what a plan makes of a partition leaves nothing for the next plan
//! but what came since; a file's name tells which files went into it.

pub mod layout;

use crate::lake::{date_path, day_of};
use headrig_contract::{ContentHash, UnixMicros};
use std::{collections::HashSet, fmt};

pub use crate::lake::{Footer, Input, Share, Shares, Tail, merge};

/// What a large file stands for: plain bytes, and so much again for each row. It is one row group.
pub const TARGET_BYTES: u64 = 128 << 20;
/// What a row counts for besides its plain bytes: what its other columns take.
const ROW_BYTES: u64 = 64;
/// Files that become one at most: each is held in memory, stored as it is, and each batch costs the footer a line.
pub const INPUTS_MAX: usize = 512;
/// What the name of a compacted file begins with; behind it stand 64 hexadecimal digits.
const COMPACTED: &str = "compact-";
const SUFFIX: &str = ".parquet";

/// What the name of a file of a table tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileName<'n> {
    /// `<batch>-<nnn>.parquet`: a batch wrote it.
    OfBatch {
        /// The batch, hexadecimal.
        batch: &'n str,
        /// Its number among the batch's files in the partition.
        number: u32,
    },
    /// `compact-<id>.parquet`: made of other files of its partition.
    Compacted {
        /// What the others were, hexadecimal.
        id: &'n str,
    },
}

/// A file of a partition that may go into another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name in the partition.
    pub name: String,
    /// When its first row happened.
    pub begins: UnixMicros,
    /// Its rows.
    pub rows: u64,
    /// The plain bytes that they stand for.
    pub raw_bytes: u64,
}

/// Files that become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What the new file's name and footer say: a hash of the names that went in, and of this version.
    pub id: String,
    /// The names of the files, in the order that their rows of the same time keep.
    pub inputs: Vec<String>,
}

/// One thing to be done to a partition, in this order. Whatever ends the work between two of them, or within one: to
/// throw the next folder away and to plan anew is right, because it holds either what was not switched to yet, or what
/// was switched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make the partition's next folder, where no reader looks.
    Make,
    /// Write a group's file into the next folder.
    Merge(Group),
    /// Put a file that stays as it is into the next folder too.
    Keep(String),
    /// Make the next folder durable.
    Settle,
    /// Exchange the partition's folder with the next one, in one call: readers see either.
    Switch,
    /// Make the exchange durable.
    SettleSwitch,
    /// Remove what was switched from, once nobody lists it any more.
    Remove,
}

impl<'n> FileName<'n> {
    /// What `name` tells; nothing where headrig does not name files so.
    pub fn parse(name: &'n str) -> Option<Self> {
        let stem = name.strip_suffix(SUFFIX)?;
        let found = match stem.strip_prefix(COMPACTED) {
            Some(id) => Self::Compacted { id: id.parse::<ContentHash>().ok().map(|_| id)? },
            None => {
                let (batch, number) = stem.split_once('-')?;
                let is_id = !batch.is_empty() && batch.bytes().all(|byte| byte.is_ascii_hexdigit());
                Self::OfBatch { batch: is_id.then_some(batch)?, number: number.parse().ok()? }
            }
        };
        (found.to_string() == name).then_some(found)
    }
}

impl fmt::Display for FileName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfBatch { batch, number } => write!(f, "{batch}-{number:03}{SUFFIX}"),
            Self::Compacted { id } => write!(f, "{COMPACTED}{id}{SUFFIX}"),
        }
    }
}

impl Candidate {
    /// What it counts for.
    const fn weight(&self) -> u64 {
        self.raw_bytes.saturating_add(self.rows.saturating_mul(ROW_BYTES))
    }
}

/// Whether the partition's path says a day that had ended `age_micros` before `now`.
pub fn is_closed(partition: &str, now: UnixMicros, age_micros: i64) -> bool {
    let date = |day: i32| date_path(day);
    // Paths of days compare as their days do: years have four digits, months and days two.
    let last_open = day_of(UnixMicros(now.0.saturating_sub(age_micros).max(0)));
    let path = partition.split_once('/').map_or("", |(_, path)| path);
    path.get(..date(last_open).len()).is_some_and(|day| day.starts_with("year=") && *day < *date(last_open))
}

/// The files of a partition that become others: `candidates` in any order; files of at least half the target stay.
pub fn plan(mut candidates: Vec<Candidate>) -> Vec<Group> {
    candidates.retain(|file| file.weight() < TARGET_BYTES / 2);
    // By time, so that the large files overlap little and a query for an hour reads few of them.
    candidates.sort_by(|one, other| (one.begins, &one.name).cmp(&(other.begins, &other.name)));
    let (mut groups, mut open, mut weight) = (Vec::new(), Vec::new(), 0);
    for file in candidates {
        if weight + file.weight() > TARGET_BYTES || open.len() == INPUTS_MAX {
            groups.push(std::mem::take(&mut open));
            weight = 0;
        }
        weight += file.weight();
        open.push(file.name);
    }
    groups.push(open);
    groups.into_iter().filter(|names| names.len() > 1).map(Group::of).collect()
}

/// The steps that make `groups` of a partition in which `files` lie.
pub fn steps(files: &[String], groups: Vec<Group>) -> Vec<Step> {
    if groups.is_empty() {
        return Vec::new();
    }
    let going = inputs_of(&groups);
    let kept = files.iter().filter(|file| !going.contains(file.as_str()));
    let kept: Vec<Step> = kept.cloned().map(Step::Keep).collect();
    let merges = groups.into_iter().map(Step::Merge);
    let end = [Step::Settle, Step::Switch, Step::SettleSwitch, Step::Remove];
    std::iter::once(Step::Make).chain(merges).chain(kept).chain(end).collect()
}

/// The names of all files that go into one of `groups`.
pub fn inputs_of(groups: &[Group]) -> HashSet<&str> {
    groups.iter().flat_map(|group| &group.inputs).map(String::as_str).collect()
}

impl Group {
    fn of(inputs: Vec<String>) -> Self {
        let mut content = format!("headrig {}\n", env!("CARGO_PKG_VERSION"));
        inputs.iter().for_each(|name| content.extend([name, "\n"]));
        Self { id: ContentHash::of(content.as_bytes()).to_string(), inputs }
    }

    /// The name of the file that they become.
    pub fn name(&self) -> String {
        FileName::Compacted { id: &self.id }.to_string()
    }
}

#[cfg(test)]
mod tests;
