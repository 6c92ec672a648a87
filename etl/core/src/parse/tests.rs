use super::*;
use headrig_contract::UnixMicros;
use jiff::tz::TimeZone;
use proptest::prelude::*;

/// 2026-10-01T00:00:00Z, when the tests read; the files were modified an hour before.
const READ_AT: i64 = 1_790_812_800;

pub(super) fn context(zone: &TimeZone) -> Context<'_> {
    let read_at = UnixMicros::from_seconds(READ_AT);
    Context::new(read_at, UnixMicros::from_seconds(READ_AT - 3_600), zone)
}

/// Holds the event that the named parser makes of `text` against its fields, one `name=value` each in
/// the order of the columns; attributes have a `+`. No fields: the parser refuses the text.
pub(super) fn check(parser: &str, text: &str, expect: &[&str]) {
    let parser = PARSERS.iter().find(|known| known.name == parser).expect(parser);
    let zone = TimeZone::UTC;
    let (context, mut event) = (context(&zone), Event::default());
    reset(&mut event, &context);
    let taken = parser.parse(text, &context, &mut event);
    let fields = if taken { rendered(&event) } else { Vec::new() };
    assert_eq!(fields, expect, "{text}");
}

pub(super) fn rendered(event: &Event<'_>) -> Vec<String> {
    let ts = jiff::Timestamp::from_microsecond(event.ts.0).expect("in range");
    let mut fields = vec![
        format!("{}={ts}", event.ts_source.as_str()),
        format!("severity={}", event.severity_number),
        format!("type={}", event.event_type.as_str()),
    ];
    let texts = [
        ("service", &event.service),
        ("user", &event.user_name),
        ("src", &event.src_ip),
        ("method", &event.http_method),
        ("path", &event.http_path),
        ("agent", &event.http_user_agent),
        ("referrer", &event.http_referrer),
        ("trace", &event.trace_id),
        ("span", &event.span_id),
        ("message", &event.message),
    ];
    let numbers =
        [("pid", event.pid), ("status", event.http_status.map(i64::from)), ("bytes", event.http_bytes)];
    fields.extend(numbers.iter().filter_map(|(name, value)| Some(format!("{name}={}", (*value)?))));
    fields.extend(event.http_duration_ms.map(|millis| format!("ms={millis}")));
    let texts = texts.iter().filter_map(|(name, value)| Some(format!("{name}={}", (*value).as_ref()?)));
    fields.extend(texts);
    fields.extend(event.attributes.iter().map(|(key, value)| format!("+{key}={value}")));
    fields
}

/// Lines of every format, to be damaged.
const LINES: [&str; 16] = [
    "203.0.113.9 - ana [21/Sep/2026:10:00:00 +0000] \"GET /a\\\"b HTTP/1.1\" 200 5 \"-\" \"x\" rt=0.003",
    "h:80 198.51.100.3, 10.0.0.1 - - [21/Sep/2026:10:00:00 +0000] \"-\" 408 - \"-\" \"-\" 5ms",
    "[Mon Sep 21 10:00:00.123456 2026] [core:error] [pid 35:tid 43] [client 203.0.113.9:1] AH1: x",
    "2026/09/21 10:00:00 [error] 1#1: *98 x, client: 203.0.113.9, request: \"GET / HTTP/1.1\"",
    "<34>Sep 21 10:00:00 web1 sshd[812]: Failed password for invalid user x from 203.0.113.9 port 1",
    "Sep 21 10:00:00 h su(pam_unix)[1]: message repeated 2 times: [ authentication failure; rhost=x ]",
    "<165>1 2026-09-21T10:00:00Z h app 8 ID [a@1 b=\"c \\\"d\\\" \\]\"][e@2 f=\"g\"] \u{feff}message",
    "{\"time\":\"2026-09-21T10:00:00Z\",\"log\":{\"level\":\"warn\"},\"msg\":\"a\\n\\ud83d\\ude00\",\"n\":[1,{}]}",
    "{\"SYSLOG_IDENTIFIER\":\"sshd\",\"MESSAGE\":\"Accepted password for \\u00e9 from 203.0.113.9\"}",
    "time=2026-09-21T10:00:00Z level=warning msg=\"low \\\"disk\\\"\" status=503 path=/ latency=1.5ms",
    "7,Sep,21,\"10:00:00\",Info,\"a, b\",c",
    "2026-09-21 10:00:00,123 ERROR [main] org.example.Main: failed\n\tat a.B.c(B.java:1)",
    "\u{feff}\u{1b}[32m[INFO] [2026-09-21 10:00:00] - [a[b]c:D@7] - é x",
    "I0921 10:00:00.123456    7 server.cc:12] ready",
    "2026-09-21T10:00:00.123Z\terror\tlogger\tqueue.go:12\tno room\t{\"n\": 1}",
    "Sep 21, 2026 10:00:00 AM org.example.Main main\nSEVERE: x",
];

/// Every parser and the whole take a text without panicking, what is filled is consistent, and no parser takes a text
/// that its first byte rules out.
fn survives(text: &str) {
    let zone = TimeZone::UTC;
    let context = context(&zone);
    for parser in PARSERS {
        let mut event = Event::default();
        reset(&mut event, &context);
        context.begin_line();
        let taken = (parser.parse)(text, &context, &mut event);
        assert!(!taken || parser.admits(text), "{} takes {text:?}", parser.name);
    }
    let mut event = Event::default();
    StreamFormat::default().parse(text, &context, &mut event);
    assert_eq!(event.format.is_empty(), event.event_type == EventType::Unparsed);
    assert_eq!(event.level, crate::event::Level::of_severity(event.severity_number));
}

proptest! {
    #[test]
    fn any_text_is_survived(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn damaged_lines_are_survived(
        line in proptest::sample::select(&LINES[..]),
        other in proptest::sample::select(&LINES[..]),
        cut in 0_usize..120,
        join in 0_usize..120,
        insert in "[\\[\\]\"\\\\{}<>:, =\n\u{e9}-]{0,3}",
    ) {
        let front: String = line.chars().take(cut).collect();
        let back: String = other.chars().skip(join).collect();
        survives(&format!("{front}{insert}{back}"));
        survives(&front);
    }
}

#[test]
fn each_line_is_read_by_the_parser_of_its_format() {
    let zone = TimeZone::UTC;
    let context = context(&zone);
    let formats = LINES.map(|line| {
        let mut event = Event::default();
        StreamFormat::default().parse(line, &context, &mut event);
        event.format
    });
    let expect = [
        "access",
        "access",
        "apache_error",
        "nginx_error",
        "syslog_3164",
        "syslog_3164",
        "syslog_5424",
        "json",
        "json",
        "logfmt",
        "delimited",
        "timestamped",
        "timestamped",
        "klog",
        "timestamped",
        "timestamped",
    ];
    assert_eq!(formats, expect);
}

#[test]
fn a_stream_keeps_its_format_and_still_reads_others_lines() {
    let access = LINES[0];
    let format = StreamFormat::detect([access, LINES[7], access].into_iter(), "");
    assert_eq!(format.first.map(|parser| parser.name), Some("access"));
    let zone = TimeZone::UTC;
    let mut event = Event::default();
    format.parse(LINES[7], &context(&zone), &mut event);
    assert_eq!(event.format, "json");
}

#[test]
fn a_hint_wins_and_an_unknown_one_is_ignored() {
    let name = |hint| StreamFormat::detect([LINES[0]].into_iter(), hint).first.map(|parser| parser.name);
    assert_eq!(name("timestamped"), Some("timestamped"));
    assert_eq!(name("auto"), Some("access"));
}

#[test]
fn what_no_parser_takes_is_unparsed_with_the_files_time() {
    let zone = TimeZone::UTC;
    let mut event = Event::default();
    event.attribute("left", "over");
    StreamFormat::default().parse("no log at all", &context(&zone), &mut event);
    assert_eq!(rendered(&event), ["file=2026-09-30T23:00:00Z", "severity=0", "type=unparsed"]);
}

/// A long line that a client made up costs no more than its length. What is quadratic takes sixty-four times as
/// long for eight times the bytes, on a busy machine as on an idle one, and minutes for a mebibyte.
#[test]
fn long_hostile_lines_take_time_by_their_length() {
    const BYTES: usize = 32 << 10;
    let pieces = [
        "{\"a\":",
        "[",
        "{\"log\":\"",
        "\\\"",
        "\"",
        "=",
        "a=b ",
        "a=",
        "|",
        "\\|",
        ",",
        "\t",
        " ",
        "<Data Name='a'>",
        "&amp",
        "CEF:0|",
        "2026-09-21 ",
        "\\u00",
        "é",
    ];
    let heads = [
        "",
        "{\"log\":\"",
        "CEF:0|a|b|c|d|e|f|x=",
        "LEEF:2.0|a|b|c|d|^|",
        "timestamp,level,",
        "<Event x='y'><System>",
        "{\"MESSAGE\":[1,",
        "{\"attributes\":[",
        "level=info msg=x ",
        "#Fields: ",
        "{\"Records\":[",
        "2 123 eni-1 ",
    ];
    for head in heads {
        for piece in pieces {
            let text = |bytes: usize| format!("{head}{}", piece.repeat(bytes / piece.len()));
            let (short, long) = (text(BYTES / 8), text(BYTES));
            // A machine that does something else for a moment is not what is looked for.
            let is_linear =
                || duration(&long) < duration(&short) * (8 * 4) + std::time::Duration::from_millis(50);
            assert!((0..3).any(|_| is_linear()), "{head:?} and {piece:?}");
        }
    }
}

/// How long all parsers take for a text.
fn duration(text: &str) -> std::time::Duration {
    let zone = TimeZone::UTC;
    let started = std::time::Instant::now();
    StreamFormat::default().parse(text, &context(&zone), &mut Event::default());
    started.elapsed()
}
