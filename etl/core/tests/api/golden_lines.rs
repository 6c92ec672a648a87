//! Lines of every format held against the fields they must give. The cases are data, `golden/<parser>.toml`;
//! `<parser>-<topic>.toml` holds more of the same parser. What such a file may say is [`Cases`].

use headrig_contract::UnixMicros;
use headrig_etl::parse::{Context, PARSERS, StreamFormat};
use headrig_etl::{Event, EventType, Level, TsSource};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::sync::OnceLock;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
/// When the lines are read, unless the case says; their file was modified an hour before.
const READ_AT: &str = "2026-10-01T00:00:00Z";
const HOUR_SECONDS: i64 = 3_600;

/// One file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    /// The parser that they are for: the file's name.
    #[serde(skip)]
    parser: String,
    #[serde(default)]
    case: Vec<Case>,
    /// Texts of other formats, that this parser must refuse.
    #[serde(default)]
    other: Vec<Other>,
}

/// One event and its fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    text: String,
    /// The file was modified at the end of this year.
    year: Option<i16>,
    #[serde(default)]
    hint: String,
    read_at: Option<String>,
    /// Events of the same stream that its format is found from beside this one.
    #[serde(default)]
    stream: Vec<String>,
    /// Columns by their names, and `attributes`. A column that is not named must be empty, but for
    /// `event_type`; without `ts` the line must say no time, without `severity` no level.
    expect: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Other {
    text: String,
}

type Fields = BTreeMap<String, String>;

#[test]
fn golden_lines_give_their_fields() {
    let mut failures = String::new();
    for cases in golden() {
        for case in &cases.case {
            check(cases, case, &mut failures);
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn lines_of_other_formats_are_refused() {
    let mut failures = String::new();
    for cases in golden() {
        let parser = parser_named(&cases.parser);
        let taken = cases.other.iter().filter(|other| takes(parser, &other.text));
        for other in taken {
            let _ = writeln!(failures, "{} takes {:?}", cases.parser, other.text);
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// Strict parsers that take lines of another's format, and why that does no harm.
const WIDER: [(&str, &str); 7] = [
    // These are carried by syslog or headed like it; its old form's parser is asked behind theirs.
    ("syslog_3164", "aws_elb"),
    ("syslog_3164", "cef"),
    ("syslog_3164", "leef"),
    ("syslog_3164", "dmesg"),
    ("syslog_3164", "haproxy"),
    ("syslog_3164", "syslog_5424"),
    ("syslog_3164", "yum"),
];

#[test]
fn strict_parsers_take_no_golden_lines_of_other_formats() {
    let mut failures = String::new();
    for cases in golden() {
        let others = PARSERS.iter().filter(|parser| {
            parser.strict
                && parser.name != cases.parser
                && !WIDER.contains(&(parser.name, cases.parser.as_str()))
        });
        for parser in others {
            // A wrapper's lines may hold those of any format.
            for case in cases.case.iter().filter(|_| cases.parser != "cri") {
                if takes(parser, &case.text) {
                    let _ = writeln!(failures, "{} takes {}'s {:?}", parser.name, cases.parser, case.text);
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn every_golden_file_is_of_a_parser() {
    for cases in golden() {
        assert!(PARSERS.iter().any(|parser| parser.name == cases.parser), "golden/{}", cases.parser);
    }
}

/// Adds what is wrong with the case to `failures`.
fn check(cases: &Cases, case: &Case, failures: &mut String) {
    let sample = case.stream.iter().map(String::as_str).chain([case.text.as_str()]);
    let format = StreamFormat::detect(sample, &case.hint);
    let zone = TimeZone::UTC;
    let mut event = Event::default();
    format.parse(&case.text, &case.context(&zone), &mut event);
    let (mut found, expect) = (fields(&event), expected(&case.expect));
    if !expect.contains_key("event_type") {
        found.remove("event_type");
    }
    if event.format != cases.parser {
        let _ = writeln!(failures, "{}: taken by {:?}: {}", cases.parser, event.format, case.text);
    }
    let names: std::collections::BTreeSet<_> = expect.keys().chain(found.keys()).collect();
    for name in names.into_iter().filter(|name| expect.get(*name) != found.get(*name)) {
        let _ = writeln!(
            failures,
            "{}: {name}: expected {:?}, found {:?}: {:?}",
            cases.parser,
            expect.get(name),
            found.get(name),
            case.text
        );
    }
}

impl Case {
    fn context<'z>(&self, zone: &'z TimeZone) -> Context<'z> {
        let read_at = instant(self.read_at.as_deref().unwrap_or(READ_AT));
        let modified = match self.year {
            Some(year) => instant(&format!("{year}-12-31T23:59:59Z")),
            None => UnixMicros(read_at.0 - HOUR_SECONDS * 1_000_000),
        };
        Context::new(read_at, modified, zone)
    }
}

fn instant(text: &str) -> UnixMicros {
    UnixMicros(text.parse::<jiff::Timestamp>().expect(text).as_microsecond())
}

/// What the case expects, as text by name.
fn expected(table: &toml::Table) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in table {
        match value {
            toml::Value::Table(attributes) if name == "attributes" => {
                let texts = attributes.iter().map(|(key, value)| (format!("attributes.{key}"), text(value)));
                fields.extend(texts);
            }
            value => {
                fields.insert(name.clone(), text(value));
            }
        }
    }
    fields
}

fn text(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        other => panic!("expected a text or a number, found {other:?}"),
    }
}

/// What is filled of an event, as text by name.
fn fields(event: &Event<'_>) -> Fields {
    let mut fields = Fields::new();
    let mut put = |name: &str, value: Option<String>| {
        value.into_iter().for_each(|value| drop(fields.insert(name.into(), value)));
    };
    let written = (event.ts_source == TsSource::Event).then_some(event.ts.0);
    put("ts", written.map(|micros| jiff::Timestamp::from_microsecond(micros).unwrap().to_string()));
    put("severity", (event.severity_number != 0).then(|| event.severity_number.to_string()));
    put("event_type", Some(event.event_type.as_str().into()));
    put("pid", event.pid.map(|pid| pid.to_string()));
    put("http_status", event.http_status.map(|status| status.to_string()));
    put("http_bytes", event.http_bytes.map(|bytes| bytes.to_string()));
    put("http_duration_ms", event.http_duration_ms.map(|millis| millis.to_string()));
    let texts = [
        ("service", &event.service),
        ("message", &event.message),
        ("src_ip", &event.src_ip),
        ("user_name", &event.user_name),
        ("http_method", &event.http_method),
        ("http_path", &event.http_path),
        ("http_user_agent", &event.http_user_agent),
        ("http_referrer", &event.http_referrer),
        ("trace_id", &event.trace_id),
        ("span_id", &event.span_id),
    ];
    for (name, value) in texts {
        put(name, value.as_ref().map(ToString::to_string));
    }
    for (key, value) in &event.attributes {
        let (mut name, mut count) = (format!("attributes.{key}"), 1);
        while fields.contains_key(&name) {
            count += 1;
            name = format!("attributes.{key}#{count}");
        }
        fields.insert(name, value.to_string());
    }
    fields
}

fn parser_named(name: &str) -> &'static headrig_etl::parse::Parser {
    PARSERS.iter().find(|parser| parser.name == name).expect(name)
}

fn takes(parser: &headrig_etl::parse::Parser, text: &str) -> bool {
    let zone = TimeZone::UTC;
    let context = Context::new(instant(READ_AT), instant(READ_AT), &zone);
    parser.parse(text, &context, &mut Event::default())
}

/// All files, read once.
fn golden() -> &'static [Cases] {
    static GOLDEN: OnceLock<Vec<Cases>> = OnceLock::new();
    GOLDEN.get_or_init(|| {
        let entries = fs::read_dir(FOLDER).expect(FOLDER).map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> = entries.collect();
        paths.sort();
        let read = |path: std::path::PathBuf| {
            let text = fs::read_to_string(&path).unwrap();
            let mut cases: Cases =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let stem = path.file_stem().unwrap().to_str().unwrap();
            cases.parser = stem.split('-').next().unwrap().into();
            cases
        };
        paths.into_iter().map(read).collect()
    })
}

/// Every text of every file.
fn texts() -> &'static [&'static str] {
    static TEXTS: OnceLock<Vec<&'static str>> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let texts_of = |cases: &'static Cases| {
            let own = cases.case.iter().map(|case| case.text.as_str());
            own.chain(cases.other.iter().map(|other| other.text.as_str()))
        };
        golden().iter().flat_map(texts_of).collect()
    })
}

/// Every parser and the whole take a text without panicking, and what is filled is consistent.
fn survives(text: &str) {
    for parser in PARSERS {
        takes(parser, text);
    }
    let zone = TimeZone::UTC;
    let context = Context::new(instant(READ_AT), instant(READ_AT), &zone);
    let mut event = Event::default();
    StreamFormat::detect([text].into_iter(), "").parse(text, &context, &mut event);
    assert_eq!(event.format.is_empty(), event.event_type == EventType::Unparsed, "{text}");
    assert_eq!(event.level, Level::of_severity(event.severity_number), "{text}");
}

proptest! {
    // The texts are many, and a letter of several bytes must come to stand in each place.
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn damaged_golden_lines_are_survived(
        line in proptest::sample::select(texts()),
        other in proptest::sample::select(texts()),
        cut in 0_usize..200,
        join in 0_usize..200,
        insert in "[\\[\\]\"\\\\{}<>:, =|/#\n\t\u{1b}\u{e9}0-9-]{0,3}",
    ) {
        let front: String = line.chars().take(cut).collect();
        let back: String = other.chars().skip(join).collect();
        survives(&format!("{front}{insert}{back}"));
        survives(&front);
        survives(&back);
    }

    #[test]
    fn any_text_is_survived(text in any::<String>()) {
        survives(&text);
    }
}
