//! A pipeline in a folder, as `headrig local` keeps it.

use super::{FoundFile, Home, LakeFiles, OpenLake, Piece, Unread, named::LOCAL_OBJECT_BYTES_MAX};
use crate::places::Places;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use headrig_ledger::SqliteLedger;
use headrig_store::DirectoryStore;
use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};
use walkdir::{DirEntry, WalkDir};

/// The lake at `root`.
pub(super) fn open(root: &Path) -> Result<OpenLake> {
    let places = Places::new(root);
    if !places.ledger().exists() {
        bail!(
            "there is no lake at {} ({} is not there); name with --lake the folder that was given to `headrig local`",
            root.display(),
            places.ledger().display()
        );
    }
    let ledger = SqliteLedger::open_to_read(&places.ledger()).context("the ledger cannot be opened")?;
    Ok(OpenLake {
        name: root.display().to_string(),
        options: format!("--lake {}", root.display()),
        object_bytes_max: LOCAL_OBJECT_BYTES_MAX,
        ledger: Box::new(ledger),
        bucket: Some(Box::new(DirectoryStore::open_to_read(&places.bucket()))),
        files: Some(Arc::new(Folder(root.into()))),
        fleet: None,
        home: Home::Folder(places),
        _beneath: Box::new(()),
    })
}

/// The key of the object whose file is at `path`, where that lies in the bucket.
pub(super) fn key_of_path(path: &str, places: &Places) -> Option<String> {
    let bucket = fs::canonicalize(places.bucket()).ok()?;
    let place = fs::canonicalize(path).ok()?;
    Some(place.strip_prefix(bucket).ok()?.to_str()?.to_owned())
}

/// The lake's files in a folder.
#[derive(Debug)]
struct Folder(PathBuf);

impl LakeFiles for Folder {
    fn each(&self, table: &str, each: &mut dyn FnMut(FoundFile)) -> Result<()> {
        let folder = self.0.join(table);
        if !folder.exists() {
            return Ok(());
        }
        for entry in WalkDir::new(&folder).sort_by_file_name() {
            let failed = || format!("the table {} cannot be listed", folder.display());
            let entry = entry.with_context(failed)?;
            if !entry.file_type().is_dir() {
                each(self.found(&entry));
            }
        }
        Ok(())
    }

    fn piece(&self, path: &str, offset: u64, length: u64) -> Result<Piece, Unread> {
        let read = || -> io::Result<Piece> {
            let file = File::open(self.0.join(path))?;
            let whole = file.metadata()?.len();
            let mut bytes = vec![0; usize::try_from(length.min(whole.saturating_sub(offset))).unwrap_or(0)];
            file.read_exact_at(&mut bytes, offset)?;
            Ok(Piece { bytes: Bytes::from(bytes), whole })
        };
        read().map_err(|error| Unread::Bad(error.to_string()))
    }
}

impl Folder {
    fn found(&self, entry: &DirEntry) -> FoundFile {
        let path = entry.path().strip_prefix(&self.0).unwrap_or(entry.path());
        let modified = entry.metadata().ok().and_then(|metadata| metadata.modified().ok());
        FoundFile {
            path: path.to_string_lossy().into_owned(),
            is_regular: entry.file_type().is_file(),
            // One that is gone already is as new as can be.
            modified: modified.unwrap_or_else(SystemTime::now).into(),
        }
    }
}
