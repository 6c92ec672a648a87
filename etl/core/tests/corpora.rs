//! Framing and parsing held against logs that nobody here wrote, and against their published ground
//! truth, where the corpora lie beside the checkout. Without them the tests say so and pass.

use headrig_contract::UnixMicros;
use headrig_contract::{ByteOffset, framing::Framing};
use headrig_etl::parse::{Context, SAMPLE_EVENTS_MAX, StreamFormat};
use headrig_etl::{Event, EventType, Level};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const CORPORA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora");
/// Set where the corpora have to be there, as `.ci/run` does where it finds them: then what is absent is a failure.
const REQUIRED: &str = "HEADRIG_CORPORA";
/// The share of lines whose level and time must be right, in each system.
const RIGHT_MIN: f64 = 0.99;
/// The share of events that may stay unparsed, over all of the corpora.
const UNPARSED_MAX: f64 = 0.01;
/// Files that are no logs, or are to show how a line without any format is shown.
const NOT_LOGS: [&str; 2] = ["LICENSE", "logfile_plain.0"];

/// One system of loghub: how its CSV tells the time. The logs without a year are from `year`.
struct System {
    name: &'static str,
    time_columns: &'static [&'static str],
    time_format: &'static str,
    year: Option<&'static str>,
    level_column: Option<&'static str>,
}

const SYSTEMS: [System; 7] = [
    System {
        name: "Apache",
        time_columns: &["Time"],
        time_format: "%a %b %d %H:%M:%S %Y",
        year: None,
        level_column: Some("Level"),
    },
    System {
        name: "HDFS",
        time_columns: &["Date", "Time"],
        time_format: "%y%m%d %H%M%S",
        year: None,
        level_column: Some("Level"),
    },
    System {
        name: "Hadoop",
        time_columns: &["Date", "Time"],
        time_format: "%Y-%m-%d %H:%M:%S,%f",
        year: None,
        level_column: Some("Level"),
    },
    System {
        name: "Linux",
        time_columns: &["Month", "Date", "Time"],
        time_format: "%Y %b %d %H:%M:%S",
        year: Some("2005"),
        level_column: None,
    },
    System {
        name: "OpenSSH",
        time_columns: &["Date", "Day", "Time"],
        time_format: "%Y %b %d %H:%M:%S",
        year: Some("2005"),
        level_column: None,
    },
    System {
        name: "Windows",
        time_columns: &["Date", "Time"],
        time_format: "%Y-%m-%d %H:%M:%S",
        year: None,
        level_column: Some("Level"),
    },
    System {
        name: "Zookeeper",
        time_columns: &["Date", "Time"],
        time_format: "%Y-%m-%d %H:%M:%S,%f",
        year: None,
        level_column: Some("Level"),
    },
];

/// One parsed event, by the line it starts on.
struct Parsed {
    line: usize,
    ts: UnixMicros,
    level: Level,
    event_type: EventType,
}

#[test]
fn levels_and_times_of_loghub_are_right() {
    let Some(loghub) = corpus("loghub") else { return };
    println!("{:<10} {:>6} {:>9} {:>8} {:>8}", "system", "rows", "unparsed", "time", "level");
    for system in &SYSTEMS {
        let log = loghub.join(system.name).join(format!("{}_2k.log", system.name));
        let events = parse_file(&log);
        let by_line: BTreeMap<_, _> = events.iter().map(|event| (event.line, event)).collect();
        let rows = read_csv(&log.with_extension("log_structured.csv"));
        let (mut times, mut levels) = (0, 0);
        for (index, row) in rows.iter().enumerate() {
            let Some(event) = by_line.get(&index) else { continue };
            times += usize::from(event.ts == expected_time(system, row));
            let expected = expected_level(system, row);
            levels += usize::from(expected.is_none_or(|expected| event.level == expected));
        }
        let unparsed = count_unparsed(&events);
        assert!(!rows.is_empty(), "{}: no lines", system.name);
        let share = |right: usize| right as f64 / rows.len() as f64;
        let level = system.level_column.map_or("none".into(), |_| percent(share(levels)));
        println!(
            "{:<10} {:>6} {unparsed:>9} {:>8} {level:>8}",
            system.name,
            rows.len(),
            percent(share(times)),
        );
        assert!(share(times) >= RIGHT_MIN, "{}: times", system.name);
        assert!(share(levels) >= RIGHT_MIN, "{}: levels", system.name);
    }
}

#[test]
fn hardly_an_event_of_the_corpora_is_unparsed() {
    let Some(root) = corpus("") else { return };
    let (mut events, mut unparsed) = (0, 0);
    for folder in ["loghub", "elastic-examples", "lnav"] {
        let (mut events_here, mut unparsed_here) = (0, 0);
        for path in files_below(&root.join(folder)) {
            let parsed = parse_file(&path);
            let missed = count_unparsed(&parsed);
            println!("{:>6} of {:>6} unparsed in {}", missed, parsed.len(), path.display());
            events_here += parsed.len();
            unparsed_here += missed;
        }
        // Each by itself: the small samples of many formats must not hide behind the large logs of few.
        assert!(events_here > 0, "{folder}: no events");
        let share = unparsed_here as f64 / events_here as f64;
        assert!(share < UNPARSED_MAX, "{folder}: {unparsed_here} of {events_here}");
        events += events_here;
        unparsed += unparsed_here;
    }
    println!("{unparsed:>6} of {events:>6} unparsed over all");
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

fn corpus(folder: &str) -> Option<PathBuf> {
    let path = Path::new(CORPORA).join(folder);
    if !path.is_dir() {
        assert!(
            std::env::var_os(REQUIRED).is_none(),
            "{REQUIRED} is set, and there is no {}",
            path.display()
        );
        println!("skipped: no corpora at {}", path.display());
        return None;
    }
    Some(path)
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("readable folder");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable entry").path()).collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] })
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            !NOT_LOGS.contains(&name) && !name.starts_with("README")
        })
        .collect()
}

fn parse_file(path: &Path) -> Vec<Parsed> {
    let bytes = fs::read(path).expect("readable file");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let cut = |range: std::ops::Range<usize>| text[range].trim_end_matches(['\n', '\r']);
    let framing = Framing::default();
    let sample = framing.events(text.as_bytes(), ByteOffset(0)).map(cut);
    let format = StreamFormat::detect(sample.take(SAMPLE_EVENTS_MAX), "");
    let read_at = UnixMicros::from_seconds(1_800_000_000);
    // The files without years are of 2005; this is 2006-01-01.
    let modified = UnixMicros::from_seconds(1_136_073_600);
    let zone = TimeZone::UTC;
    let context = Context::new(read_at, modified, &zone);
    let mut line = 0;
    let mut parsed = Vec::new();
    for range in framing.events(text.as_bytes(), ByteOffset(0)) {
        let mut event = Event::default();
        format.parse(cut(range.clone()), &context, &mut event);
        parsed.push(Parsed { line, ts: event.ts, level: event.level, event_type: event.event_type });
        line += text[range].matches('\n').count();
    }
    parsed
}

fn count_unparsed(events: &[Parsed]) -> usize {
    events.iter().filter(|event| event.event_type == EventType::Unparsed).count()
}

type Row = BTreeMap<String, String>;

fn expected_time(system: &System, row: &Row) -> UnixMicros {
    let columns = system.time_columns.iter().map(|column| row[*column].as_str());
    let text = system.year.into_iter().chain(columns).collect::<Vec<_>>().join(" ");
    let civil = jiff::civil::DateTime::strptime(system.time_format, &text).expect(&text);
    let instant = civil.to_zoned(TimeZone::UTC).expect("in range").timestamp();
    UnixMicros(instant.as_microsecond())
}

/// The level that the row states, where its system has one.
fn expected_level(system: &System, row: &Row) -> Option<Level> {
    Some(match row[system.level_column?].to_ascii_lowercase().as_str() {
        "debug" => Level::Debug,
        "info" | "notice" => Level::Info,
        "warn" | "warning" => Level::Warn,
        "error" => Level::Error,
        "fatal" => Level::Fatal,
        other => panic!("unexpected level {other} in the ground truth"),
    })
}

/// The rows of a CSV of RFC 4180, by the names of its header.
fn read_csv(path: &Path) -> Vec<Row> {
    let text = fs::read_to_string(path).expect("readable file");
    let mut rows = csv_rows(&text).into_iter();
    let header = rows.next().expect("header");
    rows.map(|row| header.iter().cloned().zip(row).collect()).collect()
}

fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field, mut quoted) = (vec![], vec![], String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                field.extend(characters.next());
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            _ => field.push(character),
        }
    }
    if !field.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}
