//! kill -9 at random moments: over one big log, and over logs that grow and rotate between the kills.
//! The seed is printed; a run that failed is repeated with it, as far as moments can be.

use anyhow::Result;
use headrig_tests::{
    exactness::{self, Exact},
    generate::{AccessLog, Written, application_lines},
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

/// A lake that a run completes before its kill is checked, and the next kill begins a new one.
#[test]
fn every_line_is_there_once_after_kills_at_random_moments() -> Result<()> {
    let (seed, effort) = (printed_seed(), Effort::asked_for());
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

/// Between two kills a server goes on: it writes, rotates and compresses.
#[test]
fn every_line_is_there_once_when_logs_rotate_between_kills() -> Result<()> {
    let mut random = Random::new(printed_seed());
    let mut server = Server::new()?;
    for _ in 0..ROTATING_ROUNDS {
        for _ in 0..=random.below(3) {
            server.work(&mut random)?;
        }
        let mode: &[&str] =
            if random.below(3) == 0 { &["--follow", "--max-wait", "200ms"] } else { &["--once"] };
        let running = server.site.headrig()?.arguments(mode).start()?;
        killed_after(random.duration_below(ROTATING_DELAY_MAX), running)?;
    }
    server.site.run_well()?;
    exactness::check(&server.site.lake(), &server.contents())?;
    assert_eq!(server.site.run_well()?.rows, 0);
    Ok(())
}

const ROTATING_ROUNDS: u32 = 25;
const ROTATING_DELAY_MAX: Duration = Duration::from_millis(700);

/// A server with one log, and what is in its files.
struct Server {
    site: Site,
    lines: u64,
    live: String,
    rotated: Vec<String>,
    /// The newest rotated file that is not compressed yet.
    plain: Option<String>,
}

impl Server {
    fn new() -> Result<Self> {
        Ok(Self { site: Site::new()?, lines: 0, live: String::new(), rotated: Vec::new(), plain: None })
    }

    fn work(&mut self, random: &mut Random) -> Result<()> {
        match random.below(4) {
            0 if !self.live.is_empty() => self.rotate(),
            1 => self.compress(),
            _ => self.write(1 + random.below(20_000)),
        }
    }

    fn write(&mut self, count: u64) -> Result<()> {
        let lines = application_lines("app", self.lines, count);
        self.lines += count;
        self.live += &lines;
        self.site.append("app.log", lines)
    }

    fn rotate(&mut self) -> Result<()> {
        let name = format!("app.log-{:03}", self.rotated.len());
        self.site.rename("app.log", &name)?;
        self.rotated.push(std::mem::take(&mut self.live));
        self.compress()?;
        self.plain = Some(name);
        Ok(())
    }

    fn compress(&mut self) -> Result<()> {
        self.plain.take().map_or(Ok(()), |name| self.site.gzip(&name))
    }

    fn contents(&self) -> Vec<&String> {
        self.rotated.iter().chain([&self.live]).collect()
    }
}

fn printed_seed() -> u64 {
    let seed = random::seed();
    eprintln!("seed {seed}; repeat with {}={seed}", random::SEED_VARIABLE);
    seed
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
