//! The file that is uploaded: streamed, and read once more where S3 says that its bytes are not its hash's.

use crate::s3::UploadError;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use headrig_contract::{ByteLength, ContentHash};
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

/// How much of the file is read at a time.
const READ_BYTES: usize = 64 * 1024;

/// A sealed chunk's file, and what its seal says of it.
pub(super) struct SpoolFile<'a> {
    pub(super) path: &'a Path,
    pub(super) hash: ContentHash,
    pub(super) length: ByteLength,
}

impl SpoolFile<'_> {
    /// The file as a request's body, read while it is sent.
    pub(super) fn body(&self) -> Result<ByteStream, UploadError> {
        let opened = File::open(self.path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (length, file) = opened.map_err(|error| self.unreadable(error))?;
        self.check_length(length)?;
        Ok(ByteStream::new(SdkBody::from_body_1_x(FileBody {
            file,
            left: length,
            pieces: Pieces::default(),
        })))
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

/// A file as a request's body, read by the thread that sends it. The SDK's own reads each piece on another
/// thread, and the switches between the two cost as much as the sending; this thread has nobody to keep
/// waiting, and what it reads was written moments ago or is read ahead.
struct FileBody {
    file: File,
    left: u64,
    pieces: Pieces,
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut piece = self.pieces.piece(usize::try_from(self.left).unwrap_or(READ_BYTES));
        let read = self.file.read_exact(piece.bytes_mut());
        self.left -= piece.length as u64;
        Poll::Ready(Some(read.map(|()| Frame::data(Bytes::from_owner(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// The memory that a body is read into, used again once it is sent: fresh memory for each piece costs more
/// than filling it. There is as much of it as the connection takes in before it is sent.
#[derive(Clone, Default)]
struct Pieces {
    free: Arc<Mutex<Vec<Box<[u8]>>>>,
}

/// At most [`READ_BYTES`] of a body on their way.
struct Piece {
    buffer: Box<[u8]>,
    length: usize,
    home: Pieces,
}

impl Pieces {
    fn piece(&self, length_max: usize) -> Piece {
        let buffer = self.free.lock().ok().and_then(|mut free| free.pop());
        Piece {
            buffer: buffer.unwrap_or_else(|| vec![0; READ_BYTES].into()),
            length: READ_BYTES.min(length_max),
            home: self.clone(),
        }
    }
}

impl Piece {
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.length]
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if let Ok(mut free) = self.home.free.lock() {
            free.push(std::mem::take(&mut self.buffer));
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
