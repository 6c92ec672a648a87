//! Which stream a file belongs to: told by device, inode and birth, a fingerprint of its head and a hash of the
//! window before the offset. Pure: the shell brings the bytes.
//!
//! Invariants: a file with the bytes that a stream sealed is that stream, whatever its name or inode, where
//! the evidence is strong; two files that merely begin alike are two streams. Where the evidence is weak
//! the line is shipped rather than lost.

use headrig_contract::{ByteOffset, Generation, StreamId, UnixMicros};
use sha2::{Digest, Sha256};
use std::path::Path;

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

/// A rotated log's number has at most so many digits; more are a date.
const ROTATION_DIGITS_MAX: usize = 5;

/// How much a likeness proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The whole first KiB is the same, and so is the window.
    Strong,
    /// Fewer bytes are the same: equal first lines are common.
    Weak,
}

/// What an unknown file has to do with a strand that it begins like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinship {
    /// It carries the strand on: the strand's own file is gone or begun anew.
    Heir,
    /// It is a copy of what was read already: there is nothing to take.
    Copy,
    /// It may be a copy that is being made, or one of a file that is not read to its end: ask again later.
    Later,
    /// Nothing: it is a stream of its own.
    Stranger,
}

/// What became of the file that a strand was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Original {
    /// It is gone, or begun anew.
    Gone,
    /// It is there, and all of it was read.
    Read,
    /// It is there, and there is more to read.
    Unread,
    /// It is not where it was seen: the next scan tells what became of it.
    Missed,
}

/// Where an unknown file ends, compared with what was read of a strand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Before, and up to there it is the same.
    BeforeMark,
    /// There.
    AtMark,
    /// Behind.
    BeyondMark,
}

/// What is known when an unknown file is the same as a strand, as far as both go.
#[derive(Clone, Copy, Debug)]
pub struct Likeness {
    /// How much the likeness proves.
    pub evidence: Evidence,
    /// The strand's own file.
    pub original: Original,
    /// The file's name is one that rotation or compression makes of the strand's.
    pub named_after: bool,
    /// Rotation or compression makes the file's name of the strand's last one, not only both of a third.
    pub descends: bool,
    /// It is the strand's own name, with a compressor's ending.
    pub compressed_same_name: bool,
    /// Both are in one folder.
    pub same_folder: bool,
    /// Where the file ends.
    pub ending: Ending,
    /// The file has not changed for a while.
    pub quiet: bool,
    /// The file itself has been deleted since it was opened.
    pub deleted: bool,
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
    /// Decides between losing and doubling: strong evidence is believed, weak evidence only with a name in
    /// the same folder that rotation or compression explains.
    pub fn kinship(&self) -> Kinship {
        let strong = self.evidence == Evidence::Strong;
        let once_quiet = if self.quiet { Kinship::Copy } else { Kinship::Later };
        // Who compresses or copies a file deletes the original: of two that are the same, that one is deleted.
        let is_copy = (self.compressed_same_name || self.deleted && self.named_after)
            && (strong || self.same_folder)
            || strong && self.named_after;
        // Weak evidence needs a name that explains it, made of the strand's or, of a deleted file, the other way.
        let is_explained = (self.descends || self.deleted && self.named_after) && self.same_folder;
        match (self.original, self.ending) {
            (_, Ending::BeforeMark) if strong && self.named_after => once_quiet,
            // Who compresses a file keeps it until the copy is whole.
            (Original::Read | Original::Unread, Ending::BeforeMark)
                if self.compressed_same_name && self.same_folder =>
            {
                once_quiet
            }
            (_, Ending::BeforeMark) => Kinship::Stranger,
            (Original::Gone, _) if strong => Kinship::Heir,
            (Original::Gone, Ending::AtMark) if is_copy => Kinship::Heir,
            // As long as it is written, a longer strand may turn out to be the like one.
            (Original::Gone, _) if is_explained && !self.quiet => Kinship::Later,
            (Original::Gone, _) if is_explained => Kinship::Heir,
            (Original::Read, Ending::AtMark) if is_copy => once_quiet,
            // What is little evidence now is more once the original is read.
            (Original::Unread, _) if is_copy || is_explained => Kinship::Later,
            (Original::Missed, _) if self.named_after => Kinship::Later,
            _ => Kinship::Stranger,
        }
    }

    /// Whether no evidence at all could make it kin.
    pub fn is_hopeless(&self) -> bool {
        self.original != Original::Gone && !self.named_after
    }
}

/// Whether rotation makes `name` of `of`, or both of a common one: `app.log` -> `app.log.1`,
/// `app.log-20260921`, `app.log.2.gz`. The folder does not count, since old logs may be kept apart.
pub fn is_rotated_name(name: &Path, of: &Path) -> bool {
    let [name, of] = [name, of].map(|path| path.file_name().unwrap_or_default().as_encoded_bytes());
    name != of && rotation_root(name) == rotation_root(of)
}

/// Whether rotation or compression makes `name` of `of`: `app.log` -> `app.log.1` or `app.log-20260921`,
/// `app.log.1` -> `app.log.2`, any of them -> the same with `.gz`. A dated name only ever gets compressed.
pub fn is_descendant_name(name: &Path, of: &Path) -> bool {
    let [name, of] = [name, of].map(|path| path.file_name().unwrap_or_default().as_encoded_bytes());
    let plain = without_compression(name);
    if name != of && plain == of {
        return true;
    }
    let grown = plain.strip_prefix(of).is_some_and(|rest| {
        matches!(rest, [b'.' | b'-' | b'_', first, ..] if first.is_ascii_digit())
            && rotation_root(plain) == rotation_root(of)
    });
    let numbers = [plain, of].map(rotation_number);
    grown
        || rotation_root(plain) == rotation_root(of)
            && matches!(numbers, [Some(number), Some(of)] if number > of)
}

/// The number at the end of a rotated log's name; dates are none.
fn rotation_number(name: &[u8]) -> Option<u32> {
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (stem, digits) = name.split_at(name.len() - digits);
    if stem.last() != Some(&b'.') || digits.len() > ROTATION_DIGITS_MAX {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
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
    fn a_name_descends_only_the_way_rotation_goes() {
        let check = |name: &str, of: &str, expect: bool| {
            assert_eq!(is_descendant_name(Path::new(name), Path::new(of)), expect, "{name} of {of}");
        };
        check("app.log.1", "app.log", true);
        check("app.log-20260921", "app.log", true);
        check("app.log.3.gz", "app.log.2", true);
        check("app.log-20260921.gz", "app.log-20260921", true);
        check("app.log-20260922", "app.log-20260921", false);
        check("app.log", "app.log.1", false);
        check("app.log.1", "app.log.2", false);
        check("app.log", "app.log", false);
    }

    const LIKE: Likeness = Likeness {
        evidence: Evidence::Strong,
        original: Original::Gone,
        named_after: true,
        descends: true,
        compressed_same_name: false,
        same_folder: true,
        ending: Ending::AtMark,
        quiet: true,
        deleted: false,
    };

    #[test]
    fn weak_evidence_never_takes_a_line_away_from_a_new_file() {
        let weak = Likeness { evidence: Evidence::Weak, ..LIKE };
        assert_eq!(weak.kinship(), Kinship::Heir);
        assert_eq!(Likeness { descends: false, ..weak }.kinship(), Kinship::Stranger);
        assert_eq!(Likeness { same_folder: false, ..weak }.kinship(), Kinship::Stranger);
        assert_eq!(Likeness { named_after: false, same_folder: false, ..LIKE }.kinship(), Kinship::Heir);
    }

    #[test]
    fn a_copy_of_a_living_file_is_one_only_where_it_ends_at_the_mark() {
        let like = Likeness { original: Original::Read, ..LIKE };
        assert_eq!(like.kinship(), Kinship::Copy);
        assert_eq!(Likeness { quiet: false, ..like }.kinship(), Kinship::Later);
        assert_eq!(Likeness { ending: Ending::BeyondMark, ..like }.kinship(), Kinship::Stranger);
        assert_eq!(Likeness { named_after: false, ..like }.kinship(), Kinship::Stranger);
        assert_eq!(Likeness { evidence: Evidence::Weak, ..like }.kinship(), Kinship::Stranger);
        assert_eq!(Likeness { original: Original::Unread, ..like }.kinship(), Kinship::Later);
        assert_eq!(Likeness { evidence: Evidence::Weak, deleted: true, ..like }.kinship(), Kinship::Copy);
        assert_eq!(Likeness { original: Original::Missed, ..like }.kinship(), Kinship::Later);
    }

    #[test]
    fn little_evidence_waits_for_more_as_long_as_the_original_is_not_read() {
        let weak = Likeness { evidence: Evidence::Weak, original: Original::Unread, ..LIKE };
        assert_eq!(weak.kinship(), Kinship::Later);
        assert_eq!(Likeness { descends: false, ..weak }.kinship(), Kinship::Stranger);
        assert_eq!(Likeness { original: Original::Read, ..weak }.kinship(), Kinship::Stranger);
    }

    #[test]
    fn a_deleted_file_is_the_original_of_the_compressed_one_that_is_gone_as_well() {
        // app.log.1 is still open here; app.log.2.gz, which was read instead, was deleted.
        let open = Likeness { evidence: Evidence::Weak, descends: false, deleted: true, ..LIKE };
        assert_eq!(Likeness { ending: Ending::BeyondMark, ..open }.kinship(), Kinship::Heir);
        assert_eq!(Likeness { quiet: false, ending: Ending::BeyondMark, ..open }.kinship(), Kinship::Later);
        assert_eq!(Likeness { same_folder: false, ..open }.kinship(), Kinship::Stranger);
    }

    #[test]
    fn a_copy_that_is_being_made_is_waited_for() {
        let like = Likeness { original: Original::Read, ending: Ending::BeforeMark, quiet: false, ..LIKE };
        assert_eq!(like.kinship(), Kinship::Later);
        assert_eq!(Likeness { quiet: true, ..like }.kinship(), Kinship::Copy);
        assert_eq!(Likeness { evidence: Evidence::Weak, ..like }.kinship(), Kinship::Stranger);
    }
}
