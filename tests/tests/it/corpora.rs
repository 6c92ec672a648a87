//! Real logs, read from `../shared/corpora` beside the checkout; where that is absent these tests skip.

use anyhow::{Context, Result};
use headrig_tests::{
    exactness,
    lake::Row,
    process::Headrig,
    site::{Site, skip},
    summary::Summary,
};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};
use walkdir::WalkDir;

/// The most of the lines of loghub and elastic-examples that may find no parser.
const UNPARSED_SHARE_MAX: f64 = 0.05;
/// The least of loghub's lines whose level, and whose time, must be as loghub says.
const AGREEMENT_MIN: f64 = 0.95;

fn corpora() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora");
    if !folder.is_dir() {
        skip("real logs", "no ../shared/corpora beside this checkout");
        return None;
    }
    folder.canonicalize().ok()
}

fn run(input: &Path, site: &Site) -> Result<Summary> {
    Headrig::local([input], site.lake().folder())?.run()?.summary(0)
}

#[test]
fn every_byte_of_every_corpus_is_in_one_row() -> Result<()> {
    let Some(folder) = corpora() else { return Ok(()) };
    let (site, mut contents) = (Site::new()?, Vec::new());
    for entry in WalkDir::new(&folder) {
        let entry = entry?;
        if entry.file_type().is_file() {
            contents.push(fs::read(entry.path())?);
        }
    }
    let summary = run(&folder, &site)?;
    let exact = exactness::check(&site.lake(), &contents)?;
    assert_eq!((summary.rows, summary.quarantined), (summary.events, 0));
    assert_eq!(exact.rows, summary.rows);
    exactness::check_text(&site.lake())?;
    let again = run(&folder, &site)?;
    assert_eq!((again.rows, again.chunks), (0, 0));
    assert_eq!(site.lake().row_count()?, exact.rows);
    Ok(())
}

#[test]
fn few_lines_of_the_server_logs_find_no_parser() -> Result<()> {
    let Some(folder) = corpora() else { return Ok(()) };
    let site = Site::new()?;
    run(&folder, &site)?;
    let mut by_file: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for row in site.lake().rows()? {
        let (rows, unparsed) = by_file.entry(row.path).or_default();
        *rows += 1;
        *unparsed += u64::from(row.event_type == "unparsed");
    }
    let server = |path: &str| {
        path.ends_with(".log") && (path.contains("/loghub/") || path.contains("/elastic-examples/"))
    };
    let share = |chosen: &dyn Fn(&str) -> bool| {
        let (rows, unparsed) = by_file
            .iter()
            .filter(|(path, _)| chosen(path))
            .fold((0, 0), |sum, (_, counts)| (sum.0 + counts.0, sum.1 + counts.1));
        unparsed as f64 / f64::from(u32::try_from(rows).unwrap_or(u32::MAX).max(1))
    };
    for (path, (rows, unparsed)) in &by_file {
        eprintln!("{unparsed:>6} of {rows:>6} unparsed: {path}");
    }
    let (servers, all) = (share(&server), share(&|_| true));
    eprintln!(
        "unparsed: {:.2} % of the server logs, {:.2} % of the whole folder",
        servers * 100.0,
        all * 100.0
    );
    assert!(servers < UNPARSED_SHARE_MAX, "{servers}");
    Ok(())
}

/// Where loghub's CSV of one system says what, and how its time reads in strftime's terms.
struct Truth {
    system: &'static str,
    level: Option<&'static str>,
    time: &'static [&'static str],
    format: &'static str,
}

/// In `Linux` the column `Level` is really the host name.
const TRUTHS: [Truth; 7] = [
    Truth { system: "Apache", level: Some("Level"), time: &["Time"], format: "%a %b %d %H:%M:%S %Y" },
    Truth { system: "HDFS", level: Some("Level"), time: &["Date", "Time"], format: "%y%m%d %H%M%S" },
    Truth {
        system: "Hadoop",
        level: Some("Level"),
        time: &["Date", "Time"],
        format: "%Y-%m-%d %H:%M:%S,%3f",
    },
    Truth { system: "Linux", level: None, time: &["Month", "Date", "Time"], format: "%b %-d %H:%M:%S" },
    Truth { system: "OpenSSH", level: None, time: &["Date", "Day", "Time"], format: "%b %-d %H:%M:%S" },
    Truth { system: "Windows", level: Some("Level"), time: &["Date", "Time"], format: "%Y-%m-%d %H:%M:%S" },
    Truth {
        system: "Zookeeper",
        level: Some("Level"),
        time: &["Date", "Time"],
        format: "%Y-%m-%d %H:%M:%S,%3f",
    },
];

#[test]
fn levels_and_times_are_as_loghub_says() -> Result<()> {
    let Some(folder) = corpora() else { return Ok(()) };
    let (site, loghub) = (Site::new()?, folder.join("loghub"));
    run(&loghub, &site)?;
    let mut wrong = Vec::new();
    for truth in &TRUTHS {
        let (levels, times) = agreement(truth, &loghub, &site)?;
        eprintln!("{:>10}: levels {:>6.2} %, times {:>6.2} %", truth.system, levels * 100.0, times * 100.0);
        if levels < AGREEMENT_MIN || times < AGREEMENT_MIN {
            wrong.push(truth.system);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    Ok(())
}

/// The shares of loghub's lines whose level, and whose time, the lake has as loghub does. A line that is no
/// event of its own in the lake counts as wrong.
fn agreement(truth: &Truth, loghub: &Path, site: &Site) -> Result<(f64, f64)> {
    let name = format!("{0}/{0}_2k.log", truth.system);
    let rows = site.lake().rows_of_file(&name)?;
    let by_offset: HashMap<u64, &Row> = rows.iter().map(|row| (row.span.offset.0, row)).collect();
    let offsets = line_offsets(&fs::read(loghub.join(&name))?);
    let (records, columns) = structured(&loghub.join(format!("{name}_structured.csv")))?;
    let column =
        |name: &str| columns.get(name).copied().with_context(|| format!("{}: no {name}", truth.system));
    let time: Vec<usize> = truth.time.iter().map(|name| column(name)).collect::<Result<_>>()?;
    let level = truth.level.map(column).transpose()?;
    let (mut levels, mut times, mut shown) = (0, 0, 0);
    for (record, offset) in records.iter().zip(&offsets) {
        let row = by_offset.get(offset);
        let expected_time = time.iter().map(|&at| record[at].as_str()).collect::<Vec<_>>().join(" ");
        let time_agrees = row.is_some_and(|row| time_of(row, truth.format) == expected_time);
        let level_agrees = level.is_none_or(|at| row.is_some_and(|row| row.level == level_of(&record[at])));
        times += u32::from(time_agrees);
        levels += u32::from(level_agrees);
        if !(time_agrees && level_agrees) && shown < 3 {
            shown += 1;
            eprintln!(
                "{}: expected {expected_time} {:?}, found {row:?}",
                truth.system,
                level.map(|at| &record[at])
            );
        }
    }
    let lines = records.len() as f64;
    Ok((f64::from(levels) / lines, f64::from(times) / lines))
}

fn time_of(row: &Row, format: &str) -> String {
    jiff::Timestamp::from_microsecond(row.ts).map(|ts| ts.strftime(format).to_string()).unwrap_or_default()
}

/// The lake's word for a level: OpenTelemetry counts syslog's notice among INFO.
fn level_of(word: &str) -> String {
    match word.to_ascii_lowercase().as_str() {
        "notice" => "info".into(),
        other => other.into(),
    }
}

fn line_offsets(bytes: &[u8]) -> Vec<u64> {
    let starts = bytes.split_inclusive(|&byte| byte == b'\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len() as u64;
        Some(start)
    });
    starts.collect()
}

type Records = (Vec<Vec<String>>, HashMap<String, usize>);

/// The records of a CSV (RFC 4180) and where each column stands in them.
fn structured(file: &Path) -> Result<Records> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let mut records = text.lines().map(fields);
    let names = records.next().context("a line of column names")?;
    Ok((records.collect(), names.into_iter().enumerate().map(|(at, name)| (name, at)).collect()))
}

/// The fields of a line of CSV; loghub's have no line breaks inside.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            _ => field.push(character),
        }
    }
    fields.push(field);
    fields
}
