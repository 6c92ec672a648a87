//! Rules drop, sample and relabel as they say, and every line stays accounted for.

use crate::{
    conservation::blocks,
    support::{Part, Row, chunk, rows, run, stream_id},
};
use headrig_contract::{ByteOffset, Generation, chunk::Codec, gaps::GapSum};
use headrig_etl::{BatchReport, RuleCounts, Settings, config::parse};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Rules that hold for some of what [`blocks`] makes.
const POOL: [&str; 9] = [
    "match.level_min = 'error'\ndrop = true",
    "match.event_type = 'unparsed'\nsample = 2",
    "match.event_type = 'http_access'\ndrop = true",
    "sample = 3",
    "match.message = 'broke|x'\ndrop = true",
    "redact.pattern = '[a-z]+[0-9]'",
    "redact = { what = ['card', 'ipv4'], columns = ['message'] }",
    "match.source = 'nginx'\nrelabel = { level = 'error', event_type = 'kernel' }",
    "match.path = '/var/log/1.log'\ndrop = true",
];

fn settings(rules: &[usize]) -> Settings {
    let rule = |(at, rule): (usize, &usize)| format!("[[rule]]\nname = 'r{at}'\n{}\n", POOL[*rule]);
    parse(&rules.iter().enumerate().map(rule).collect::<String>()).unwrap()
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(|number| line(number) + "\n").collect()
}

fn place(row: &Row) -> (u64, u64) {
    (row["offset"].parse().unwrap(), row["length"].parse().unwrap())
}

/// What the bytes of `blocks` add up to that have no row.
fn gaps(blocks: &[Vec<Part>], rows: &[Row]) -> GapSum {
    let mut sum = GapSum::default();
    for stream in 0..3 {
        let id = stream_id(stream);
        let mut spans: Vec<(u64, u64)> =
            rows.iter().filter(|row| row["stream"] == id.to_string()).map(place).collect();
        spans.sort_unstable();
        let parts = blocks.iter().flatten().filter(|part| part.stream == stream);
        let end = parts.map(|part| part.offset + part.bytes.len() as u64).max().unwrap_or(0);
        let mut at = 0;
        for (offset, length) in spans.into_iter().chain([(end, 0)]) {
            sum.add((id, Generation(0)), ByteOffset(at), ByteOffset(offset));
            at = offset + length;
        }
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_event_is_a_row_or_dropped_by_a_rule(
        blocks in blocks(),
        rules in proptest::collection::vec(0..POOL.len(), 0..5),
        arrow_bytes_max in 0..20_000_usize,
    ) {
        let settings = Settings { arrow_bytes_max, ..settings(&rules) };
        let outcome = run(&settings, &[("k", &chunk(Codec::Zstd, &blocks))]).unwrap();
        let rows = rows(&outcome.files, "logs/");
        let BatchReport { counts, rules, .. } = &outcome.batch;
        prop_assert_eq!(counts.rows, rows.len() as u64);
        prop_assert_eq!(counts.rows + counts.dropped + counts.sampled_out, counts.events);
        let sum = |value: fn(&RuleCounts) -> u64| rules.iter().map(value).sum::<u64>();
        prop_assert_eq!((sum(|it| it.dropped), sum(|it| it.sampled_out)), (counts.dropped, counts.sampled_out));
        let mut left = counts.events;
        for rule in rules {
            prop_assert_eq!(rule.seen, left);
            left -= rule.dropped + rule.sampled_out;
        }
        prop_assert_eq!(outcome.objects[0].gaps, gaps(&blocks, &rows));
        let metrics: u64 = crate::support::rows(&outcome.files, "metrics/").iter().map(|row| row["lines"].parse::<u64>().unwrap()).sum();
        prop_assert_eq!(metrics, counts.lines - counts.dropped_lines);
    }

    #[test]
    fn a_sample_is_the_same_however_the_bytes_are_cut(cut in 1..200_usize, one_of in 2..30_u32) {
        let text = lines(200, |number| format!("2026-09-21T14:13:20Z INFO number {number}"));
        let settings = parse(&format!("[[rule]]\nname = 'r'\nsample = {one_of}")).unwrap();
        let offsets = |blocks: &[Vec<Part>]| {
            let outcome = run(&settings, &[("k", &chunk(Codec::Zstd, blocks))]).unwrap();
            let mut offsets: Vec<_> = rows(&outcome.files, "logs/").iter().map(place).collect();
            offsets.sort_unstable();
            offsets
        };
        let at = text.match_indices('\n').nth(cut - 1).unwrap().0 + 1;
        let (head, tail) = text.split_at(at);
        let whole = offsets(&[vec![Part::new(1, 0, &text)]]);
        if !tail.is_empty() {
            let parts = vec![Part::new(1, 0, head)];
            prop_assert_eq!(&whole, &offsets(&[parts, vec![Part::new(1, at as u64, tail)]]));
        }
        prop_assert!(whole.len() < 200);
    }
}

#[test]
fn metrics_are_what_the_rows_add_up_to() {
    let requests = (0..3_000).map(|number| {
        let (minute, status) = (number % 7, [200, 301, 404, 502, 503][number % 5]);
        format!(
            "192.0.2.7 - - [21/Sep/2026:14:{minute:02}:21 +0000] \"GET / HTTP/1.1\" {status} 10 \"-\" \"-\" 0.{:03}\n",
            number % 900
        )
    });
    let logins = (0..300).map(|number| {
        format!("<38>1 2026-09-21T14:0{}:20Z web-1 sshd 7 - - Failed password for u from 192.0.2.7 port 22 ssh2\n", number % 7)
    });
    let access = chunk(Codec::Zstd, &[vec![Part::new(1, 0, requests.collect::<String>())]]);
    let auth = chunk(Codec::Zstd, &[vec![Part::new(2, 0, logins.collect::<String>())]]);
    let outcome = run(&Settings::default(), &[("a", &access), ("b", &auth)]).unwrap();
    let mut sums: BTreeMap<[String; 5], ([u64; 6], Vec<f64>)> = BTreeMap::new();
    for row in rows(&outcome.files, "logs/") {
        let minute = row["ts"].parse::<i64>().unwrap() / 60_000_000 * 60_000_000;
        let key = [
            minute.to_string(),
            row["host"].clone(),
            row["source"].clone(),
            row["level"].clone(),
            row["event_type"].clone(),
        ];
        let status: u32 = row.get("http_status").map_or(0, |status| status.parse().unwrap());
        let is_error = matches!(row["level"].as_str(), "error" | "fatal");
        let (sums, durations) = sums.entry(key).or_default();
        let figures = [
            1,
            row["length"].parse().unwrap(),
            u64::from(is_error),
            u64::from(row["event_type"] == "auth_failure"),
            u64::from((400..500).contains(&status)),
            u64::from((500..600).contains(&status)),
        ];
        sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
        durations.extend(row.get("http_duration_ms").map(|it| it.parse::<f64>().unwrap()));
    }
    let found = rows(&outcome.files, "metrics/");
    assert_eq!(found.len(), sums.len());
    assert!(sums.values().any(|(sums, _)| sums[3] > 0) && sums.values().any(|(sums, _)| sums[5] > 0));
    for row in found {
        let key = ["minute", "host", "source", "level", "event_type"].map(|name| row[name].clone());
        let (expect, durations) = sums.get_mut(&key).unwrap();
        let names = ["lines", "bytes", "errors", "auth_failures", "http_4xx", "http_5xx"];
        assert_eq!(names.map(|name| row[name].parse::<u64>().unwrap()), *expect, "{row:?}");
        durations.sort_by(f64::total_cmp);
        for (name, quantile) in [("duration_p50_ms", 0.5), ("duration_p95_ms", 0.95)] {
            assert_eq!(row.contains_key(name), !durations.is_empty(), "{row:?}");
            if let Some(told) = row.get(name) {
                let (told, at) = (told.parse::<f64>().unwrap(), quantile * (durations.len() - 1) as f64);
                let (low, high) =
                    (durations[at as usize], durations[(at.ceil() as usize).min(durations.len() - 1)]);
                assert!(
                    (low * 0.98..=high * 1.02).contains(&told),
                    "{name}: {told} is not in {low} to {high}"
                );
            }
        }
    }
}

#[test]
fn a_sample_has_the_rate_that_its_rows_tell() {
    for one_of in [2_u64, 10, 100] {
        let text = lines(20_000, |number| format!("2026-09-21T14:13:20Z INFO number {number}"));
        let rules = format!("[[rule]]\nname = 'r'\nsample = {one_of}");
        let bytes = chunk(Codec::Zstd, &[vec![Part::new(1, 0, &text)]]);
        let outcome = run(&parse(&rules).unwrap(), &[("k", &bytes)]).unwrap();
        let rows = rows(&outcome.files, "logs/");
        let (expect, found) = (20_000 / one_of, rows.len() as u64);
        // Five standard deviations of as many fair draws.
        let slack = 5.0 * (expect as f64).sqrt();
        assert!((expect as f64 - found as f64).abs() < slack, "one of {one_of}: {found}");
        assert!(rows.iter().all(|row| row["attributes"].contains(&format!("sampled_one_of={one_of}"))));
        assert_eq!(outcome.batch.rules[0].sampled_out, 20_000 - found);
    }
}

#[test]
fn a_sample_of_a_sample_is_drawn_anew_and_tells_the_product() {
    let text = lines(20_000, |number| format!("2026-09-21T14:13:20Z INFO number {number}"));
    let rules = "[[rule]]\nname = 'a'\nsample = 10\n[[rule]]\nname = 'b'\nsample = 10";
    let bytes = chunk(Codec::Zstd, &[vec![Part::new(1, 0, &text)]]);
    let outcome = run(&parse(rules).unwrap(), &[("k", &bytes)]).unwrap();
    let rows = rows(&outcome.files, "logs/");
    assert!((130..=270).contains(&rows.len()), "{}", rows.len());
    assert!(rows.iter().all(|row| row["attributes"] == "sampled_one_of=100"));
}

#[test]
fn rules_are_done_in_their_order_each_to_what_the_one_before_left() {
    let text = concat!(
        "192.0.2.7 - - [21/Sep/2026:14:13:21 +0000] \"GET /health HTTP/1.1\" 200 10 \"-\" \"probe\"\n",
        "192.0.2.7 - - [21/Sep/2026:14:13:22 +0000] \"GET /missing HTTP/1.1\" 404 10 \"-\" \"curl\"\n",
        "192.0.2.7 - - [21/Sep/2026:14:13:23 +0000] \"GET /broken HTTP/1.1\" 502 10 \"-\" \"curl\"\n",
        "not parsed at all\n",
    );
    let rules = "
        [[rule]]
        name = 'health'
        match = { source = 'ngin*', fields = { http_path = '/health' } }
        drop = true
        [[rule]]
        name = '404 is no warning'
        match = { event_type = 'http_access', http_status = 404 }
        relabel = { level = 'info', attributes = { team = 'web' }, service = 'shop' }
        [[rule]]
        name = 'warnings'
        match = { level = 'warn' }
        drop = true
        [[rule]]
        name = 'elsewhere'
        match = { host = 'db-*' }
        drop = true
        [[rule]]
        name = 'the rest'
        match = { event_type = 'unparsed', message = '^not' }
        relabel = { event_type = 'application', level = 'error' }
    ";
    let bytes = chunk(Codec::Zstd, &[vec![Part::new(1, 0, text)]]);
    let outcome = run(&parse(rules).unwrap(), &[("k", &bytes)]).unwrap();
    let found: BTreeMap<u64, Vec<String>> = rows(&outcome.files, "logs/")
        .iter()
        .map(|row| {
            let names =
                ["level", "event_type", "severity_number", "http_status", "service", "attributes", "raw"];
            let values = names.iter().map(|name| row.get(*name).cloned().unwrap_or_default()).collect();
            (place(row).0, values)
        })
        .collect();
    let expect = [
        ["info", "http_access", "9", "404", "shop", "team=web", ""],
        ["error", "http_access", "17", "502", "", "", ""],
        // The line is kept, though the event is no longer unparsed: nothing else holds it.
        ["error", "application", "17", "", "", "", "not parsed at all"],
    ];
    let found: Vec<Vec<&str>> = found.values().map(|row| row.iter().map(String::as_str).collect()).collect();
    assert_eq!(found, expect);
    let counts: Vec<_> =
        outcome.batch.rules.iter().map(|rule| (rule.seen, rule.matched, rule.dropped)).collect();
    assert_eq!(counts, [(4, 1, 1), (3, 1, 0), (3, 0, 0), (3, 0, 0), (3, 1, 0)]);
    assert_eq!((outcome.batch.counts.lines, outcome.batch.counts.dropped_lines), (4, 1));
}

#[test]
fn a_batch_of_which_all_is_dropped_has_no_file() {
    let bytes = chunk(Codec::Zstd, &[vec![Part::new(1, 0, "a\nb\n")]]);
    let outcome = run(&parse("[[rule]]\nname = 'r'\ndrop = true").unwrap(), &[("k", &bytes)]).unwrap();
    assert_eq!((outcome.files.len(), outcome.batch.counts.dropped_by_rule()), (0, 2));
}
