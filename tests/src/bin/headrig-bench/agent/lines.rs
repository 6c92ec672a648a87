//! Lines that tell which they are and when they were written, so that each can be found again and compared.
//!
//! Invariant: a line is a pure function of its mark.

use headrig_contract::UnixMicros;
use headrig_tests::random::Random;
use jiff::Timestamp;
use std::fmt::Write;

/// What begins a mark in a line; a space ends it.
const MARK: &str = "mark=";

/// Which line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) file: u32,
    /// From 0 on in each file.
    pub(super) number: u32,
    pub(super) written_at: UnixMicros,
}

/// What a file's lines are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Combined access log: each line is an event.
    Access,
    /// They begin with a timestamp: lines of another kind could follow and belong to them, so the last one of a
    /// file is an event only when the file has been quiet for a while.
    Application,
}

impl Style {
    /// Every other file is of one kind.
    pub(super) fn of(file: u32) -> Self {
        if file.is_multiple_of(2) { Self::Access } else { Self::Application }
    }
}

/// Appends the line of this mark, with its newline.
pub(super) fn push_line(mark: Mark, out: &mut String) {
    let Mark { file, number, written_at } = mark;
    let mut random = Random::new(u64::from(file) << 32 | u64::from(number));
    let time = Timestamp::from_microsecond(written_at.0).unwrap_or(Timestamp::UNIX_EPOCH);
    let (id, millis) = (random.bits(), random.below(1_000));
    let mark = format_args!("{MARK}{file}/{number}/{}", written_at.0).to_string();
    // Writing to a String cannot fail.
    let _ = match Style::of(file) {
        Style::Access => writeln!(
            out,
            "10.{}.{}.{} - - [{}] \"GET /api/v1/orders/{id:x}?page={} HTTP/1.1\" 200 {} \"-\" \"curl/8.{} {mark} \" 0.{millis:03}",
            random.below(256),
            random.below(256),
            1 + random.below(254),
            time.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            random.below(40),
            random.below(90_000),
            random.below(20),
        ),
        Style::Application => writeln!(
            out,
            "{time} INFO worker-{file} request {id:016x} of user {} took {millis} ms {mark} ok",
            random.below(5_000),
        ),
    };
}

/// The mark in a line; none in one that has none.
pub(super) fn mark_of(line: &str) -> Option<Mark> {
    let text = &line[line.find(MARK)? + MARK.len()..];
    let mut numbers = text.split(' ').next()?.split('/');
    let mark = Mark {
        file: numbers.next()?.parse().ok()?,
        number: numbers.next()?.parse().ok()?,
        written_at: UnixMicros(numbers.next()?.parse().ok()?),
    };
    numbers.next().is_none().then_some(mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use headrig_contract::{ByteOffset, framing::Framing};

    #[test]
    fn a_line_tells_its_mark_and_is_made_of_nothing_else() {
        for file in [0, 1, 10_000, 9_999] {
            let mark = Mark { file, number: 7, written_at: UnixMicros(1_790_000_000_123_456) };
            let mut line = String::new();
            push_line(mark, &mut line);
            assert_eq!(mark_of(&line), Some(mark), "{line}");
            assert_eq!(line.matches('\n').count(), 1);
            assert!(line.ends_with('\n'));
            let mut again = String::new();
            push_line(mark, &mut again);
            assert_eq!(line, again);
            let goes_on = Framing::default().may_continue(line.as_bytes(), ByteOffset(0));
            assert_eq!(goes_on, Style::of(file) == Style::Application, "{line}");
        }
        assert_eq!(mark_of("10.0.0.1 mark=1/2"), None);
        assert_eq!(mark_of("10.0.0.1"), None);
    }
}
