//! What a name on the command line means: a hash, an object's key, or a file whose path says either.

use super::Mistake;
use crate::places::Places;
use headrig_contract::{ContentHash, ObjectKey};
use headrig_ledger::{BatchId, FileRecord, Ledger, LedgerError};
use std::{fs, path::Path};

/// What was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// 64 hexadecimal digits: a file's hash or a batch's id.
    Digits([u8; 32]),
    /// An object of the bucket.
    Key(ObjectKey),
}

impl Subject {
    /// What `text` names, `places` being the lake's.
    ///
    /// # Errors
    /// When it is none of what can be named.
    pub(super) fn parse(text: &str, places: &Places) -> Result<Self, Mistake> {
        let text = text.trim();
        if let Some(digits) = digits(text) {
            return Ok(Self::Digits(digits));
        }
        if let Some(batch) = batch_of_lake_file(Path::new(text)) {
            return Ok(Self::Digits(*batch.as_bytes()));
        }
        let key = key_of_path(Path::new(text), places).unwrap_or_else(|| text.into());
        ObjectKey::parse(&key).map(Self::Key).map_err(|_| {
            Mistake(format!(
                "expected 64 hexadecimal digits, an object's key, or the path of an object or of a file of the lake, found {text:?}"
            ))
        })
    }

    /// The files that are meant: none, one, or several under one key.
    pub(super) fn files<L: Ledger>(&self, ledger: &L) -> Result<Vec<FileRecord>, LedgerError> {
        match self {
            Self::Digits(digits) => Ok(ledger.file(ContentHash::from_bytes(*digits))?.into_iter().collect()),
            Self::Key(key) => {
                let mut files = ledger.files_at(key)?;
                // The same bytes may have been seen first under another key.
                if files.is_empty()
                    && let Some(hash) = key.content_hash()
                {
                    files.extend(ledger.file(hash)?);
                }
                Ok(files)
            }
        }
    }

    /// The batch that may be meant.
    pub(super) const fn batch(&self) -> Option<BatchId> {
        match self {
            Self::Digits(digits) => Some(BatchId::from_bytes(*digits)),
            Self::Key(_) => None,
        }
    }
}

/// The batch that the file at `path` of a lake was written by: its name is `<batch>-<nnn>.parquet`.
pub(crate) fn batch_of_lake_file(path: &Path) -> Option<BatchId> {
    let (batch, number) = path.file_name()?.to_str()?.strip_suffix(".parquet")?.split_once('-')?;
    let is_number = number.len() >= 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    batch.parse().ok().filter(|_| is_number)
}

fn digits(text: &str) -> Option<[u8; 32]> {
    let hash: ContentHash = text.to_ascii_lowercase().parse().ok()?;
    Some(*hash.as_bytes())
}

/// The key of the object whose file is at `path`, where that lies in the bucket.
fn key_of_path(path: &Path, places: &Places) -> Option<String> {
    let bucket = fs::canonicalize(places.bucket()).ok()?;
    let place = fs::canonicalize(path).ok()?;
    Some(place.strip_prefix(bucket).ok()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<Subject>) {
        let places = Places::new(Path::new("/nowhere/lake"));
        assert_eq!(Subject::parse(text, &places).ok(), expect, "{text:?}");
    }

    #[test]
    fn names_are_hashes_keys_or_files_of_the_lake() {
        let hash = ContentHash::of(b"x");
        let digits = Some(Subject::Digits(*hash.as_bytes()));
        check(&hash.to_string(), digits.clone());
        check(&hash.to_string().to_uppercase(), digits.clone());
        check(&format!("lake/logs/year=2026/level=info/{hash}-000.parquet"), digits.clone());
        check(&format!("{hash}-1000.parquet"), digits);
        for key in [format!("{hash}-copy.parquet"), format!("host=a/{hash}.log.gz"), "abc".into()] {
            check(&key, Some(Subject::Key(ObjectKey::parse(&key).unwrap())));
        }
        for text in ["", "/etc/passwd", "../x"] {
            check(text, None);
        }
    }
}
