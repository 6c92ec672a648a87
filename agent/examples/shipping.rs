//! What tailing, compressing, hashing and spooling a file costs; the store takes everything and keeps nothing.
//!
//! usage: shipping FILE [zstd|gzip] [LEVEL]; prints plain megabytes per CPU-second and peak memory.

#![allow(clippy::unwrap_used, reason = "a tool for developers: whatever goes wrong ends it")]

use headrig_agent::{
    Settings,
    core::{Event, Tails},
    discovery::plain_file,
    shipper::{Shipper, Step},
    state::SqliteState,
};
use headrig_contract::{AgentId, HostName, UnixMicros, chunk::Codec};
use std::{fs, path::Path};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let codec = if arguments.get(2).is_some_and(|codec| codec == "gzip") { Codec::Gzip } else { Codec::Zstd };
    let level = arguments.get(3).map_or(codec.default_level(), |level| level.parse().unwrap());
    let folder = std::env::temp_dir().join(format!("headrig-shipping-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let settings =
        Settings { codec, level, ..Settings::new(HostName::from_lossy("bench"), "bench".parse().unwrap()) };
    let state = SqliteState::open(&folder.join("agent.db"), AgentId::from_bytes([1; 16])).unwrap();
    let mut shipper = Shipper::open(settings, Tails::Take, &folder.join("spool"), state).unwrap();

    let path = Path::new(&arguments[1]);
    let metadata = fs::metadata(path).unwrap();
    let found = plain_file(path.into(), &metadata);
    let now = UnixMicros::from_seconds(1_790_000_000);
    shipper.scanned(vec![found], now);
    drive(&mut shipper, now);
    shipper.tell(Event::Finish, now);
    drive(&mut shipper, now);

    let progress = shipper.progress();
    let (cpu_seconds, rss_mib) = usage();
    let megabytes = progress.sealed.0 as f64 / 1e6;
    println!(
        "{megabytes:.0} MB in {} chunks of {:.1} MB, CPU {cpu_seconds:.2} s, {:.0} MB per CPU-second, peak RSS {rss_mib:.0} MiB",
        progress.chunks,
        progress.sealed_compressed.0 as f64 / 1e6,
        megabytes / cpu_seconds,
    );
    fs::remove_dir_all(&folder).unwrap();
}

fn drive(shipper: &mut Shipper<SqliteState>, now: UnixMicros) {
    loop {
        match shipper.step(now).unwrap() {
            Step::Worked => {}
            Step::Store(chunk, _) => shipper.stored(chunk.hash, now).unwrap(),
            Step::Idle => return,
        }
    }
}

/// User and system time of this process in seconds, and its peak memory in MiB.
fn usage() -> (f64, f64) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    (ticks / rustix::param::clock_ticks_per_second() as f64, kib / 1024.0)
}
