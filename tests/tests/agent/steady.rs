//! Nothing fails.

use anyhow::{Result, ensure};
use headrig_tests::scenario::Scenario;
use std::{fs, time::Duration};

#[test]
fn steady() -> Result<()> {
    steadily("steady", "zstd", ".log.zst")
}

#[test]
fn steady_with_gzip() -> Result<()> {
    steadily("steady, gzip", "gzip", ".log.gz")
}

fn steadily(name: &'static str, codec: &'static str, ending: &str) -> Result<()> {
    let Some(mut scenario) = Scenario::begin(name)? else { return Ok(()) };
    scenario.setup.codec = codec;
    let mut logs = [scenario.open("app.log")?, scenario.open("web.log")?, scenario.open("slow.log")?];
    scenario.write(&mut logs[0], 500)?;
    let agent = scenario.agent()?;
    for round in 0..150 {
        scenario.write(&mut logs[0], 60)?;
        scenario.write(&mut logs[1], 15)?;
        if round % 50 == 0 {
            scenario.write(&mut logs[2], 1)?;
        }
        scenario.idle(Duration::from_millis(40));
    }
    scenario.arrived()?;
    ensure!(scenario.delivery().keys().all(|key| key.starts_with("fleet/host=web-1/source=app/")));
    ensure!(scenario.delivery().keys().all(|key| key.ends_with(ending)));
    scenario.finish(agent).map(drop)
}

/// A hundred files begin with the same three kilobytes: each is read, none is taken for another.
#[test]
fn equal_first_lines_in_many_files() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("equal first lines in many files")? else { return Ok(()) };
    let head: String = (0..60)
        .map(|line| format!("# build 7, host web-1, line {line} of the banner {line:020}\n"))
        .collect();
    let mut logs =
        (0..100).map(|number| scenario.open(&format!("worker-{number}.log"))).collect::<Result<Vec<_>>>()?;
    for log in &mut logs[..50] {
        scenario.write_text(log, &head)?;
    }
    let agent = scenario.agent()?;
    scenario.arrived()?;
    for log in &mut logs[50..] {
        scenario.write_text(log, &head)?;
    }
    for round in 0..3 {
        for log in &mut logs {
            scenario.write(log, 1 + round)?;
        }
        scenario.idle(Duration::from_millis(600));
    }
    scenario.finish(agent).map(drop)
}

#[test]
fn ten_thousand_files() -> Result<()> {
    const FILES: usize = 10_000;
    let Some(mut scenario) = Scenario::begin("10,000 files")? else { return Ok(()) };
    scenario.setup.chunk_bytes_max = 8 << 20;
    for number in 0..FILES {
        if number % 100 == 0 {
            fs::create_dir(scenario.path(&format!("{}", number / 100)))?;
        }
        let mut log = scenario.open(&format!("{}/{number}.log", number / 100))?;
        scenario.write(&mut log, 1)?;
    }
    let agent = scenario.agent()?;
    scenario.arrived()?;
    for number in 0..FILES {
        let mut log = scenario.open(&format!("{}/{number}.log", number / 100))?;
        scenario.write(&mut log, 1)?;
    }
    scenario.arrived()?;
    let descriptors = fs::read_dir(format!("/proc/{}/fd", agent.id()))?.count();
    ensure!(descriptors < 100, "{descriptors} descriptors are open");
    let objects = scenario.delivery().objects();
    ensure!(objects < 100, "{objects} objects for 20,000 lines");
    scenario.finish(agent).map(drop)
}
