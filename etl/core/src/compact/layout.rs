//! Which partition of a lake lies where: the list of generations, and how paths follow it.
//!
//! A partition that was compacted by a layout lies in its generation, a folder outside of the tables' own; every other
//! one in its table's folder. The list is an object that is named by its content, so that whoever knows its name knows
//! it for ever. When it is another, the ledger says; docs/decisions/0011-compaction.md says why. Invariant: a path within
//! the tables is a partition's name, wherever the partition lies.

use headrig_contract::ContentHash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The folder of what was compacted; outside of the tables' own, so that nobody lists it who was not sent there.
pub const COMPACTED: &str = "compacted";
/// The folder of the lists.
const LISTS: &str = "compacted/generations";

/// The generation of each partition that was compacted, by the partition's path within the tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generations {
    partitions: BTreeMap<String, String>,
}

impl Generations {
    /// The list that is written in `text`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let list: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let wrong = list.partitions.iter().find(|(partition, generation)| {
            partition.is_empty() || generation.parse::<ContentHash>().is_err()
        });
        match wrong {
            Some((partition, found)) => {
                Err(format!("partition {partition:?}: expected a hash, found {found:?}"))
            }
            None => Ok(list),
        }
    }

    /// It, as it is stored: the same list is the same bytes.
    pub fn to_text(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec(self).expect("texts and maps of them are all JSON can hold");
        text.push(b'\n');
        text
    }

    /// Where the list of that name lies in the lake.
    pub fn path(name: ContentHash) -> String {
        format!("{LISTS}/{name}.json")
    }

    /// Where it lies itself.
    pub fn name(&self) -> ContentHash {
        ContentHash::of(&self.to_text())
    }

    /// Sends a partition to its next generation.
    pub fn switch(&mut self, partition: String, generation: ContentHash) {
        self.partitions.insert(partition, generation.to_string());
    }

    /// The partitions that were compacted, in order.
    pub fn partitions(&self) -> impl Iterator<Item = &str> {
        self.partitions.keys().map(String::as_str)
    }

    /// The folder in the lake in which the files of a partition lie.
    pub fn location(&self, partition: &str) -> String {
        match self.partitions.get(partition) {
            Some(generation) => location_of(generation, partition),
            None => partition.to_owned(),
        }
    }

    /// Where a file of a table lies of which a batch says that it lies at `path`; other files lie where they say.
    pub fn place(&self, path: &str) -> String {
        match path.rsplit_once('/') {
            Some((partition, name)) => format!("{}/{name}", self.location(partition)),
            None => path.to_owned(),
        }
    }

    /// Whether a file that lies at `path` lies where readers of its partition are sent.
    pub fn is_current(&self, path: &str) -> bool {
        path.rsplit_once('/').is_some_and(|(folder, _)| self.location(partition_in(folder)) == folder)
    }
}

/// Where the generation of that name of a partition lies.
pub fn location_of(generation: &str, partition: &str) -> String {
    format!("{COMPACTED}/{generation}/{partition}")
}

/// The name of the generation that is made of a partition by this version, whose files lie in the folder `from` and have
/// these names and tags; a tag is another where the content is.
pub fn generation_of<'f>(from: &str, files: impl IntoIterator<Item = (&'f str, &'f str)>) -> ContentHash {
    let mut files: Vec<_> = files.into_iter().collect();
    files.sort_unstable();
    let mut content = format!("headrig {}\n{from}\n", env!("CARGO_PKG_VERSION"));
    files.iter().for_each(|(name, tag)| content.extend([name, " ", tag, "\n"]));
    ContentHash::of(content.as_bytes())
}

/// The path within the tables of the partition whose files lie in `folder`, in whichever generation.
pub fn partition_in(folder: &str) -> &str {
    let generation = folder.strip_prefix(COMPACTED).and_then(|rest| rest.strip_prefix('/'));
    match generation.and_then(|rest| rest.split_once('/')) {
        Some((name, partition)) if name.parse::<ContentHash>().is_ok() => partition,
        _ => folder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTITION: &str = "logs/year=2026/month=09/day=21/level=info/event_type=kernel";

    #[test]
    fn partitions_lie_in_their_generation_and_others_where_they_always_lay() {
        let generation = ContentHash::of(b"x");
        let mut list = Generations::default();
        list.switch(PARTITION.into(), generation);
        let location = format!("compacted/{generation}/{PARTITION}");
        assert_eq!(list.location(PARTITION), location);
        assert_eq!(list.place(&format!("{PARTITION}/b-000.parquet")), format!("{location}/b-000.parquet"));
        for elsewhere in ["metrics/year=2026/month=09/day=21/b-000.parquet", "batches/b.json", "b"] {
            assert_eq!(list.place(elsewhere), elsewhere);
        }
        assert!(list.is_current(&format!("{location}/b-000.parquet")));
        assert!(!list.is_current(&format!("{PARTITION}/b-000.parquet")));
        let older = ContentHash::of(b"older");
        assert!(!list.is_current(&format!("compacted/{older}/{PARTITION}/b-000.parquet")));
        assert_eq!(partition_in(&location), PARTITION);
        assert_eq!(partition_in(PARTITION), PARTITION);
        assert_eq!(partition_in("compacted/generations"), "compacted/generations");
    }

    #[test]
    fn a_list_is_read_as_it_is_written_and_named_by_what_it_says() {
        let mut list = Generations::default();
        list.switch(PARTITION.into(), ContentHash::of(b"x"));
        assert_eq!(Generations::read(&list.to_text()).unwrap(), list);
        assert_eq!(list.name(), ContentHash::of(&list.to_text()));
        let mut other = list.clone();
        other.switch(PARTITION.into(), ContentHash::of(b"y"));
        assert_ne!(list.name(), other.name());
        for wrong in ["", "{}", r#"{"partitions":{"logs":"x"}}"#, r#"{"partitions":{},"more":1}"#] {
            assert!(Generations::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_generation_is_named_by_what_went_in_and_from_where() {
        let name = |from: &str, files: [(&str, &str); 2]| generation_of(from, files);
        let one = name("p", [("a", "1"), ("b", "2")]);
        assert_eq!(one, name("p", [("b", "2"), ("a", "1")]));
        for other in [name("q", [("a", "1"), ("b", "2")]), name("p", [("a", "1"), ("b", "3")])] {
            assert_ne!(one, other);
        }
    }
}
