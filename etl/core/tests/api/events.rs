//! What programs' lines tell, held against cases that are data (`tests/events/<topic>.toml`), each in every
//! envelope that can carry it: the answer must not depend on who brought the line.

use headrig_contract::UnixMicros;
use headrig_etl::parse::{Context, StreamFormat};
use headrig_etl::{Event, EventType};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde::Deserialize;
use std::{collections::BTreeMap, fmt::Write, fs, sync::OnceLock};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/events");
const DOCUMENTATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats/events.md");
const WARN: i32 = 13;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    program: String,
    text: String,
    expect: Expected,
}

/// What a line tells. A user or address that is not named must be absent; the level is unknown where it is
/// not named, or a warning for a failed authentication. Other attributes than those named may be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    event_type: String,
    user_name: Option<String>,
    src_ip: Option<String>,
    severity: Option<i32>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

/// Who carries a line, and whether they say a level of their own.
struct Envelope {
    name: &'static str,
    wrap: fn(program: &str, text: &str) -> String,
    one_line: bool,
    leveled: bool,
}

const ENVELOPES: [Envelope; 4] = [
    Envelope {
        name: "RFC 3164 in a file",
        wrap: |program, text| format!("Sep 21 10:00:00 web1 {program}[812]: {text}"),
        one_line: true,
        leveled: false,
    },
    Envelope {
        name: "RFC 3164 with an offset",
        wrap: |program, text| format!("2026-09-21T10:00:00.123456+02:00 web1 {program}: {text}"),
        one_line: true,
        leveled: false,
    },
    Envelope {
        name: "RFC 5424",
        wrap: |program, text| format!("<86>1 2026-09-21T10:00:00Z web1 {program} 812 - - {text}"),
        one_line: true,
        leveled: true,
    },
    Envelope {
        name: "the journal",
        wrap: |program, text| {
            let (program, text) = (quoted(program), quoted(text));
            format!(
                r#"{{"__REALTIME_TIMESTAMP":"1790000000000000","SYSLOG_IDENTIFIER":{program},"MESSAGE":{text}}}"#
            )
        },
        one_line: false,
        leveled: false,
    },
];

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[test]
fn lines_tell_the_same_in_every_envelope() {
    let (mut failures, mut count) = (String::new(), 0);
    for (topic, case) in cases() {
        for envelope in ENVELOPES.iter().filter(|envelope| case.fits(envelope)) {
            count += 1;
            let line = (envelope.wrap)(&case.program, &case.text);
            let wrong = case.wrong_in(&line, envelope.leveled);
            if !wrong.is_empty() {
                let _ = writeln!(failures, "{topic}, {}: {line}\n{wrong}", envelope.name);
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(count > 1000, "only {count} lines were looked at");
}

/// The tables of docs/formats/events.md: every line of theirs is a case.
#[test]
fn the_lines_of_the_documentation_tell_what_it_says() {
    let page = fs::read_to_string(DOCUMENTATION).unwrap();
    let (mut failures, mut count) = (String::new(), 0);
    for row in page.lines().filter(|row| row.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [program, text, event_type, user, address, severity] = cells[..] else { continue };
        let present = |cell: &str| (!cell.is_empty()).then(|| cell.to_owned());
        let expect = Expected {
            event_type: event_type.into(),
            user_name: present(user),
            src_ip: present(address),
            severity: Some(severity.parse().unwrap()),
            attributes: BTreeMap::new(),
        };
        let case = Case { program: unquoted(program), text: unquoted(text), expect };
        count += 1;
        failures += &case.wrong_in(&(ENVELOPES[0].wrap)(&case.program, &case.text), false);
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(count > 20, "only {count} lines were found");
}

/// The text between backticks; a code span keeps its blanks.
fn unquoted(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}

#[test]
fn the_documentation_lists_every_event_type() {
    let page = fs::read_to_string(DOCUMENTATION).unwrap();
    for event_type in EventType::ALL {
        let row = format!("| {} |", event_type.as_str());
        assert_eq!(page.lines().filter(|line| line.starts_with(&row)).count(), 1, "{row}");
    }
}

impl Case {
    /// Syslog's tags have no brackets or blanks, and a line is a line.
    fn fits(&self, envelope: &Envelope) -> bool {
        let lines = self.text.contains('\n') || self.text.starts_with(' ');
        let tag = self.program.contains(']') && envelope.name.starts_with("RFC 3164 in");
        !(tag || envelope.one_line && lines)
    }

    fn wrong_in(&self, line: &str, leveled: bool) -> String {
        let zone = TimeZone::UTC;
        let context = Context::new(UnixMicros::from_seconds(1_790_000_000), UnixMicros(0), &zone);
        let mut event = Event::default();
        StreamFormat::default().parse(line, &context, &mut event);
        let expect = &self.expect;
        let implied = if expect.event_type == "auth_failure" { WARN } else { 0 };
        let mut wrong = String::new();
        let mut compare = |name: &str, expect: Option<String>, found: Option<String>| {
            if expect != found {
                let _ = writeln!(wrong, "    {name}: expected {expect:?}, found {found:?}");
            }
        };
        compare("event_type", Some(expect.event_type.clone()), Some(event.event_type.as_str().into()));
        compare("user_name", expect.user_name.clone(), event.user_name.as_deref().map(Into::into));
        compare("src_ip", expect.src_ip.clone(), event.src_ip.as_deref().map(Into::into));
        if !leveled {
            let severity = expect.severity.unwrap_or(implied);
            compare("severity", Some(severity.to_string()), Some(event.severity_number.to_string()));
        }
        for (key, value) in &expect.attributes {
            let found = event.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value);
            compare(key, Some(value.clone()), found.map(ToString::to_string));
        }
        wrong
    }
}

proptest! {
    /// Texts cut and joined anywhere are taken without a panic, and never make a user of an empty name.
    #[test]
    fn damaged_lines_are_survived(
        first in any::<proptest::sample::Index>(),
        second in any::<proptest::sample::Index>(),
        cut in 0_usize..300,
        join in 0_usize..300,
        insert in "[\\[\\]\"'\\\\{}<>:;, =|/\n\t\u{1d}\u{e9}0-9-]{0,3}",
    ) {
        let cases = cases_once();
        let (first, second) = (first.get(cases), second.get(cases));
        let front: String = first.text.chars().take(cut).collect();
        let back: String = second.text.chars().skip(join).collect();
        let zone = TimeZone::UTC;
        let context = Context::new(UnixMicros::from_seconds(1_790_000_000), UnixMicros(0), &zone);
        for text in [format!("{front}{insert}{back}"), front, back] {
            for envelope in &ENVELOPES {
                let (line, mut event) = ((envelope.wrap)(&first.program, &text), Event::default());
                StreamFormat::default().parse(&line, &context, &mut event);
                prop_assert!(event.user_name.as_deref() != Some(""));
                prop_assert!(event.src_ip.is_none_or(|address| address.parse::<std::net::IpAddr>().is_ok()));
            }
        }
    }
}

fn cases_once() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| cases().into_iter().map(|(_, case)| case).collect())
}

/// Every case, with the name of its file.
fn cases() -> Vec<(String, Case)> {
    let mut paths: Vec<_> = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: std::path::PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let cases: Cases =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let topic = path.file_stem().unwrap().to_string_lossy().into_owned();
        cases.case.into_iter().map(move |case| (topic.clone(), case))
    };
    paths.into_iter().flat_map(read).collect()
}
