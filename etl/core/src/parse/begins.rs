//! With which bytes the texts of a format begin: what rules most parsers out before they look.

/// A set of first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Begins([u64; 4]);

impl Begins {
    /// Any text, the empty one too.
    pub(super) const ANY: Self = Self([u64::MAX; 4]);

    /// The ASCII bytes that `set` lists, `0-9` being all from one to the other; a dash for itself stands last.
    pub(super) const fn with(set: &str) -> Self {
        let (set, mut bits, mut at) = (set.as_bytes(), [0; 4], 0);
        while at < set.len() {
            let is_range = at + 2 < set.len() && set[at + 1] == b'-';
            let (mut byte, last) = (set[at], if is_range { set[at + 2] } else { set[at] });
            while byte <= last {
                bits[(byte / 64) as usize] |= 1 << (byte % 64);
                byte += 1;
            }
            at += if is_range { 3 } else { 1 };
        }
        Self(bits)
    }

    /// Whether a text with this first byte may be one; without a byte it is empty.
    #[inline]
    pub(super) const fn admits(&self, first: Option<u8>) -> bool {
        match first {
            Some(byte) => self.0[(byte / 64) as usize] & (1 << (byte % 64)) != 0,
            None => self.0[0] == u64::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_its_ranges_and_single_bytes() {
        let set = Begins::with("0-9<a-c-");
        let held: Vec<u8> = (0..=u8::MAX).filter(|byte| set.admits(Some(*byte))).collect();
        assert_eq!(held, b"-0123456789<abc");
        assert!(!set.admits(None) && Begins::ANY.admits(None) && Begins::ANY.admits(Some(0xc3)));
    }
}
