//! One big access log from nothing to the store: CPU time beside the floor's, and memory.
//!
//! Counted is all that the agent's process takes from its start to its end by SIGTERM, after everything was
//! stored. Floor and agent take turns, so that a busy machine slows both.

use super::{
    chunks::{self, Sum},
    rig::{Rig, Setup, mib},
};
use crate::{
    floor::{self, Codec},
    local,
    verdict::{Figure, median},
};
use anyhow::Result;
use headrig_tests::measure::Cost;
use std::{fs, path::Path};

/// What the agent may take of the CPU time that reading, compressing and hashing take alone.
const CPU_RATIO_MAX: f64 = 1.15;
const PEAK_RSS_MIB_MAX: f64 = 20.0;
/// Only the last chunk is sealed by its age; the others are full before.
const AGE_MAX: &str = "2s";

/// Ships a log of so many bytes, `pairs` times with each of the codecs.
pub(super) fn measure(folder: &Path, bytes: u64, codecs: &[Codec], pairs: u32) -> Result<Vec<Figure>> {
    let log = folder.join("access.log");
    let written = local::generate(&log, bytes)?;
    let mb = written.bytes as f64 / 1e6;
    println!("access log: {} lines, {mb:.1} MB", written.lines);
    let mut figures = Vec::new();
    for &codec in codecs {
        let mut runs = Vec::new();
        for pair in 1..=pairs {
            let floor = floor::measure(&log, codec)?;
            let home = folder.join(format!("big-{}-{pair}", codec.name()));
            let (agent, stored) = ship(&log, codec, written.bytes, &home)?;
            print_pair(codec, &floor, &agent, stored);
            runs.push((floor, agent));
            fs::remove_dir_all(home)?;
        }
        figures.extend(judge(codec, mb, &runs));
    }
    fs::remove_file(log)?;
    Ok(figures)
}

/// Ships the log with a new agent, and compares what was stored with it once the agent has ended.
fn ship(log: &Path, codec: Codec, bytes: u64, home: &Path) -> Result<(Cost, Sum)> {
    let rig = Rig::new(home.into(), Setup { codec, age_max: AGE_MAX, include: log })?;
    let mut agent = rig.start()?;
    rig.wait_stored(&mut agent, bytes)?;
    let cost = agent.end()?;
    Ok((cost, chunks::compare(&rig.objects()?, log)?))
}

fn print_pair(codec: Codec, floor: &Cost, agent: &Cost, stored: Sum) {
    println!(
        "agent: {} -{}, {:.1} MB in {} objects, the log byte by byte; CPU {:.2} s, floor {:.2} s, ratio {:.2}; \
         peak RSS {:.1} MiB",
        codec.name(),
        codec.level(),
        stored.bytes as f64 / 1e6,
        stored.objects,
        agent.cpu.as_secs_f64(),
        floor.cpu.as_secs_f64(),
        ratio(floor, agent),
        mib(agent.peak_rss_bytes)
    );
}

fn judge(codec: Codec, mb: f64, runs: &[(Cost, Cost)]) -> Vec<Figure> {
    let name = format!("big log, {} -{}", codec.name(), codec.level());
    let ratios: Vec<f64> = runs.iter().map(|(floor, agent)| ratio(floor, agent)).collect();
    let rate = |cost: fn(&(Cost, Cost)) -> &Cost| {
        let seconds: Vec<f64> = runs.iter().map(|run| cost(run).cpu.as_secs_f64()).collect();
        format!("{:.1}", mb / median(&seconds).max(0.01))
    };
    let peak = runs.iter().map(|(_, agent)| agent.peak_rss_bytes).max().unwrap_or(0);
    vec![
        Figure::at_most(format!("{name}: CPU x the floor's, median"), median(&ratios), CPU_RATIO_MAX, ""),
        Figure::stated(format!("{name}: the least of {}", ratios.len()), format!("{:.2}", least(&ratios))),
        Figure::stated(format!("{name}: MB per CPU-second, agent"), rate(|(_, agent)| agent)),
        Figure::stated(format!("{name}: MB per CPU-second, floor"), rate(|(floor, _)| floor)),
        Figure::below(format!("{name}: peak RSS"), mib(peak), PEAK_RSS_MIB_MAX, "MiB"),
    ]
}

fn ratio(floor: &Cost, agent: &Cost) -> f64 {
    agent.cpu.as_secs_f64() / floor.cpu.as_secs_f64().max(0.01)
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}
