//! The file that is uploaded: streamed, and read once more where S3 says that its bytes are not its hash's.

use crate::s3::UploadError;
use aws_sdk_s3::primitives::{ByteStream, Length};
use headrig_contract::{ByteLength, ContentHash};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// How much of the file is in memory while it is hashed.
const READ_BYTES: usize = 64 * 1024;

/// A sealed chunk's file, and what its seal says of it.
pub(super) struct SpoolFile<'a> {
    pub(super) path: &'a Path,
    pub(super) hash: ContentHash,
    pub(super) length: ByteLength,
}

impl SpoolFile<'_> {
    /// The file as a request's body, read while it is sent.
    pub(super) async fn body(&self) -> Result<ByteStream, UploadError> {
        self.check_length(
            tokio::fs::metadata(self.path).await.map_err(|error| self.unreadable(error))?.len(),
        )?;
        let body = ByteStream::read_from().path(self.path).length(Length::Exact(self.length.0)).build().await;
        body.map_err(|error| self.unreadable(io::Error::other(error)))
    }

    /// Reads the whole file and compares it with its seal.
    pub(super) async fn verify(&self) -> Result<(), UploadError> {
        let path = self.path.to_path_buf();
        let hashed = tokio::task::spawn_blocking(move || hash_file(&path)).await.unwrap_or_else(|panic| {
            Err(io::Error::other(format!("hashing the file did not end well: {panic}")))
        });
        let (hash, length) = hashed.map_err(|error| self.unreadable(error))?;
        self.check_length(length)?;
        if hash == self.hash {
            return Ok(());
        }
        Err(UploadError::Damaged {
            path: self.path.into(),
            expected: format!("SHA-256 {}", self.hash),
            found: hash.to_string(),
        })
    }

    fn check_length(&self, found: u64) -> Result<(), UploadError> {
        if found == self.length.0 {
            return Ok(());
        }
        Err(UploadError::Damaged {
            path: self.path.into(),
            expected: format!("{} bytes", self.length),
            found: found.to_string(),
        })
    }

    fn unreadable(&self, source: io::Error) -> UploadError {
        let path = self.path.into();
        if source.kind() == io::ErrorKind::NotFound {
            UploadError::Missing { path }
        } else {
            UploadError::Spool { path, source }
        }
    }
}

fn hash_file(path: &Path) -> io::Result<(ContentHash, u64)> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut length = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((ContentHash::from_bytes(hasher.finalize().into()), length)),
            count => {
                hasher.update(&buffer[..count]);
                length += count as u64;
            }
        }
    }
}
