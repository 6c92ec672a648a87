use super::*;
use crate::parse::tests::{context, rendered};
use crate::parse::{StreamFormat, StreamOrigin};
use jiff::tz::TimeZone;

fn spec(pattern: &str) -> FormatSpec {
    FormatSpec { name: "own".into(), pattern: pattern.into(), ..FormatSpec::default() }
}

fn formats(specs: &[FormatSpec]) -> Formats {
    Formats::new(specs).expect("the formats of this test are sound")
}

/// The fields of `text` as a stream of `source` and `path` gives them, the format's name first.
fn fields(formats: &Formats, source: &str, path: &str, text: &str) -> Vec<String> {
    let origin = StreamOrigin { source, path, hint: "" };
    let format = StreamFormat::of_stream(formats, &origin, [text].into_iter());
    let zone = TimeZone::UTC;
    let mut event = Event::default();
    format.parse(text, &context(&zone), &mut event);
    [event.format.to_owned()].into_iter().chain(rendered(&event)).collect()
}

fn check(spec: FormatSpec, text: &str, expect: &[&str]) {
    assert_eq!(fields(&formats(&[spec]), "app", "/var/log/app.log", text), expect, "{text}");
}

#[test]
fn groups_fill_columns_and_others_become_attributes() {
    check(
        FormatSpec {
            time: Some("%d.%m.%Y %H:%M:%S%.f".into()),
            ..spec(
                r"(?<ts>\S+ \S+) (?<level>\w+) (?<service>\w+)\[(?<pid>\d+)\] <(?<tenant>\w*)> (?<message>.*)",
            )
        },
        "21.09.2026 10:00:00,5 ERR billing[7] <acme> no funds",
        &[
            "own",
            "file=2026-09-30T23:00:00Z",
            "severity=17",
            "type=application",
            "pid=7",
            "service=billing",
            "message=no funds",
            "+written_time=21.09.2026 10:00:00,5",
            "+tenant=acme",
        ],
    );
    check(
        FormatSpec {
            time: Some("%d.%m.%Y %H:%M:%S%.f".into()),
            ..spec(
                r"(?<ts>\S+ \S+) (?<level>\w+) (?<service>\w+)\[(?<pid>\d+)\] <(?<tenant>\w*)> (?<message>.*)",
            )
        },
        "21.09.2026 10:00:00.5 ERR billing[7] <acme> no funds\n\tat a.b",
        &[
            "own",
            "event=2026-09-21T10:00:00.5Z",
            "severity=17",
            "type=application",
            "pid=7",
            "service=billing",
            "message=no funds\n\tat a.b",
            "+tenant=acme",
        ],
    );
}

#[test]
fn an_access_line_has_its_type_and_level_from_its_status() {
    check(
        spec(
            r#"(?<ts>\S+) (?<src_ip>\S+) "(?<http_request>[^"]*)" (?<http_status>\d+) (?<http_bytes>\S+) (?<http_duration_s>\S+)"#,
        ),
        r#"1789984800.123 203.0.113.9:4000 "GET /x HTTP/1.1" 503 - 0.25 and more"#,
        &[
            "own",
            "event=2026-09-21T10:00:00.123Z",
            "severity=17",
            "type=http_access",
            "status=503",
            "ms=250",
            "src=203.0.113.9",
            "method=GET",
            "path=/x",
            "+src_port=4000",
            "+rest=and more",
        ],
    );
}

#[test]
fn what_a_column_cannot_take_becomes_an_attribute() {
    check(
        spec(
            r"(?<ts>\S+) (?<level>\w+) (?<pid>\w+) (?<http_status>\w+) (?<http_duration_ms>\S+) (?<message>.*)",
        ),
        "yesterday loud x12 ok soon sshd said hello",
        &[
            "own",
            "file=2026-09-30T23:00:00Z",
            "severity=0",
            "type=application",
            "message=sshd said hello",
            "+written_time=yesterday",
            "+level=loud",
            "+pid=x12",
            "+http_status=ok",
            "+http_duration_ms=soon",
        ],
    );
}

#[test]
fn an_event_type_is_what_the_format_says_or_what_the_message_tells() {
    let pattern = r"(?<ts>\S+) (?<service>\w+) (?<message>.*)";
    let line = "2026-09-21T10:00:00Z sshd Failed password for root from 203.0.113.9 port 1 ssh2";
    let told = fields(&formats(&[spec(pattern)]), "app", "/x", line);
    assert!(told.contains(&"type=auth_failure".into()), "{told:?}");
    assert!(told.contains(&"severity=13".into()), "{told:?}");
    let said = FormatSpec { event_type: Some("firewall".into()), ..spec(pattern) };
    let told = fields(&formats(&[said]), "app", "/x", line);
    assert!(told.contains(&"type=firewall".into()), "{told:?}");
}

#[test]
fn times_without_a_date_a_year_or_a_zone_are_completed() {
    for (time, text, expect) in [
        ("%H:%M:%S", "22:59:59", "event=2026-09-30T22:59:59Z"),
        ("%b %d %H:%M", "Sep 21 10:00", "event=2026-09-21T10:00:00Z"),
        ("%Y%j-%H%M%S", "2026264-100000", "event=2026-09-21T10:00:00Z"),
        ("%s", "1789984800", "event=2026-09-21T10:00:00Z"),
        ("%d/%b/%Y:%H:%M:%S %z", "21/Sep/2026:12:00:00 +0200", "event=2026-09-21T10:00:00Z"),
        ("auto", "Mon Sep 21 10:00:00 2026", "event=2026-09-21T10:00:00Z"),
    ] {
        let spec = FormatSpec { time: Some(time.into()), ..spec(r"\[(?<ts>[^\]]*)\] (?<message>.*)") };
        let found = fields(&formats(&[spec]), "app", "/x", &format!("[{text}] x"));
        assert_eq!(found[1], expect, "{time}");
    }
}

#[test]
fn formats_are_asked_in_order_where_they_belong_and_before_the_built_in_ones() {
    let named = |name: &str, pattern: &str, sources: &[&str], paths: &[&str]| FormatSpec {
        name: name.into(),
        sources: sources.iter().map(ToString::to_string).collect(),
        paths: paths.iter().map(ToString::to_string).collect(),
        ..spec(pattern)
    };
    let formats = formats(&[
        named("web", r"\{(?<message>.*)\}", &["web-*"], &[]),
        named("first", r"(?<message>a.*)", &[], &["/var/log/*.log"]),
        named("second", r"(?<message>a.*|\{.*)", &[], &[]),
    ]);
    for (source, path, text, expect) in [
        ("web-1", "/x", r#"{"msg":"x"}"#, "web"),
        ("db", "/x", r#"{"msg":"x"}"#, "second"),
        ("db", "/var/log/a.log", "abc", "first"),
        ("db", "/var/log/b/a.log", "abc", "second"),
        ("db", "/x", "level=info msg=b", "logfmt"),
    ] {
        assert_eq!(fields(&formats, source, path, text)[0], expect, "{source} {path} {text}");
    }
    let wrapped = r#"{"log":"abc\n","stream":"stdout","time":"2026-09-21T10:00:00Z"}"#;
    let inner = Formats::new(&[named("inner", "(?<first>a)(?<message>.*)", &[], &[])]).expect("sound");
    let found = fields(&inner, "db", "/x", wrapped);
    assert_eq!(found[0], "docker");
    assert!(found.ends_with(&["+first=a".into(), "+inner_format=inner".into()]), "{found:?}");
}

#[test]
fn a_hint_names_a_format_of_the_configuration_too() {
    let one = FormatSpec { sources: vec!["web".into()], ..spec("(?<message>.*)") };
    let formats = formats(&[one]);
    let origin = StreamOrigin { source: "db", path: "/x", hint: "own" };
    let format = StreamFormat::of_stream(&formats, &origin, ["x"].into_iter());
    let zone = TimeZone::UTC;
    let mut event = Event::default();
    format.parse("no log at all", &context(&zone), &mut event);
    assert_eq!(event.format, "own");
}

#[test]
fn a_wrong_format_is_named_with_what_was_expected() {
    let message =
        |spec: FormatSpec| Formats::new(&[spec]).map_or_else(|(_, e)| e.to_string(), |_| "fine".into());
    let long = "x".repeat(PATTERN_BYTES_MAX + 1);
    for (spec, expect) in [
        (spec("(?<message>.*)"), "fine"),
        (spec(""), "pattern: expected an expression of 1 to 16384 bytes, found 0 bytes"),
        (spec(&long), "found 16385 bytes"),
        (spec("(?<a>"), "pattern: expected a regular expression, found \"(?<a>\": unclosed group"),
        (spec("(?<a>x{1000}{1000})"), "make its counted repetitions smaller"),
        (spec("a.*"), "pattern: expected at least one named group, such as (?<message>.*)"),
        (FormatSpec { name: "a b".into(), ..spec("(?<a>b)") }, "name: expected 1 to 64 letters"),
        (FormatSpec { name: "json".into(), ..spec("(?<a>b)") }, "no built-in format has"),
        (
            FormatSpec { event_type: Some("login".into()), ..spec("(?<a>b)") },
            "event_type: expected one of http_access,",
        ),
        (
            FormatSpec { event_type: Some("unparsed".into()), ..spec("(?<a>b)") },
            "event_type: expected one of",
        ),
        (FormatSpec { paths: vec!["[".into()], ..spec("(?<a>b)") }, "paths: expected a pattern such as"),
        (
            FormatSpec { time: Some("auto".into()), ..spec("(?<a>b)") },
            "time: expected a group ts in the pattern",
        ),
        (FormatSpec { time: Some("today".into()), ..spec("(?<ts>b)") }, "time: expected auto, or a format"),
        (FormatSpec { time: Some("%Y %!".into()), ..spec("(?<ts>b)") }, "time: expected auto, or a format"),
        (
            FormatSpec { time: Some("%H:%M %Z".into()), ..spec("(?<ts>b)") },
            "time: expected auto, or a format",
        ),
        (FormatSpec { time: Some("%Y-%m".into()), ..spec("(?<ts>b)") }, "which leaves out the hour"),
    ] {
        let found = message(spec);
        assert!(found.contains(expect), "{expect}: {found}");
    }
    let (at, error) = Formats::new(&[spec("(?<a>b)"), spec("(?<a>b)")]).expect_err("twice the same name");
    assert_eq!((at, error.to_string()), (1, "name: expected each name once, found \"own\"".into()));
}
