//! What a name on the command line means: a hash, an object's key, or a file whose path says either.

use super::{Mistake, OpenLake};
use headrig_contract::{ContentHash, ObjectKey};
use headrig_ledger::{BatchId, FileRecord, Ledger, LedgerError};
use std::path::Path;

/// What was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// 64 hexadecimal digits: a file's hash or a batch's id.
    Digits([u8; 32]),
    /// An object of the bucket.
    Key(ObjectKey),
}

impl Subject {
    /// What `text` names in the lake.
    ///
    /// # Errors
    /// When it is none of what can be named.
    pub(super) fn parse(text: &str, lake: &OpenLake) -> Result<Self, Mistake> {
        Self::parse_with(text, |text| lake.key_of(text))
    }

    fn parse_with(text: &str, key_of: impl Fn(&str) -> Option<String>) -> Result<Self, Mistake> {
        let text = text.trim();
        if let Some(digits) = digits(text) {
            return Ok(Self::Digits(digits));
        }
        if let Some(batch) = batch_of_lake_file(Path::new(text)) {
            return Ok(Self::Digits(*batch.as_bytes()));
        }
        let key = key_of(text).unwrap_or_else(|| text.into());
        ObjectKey::parse(&key).map(Self::Key).map_err(|_| {
            Mistake(format!(
                "expected 64 hexadecimal digits, an object's key, or the path or S3 address of an object or of a file of the lake, found {text:?}"
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<Subject>) {
        let key_of = |text: &str| text.strip_prefix("s3://uploads/").map(Into::into);
        assert_eq!(Subject::parse_with(text, key_of).ok(), expect, "{text:?}");
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
        check("s3://uploads/a/b.log", Some(Subject::Key(ObjectKey::parse("a/b.log").unwrap())));
        for text in ["", "/etc/passwd", "../x", "s3://others/a/b.log"] {
            check(text, None);
        }
    }
}
