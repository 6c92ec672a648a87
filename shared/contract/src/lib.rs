//! What headrig's parts agree on: the chunk format, object keys, ids and the framing of events.
//!
//! This crate knows no files, no sockets, no clock and no AWS: bytes go in, bytes and values come out.
//! Agent, sink and ETL depend on it and never on each other, so everything two of them must read the
//! same way lives here and nowhere else.

pub mod chunk;
pub mod framing;
pub mod gaps;
pub mod ids;
pub mod key;
pub mod timestamp;
pub mod units;

pub use ids::{AgentId, ChunkSeq, ContentHash, Generation, HostName, SourceName, StreamId};
pub use key::ObjectKey;
pub use timestamp::Timestamp;
pub use units::{ByteLength, ByteOffset, UnixMicros};
