use super::*;
use proptest::prelude::*;

const BEGINNING: ByteOffset = ByteOffset(0);

fn framing(multiline: Multiline) -> Framing {
    Framing::new(FramingRule { encoding: Encoding::Utf8, multiline }).unwrap()
}

fn pattern(text: &str) -> Pattern {
    Pattern::new(text).unwrap()
}

fn check(input: &str, expect: &[&str]) {
    check_by(&Framing::default(), input, expect);
}

fn check_by(framing: &Framing, input: &str, expect: &[&str]) {
    let events: Vec<_> = framing.events(input.as_bytes(), BEGINNING).map(|range| &input[range]).collect();
    assert_eq!(events, expect, "{framing:?} {input}");
    let last = expect.last().map_or(0, |event| input.len() - event.len());
    assert_eq!(framing.last_event_start(input.as_bytes(), BEGINNING), last, "{framing:?} {input}");
}

#[test]
fn a_stack_trace_joins_its_timestamped_line() {
    check(
        "2026-09-21 10:00:00,123 ERROR x failed\njava.io.IOException: no\n\tat a.B.c(B.java:1)\n\n\
         Caused by: y\n2026-09-21 10:00:01,123 INFO x goes on\n",
        &[
            "2026-09-21 10:00:00,123 ERROR x failed\njava.io.IOException: no\n\tat a.B.c(B.java:1)\n\n\
             Caused by: y\n",
            "2026-09-21 10:00:01,123 INFO x goes on\n",
        ],
    );
}

#[test]
fn lines_of_one_line_formats_stand_alone() {
    let lines = [
        "{\"a\": 1}\n",
        "<34>1 2026-09-21T10:00:00Z h a - - - x\n",
        "Sep 21 10:00:00 h sshd[1]: x\n",
        "1.2.3.4 - - [21/Sep/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1\n",
        "plain\n",
        "\n",
        " indented\n",
        "last",
    ];
    check(&lines.concat(), &lines);
}

#[test]
fn a_record_ends_the_event_before_it() {
    let lines = ["10:00:00.123 [main] x\nmore\n", "{\"a\": 1}\n", "plain\n"];
    check(&lines.concat(), &lines);
    check("2026-09-21 10:00:00 x\n{\n  \"a\": 1\n}\n", &["2026-09-21 10:00:00 x\n{\n  \"a\": 1\n}\n"]);
}

#[test]
fn heads_are_told_apart() {
    let timestamped = [
        "2026-09-21T10:00:00Z x",
        "\u{feff}2026-09-21T10:00:00Z x",
        "\x1b[32m2026-09-21T10:00:00Z x",
        "[2026-09-21 10:00:00] x",
        "[INFO] 2026-09-21 10:00:00 x",
        "[INFO ] [2026-09-21 10:00:00] x",
        "WARN: 2026-09-21 10:00:00 x",
        "INFO  [2026-09-21 10:00:00,123] x",
        "E0921 10:00:00.123456 1 x.cc:1] x",
        "[I 2026-09-21 10:00:00.123 App] x",
        "[Sep 21 10:00:00] ERROR[1] x",
        "[Mon Sep 21 10:00:00.123456 2026] [core:error] x",
        "1789984800.123 x",
        "- 1117838570 2005.06.03 R02 x",
        "APPREAD 1117838570 2005.06.03 R02 x",
        "web-1  | 2026-09-21T10:00:00Z x",
        "\x1b[2Kweb-1  | 2026-09-21T10:00:00Z x",
        "nova-api.log.1 2026-09-21 10:00:00.123 1 INFO x",
        "10:00:00 x",
        "[ 09-21 10:00:00.123  1702: 2395 D/Tag ]",
        "I, [2026-09-21T10:00:00.123456 #1234]  INFO -- : x",
        "INFO  [main] 2026-09-21 10:00:00,123 Main.java:1 - x",
        "<Sep 21, 2026 10:00:00 AM UTC> <Notice> x",
        "####<Sep 21, 2026 10:00:00 AM UTC> <Notice> x",
        "EXT_FS 1117838570 2005.06.03 R02 x",
        "# Time: 2026-09-21T10:00:00.123456Z",
        "# User@Host: ana[ana] @ h []",
        "Start-Date: 2026-09-21  10:00:00",
        "WARNING:root:x",
        "  2026-09-21T10:00:00.123456Z  INFO app: x",
        "  \x1b[2m2026-09-21T10:00:00.123456Z\x1b[0m \x1b[32m INFO\x1b[0m app: x",
    ];
    let records = [
        "Sep  1 10:00:00 host x",
        "<34>x",
        "{ \"a\": 1 }\r",
        "1.2.3.4 - - [21/Sep/2026:10:00:00 +0000] \"GET",
        "host:80 ::1 - a b [21/Sep/2026:10:00:00 +0000] \"GET",
        "#Fields: date time",
    ];
    let others = [
        "",
        "x",
        "  2026-09-21 10:00:00",
        "  2026-09-21T10:00:00Z said",
        "ERROR: x:y",
        "# Comment",
        "[x] y",
        "{",
        "at 2026-09-21 10:00:00",
        "1789984800",
        "Caused by: x",
    ];
    for (lines, expect) in
        [(&timestamped[..], Head::Timestamped), (&records, Head::Record), (&others, Head::Other)]
    {
        for line in lines {
            assert_eq!(head(line.as_bytes()), expect, "{line:?}");
        }
    }
}

#[test]
fn entries_of_programs_with_several_lines_are_whole() {
    let entry = "# User@Host: a[a] @ h []  Id:     8\n# Query_time: 2.0\nSET timestamp=1;\nselect\n1;\n";
    let timed = format!("# Time: 2026-09-21T10:00:00Z\n{entry}");
    check(&format!("{timed}{entry}{timed}"), &[&timed, entry, &timed]);
    let events = [
        "[ 09-21 10:00:00.123  1702: 2395 D/Tag ]\nmessage\n\n",
        "ERROR:root:x\nTraceback (most recent call last):\n  File \"a.py\", line 1\nValueError: y\n",
        "Start-Date: 2026-09-21  10:00:00\nCommandline: apt upgrade\nEnd-Date: 2026-09-21  10:00:01\n\n",
        "  2026-09-21T10:00:00.123456Z  INFO app: x\n    at src/main.rs:1\n\n",
        "I0921 10:00:00.123456    1 a.go:1] x\ngoroutine 1 [running]:\n",
        "2026-09-21 10:00:00.123 UTC [1] LOG:  statement: select\n\t1\n",
        "2026-09-21 10:00:00 192.0.2.1 GET / - 80 - 192.0.2.2 x 200 0 0 1\n",
        "#Software: Microsoft Internet Information Services 10.0\n",
    ];
    check(&events.concat(), &events);
}

#[test]
fn past_the_limit_of_lines_each_line_is_an_event() {
    let first = format!("10:00:00 x\n{}", "y\n".repeat(EVENT_LINES_MAX - 1));
    check(&first, &[&first]);
    check(&format!("{first}y\ny\n"), &[&first, "y\n", "y\n"]);
}

#[test]
fn past_the_limit_of_bytes_each_line_is_an_event() {
    let long = format!("{}\n", "y".repeat(EVENT_BYTES_MAX / 2));
    let first = format!("10:00:00 x\n{long}");
    check(&format!("{first}{long}y\n"), &[&first, &long, "y\n"]);
    let longer = format!("10:00:00 {}\n", "x".repeat(EVENT_BYTES_MAX));
    check(&format!("{longer}y\n"), &[&longer, "y\n"]);
}

#[test]
fn a_pattern_opens_events_or_continues_them() {
    let start = framing(Multiline::Start(pattern(r"^\[\d+\]$|^begin")));
    check_by(
        &start,
        "stray\nstray\n[1]\r\n2026-09-21 10:00:00 x\n\n[2] no\nbegin\nbegin",
        &["stray\n", "stray\n", "[1]\r\n2026-09-21 10:00:00 x\n\n[2] no\n", "begin\n", "begin"],
    );
    let goes_on = framing(Multiline::Continue(pattern(r"^\s|^$")));
    check_by(&goes_on, "  stray\na\n b\n\n c\nd\ne", &["  stray\n", "a\n b\n\n c\n", "d\n", "e"]);
    let off = framing(Multiline::Off);
    check_by(&off, "10:00:00 x\n\tat y\n", &["10:00:00 x\n", "\tat y\n"]);
    assert!(!off.may_continue(b"10:00:00 x\n", BEGINNING));
    assert!(start.may_continue(b"begin\nx\n", BEGINNING) && !start.may_continue(b"x\nbegin\n", BEGINNING));
    assert!(goes_on.may_continue(b"x\n", BEGINNING) && !goes_on.may_continue(b" x\n", BEGINNING));
}

#[test]
fn a_pattern_is_bound_by_the_same_limits() {
    let start = framing(Multiline::Start(pattern("^x")));
    let first = format!("x\n{}", "y\n".repeat(EVENT_LINES_MAX - 1));
    check_by(&start, &format!("{first}y\ny\n"), &[&first, "y\n", "y\n"]);
    let long = format!("{}\n", "y".repeat(EVENT_BYTES_MAX / 2));
    let first = format!("x\n{long}");
    check_by(&start, &format!("{first}{long}y\n"), &[&first, &long, "y\n"]);
}

#[test]
fn what_is_no_pattern_or_too_large_a_one_is_told() {
    let error = |text: &str| {
        let rule = FramingRule { multiline: Multiline::Start(pattern(text)), ..FramingRule::default() };
        Framing::new(rule).unwrap_err().to_string()
    };
    assert_eq!(error("^[a"), "expected a regular expression, found \"^[a\": unclosed character class");
    assert!(error("(?:x{1000}){1000}").contains("too much memory"));
    assert!(error(&"(".repeat(1000)).contains("expected a regular expression"));
    assert_eq!(Pattern::new(""), Err(PatternError::Length { found: 0 }));
    assert_eq!(Pattern::new(&"x".repeat(1025)), Err(PatternError::Length { found: 1025 }));
}

fn utf16(text: &str, encoding: Encoding) -> Vec<u8> {
    let bytes = if encoding == Encoding::Utf16Le { u16::to_le_bytes } else { u16::to_be_bytes };
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn lines_of_utf_16_end_with_an_aligned_code_unit() {
    // U+0A00, U+000A, U+0A0A, U+010A: only the second is a line's end, in whatever order its bytes stand.
    let text = "\u{a00}\n\u{a0a}\u{10a}";
    for encoding in [Encoding::Utf16Le, Encoding::Utf16Be] {
        let bytes = utf16(text, encoding);
        let lines = Lines::new(encoding, BEGINNING);
        assert_eq!((lines.end(&bytes, 0), lines.end(&bytes, 4)), (4, 8), "{encoding:?}");
        assert_eq!((lines.last_end(&bytes), lines.start(&bytes, 8), lines.count(&bytes)), (Some(4), 4, 2));
        assert!(lines.is_terminated(&bytes[..4]));
        assert!([0, 2, 3, 5, 6, 8].into_iter().all(|end| !lines.is_terminated(&bytes[..end])));
        // The same from the middle of a unit on: where the file's units stand counts.
        let odd = Lines::new(encoding, ByteOffset(7));
        assert_eq!((odd.end(&bytes[1..], 0), odd.last_end(&bytes[1..]), odd.floor(4)), (3, Some(3), 3));
        assert_eq!(odd.text(&bytes[1..]), "\n\u{a0a}\u{10a}");
        assert!(lines.is_terminator(&bytes[2..4]) && lines.is_terminator(&utf16("\r\n", encoding)));
        assert!(!lines.is_terminator(&bytes[..4]) && !odd.is_terminator(&bytes[2..4]));
    }
}

#[test]
fn text_of_utf_16_is_decoded_and_what_is_none_is_replaced() {
    for encoding in [Encoding::Utf16Le, Encoding::Utf16Be] {
        let lines = Lines::new(encoding, BEGINNING);
        assert_eq!(
            lines.text(&utf16("\u{feff}caf\u{e9} \u{1f600}\u{feff}", encoding)),
            "café \u{1f600}\u{feff}"
        );
        let mut torn = utf16("a\u{1f600}", encoding);
        torn.truncate(5);
        assert_eq!(lines.text(&torn), "a\u{fffd}\u{fffd}", "half a pair, half a unit");
    }
    assert_eq!(Encoding::of_head(b"\xff\xfea"), Encoding::Utf16Le);
    assert_eq!(Encoding::of_head(b"\xfe\xff"), Encoding::Utf16Be);
    assert_eq!(Encoding::of_head(b"\xff"), Encoding::Utf8);
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("2026-09-21 10:00:00 x"),
        Just("[INFO] 2026-09-21 10:00:00 x"),
        Just("Sep 21 10:00:00 host x"),
        Just("{\"a\": 1}"),
        Just("1.2.3.4 - - [21/Sep/2026:10:00:00 +0000] \"GET"),
        Just(""),
        Just("\tat x"),
        Just("# Time: 2026-09-21T10:00:00Z"),
        Just("# User@Host: a[a] @ h []"),
        Just("WARNING:root:x"),
        Just("plain\r"),
        Just("\u{a0a}\u{10a} \u{1f600}"),
    ]
    .prop_map(str::to_owned)
}

fn any_framing() -> impl Strategy<Value = Framing> {
    let encoding = proptest::sample::select(vec![Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be]);
    let multiline = proptest::sample::select(vec![
        Multiline::Auto,
        Multiline::Off,
        Multiline::Start(pattern(r"^\d{4}-|^\[")),
        Multiline::Start(pattern("\r?$")),
        Multiline::Continue(pattern(r"^\s|^$")),
        Multiline::Continue(pattern("x$")),
    ]);
    (encoding, multiline)
        .prop_map(|(encoding, multiline)| Framing::new(FramingRule { encoding, multiline }).unwrap())
}

fn assert_frames_agree(framing: &Framing, bytes: &[u8], offset: u64) -> Result<(), TestCaseError> {
    let offset = ByteOffset(offset);
    let events: Vec<_> = framing.events(bytes, offset).collect();
    let mut at = 0;
    for event in &events {
        prop_assert_eq!(event.start, at);
        prop_assert!(event.end > event.start);
        at = event.end;
    }
    prop_assert_eq!(at, bytes.len());
    let last = events.last().map_or(0, |event| event.start);
    prop_assert_eq!(framing.last_event_start(bytes, offset), last);
    for (index, event) in events.iter().enumerate() {
        let front: Vec<_> = framing.events(&bytes[..event.end], offset).collect();
        prop_assert_eq!(&front[..], &events[..=index]);
        let behind = offset.plus(crate::ByteLength(event.end as u64));
        let back: Vec<_> = framing
            .events(&bytes[event.end..], behind)
            .map(|range| range.start + event.end..range.end + event.end)
            .collect();
        prop_assert_eq!(&back[..], &events[index + 1..]);
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_tiled_and_cut_alike(
        framing in any_framing(),
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(0)], 0..300),
        offset in 0..3u64,
    ) {
        assert_frames_agree(&framing, &bytes, offset)?;
    }

    #[test]
    fn likely_lines_are_tiled_and_cut_alike(
        framing in any_framing(),
        lines in proptest::collection::vec(line(), 0..30),
        terminated in any::<bool>(),
    ) {
        let text = lines.join("\n") + if terminated { "\n" } else { "" };
        let bytes = match framing.rule().encoding {
            Encoding::Utf8 => text.into_bytes(),
            encoding => utf16(&text, encoding),
        };
        assert_frames_agree(&framing, &bytes, 0)?;
    }

    #[test]
    fn events_are_the_same_in_every_encoding(framing in any_framing(), lines in proptest::collection::vec(line(), 0..30)) {
        let text = lines.join("\n");
        let of = |encoding, bytes: &[u8]| -> Vec<String> {
            let framing = framing.in_encoding(encoding);
            let events = framing.events(bytes, BEGINNING);
            events.map(|event| framing.lines(ByteOffset(event.start as u64)).text(&bytes[event]).into_owned()).collect()
        };
        let expect = of(Encoding::Utf8, text.as_bytes());
        for encoding in [Encoding::Utf16Le, Encoding::Utf16Be] {
            prop_assert_eq!(of(encoding, &utf16(&text, encoding)), &expect[..]);
        }
    }

    #[test]
    fn events_near_the_limit_are_cut_alike(
        multiline in proptest::sample::select(vec![
            Multiline::Auto,
            Multiline::Start(pattern("^1")),
            Multiline::Continue(pattern("^y")),
        ]),
        count in EVENT_LINES_MAX - 3..EVENT_LINES_MAX + 4,
    ) {
        let framing = framing(multiline);
        let text = format!("10:00:00 x\n{}", "y\n".repeat(count));
        let last = framing.events(text.as_bytes(), BEGINNING).last().map(|event| event.start);
        prop_assert_eq!(Some(framing.last_event_start(text.as_bytes(), BEGINNING)), last);
    }
}
