use super::*;
use headrig_contract::framing::{Encoding, FramingRule, Multiline, Pattern};
use proptest::prelude::*;

const START: ByteOffset = ByteOffset(0);

proptest! {
    #[test]
    fn runs_tile_the_bytes_and_no_line_in_them_is_too_long(
        lines in proptest::collection::vec(0..40usize, 0..30), newline_at_end: bool, starts_mid_line: bool,
        utf16: bool,
    ) {
        let mut bytes: Vec<u8> = lines.iter().flat_map(|length| [vec![b'x'; *length], vec![b'\n']].concat()).collect();
        if !newline_at_end { bytes.pop(); }
        let encoding = if utf16 { Encoding::Utf16Be } else { Encoding::Utf8 };
        if utf16 { bytes = bytes.into_iter().flat_map(|byte| [0, byte]).collect(); }
        let (mut at, mut mid_line) = (0, starts_mid_line);
        for (range, edges) in runs(Lines::new(encoding, START), &bytes, starts_mid_line, 17) {
            prop_assert_eq!(range.start, at);
            prop_assert_eq!(edges.starts_mid_line, mid_line);
            prop_assert!(!utf16 || range.start % 2 == 0 && range.end % 2 == 0, "{:?}", range);
            prop_assert!(bytes[range.clone()].split(|byte| *byte == b'\n').all(|line| line.len() <= 17));
            (at, mid_line) = (range.end, edges.ends_mid_line);
            prop_assert_eq!(mid_line, bytes[at - 1] != b'\n');
        }
        prop_assert_eq!(at, bytes.len());
    }

    #[test]
    fn a_full_block_always_makes_progress(
        bytes in proptest::collection::vec(any::<u8>(), 2..300), utf16: bool, offset in 0..2u64,
    ) {
        let encoding = if utf16 { Encoding::Utf16Le } else { Encoding::Utf8 };
        let framing = Framing::default().in_encoding(encoding);
        let taken = takeable(&framing, &bytes, ByteOffset(offset), true, Ending::BlockFull);
        prop_assert!(0 < taken && taken <= bytes.len());
    }
}

#[test]
fn an_event_that_could_go_on_waits_for_its_end() {
    let check = |bytes: &str, ending, expect: usize| {
        let found = takeable(&Framing::default(), bytes.as_bytes(), START, true, ending);
        assert_eq!(found, expect, "{bytes:?} {ending:?}");
    };
    let trace = "2026-09-21 10:00:00 ERROR boom\n\tat f()\n";
    check(&format!("{trace}{trace}"), Ending::Fresh, trace.len());
    check(trace, Ending::Fresh, 0);
    check(trace, Ending::BlockFull, trace.len());
    check(trace, Ending::QuietLeave, trace.len());
    check(&format!("{trace}half"), Ending::QuietLeave, trace.len());
    check(&format!("{trace}half"), Ending::QuietTake, trace.len() + 4);
    check("plain\nhalf", Ending::Fresh, 6);
    check("half", Ending::BlockFull, 4);
}

#[test]
fn a_rule_says_which_events_wait() {
    let check = |multiline: Multiline, expect: usize| {
        let framing = Framing::new(FramingRule { encoding: Encoding::Utf8, multiline }).unwrap();
        assert_eq!(takeable(&framing, b"a\n10:00:00 b\n", START, true, Ending::Fresh), expect, "{framing:?}");
    };
    check(Multiline::Off, 13);
    check(Multiline::Start(Pattern::new("^1").unwrap()), 2);
    check(Multiline::Start(Pattern::new("^a").unwrap()), 0);
    check(Multiline::Continue(Pattern::new("^x").unwrap()), 2);
}

#[test]
fn half_a_code_unit_waits_for_its_other_half() {
    let framing = Framing::default().in_encoding(Encoding::Utf16Le);
    let check = |bytes: &[u8], ending, expect: usize| {
        assert_eq!(takeable(&framing, bytes, START, true, ending), expect, "{bytes:?} {ending:?}");
    };
    check(b"a\0\n", Ending::Fresh, 0);
    check(b"a\0\n", Ending::QuietLeave, 0);
    check(b"a\0\n", Ending::BlockFull, 2);
    check(b"a\0\n\0b", Ending::Fresh, 4);
    check(b"a\0\n\0b", Ending::QuietTake, 5);
}
