use super::*;
use proptest::prelude::*;

fn check(input: &str, expect: &[&str]) {
    let events: Vec<_> = Events::new(input.as_bytes()).map(|range| &input[range]).collect();
    assert_eq!(events, expect, "{input}");
    let last = expect.last().map_or(0, |event| input.len() - event.len());
    assert_eq!(last_event_start(input.as_bytes()), last, "{input}");
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
    ];
    let records = [
        "Sep  1 10:00:00 host x",
        "<34>x",
        "{ \"a\": 1 }\r",
        "1.2.3.4 - - [21/Sep/2026:10:00:00 +0000] \"GET",
        "host:80 ::1 - a b [21/Sep/2026:10:00:00 +0000] \"GET",
    ];
    let others =
        ["", "x", "  2026-09-21 10:00:00", "{", "at 2026-09-21 10:00:00", "1789984800", "Caused by: x"];
    for (lines, expect) in
        [(&timestamped[..], Head::Timestamped), (&records, Head::Record), (&others, Head::Other)]
    {
        for line in lines {
            assert_eq!(head(line.as_bytes()), expect, "{line:?}");
        }
    }
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

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("2026-09-21 10:00:00 x"),
        Just("[INFO] 2026-09-21 10:00:00 x"),
        Just("Sep 21 10:00:00 host x"),
        Just("{\"a\": 1}"),
        Just("1.2.3.4 - - [21/Sep/2026:10:00:00 +0000] \"GET"),
        Just(""),
        Just("\tat x"),
        Just("plain\r"),
    ]
    .prop_map(str::to_owned)
}

fn assert_frames_agree(bytes: &[u8]) -> Result<(), TestCaseError> {
    let events: Vec<_> = Events::new(bytes).collect();
    let mut at = 0;
    for event in &events {
        prop_assert_eq!(event.start, at);
        prop_assert!(event.end > event.start);
        at = event.end;
    }
    prop_assert_eq!(at, bytes.len());
    prop_assert_eq!(last_event_start(bytes), events.last().map_or(0, |event| event.start));
    for (index, event) in events.iter().enumerate() {
        let front: Vec<_> = Events::new(&bytes[..event.end]).collect();
        prop_assert_eq!(&front[..], &events[..=index]);
        let back: Vec<_> = Events::new(&bytes[event.end..])
            .map(|range| range.start + event.end..range.end + event.end)
            .collect();
        prop_assert_eq!(&back[..], &events[index + 1..]);
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_tiled_and_cut_alike(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        assert_frames_agree(&bytes)?;
    }

    #[test]
    fn likely_lines_are_tiled_and_cut_alike(
        lines in proptest::collection::vec(line(), 0..30),
        terminated in any::<bool>(),
    ) {
        let text = lines.join("\n") + if terminated { "\n" } else { "" };
        assert_frames_agree(text.as_bytes())?;
    }

    #[test]
    fn events_near_the_limit_are_cut_alike(count in EVENT_LINES_MAX - 3..EVENT_LINES_MAX + 4) {
        let text = format!("10:00:00 x\n{}", "y\n".repeat(count));
        let last = Events::new(text.as_bytes()).last().map(|event| event.start);
        prop_assert_eq!(Some(last_event_start(text.as_bytes())), last);
    }
}
