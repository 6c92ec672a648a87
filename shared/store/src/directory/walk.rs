//! Lists a directory tree in the order of whole keys, as S3 would.
//!
//! Folder by folder is not that order: `a.log` comes before `a/b`, because '.' is less than '/'. So a
//! folder is sorted among its neighbours as its name with the slash behind it: then everything in it comes
//! where the whole keys would. Folders that end before `after` are not read at all.
//!
//! A page costs reading and sorting each folder it touches, so pages should not be much smaller than folders.

use super::modified;
use crate::{ObjectInfo, StoreError};
use headrig_contract::{ByteLength, ObjectKey, key::KEY_BYTES_MAX};
use std::{
    cmp::Reverse,
    fs::{self, DirEntry},
    io::ErrorKind,
    path::Path,
};

/// The first `limit` objects under `root` whose keys are greater than `after`.
pub(super) fn list(root: &Path, after: Option<&str>, limit: usize) -> Result<Vec<ObjectInfo>, StoreError> {
    let mut found = Vec::new();
    let mut levels = vec![names_in(root, "", after)?];
    while found.len() < limit
        && let Some(level) = levels.last_mut()
    {
        match level.pop() {
            None => {
                levels.pop();
            }
            Some(name) if name.ends_with('/') => levels.push(names_in(root, &name, after)?),
            Some(name) => found.extend(object_at(root, &name)?),
        }
    }
    Ok(found)
}

/// The names in the folder with the prefix `prefix`, greatest first: keys of files, and prefixes of
/// folders, which end in a slash.
fn names_in(root: &Path, prefix: &str, after: Option<&str>) -> Result<Vec<String>, StoreError> {
    let path = root.join(prefix);
    let failed = |error| StoreError::io("list", &path, error);
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        // Removed since its name was read; the root is never removed in good order.
        Err(error) if error.kind() == ErrorKind::NotFound && !prefix.is_empty() => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = name_of(&entry.map_err(failed)?, prefix).map_err(failed)?;
        names.extend(name.filter(|name| is_behind(name, after)));
    }
    names.sort_unstable_by_key(|name| Reverse(name.clone()));
    Ok(names)
}

/// The key or prefix of a directory entry; none for what can be neither.
fn name_of(entry: &DirEntry, prefix: &str) -> std::io::Result<Option<String>> {
    let file_name = entry.file_name();
    let Some(name) = file_name.to_str().filter(|name| !name.starts_with('.')) else { return Ok(None) };
    let kind = entry.file_type()?;
    let name = match () {
        () if kind.is_dir() => format!("{prefix}{name}/"),
        () if kind.is_file() => format!("{prefix}{name}"),
        () => return Ok(None),
    };
    Ok((name.len() <= KEY_BYTES_MAX).then_some(name))
}

/// Whether the key `name`, or a key that begins with the prefix `name`, can be greater than `after`.
fn is_behind(name: &str, after: Option<&str>) -> bool {
    after.is_none_or(|after| name > after || (name.ends_with('/') && after.starts_with(name)))
}

/// The object at `name`, unless it went away or is no key.
fn object_at(root: &Path, name: &str) -> Result<Option<ObjectInfo>, StoreError> {
    let Ok(key) = ObjectKey::parse(name) else { return Ok(None) };
    let path = root.join(name);
    match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_file() => {
            let size = ByteLength(metadata.len());
            Ok(Some(ObjectInfo { key, size, modified: modified(&metadata) }))
        }
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("look at", &path, error)),
    }
}
