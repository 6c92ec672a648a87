//! From what S3 says to files in the ledger.
//!
//! A file's identity is the SHA-256 of its bytes. Where the store has computed it, that one counts; else a key that
//! an agent made names it, and the bytes are read to see whether they agree. Invariant: a record is settled only
//! when the ledger has its file, or there is nothing to take in and that has been said.

use crate::{
    events::{Notice, StoredObject},
    ports::{CallError, Figure},
    sink::Sink,
    telling::News,
};
use headrig_contract::{ByteLength, ContentHash, ObjectKey};
use headrig_ledger::{FileFacts, FileRecord, Ledger, LedgerError, PutOutcome};

/// What an object turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Examined {
    /// A file for the ledger, pending or set aside.
    File(Box<FileRecord>),
    /// Nothing to take in.
    Nothing,
    /// It cannot be taken in, and people are to know.
    Refused(News),
    /// It is not known yet what it is.
    Again,
}

impl<L: Ledger> Sink<'_, L> {
    /// Takes in what the notices tell of, and says of each whether it is settled.
    pub(crate) fn take_in(&self, notices: &[Notice]) -> Vec<bool> {
        let examined: Vec<_> = notices.iter().map(|notice| self.look_at(notice)).collect();
        let news: Vec<News> = examined
            .iter()
            .filter_map(|found| if let Examined::Refused(news) = found { Some(news.clone()) } else { None })
            .collect();
        self.count(Figure::ObjectsRefused, news.len());
        let is_told = self.tell_refused(&news);
        let records: Vec<FileRecord> = examined
            .iter()
            .filter_map(|found| if let Examined::File(file) = found { Some((**file).clone()) } else { None })
            .collect();
        let mut recorded = self.record(&records).into_iter();
        examined
            .iter()
            .map(|found| match found {
                Examined::File(_) => recorded.next().unwrap_or(false),
                Examined::Nothing => true,
                Examined::Refused(_) => is_told,
                Examined::Again => false,
            })
            .collect()
    }

    /// Writes files into the ledger unless it has them, and says of each whether it has it now.
    pub(crate) fn record(&self, records: &[FileRecord]) -> Vec<bool> {
        if records.is_empty() {
            return Vec::new();
        }
        let put = |records: &[FileRecord]| self.ledger.put_files_if_absent(records);
        let outcomes: Vec<Result<PutOutcome, LedgerError>> = match put(records) {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            // One that cannot be written must not keep the others out.
            Err(_) => records.iter().map(|record| self.ledger.put_file_if_absent(record)).collect(),
        };
        let count = |wanted: PutOutcome| {
            outcomes.iter().filter(|outcome| outcome.as_ref().is_ok_and(|found| *found == wanted)).count()
        };
        self.count(Figure::FilesTakenIn, count(PutOutcome::Created));
        self.count(Figure::FilesKnown, count(PutOutcome::AlreadyPresent));
        for (record, outcome) in records.iter().zip(&outcomes) {
            match outcome {
                Ok(outcome) => {
                    tracing::info!(key = %record.key, hash = %record.hash, ?outcome, "took in a file");
                }
                Err(error) => {
                    tracing::error!(key = %record.key, hash = %record.hash, %error, "could not take in a file");
                }
            }
        }
        outcomes.iter().map(Result::is_ok).collect()
    }

    fn look_at(&self, notice: &Notice) -> Examined {
        match notice {
            Notice::Stored(object) => self.look_at_object(object),
            Notice::Unusable { bucket, key, reason } if *bucket == self.settings.bucket => {
                tracing::error!(key, reason, "an object cannot be taken in");
                Examined::Refused(News::of_key(key, reason.clone()))
            }
            Notice::Unusable { bucket, key, .. } => {
                tracing::warn!(bucket, key, "told of an object in another bucket");
                Examined::Nothing
            }
            Notice::Ignored { what } => {
                tracing::info!(what, "ignored");
                Examined::Nothing
            }
            Notice::Malformed { reason } => {
                tracing::error!(reason, "a record cannot be understood; a sweep finds its object");
                self.count(Figure::EventsMalformed, 1);
                Examined::Nothing
            }
        }
    }

    fn look_at_object(&self, object: &StoredObject) -> Examined {
        let (bucket, key) = (&object.bucket, object.key.as_str());
        if *bucket != self.settings.bucket {
            tracing::warn!(bucket, key, "told of an object in another bucket; check the notification");
            return Examined::Nothing;
        }
        if !key.starts_with(&self.settings.prefix) {
            tracing::info!(key, prefix = self.settings.prefix, "ignored an object outside the prefix");
            return Examined::Nothing;
        }
        self.examine(&object.key)
    }

    /// Finds out what lies at `key`.
    pub(crate) fn examine(&self, key: &ObjectKey) -> Examined {
        match self.identify(key) {
            Ok(examined) => examined,
            Err(CallError::Missing { .. }) => {
                tracing::warn!(%key, "the object was gone before it was read; there is nothing to take in");
                self.count(Figure::ObjectsGone, 1);
                Examined::Nothing
            }
            Err(error) if error.is_retryable() => {
                tracing::error!(%key, %error, "an object cannot be looked at yet");
                Examined::Again
            }
            Err(error) => {
                tracing::error!(%key, %error, "an object cannot be taken in");
                Examined::Refused(News::of_key(key.as_str(), error.to_string()))
            }
        }
    }

    fn identify(&self, key: &ObjectKey) -> Result<Examined, CallError> {
        let head = self.ports.objects.head(key)?;
        if head.size == ByteLength(0) {
            tracing::warn!(%key, "the object is empty; there is nothing to load");
            self.count(Figure::ObjectsEmpty, 1);
            return Ok(Examined::Nothing);
        }
        let named = key.content_hash();
        let limit = self.settings.object_bytes_max;
        if head.size > limit {
            return Ok(self.oversized(key, head.size, named.or(head.hash)));
        }
        let (found, size) = match head.hash {
            Some(hash) => (hash, head.size),
            None => self.ports.objects.hash(key, limit)?,
        };
        let facts = FileFacts { hash: found, key: key.clone(), size };
        let now = self.now();
        Ok(Examined::File(Box::new(match named {
            Some(named) if named != found => {
                let reason = format!("the key names SHA-256 {named}, the bytes have {found}");
                tracing::error!(%key, reason, "set an object aside");
                FileRecord::quarantined(facts, reason, now)
            }
            _ => FileRecord::pending(facts, now),
        })))
    }

    /// A file is known by its hash; where that would take reading it all, people are told instead.
    fn oversized(&self, key: &ObjectKey, size: ByteLength, hash: Option<ContentHash>) -> Examined {
        let limit = self.settings.object_bytes_max;
        let reason = format!(
            "expected at most {limit} bytes, found {size}; split it, or raise HEADRIG_OBJECT_BYTES_MAX"
        );
        tracing::error!(%key, reason, "an object is too large");
        match hash {
            Some(hash) => {
                let facts = FileFacts { hash, key: key.clone(), size };
                Examined::File(Box::new(FileRecord::quarantined(facts, reason, self.now())))
            }
            None => Examined::Refused(News::of_key(key.as_str(), reason)),
        }
    }
}
