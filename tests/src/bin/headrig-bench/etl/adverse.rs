//! Lines that a batch could be made of to make it cost memory: of any day, of hundreds of attributes, of long text that
//! does not compress, and all of it out of order.

use super::objects::LINE_BYTES_RESERVED;
use headrig_tests::random::Random;
use std::fmt::Write;

/// Days over which the lines are spread: with levels more partitions than are held open. More of them cost no more
/// memory, only a disk that is busy for minutes with very many small files.
const DAYS: u64 = 1_500;
/// Attributes of a line that has many.
const ATTRIBUTES: u64 = 300;
/// Hexadecimal digits of a long line; they compress to half.
const LONG_DIGITS: u64 = LINE_BYTES_RESERVED as u64 - 200;

/// An endless log, made line by line.
pub(super) struct Adverse(Random);

impl Adverse {
    /// The log that `seed` gives.
    pub(super) fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    /// The next line, with its newline, appended to `out`.
    pub(super) fn push_line(&mut self, out: &mut String) {
        let random = &mut self.0;
        let seconds = 1_500_000_000 + random.below(DAYS) * 86_400 + random.below(86_400);
        let level = random.pick(&["debug", "info", "warn", "error", "fatal"]);
        let _ = match random.below(20) {
            0 => write!(out, "{{\"time\":{seconds},\"level\":\"{level}\",\"msg\":\"long\",\"data\":\"")
                .and_then(|()| digits(random, LONG_DIGITS, out))
                .and_then(|()| writeln!(out, "\"}}")),
            1 => write!(out, "{{\"time\":{seconds},\"level\":\"{level}\",\"msg\":\"many\"")
                .and_then(|()| (0..ATTRIBUTES).try_for_each(|at| attribute(random, at, out)))
                .and_then(|()| writeln!(out, "}}")),
            _ => {
                writeln!(out, "{{\"time\":{seconds},\"level\":\"{level}\",\"msg\":\"{:x}\"}}", random.bits())
            }
        };
    }
}

fn digits(random: &mut Random, number: u64, out: &mut String) -> std::fmt::Result {
    (0..number.div_ceil(16)).try_for_each(|_| write!(out, "{:016x}", random.bits()))
}

fn attribute(random: &mut Random, at: u64, out: &mut String) -> std::fmt::Result {
    write!(out, ",\"k{at}_{:x}\":\"{:x}\"", random.below(64), random.bits())
}
