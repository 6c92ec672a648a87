//! kill -9 at random moments of a run over a generated access log. A lake that a run completes before its
//! kill is checked, and the next kill begins a new one.

use anyhow::Result;
use headrig_tests::{
    exactness::{self, Exact},
    generate::{AccessLog, Written},
    process::Running,
    random::{self, Random},
    site::Site,
};
use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// How hard to try.
struct Effort {
    kills: u32,
    log_bytes: u64,
}

impl Effort {
    fn asked_for() -> Self {
        if std::env::var("HEADRIG_TEST_LARGE").is_ok_and(|value| value == "1") {
            Self { kills: 20, log_bytes: 300_000_000 }
        } else {
            Self { kills: 8, log_bytes: 40_000_000 }
        }
    }
}

#[test]
fn every_line_is_there_once_after_kills_at_random_moments() -> Result<()> {
    let (seed, effort) = (random::seed(), Effort::asked_for());
    eprintln!("seed {seed}; repeat with {}={seed}", random::SEED_VARIABLE);
    let (mut log, mut random) = (Vec::new(), Random::new(seed));
    let written = AccessLog::new(seed).write(effort.log_bytes, &mut log)?;
    // An undisturbed run tells how far apart the kills have to be.
    let mut site = site_with(&log)?;
    let begun = Instant::now();
    site.run_well()?;
    let undisturbed = begun.elapsed();
    complete(&site, &log, written)?;
    let (mut kills, mut lakes) = (0, 1);
    site = site_with(&log)?;
    while kills < effort.kills {
        let delay = random.duration_below(undisturbed * 2 / effort.kills);
        if killed_after(delay, site.headrig()?.start()?)? {
            kills += 1;
        } else {
            complete(&site, &log, written)?;
            site = site_with(&log)?;
            lakes += 1;
        }
    }
    site.run_well()?;
    complete(&site, &log, written)?;
    eprintln!("{kills} kills, {lakes} lakes completed before, {undisturbed:.1?} undisturbed");
    Ok(())
}

fn site_with(log: &[u8]) -> Result<Site> {
    let site = Site::new()?;
    site.write("access.log", log)?;
    Ok(site)
}

/// Whether the kill came before the end.
fn killed_after(delay: Duration, running: Running) -> Result<bool> {
    // Not waiting for anything: the moment itself is what is random.
    sleep(delay);
    running.kill()
}

fn complete(site: &Site, log: &[u8], written: Written) -> Result<()> {
    let exact = exactness::check(&site.lake(), &[log])?;
    assert_eq!(exact, Exact { rows: written.lines, bytes: written.bytes });
    Ok(())
}
