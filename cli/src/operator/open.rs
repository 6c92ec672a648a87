//! A pipeline that is there, opened to be looked at: its ledger, its bucket, its lake and what is known of its agents,
//! each behind a port, on this machine or in AWS alike.
//!
//! Nothing above it knows which it is, but for the words that tell people who goes on from here. Nothing is made.

#[cfg(feature = "aws")]
mod aws;
mod files;
mod folder;
mod named;

pub(crate) use files::{FoundFile, LakeFiles, Piece, Unread, WindowedFile};
pub(crate) use named::{LOCAL_OBJECT_BYTES_MAX, Named};

use super::Mistake;
use crate::places::Places;
use anyhow::{Context, Result};
use headrig_contract::{ByteLength, ObjectKey};
use headrig_ledger::{Ledger, SqliteLedger, fleet::KeptFleet};
use headrig_store::{ObjectStore, StoreError};
use std::{any::Any, fs::File, io, sync::Arc};

/// A pipeline to be looked at.
pub(crate) struct OpenLake {
    /// As people name it.
    pub(crate) name: String,
    /// The options that name it on a command line.
    pub(crate) options: String,
    /// The largest object that is read: it is held in memory whole. Nobody loads one that is larger.
    pub(crate) object_bytes_max: ByteLength,
    ledger: Box<dyn Ledger>,
    bucket: Option<Box<dyn ObjectStore>>,
    files: Option<Arc<dyn LakeFiles>>,
    fleet: Option<Box<dyn FleetBook>>,
    home: Home,
    /// What the ports need while they live: dropped last.
    _beneath: Box<dyn Any>,
}

/// Who moves a pipeline on, for the words that say what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// `headrig local`.
    Local,
    /// The sink's function and its job.
    Sink,
}

/// Where the sweep keeps what it knows of the agents.
pub(crate) trait FleetBook {
    /// The note's version, if there is one, and the fleet.
    fn read(&self) -> Result<(Option<u64>, KeptFleet)>;

    /// Writes over that version; false where it was not the last any more.
    fn write(&self, expected: Option<u64>, kept: &KeptFleet) -> Result<bool>;
}

enum Home {
    Folder(Places),
    /// The name of the upload bucket, where it is known.
    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "made where there is AWS"))]
    Aws(Option<String>),
}

impl OpenLake {
    /// Opens what is named.
    ///
    /// # Errors
    /// When it is not there or cannot be read; a [`Mistake`] where another name or option would help.
    pub(crate) fn open(named: &Named) -> Result<Self> {
        match named {
            Named::Folder(root) => folder::open(root),
            #[cfg(feature = "aws")]
            Named::Aws(names) => aws::open(names),
            #[cfg(not(feature = "aws"))]
            Named::Aws(names) => Err(Mistake(format!(
                "{} is in AWS, and this headrig was built without it; take a released package, or build with `cargo build --release -p headrig --features aws`",
                names.options()
            ))
            .into()),
        }
    }

    /// The ledger, to be read.
    pub(crate) fn ledger(&self) -> &dyn Ledger {
        &*self.ledger
    }

    /// The ledger, to be written.
    pub(crate) fn ledger_to_write(&self) -> Result<Box<dyn Ledger + '_>> {
        match &self.home {
            Home::Folder(places) => {
                let ledger = SqliteLedger::open(&places.ledger()).context("the ledger cannot be written")?;
                Ok(Box::new(ledger))
            }
            Home::Aws(_) => Ok(Box::new(&*self.ledger)),
        }
    }

    /// The upload bucket.
    pub(crate) fn bucket(&self) -> Result<&dyn ObjectStore> {
        let missing = || {
            Mistake("this looks at objects: name the upload bucket with --bucket, or HEADRIG_BUCKET".into())
        };
        Ok(self.bucket.as_deref().ok_or_else(missing)?)
    }

    /// The files of the lake.
    pub(crate) fn files(&self) -> Result<Arc<dyn LakeFiles>> {
        let missing = || {
            Mistake("this reads the lake: name it with --lake s3://BUCKET/PREFIX, or HEADRIG_LAKE_BUCKET and HEADRIG_LAKE_PREFIX".into())
        };
        Ok(self.files.clone().ok_or_else(missing)?)
    }

    /// What the sweep knows of the agents; nobody watches those of a local lake.
    pub(crate) fn fleet(&self) -> Option<&dyn FleetBook> {
        self.fleet.as_deref()
    }

    /// Who moves it on.
    pub(crate) const fn engine(&self) -> Engine {
        match self.home {
            Home::Folder(_) => Engine::Local,
            Home::Aws(_) => Engine::Sink,
        }
    }

    /// Who writes it now, as far as can be seen.
    pub(crate) fn writer(&self) -> Option<String> {
        match &self.home {
            Home::Folder(places) => places.writer(),
            Home::Aws(_) => Some("the sink".into()),
        }
    }

    /// Keeps compaction of a local lake away for as long as the value lives.
    pub(crate) fn beside_readers(&self) -> io::Result<Option<File>> {
        match &self.home {
            Home::Folder(places) => places.beside_readers(),
            Home::Aws(_) => Ok(None),
        }
    }

    /// The folder of a local lake.
    pub(crate) fn places(&self) -> Result<&Places> {
        match &self.home {
            Home::Folder(places) => Ok(places),
            Home::Aws(_) => {
                Err(Mistake("this is for a lake in a folder; name it with --lake DIR".into()).into())
            }
        }
    }

    /// The key of the object that a path or an S3 address means; none where `text` is neither.
    pub(crate) fn key_of(&self, text: &str) -> Option<String> {
        match &self.home {
            Home::Folder(places) => folder::key_of_path(text, places),
            Home::Aws(bucket) => {
                let (named, key) = text.strip_prefix("s3://")?.split_once('/')?;
                bucket.as_ref().is_none_or(|bucket| bucket == named).then(|| key.to_owned())
            }
        }
    }

    /// The bytes of the object at `key`.
    pub(crate) fn object(&self, key: &ObjectKey) -> Result<Result<Vec<u8>, StoreError>> {
        Ok(self.bucket()?.read(key, self.object_bytes_max))
    }
}
