//! The end of a file as a reader of Parquet wants the whole: enough for a footer.

use bytes::{Buf, Bytes, buf::Reader};
use parquet::{
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};

/// The last bytes of a file.
#[derive(Clone, Debug)]
pub struct Tail {
    bytes: Bytes,
    begins: u64,
}

impl Tail {
    /// `bytes` are the last ones of a file of `size` bytes.
    pub const fn new(bytes: Bytes, size: u64) -> Self {
        let begins = size.saturating_sub(bytes.len() as u64);
        Self { bytes, begins }
    }

    fn from(&self, start: u64) -> Result<Bytes, ParquetError> {
        let place = start.checked_sub(self.begins).and_then(|place| usize::try_from(place).ok());
        match place.filter(|place| *place <= self.bytes.len()) {
            Some(place) => Ok(self.bytes.slice(place..)),
            None => Err(ParquetError::EOF(format!("expected more than the last {} bytes", self.bytes.len()))),
        }
    }
}

impl Length for Tail {
    fn len(&self) -> u64 {
        self.begins + self.bytes.len() as u64
    }
}

impl ChunkReader for Tail {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.from(start)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("expected {length} bytes, found {}", bytes.len())));
        }
        Ok(bytes.slice(..length))
    }
}
