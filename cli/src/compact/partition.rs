//! One partition's folder: listed, and remade by the steps of a plan.
//!
//! Invariant: until the switch nothing in the table's folder changes, and from then on nothing but the switched folder
//! is the partition. Hard links carry what stays; no byte of it is copied.

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use headrig_etl::{
    Table,
    compact::{Candidate, FileName, Footer, Group, Input, Step, inputs_of, merge, plan, steps},
};
use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use std::{
    collections::BTreeMap,
    fmt::Display,
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// A partition and what lies in it.
pub(super) struct Partition {
    table: Table,
    folder: PathBuf,
    /// Every entry of the folder, with its stored size.
    files: BTreeMap<String, u64>,
    groups: Vec<Group>,
    rows: BTreeMap<String, u64>,
    unreadable: Vec<(String, String)>,
}

/// What a partition's steps come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) files_before: u64,
    pub(super) files_after: u64,
    pub(super) bytes_before: u64,
    pub(super) rows: u64,
}

/// What a partition was switched from, to be removed.
#[derive(Debug)]
pub(super) struct Switched {
    old: PathBuf,
    /// The size of the files that were made.
    pub(super) bytes_made: u64,
}

/// Why a partition was not remade; it is as it was.
#[derive(Debug)]
pub(super) enum Failure {
    /// A file in it cannot be read.
    Input(String),
    /// The disk, or what it cannot do.
    Disk(anyhow::Error),
}

/// Empties the scratch folder: whatever a run that was cut short left there is of no use.
pub(super) fn clear(scratch: &Path) -> io::Result<()> {
    match fs::remove_dir_all(scratch) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir_all(scratch)
}

impl Partition {
    /// What lies in the folder at `path` of the lake at `root`.
    pub(super) fn list(table: Table, root: &Path, path: &str) -> Result<Self> {
        let folder = root.join(path);
        let mut files = BTreeMap::new();
        let mut unreadable = Vec::new();
        let cannot = || format!("{} cannot be listed", folder.display());
        for entry in fs::read_dir(&folder).with_context(cannot)? {
            let entry = entry.with_context(cannot)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !entry.file_type().with_context(cannot)?.is_file() || entry.file_name() != *name {
                unreadable.push((name, "is no file; nothing of this partition is touched".into()));
                files.clear();
                break;
            }
            files.insert(name, entry.metadata().with_context(cannot)?.len());
        }
        Ok(Self { table, folder, files, groups: Vec::new(), rows: BTreeMap::new(), unreadable })
    }

    /// Plans over the files of batches that are settled, and those that were made of such.
    pub(super) fn choose(&mut self, mut is_settled: impl FnMut(&str) -> Result<bool>) -> Result<()> {
        let mut candidates = Vec::new();
        for name in self.files.keys() {
            let may = match FileName::parse(name) {
                Some(FileName::OfBatch { batch, .. }) => is_settled(batch)?,
                Some(FileName::Compacted { .. }) => true,
                None => false,
            };
            if !may {
                continue;
            }
            match read_footer(self.table, &self.folder.join(name)) {
                Ok(footer) => candidates.push(candidate(name, &footer)),
                Err(reason) => self.unreadable.push((name.clone(), reason)),
            }
        }
        self.rows = candidates.iter().map(|file| (file.name.clone(), file.rows)).collect();
        self.groups = plan(candidates);
        Ok(())
    }

    /// The files that stay because they cannot be read, with the reason.
    pub(super) fn take_unreadable(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.unreadable)
    }

    /// The steps to what is planned; none where nothing is.
    pub(super) fn steps(&self) -> Vec<Step> {
        steps(&self.files.keys().cloned().collect::<Vec<_>>(), self.groups.clone())
    }

    /// What they come to.
    pub(super) fn changed(&self) -> Changed {
        let going = inputs_of(&self.groups);
        let gone: Vec<&String> = self.files.keys().filter(|name| going.contains(name.as_str())).collect();
        Changed {
            files_before: self.files.len() as u64,
            files_after: (self.files.len() - gone.len() + self.groups.len()) as u64,
            bytes_before: gone.iter().filter_map(|name| self.files.get(*name)).sum(),
            rows: gone.iter().filter_map(|name| self.rows.get(*name)).sum(),
        }
    }

    /// Performs all `steps` but the last, which is for the caller to do when readers have gone on.
    pub(super) fn perform(&self, steps: &[Step], next: &Path) -> Result<Switched, Failure> {
        let done = steps.iter().filter(|step| **step != Step::Remove);
        let made = done.map(|step| self.step(step, next)).sum::<Result<u64, Failure>>();
        if matches!(made, Err(Failure::Input(_))) {
            // The run goes on with other partitions, and may want this folder again.
            fs::remove_dir_all(next).map_err(|error| disk("removing", next, error))?;
        }
        Ok(Switched { old: next.into(), bytes_made: made? })
    }

    /// Performs one step; how many bytes it made.
    pub(super) fn step(&self, step: &Step, next: &Path) -> Result<u64, Failure> {
        match step {
            Step::Make => {
                // Whoever may read the partition now may read it after the switch.
                let make = || fs::set_permissions(next, fs::metadata(&self.folder)?.permissions());
                fs::create_dir(next).and_then(|()| make()).map_err(|error| disk("making", next, error))?;
            }
            Step::Merge(group) => return self.merge(group, next),
            Step::Keep(name) => {
                let file = self.folder.join(name);
                fs::hard_link(&file, next.join(name)).map_err(|error| disk("linking", &file, error))?;
            }
            Step::Settle => settle(next)?,
            Step::Switch => self.switch(next)?,
            Step::SettleSwitch => {
                [&*self.folder, next].into_iter().filter_map(Path::parent).try_for_each(settle)?;
            }
            Step::Remove => fs::remove_dir_all(next).map_err(|error| disk("removing", next, error))?,
        }
        Ok(0)
    }

    fn merge(&self, group: &Group, next: &Path) -> Result<u64, Failure> {
        let open = |name: &String| -> Result<Input, Failure> {
            let bytes = fs::read(self.folder.join(name)).map_err(|error| unreadable(name, &error))?;
            Input::open(self.table, Bytes::from(bytes)).map_err(|error| unreadable(name, &error))
        };
        let inputs: Vec<Input> = group.inputs.iter().map(open).collect::<Result<_, _>>()?;
        let bytes =
            merge(&group.id, &inputs).map_err(|error| unreadable(&group.inputs.join(", "), &error))?;
        let path = next.join(group.name());
        fs::write(&path, &bytes).map_err(|error| disk("writing", &path, error))?;
        settle(&path)?;
        Ok(bytes.len() as u64)
    }

    fn switch(&self, next: &Path) -> Result<(), Failure> {
        let exchanged = renameat_with(CWD, next, CWD, &self.folder, RenameFlags::EXCHANGE);
        exchanged.map_err(|error| {
            let failed = anyhow::Error::from(error).context(format!("exchanging {}", self.folder.display()));
            Failure::Disk(match error {
                Errno::XDEV => {
                    failed.context("the lake's tables and its .headrig lie on different file systems")
                }
                Errno::INVAL | Errno::NOSYS | Errno::NOTSUP => failed
                    .context("this file system cannot exchange two folders in one step; nothing was changed"),
                _ => failed,
            })
        })
    }
}

impl Switched {
    /// Removes it.
    pub(super) fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.old).with_context(|| format!("{} cannot be removed", self.old.display()))
    }
}

/// What could not be done, and what the operator can do about it.
fn disk(doing: &str, path: &Path, error: io::Error) -> Failure {
    let advice = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free space",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "mend the lake's permissions",
        ErrorKind::NotFound => "leave the lake's files to headrig",
        ErrorKind::TooManyLinks => "remove other hard links to the lake's files, or copy the lake",
        _ => "look at the disk and its messages",
    };
    let doing = format!("{doing} {}", path.display());
    Failure::Disk(anyhow!(error).context(doing).context(format!("{advice} and run again; nothing is lost")))
}

fn read_footer(table: Table, path: &Path) -> Result<Footer, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    Footer::read(table, &file).map_err(|error| error.to_string())
}

fn candidate(name: &str, footer: &Footer) -> Candidate {
    Candidate {
        name: name.into(),
        begins: footer.begins(),
        rows: footer.shares().sum().rows,
        raw_bytes: footer.raw_bytes(),
    }
}

/// Makes a file's content, or a folder's entries, durable.
fn settle(path: &Path) -> Result<(), Failure> {
    let settled = File::open(path).and_then(|file| file.sync_all());
    settled.map_err(|error| disk("syncing", path, error))
}

fn unreadable(names: &str, error: &dyn Display) -> Failure {
    Failure::Input(format!("{names}: {error}"))
}

#[cfg(test)]
mod tests;
