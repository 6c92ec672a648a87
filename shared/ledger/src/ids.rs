//! Identities and counters of batches. Parsed once at the edge, valid ever after.

use headrig_contract::{ContentHash, ids::Id};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// The longest run id, in bytes: what Glue allows for a JobRunId.
pub const RUN_ID_BYTES_MAX: usize = 255;

/// Marks [`BatchId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BatchKind {}

/// A batch: the SHA-256 of its sorted members. See [`batch_id`].
pub type BatchId = Id<BatchKind, 32>;

/// The id of the batch of these members, in whatever order.
///
/// It is SHA-256 over the members' hashes in ascending order; a member that was taken out of quarantine
/// adds its round (little-endian) behind its hash, so that a set of files which comes together again
/// makes a new batch and not one that is finished.
pub fn batch_id(members: &[(ContentHash, Round)]) -> BatchId {
    let mut sorted = members.to_vec();
    sorted.sort_unstable();
    let mut digest = Sha256::new();
    for (hash, round) in sorted {
        digest.update(hash.as_bytes());
        if round != Round::default() {
            digest.update(round.0.to_le_bytes());
        }
    }
    BatchId::from_bytes(digest.finalize().into())
}

/// How often a file was put back to `Pending` after a quarantine; 0 at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Round(pub u32);

impl Round {
    /// The round after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// How often a run was started for a batch; the first start makes it 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(pub u32);

impl Attempt {
    /// The attempt after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How often a batch has changed; every write is conditional on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

impl Version {
    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One run of the job, as the engine names it (a Glue JobRunId), unique for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

/// Why a text is no run id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a run id of 1 to {RUN_ID_BYTES_MAX} visible ASCII characters, found {found:?}")]
pub struct RunIdError {
    /// The text that was given.
    pub found: String,
}

impl RunId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, RunIdError> {
        let fits =
            (1..=RUN_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.into())) } else { Err(RunIdError { found: text.into() }) }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(text: &str, round: u32) -> (ContentHash, Round) {
        (ContentHash::of(text.as_bytes()), Round(round))
    }

    #[test]
    fn a_batch_id_is_the_hash_of_its_sorted_members() {
        let (a, b) = (member("a", 0), member("b", 0));
        assert_eq!(batch_id(&[a, b]), batch_id(&[b, a]));
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        let plain = [low.0.as_bytes().as_slice(), high.0.as_bytes()].concat();
        assert_eq!(batch_id(&[a, b]).as_bytes(), ContentHash::of(&plain).as_bytes());
    }

    #[test]
    fn members_that_come_together_again_make_a_new_batch() {
        let ids = [0, 1, 2].map(|round| batch_id(&[member("a", round), member("b", 0)]));
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    }

    #[test]
    fn run_ids_are_short_visible_text() {
        assert!("jr_0f3a".parse::<RunId>().is_ok());
        for text in ["", "a b", "é", "a\n", &"x".repeat(256)] {
            assert!(text.parse::<RunId>().is_err(), "{text:?}");
        }
    }
}
