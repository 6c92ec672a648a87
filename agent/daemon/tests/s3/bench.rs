//! What the tests work on: a folder with a chunk in it, a stand-in, and an uploader between them.

use crate::standin::Standin;
use headrig_agent::state::ChunkRecord;
use headrig_agentd::{
    aws::{Access, Connections},
    s3::{PutOutcome, S3Settings, S3Uploader, UploadError},
};
use headrig_contract::{ByteLength, ContentHash, ObjectKey, UnixMicros};
use std::{future::Future, path::PathBuf, time::Duration};
use tempfile::TempDir;

/// The key of every chunk in these tests.
pub(crate) const KEY: &str = "raw/host=web-1/source=nginx/2026/09/21/a-000000000000-b.log.zst";

pub(crate) struct Bench {
    pub(crate) standin: Standin,
    pub(crate) folder: TempDir,
    pub(crate) chunk: ChunkRecord,
}

impl Bench {
    /// With a chunk that holds `bytes`.
    pub(crate) fn with(bytes: &[u8]) -> Self {
        let bench = Self {
            standin: Standin::start(),
            folder: tempfile::tempdir().unwrap(),
            chunk: chunk_of(ContentHash::of(bytes), bytes.len() as u64),
        };
        std::fs::write(bench.file(), bytes).unwrap();
        bench.write_credentials("AKIAFIRST");
        bench
    }

    /// The chunk's spool file.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("chunk")
    }

    pub(crate) fn credentials_file(&self) -> PathBuf {
        self.folder.path().join("credentials")
    }

    pub(crate) fn write_credentials(&self, key_id: &str) {
        // The endpoint is that of STS; S3's own is set by each uploader.
        let text = format!(
            "[default]\naws_access_key_id = {key_id}\naws_secret_access_key = hush-hush\nendpoint_url = {}\n",
            self.standin.url()
        );
        std::fs::write(self.credentials_file(), text).unwrap();
    }

    pub(crate) fn access(&self) -> Access {
        Access {
            region: Some("eu-central-1".parse().unwrap()),
            profile: Some("default".into()),
            credentials_file: Some(self.credentials_file()),
            assume_role: None,
        }
    }

    pub(crate) fn settings(&self) -> S3Settings {
        S3Settings {
            access: self.access(),
            endpoint: Some(self.standin.url().parse().unwrap()),
            path_style: true,
            attempt_timeout: Duration::from_secs(20),
            ..S3Settings::new("logs".parse().unwrap())
        }
    }

    pub(crate) fn uploader(&self) -> S3Uploader {
        S3Uploader::new(self.settings(), Connections::default())
    }

    /// Uploads the chunk.
    pub(crate) fn put(&self, uploader: &S3Uploader) -> Result<PutOutcome, UploadError> {
        wait_for(uploader.put(&self.chunk, &self.file()))
    }
}

pub(crate) fn chunk_of(hash: ContentHash, length: u64) -> ChunkRecord {
    ChunkRecord {
        hash,
        key: ObjectKey::parse(KEY).unwrap(),
        length: ByteLength(length),
        raw_length: ByteLength(length),
        sealed_at: UnixMicros(0),
    }
}

/// Runs a future to its end on this thread.
pub(crate) fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
