//! Which stream a file belongs to: told by device, inode and birth, a fingerprint of its head and a hash of the
//! window before the offset. Pure: the shell brings the bytes.
//!
//! Invariants: a file with the bytes that a stream sealed is that stream, whatever its name or inode, where
//! the evidence is strong; two files that merely begin alike are two streams. Where the evidence is weak
//! the line is shipped rather than lost.

use headrig_contract::{ByteOffset, Generation, StreamId, UnixMicros};
use sha2::{Digest, Sha256};
use std::{fs::Metadata, os::unix::fs::MetadataExt, path::Path, time::UNIX_EPOCH};

/// The most bytes of a file's head, and of the window before an offset, that are hashed.
pub const FINGERPRINT_BYTES_MAX: usize = 1024;

/// A file on this machine. An inode's number is given out again when its file is deleted; the time of birth
/// (statx(2), `stx_btime`) tells the two apart where the file system keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// The device's number.
    pub device: u64,
    /// The inode's number on it.
    pub inode: u64,
    /// When the file was made; 1970 where the file system does not say.
    pub born: UnixMicros,
}

impl FileId {
    /// The identity that `metadata` shows.
    pub fn of(metadata: &Metadata) -> Self {
        let since_epoch = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let born = since_epoch.and_then(|time| i64::try_from(time.as_micros()).ok()).unwrap_or(0);
        Self { device: metadata.dev(), inode: metadata.ino(), born: UnixMicros(born) }
    }
}

/// A hash of at most [`FINGERPRINT_BYTES_MAX`] bytes at a known place: the first 16 bytes of their SHA-256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// How many bytes are hashed.
    pub length: u16,
    /// Their hash.
    pub hash: [u8; 16],
}

/// One generation of one stream: what `(stream, generation)` names in the lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StrandId {
    /// The stream.
    pub stream: StreamId,
    /// The generation.
    pub generation: Generation,
}

/// How far a strand was read, and how to know its file again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The bytes read.
    pub offset: ByteOffset,
    /// The first bytes: `min(offset, FINGERPRINT_BYTES_MAX)` of them.
    pub head: Fingerprint,
    /// The last bytes before `offset`; at least one where `offset` is not zero.
    pub window: Fingerprint,
    /// The byte before `offset` does not end a line.
    pub mid_line: bool,
}

/// How much a matching [`Mark`] proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The whole first KiB is the same, and so is the window.
    Strong,
    /// Fewer bytes are the same: equal first lines are common.
    Weak,
}

/// What an unknown file has to do with a strand whose mark it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinship {
    /// It carries the strand on: the strand's own file is gone or begun anew.
    Heir,
    /// It is a copy of a file that is still there, and all of it was read.
    Copy,
    /// Nothing: it is a stream of its own.
    Stranger,
}

/// What is known when an unknown file matches a strand's mark.
#[derive(Clone, Copy, Debug)]
pub struct Likeness {
    /// How much the match proves.
    pub evidence: Evidence,
    /// The strand's own file is still there, with what was read from it.
    pub original_intact: bool,
    /// The file's name is one that rotation makes of the strand's.
    pub rotated_name: bool,
    /// The file holds a compressed copy under the strand's own name.
    pub compressed_same_name: bool,
    /// The file ends where the strand was read to.
    pub ends_at_mark: bool,
}

impl Fingerprint {
    /// The fingerprint of `bytes`, which are at most [`FINGERPRINT_BYTES_MAX`].
    pub fn of(bytes: &[u8]) -> Self {
        debug_assert!(bytes.len() <= FINGERPRINT_BYTES_MAX);
        let digest = Sha256::digest(bytes);
        let mut hash = [0; 16];
        hash.copy_from_slice(&digest[..16]);
        Self { length: bytes.len() as u16, hash }
    }

    /// Whether the first `length` bytes of `bytes` have this fingerprint.
    pub fn matches_start_of(&self, bytes: &[u8]) -> bool {
        bytes.get(..usize::from(self.length)).is_some_and(|head| Self::of(head) == *self)
    }
}

impl Mark {
    /// Where the window lies.
    pub fn window_range(&self) -> std::ops::Range<u64> {
        self.offset.0 - u64::from(self.window.length)..self.offset.0
    }

    /// How much it proves that a file has this mark.
    pub fn evidence(&self) -> Evidence {
        if usize::from(self.head.length) == FINGERPRINT_BYTES_MAX { Evidence::Strong } else { Evidence::Weak }
    }
}

impl Likeness {
    /// Decides between losing and doubling: strong evidence is believed, weak evidence only with a name
    /// that rotation or compression explains.
    pub fn kinship(&self) -> Kinship {
        let strong = self.evidence == Evidence::Strong;
        if self.original_intact {
            let copy = self.ends_at_mark && (self.compressed_same_name || strong && self.rotated_name);
            return if copy { Kinship::Copy } else { Kinship::Stranger };
        }
        if strong || self.rotated_name || self.compressed_same_name {
            Kinship::Heir
        } else {
            Kinship::Stranger
        }
    }
}

/// Whether rotation makes `name` of `of`, or both of a common one: `app.log` -> `app.log.1`,
/// `app.log-20260921`, `app.log.2.gz`. The folder does not count, since old logs may be kept apart.
pub fn is_rotated_name(name: &Path, of: &Path) -> bool {
    let [name, of] = [name, of].map(|path| path.file_name().unwrap_or_default().as_encoded_bytes());
    name != of && rotation_root(name) == rotation_root(of)
}

/// Whether `name` is `of` with a compressor's ending, in any folder.
pub fn is_compressed_name(name: &Path, of: &Path) -> bool {
    let [name, of] = [name, of].map(|path| path.file_name().unwrap_or_default().as_encoded_bytes());
    without_compression(name) == of && name != of
}

/// The name without a compressor's ending and without the numbers and dates that rotation puts at the end.
fn rotation_root(name: &[u8]) -> &[u8] {
    let mut root = without_compression(name);
    loop {
        let digits = root.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let stem = &root[..root.len() - digits];
        match stem {
            [.., _, b'.' | b'-' | b'_'] if digits > 0 => root = &stem[..stem.len() - 1],
            _ => break,
        }
    }
    [b".old".as_slice(), b".bak", b"~"]
        .into_iter()
        .find_map(|ending| root.strip_suffix(ending))
        .unwrap_or(root)
}

fn without_compression(name: &[u8]) -> &[u8] {
    [b".gz".as_slice(), b".zst"].into_iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_are_known() {
        let check = |name: &str, of: &str, expect: bool| {
            assert_eq!(is_rotated_name(Path::new(name), Path::new(of)), expect, "{name} of {of}");
        };
        check("/var/log/app.log.1", "/var/log/app.log", true);
        check("/old/app.log.2.gz", "/var/log/app.log.1", true);
        check("app.log-20260921", "app.log", true);
        check("app.log.2026-09-21.3.zst", "app.log", true);
        check("app.log.gz", "app.log", true);
        check("app.log.old", "app.log", true);
        check("app.log", "app.log", false);
        check("web-2.log", "web-1.log", false);
        check("other.log.1", "app.log", false);
        check("1", "2", false);
    }

    #[test]
    fn weak_evidence_never_takes_a_line_away_from_a_new_file() {
        let like = Likeness {
            evidence: Evidence::Weak,
            original_intact: false,
            rotated_name: false,
            compressed_same_name: false,
            ends_at_mark: true,
        };
        assert_eq!(like.kinship(), Kinship::Stranger);
        assert_eq!(Likeness { rotated_name: true, ..like }.kinship(), Kinship::Heir);
        assert_eq!(Likeness { evidence: Evidence::Strong, ..like }.kinship(), Kinship::Heir);
    }

    #[test]
    fn a_copy_of_a_living_file_is_one_only_where_it_ends_at_the_mark() {
        let like = Likeness {
            evidence: Evidence::Strong,
            original_intact: true,
            rotated_name: true,
            compressed_same_name: false,
            ends_at_mark: true,
        };
        assert_eq!(like.kinship(), Kinship::Copy);
        assert_eq!(Likeness { ends_at_mark: false, ..like }.kinship(), Kinship::Stranger);
        assert_eq!(Likeness { rotated_name: false, ..like }.kinship(), Kinship::Stranger);
        assert_eq!(Likeness { evidence: Evidence::Weak, ..like }.kinship(), Kinship::Stranger);
    }
}
