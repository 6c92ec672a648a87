//! Which C library a program needs: each version of a symbol stands in it as text.
//!
//! Invariant: a program that needs a newer one than where it is to run is an error here, and not a program that does
//! not start there.

use anyhow::{Context, Result, ensure};
use std::{fmt, fs, path::Path};

const MARK: &[u8] = b"GLIBC_";

/// A version of the C library, such as 2.17.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u32, pub(crate) u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Holds a program against the newest version it may need.
///
/// # Errors
/// When it needs a newer one, names none at all or cannot be read.
pub(crate) fn check(program: &Path, newest: Version) -> Result<Version> {
    let bytes = fs::read(program).with_context(|| format!("reading {}", program.display()))?;
    let needed = needed(&bytes).with_context(|| format!("{} names no glibc", program.display()))?;
    ensure!(
        needed <= newest,
        "{} needs glibc {needed}, expected {newest} at most; link it by cargo-zigbuild for that version, or on an older \
         distribution",
        program.display()
    );
    Ok(needed)
}

fn needed(bytes: &[u8]) -> Option<Version> {
    let at = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    at.filter_map(|(place, _)| version(&bytes[place + MARK.len()..])).max()
}

fn version(bytes: &[u8]) -> Option<Version> {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let (major, minor) = text.split_once('.')?;
    Some(Version(major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_counts_by_number_and_not_by_letter() {
        let text = b"\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0GLIBC_";
        assert_eq!(needed(text), Some(Version(2, 34)));
        assert_eq!(needed(b"nothing"), None);
    }
}
