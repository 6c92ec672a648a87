//! A timestamp behind other columns: `node1 app 2026-09-21 10:00:00 …`, `134681 node-246 unix.hw up 1077804742 1 …`.
//!
//! Only where what stands before it looks like columns and not like a sentence: the first is no ordinary word, and
//! hardly any other is. An epoch in seconds counts as a column of its own, behind a number and another column.

use headrig_contract::Timestamp;
use headrig_contract::timestamp::{Reading, Shape};

/// Columns before the time.
const COLUMNS_MAX: usize = 6;
/// Bytes in which it must begin.
const FRONT_BYTES_MAX: usize = 160;
/// Ordinary words among the columns.
const WORDS_MAX: usize = 1;
/// The same before an epoch, which no sentence holds in that place.
const WORDS_BEFORE_EPOCH_MAX: usize = 2;

/// Where the timestamp begins, and it.
pub(super) fn find(text: &str) -> Option<(usize, Timestamp)> {
    let front = text.as_bytes();
    let (mut at, mut words) = (0, 0);
    for index in 0..COLUMNS_MAX {
        let length =
            front[at..].iter().take(FRONT_BYTES_MAX).position(|byte| matches!(byte, b' ' | b'\t' | b'\n'))?;
        let column = &front[at..at + length];
        let ordinary =
            column.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b',' | b'.' | b'\''))
                || column.iter().skip(1).all(u8::is_ascii_lowercase);
        if index == 0 && (ordinary || column.is_empty()) || front[at + length] == b'\n' {
            return None;
        }
        words += usize::from(ordinary);
        at += length;
        at += front[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'|')).count();
        if at >= front.len().min(FRONT_BYTES_MAX) || words > WORDS_BEFORE_EPOCH_MAX {
            return None;
        }
        let start =
            at + front[at..].iter().take(2).take_while(|byte| matches!(byte, b'[' | b'(' | b'"')).count();
        let Some(timestamp) = Timestamp::parse(&front[start..]) else { continue };
        let numbered = front[0].is_ascii_digit() && index >= 1;
        if is_column(&timestamp, &front[start..], words, numbered) {
            return Some((start, timestamp));
        }
    }
    None
}

fn is_column(timestamp: &Timestamp, bytes: &[u8], words: usize, numbered: bool) -> bool {
    let full = matches!(timestamp.reading, Reading::Instant(_) | Reading::Local(_));
    match timestamp.shape {
        Shape::Epoch => numbered && timestamp.length == 10 && bytes.get(10) == Some(&b' '),
        Shape::Syslog => words <= WORDS_MAX,
        _ => full && words <= WORDS_MAX,
    }
}
