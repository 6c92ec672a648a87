//! Where a batch's files go: to a staging folder first, into the lake when all of them are whole.
//!
//! Invariants: a file in the lake is whole and synced. Files that an earlier attempt of the same batch left
//! in the lake and this one does not write are gone before the batch is committed.

use headrig_etl::{LakeFile, LakeSink, account::ACCOUNTS};
use rustix::fs::syncfs;
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};
use walkdir::WalkDir;

/// From so many files on, one syncfs(2) is quicker than an fsync(2) each.
const SYNCED_SINGLY_MAX: usize = 16;

/// A batch's files in the staging folder.
pub(super) struct Staging {
    folder: PathBuf,
    files: BTreeSet<PathBuf>,
}

impl Staging {
    /// An empty staging folder.
    pub(super) fn clear(folder: &Path) -> io::Result<Self> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.into(), files: BTreeSet::new() })
    }

    /// Moves the files into the lake at `root`, durably.
    pub(super) fn publish(self, root: &Path) -> io::Result<()> {
        self.sync(self.files.iter().map(|path| self.folder.join(path)).collect())?;
        let mut folders = BTreeSet::new();
        for path in &self.files {
            let target = root.join(path);
            let parent = target.parent().expect("a lake file lies in a partition");
            fs::create_dir_all(parent)?;
            fs::rename(self.folder.join(path), &target)?;
            let above = parent.ancestors().take_while(|folder| folder.starts_with(root));
            folders.extend(above.map(Path::to_path_buf));
        }
        self.sync(folders)
    }

    /// Makes files or folders durable: one by one, or where they are many by one call for the file system.
    fn sync(&self, paths: BTreeSet<PathBuf>) -> io::Result<()> {
        if paths.len() > SYNCED_SINGLY_MAX {
            return Ok(syncfs(File::open(&self.folder)?)?);
        }
        paths.iter().try_for_each(|path| File::open(path)?.sync_all())
    }

    /// Removes files of the batch from the lake that this attempt does not write.
    pub(super) fn remove_others(&self, root: &Path, batch: &str) -> io::Result<()> {
        remove_files(root, batch, |path| !self.files.contains(path))
    }
}

impl LakeSink for Staging {
    fn write(&mut self, file: LakeFile) -> io::Result<()> {
        let path = PathBuf::from(&file.path);
        let target = self.folder.join(&path);
        fs::create_dir_all(target.parent().unwrap_or(&self.folder))?;
        fs::write(&target, &file.bytes)?;
        self.files.insert(path);
        Ok(())
    }
}

/// Removes all files of the batch from the lake at `root`.
pub(super) fn remove_batch(root: &Path, batch: &str) -> io::Result<()> {
    remove_files(root, batch, |_| true)
}

fn remove_files(root: &Path, batch: &str, which: impl Fn(&Path) -> bool) -> io::Result<()> {
    for table in ["logs", "metrics", ACCOUNTS] {
        let folder = root.join(table);
        if !folder.exists() {
            continue;
        }
        for entry in WalkDir::new(&folder) {
            let entry = entry?;
            let is_of_batch = entry.file_name().to_str().is_some_and(|name| {
                name.strip_prefix(batch).is_some_and(|rest| rest.starts_with('-') || rest == ".json")
            });
            let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
            if entry.file_type().is_file() && is_of_batch && which(path) {
                fs::remove_file(entry.path())?;
                File::open(entry.path().parent().unwrap_or(root))?.sync_all()?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> LakeFile {
        LakeFile { path: path.into(), bytes: b"PAR1".to_vec(), rows: 1 }
    }

    #[test]
    fn what_an_earlier_attempt_left_is_gone_and_other_batches_stay() {
        let root = tempfile::tempdir().unwrap();
        let stage = |paths: &[&str]| {
            let mut staging = Staging::clear(&root.path().join(".headrig/staging")).unwrap();
            paths.iter().for_each(|path| staging.write(file(path)).unwrap());
            staging
        };
        stage(&[
            "logs/level=info/aa-000.parquet",
            "logs/level=warn/aa-000.parquet",
            "batches/aa.json",
            "logs/level=info/bb-000.parquet",
        ])
        .publish(root.path())
        .unwrap();
        let second = stage(&["logs/level=info/aa-000.parquet"]);
        second.remove_others(root.path(), "aa").unwrap();
        second.publish(root.path()).unwrap();
        let exists = |path: &str| root.path().join(path).exists();
        assert!(exists("logs/level=info/aa-000.parquet") && exists("logs/level=info/bb-000.parquet"));
        assert!(!exists("logs/level=warn/aa-000.parquet") && !exists("batches/aa.json"));
        remove_batch(root.path(), "aa").unwrap();
        assert!(!exists("logs/level=info/aa-000.parquet"));
    }
}
