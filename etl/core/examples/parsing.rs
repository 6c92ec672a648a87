//! How fast one thread parses a log, without reading, decompressing or writing it:
//! `cargo run --release -p headrig-etl --example parsing -- FILE [ROUNDS]`.
//!
//! Finds the format, parses every line ROUNDS times and prints megabytes (10^6 bytes) for each second of
//! the best round, and how many lines are of which event type.

use headrig_contract::UnixMicros;
use headrig_etl::Event;
use headrig_etl::parse::{Context, SAMPLE_EVENTS_MAX, StreamFormat};
use std::{collections::BTreeMap, error::Error, fs, time::Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: parsing FILE [ROUNDS]")?;
    let rounds = arguments.next().map_or(Ok(5), |text| text.parse::<u32>())?;
    let bytes = fs::read(&path)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let format = StreamFormat::detect(lines.iter().copied().take(SAMPLE_EVENTS_MAX), "");
    let zone = jiff::tz::TimeZone::UTC;
    let context = Context::new(UnixMicros::from_seconds(1_790_000_000), UnixMicros(0), &zone);
    let mut best = f64::INFINITY;
    for round in 0..rounds {
        let mut types = BTreeMap::<&str, usize>::new();
        let mut event = Event::default();
        let start = Instant::now();
        for line in &lines {
            format.parse(line, &context, &mut event);
            *types.entry(event.event_type.as_str()).or_default() += 1;
        }
        best = best.min(start.elapsed().as_secs_f64());
        if round == 0 {
            types.iter().for_each(|(event_type, count)| println!("{count:10} {event_type}"));
        }
    }
    let nanos = best * 1e9 / lines.len() as f64;
    println!("{:10.1} MB/s, {nanos:.0} ns a line", text.len() as f64 / 1e6 / best);
    Ok(())
}
