//! Finds every marked line in what was stored: whether each is there once, whole and in order, and how long after
//! it was written it had arrived.

use super::{
    chunks::{self, Sum},
    lines::{Mark, mark_of, push_line},
};
use crate::null_s3::Object;
use anyhow::{Result, ensure};
use std::time::Duration;

/// What became of the lines.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// In sum.
    pub(super) stored: Sum,
    /// How long each line took, and in which file it is.
    pub(super) times: Vec<(u32, Duration)>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Faults {
    duplicated: u64,
    garbled: u64,
    /// After a later line of their file.
    misordered: u64,
}

/// Reads what was stored of files that have so many lines each.
///
/// # Errors
/// When a line is not there, or there twice, altered or not in its place.
pub(super) fn check(objects: &[Object], lines: &[u32]) -> Result<Delivery> {
    let mut book = Book::new(lines);
    let mut times = Vec::new();
    let stored = chunks::read(objects, |object, _, raw| {
        for line in raw.split_inclusive(|byte| *byte == b'\n') {
            if let Some(mark) = book.enter(line) {
                let micros = object.arrived.micros_since(mark.written_at).max(0);
                times.push((mark.file, Duration::from_micros(micros.unsigned_abs())));
            }
        }
        Ok(())
    })?;
    let written: u64 = lines.iter().map(|count| u64::from(*count)).sum();
    let lost = written - times.len() as u64;
    println!(
        "lines: {written} written, {} delivered, {lost} lost, {} duplicated, {} garbled, {} misordered; \
         {} objects, {:.1} MB raw, {:.1} MB compressed",
        times.len(),
        book.faults.duplicated,
        book.faults.garbled,
        book.faults.misordered,
        stored.objects,
        stored.raw_bytes as f64 / 1e6,
        stored.bytes as f64 / 1e6,
    );
    ensure!(lost == 0 && book.faults == Faults::default(), "not every line was stored once and as it was");
    Ok(Delivery { stored, times })
}

/// The lines that were found.
struct Book {
    found: Vec<Vec<bool>>,
    /// The highest number found in each file, and one more.
    next: Vec<u32>,
    faults: Faults,
    expected: String,
}

impl Book {
    fn new(lines: &[u32]) -> Self {
        Self {
            found: lines.iter().map(|count| vec![false; *count as usize]).collect(),
            next: vec![0; lines.len()],
            faults: Faults::default(),
            expected: String::new(),
        }
    }

    /// Enters a line, and returns its mark where it is whole and new.
    fn enter(&mut self, line: &[u8]) -> Option<Mark> {
        let whole = std::str::from_utf8(line).ok().and_then(mark_of).filter(|mark| {
            self.expected.clear();
            push_line(*mark, &mut self.expected);
            self.expected.as_bytes() == line
        });
        let Some((mark, found)) = whole.and_then(|mark| {
            let found = self.found.get_mut(mark.file as usize)?.get_mut(mark.number as usize)?;
            Some((mark, found))
        }) else {
            self.faults.garbled += 1;
            return None;
        };
        if std::mem::replace(found, true) {
            self.faults.duplicated += 1;
            return None;
        }
        let next = &mut self.next[mark.file as usize];
        self.faults.misordered += u64::from(mark.number < *next);
        *next = (*next).max(mark.number + 1);
        Some(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headrig_contract::UnixMicros;

    #[test]
    fn what_is_wrong_with_a_line_is_told_apart() {
        let line = |file, number| {
            let mut line = String::new();
            push_line(Mark { file, number, written_at: UnixMicros(1_790_000_000_000_000) }, &mut line);
            line
        };
        let mut book = Book::new(&[3, 1]);
        assert!(book.enter(line(0, 0).as_bytes()).is_some());
        assert!(book.enter(line(0, 2).as_bytes()).is_some());
        assert!(book.enter(line(1, 0).as_bytes()).is_some());
        assert_eq!(book.faults, Faults::default());
        assert!(book.enter(line(0, 1).as_bytes()).is_some());
        assert_eq!(book.faults, Faults { misordered: 1, ..Faults::default() });
        assert!(book.enter(line(0, 1).as_bytes()).is_none());
        for odd in [line(2, 0), line(1, 1), line(0, 1).replace("GET", "PUT"), line(0, 1).trim_end().into()] {
            assert!(book.enter(odd.as_bytes()).is_none(), "{odd}");
        }
        assert_eq!(book.faults, Faults { misordered: 1, duplicated: 1, garbled: 4 });
    }
}
