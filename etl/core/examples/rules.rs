//! What rules and alerts cost: `cargo run --release -p headrig-etl --example rules -- FILE`.
//!
//! Runs FILE, a plain log, as one batch into a sink that keeps nothing, with neither rules nor alerts and then with each
//! of some configurations, round by round in turn. Prints plain megabytes (10^6 bytes) for each second of CPU: medians,
//! and their share of the first.

use headrig_contract::{ContentHash, ObjectKey, UnixMicros};
use headrig_etl::{BatchReport, BatchRun, LakeFile, LakeSink, Member, Settings, config::parse};
use std::{
    error::Error,
    fs, io,
    time::{Duration, Instant},
};

const ROUNDS: usize = 5;

/// What is measured: a name, and a configuration; without one there are no alerts either.
const CASES: [(&str, Option<&str>); 9] = [
    ("neither rules nor alerts", None),
    ("the alerts that are built in", Some("")),
    ("a rule that holds for nothing here", Some("[[rule]]\nname = 'a'\nmatch.source = 'x'\ndrop = true")),
    ("drop by level", Some("[[rule]]\nname = 'a'\nmatch.level_max = 'debug'\ndrop = true")),
    ("drop by a regular expression", Some("[[rule]]\nname = 'a'\nmatch.message = 'health[zc]'\ndrop = true")),
    ("sample, one of 10", Some("[[rule]]\nname = 'a'\nsample = 10")),
    ("redact e-mail", Some("[[rule]]\nname = 'a'\nredact.what = 'email'")),
    ("redact e-mail, cards, tokens", Some("[[rule]]\nname = 'a'\nredact.what = ['email', 'card', 'token']")),
    ("redact IPv4, in every line", Some("[[rule]]\nname = 'a'\nredact.what = 'ipv4'")),
];

struct Nowhere;

impl LakeSink for Nowhere {
    fn write(&mut self, _: LakeFile) -> io::Result<()> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: rules FILE")?;
    let bytes = fs::read(path)?;
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); CASES.len()];
    let mut reports = Vec::new();
    for round in 0..=ROUNDS {
        for (at, (name, config)) in CASES.iter().enumerate() {
            let settings = match config {
                None => Settings::default(),
                Some(rules) if at == 1 => parse(rules)?,
                Some(rules) => parse(&format!("[etl]\nbuilt_in_alerts = false\n{rules}"))?,
            };
            let (time, report) = run(&settings, &bytes)?;
            // The first round warms up.
            if round > 0 {
                times[at].push(time);
            } else {
                reports.push((name, report));
            }
        }
    }
    let speed = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        bytes.len() as f64 / 1e6 / times[times.len() / 2].as_secs_f64()
    };
    let first = speed(&mut times[0]);
    println!("{:.1} MB, {} rounds", bytes.len() as f64 / 1e6, ROUNDS);
    for ((name, report), times) in reports.iter().zip(&mut times) {
        let speed = speed(times);
        let redacted: u64 = report.rules.iter().map(|rule| rule.redacted).sum();
        println!(
            "{speed:8.1} MB/s {:5.1} % {name} ({} rows, {redacted} redacted)",
            100.0 * speed / first,
            report.counts.rows
        );
    }
    Ok(())
}

fn run(settings: &Settings, bytes: &[u8]) -> Result<(Duration, BatchReport), Box<dyn Error>> {
    let member = Member {
        key: ObjectKey::parse("host=bench/source=bench/bench.log")?,
        hash: ContentHash::of(bytes),
        modified: UnixMicros::from_seconds(1_790_000_000),
    };
    let mut run = BatchRun::new("b0", settings);
    let start = cpu_time();
    run.object(&member, bytes, &mut Nowhere)?;
    let report = run.finish(&mut Nowhere)?;
    Ok((cpu_time() - start, report))
}

/// This thread's CPU time on Linux, the wall clock elsewhere.
fn cpu_time() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let start = START.get_or_init(Instant::now);
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = schedstat.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| start.elapsed(), Duration::from_nanos)
}
