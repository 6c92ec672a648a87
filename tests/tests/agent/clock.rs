//! The host's clock is set back by an hour while the agent runs, as when NTP corrects it.

use anyhow::{Result, ensure};
use headrig_tests::{faults::Fault, scenario::Scenario, site::skip};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How long lines may take to be stored: age_max is a second.
const STORED_WITHIN: Duration = Duration::from_secs(8);

/// libfaketime gives the agent a clock that a file sets. What had a deadline by the clock before, a chunk to be
/// sealed, an upload to be tried again, an event to be held, does not wait for an hour.
#[test]
fn clock_stepped_back() -> Result<()> {
    const NAME: &str = "clock stepped back";
    let Some(library) = libfaketime() else {
        skip(NAME, "libfaketime is not installed; on Debian it is in the package of that name");
        return Ok(());
    };
    let Some(mut scenario) = Scenario::begin(NAME)? else { return Ok(()) };
    let clock = scenario.folder().join("clock");
    let set = |offset: &str| fs::write(&clock, format!("{offset}\n"));
    set("+0")?;
    scenario.setup.variable("LD_PRELOAD", &library);
    scenario.setup.variable("FAKETIME_TIMESTAMP_FILE", &clock);
    for (name, value) in
        [("FAKETIME_NO_CACHE", "1"), ("FAKETIME_DONT_FAKE_MONOTONIC", "1"), ("NO_FAKE_STAT", "1")]
    {
        scenario.setup.variable(name, value);
    }
    let mut log = scenario.open("app.log")?;
    let agent = scenario.agent()?;
    scenario.write(&mut log, 100)?;
    scenario.arrived()?;
    let read_before = scenario.delivery().objects();

    // An upload waits to be tried again and lines wait to be sealed when the clock goes back.
    scenario.faults.set(Fault::Away);
    scenario.write(&mut log, 100)?;
    agent.complains_of("no connection")?;
    scenario.write(&mut log, 100)?;
    set("-3600")?;
    scenario.faults.set(Fault::None);
    scenario.write(&mut log, 100)?;
    arrives_soon(&mut scenario)?;
    ensure!(scenario.delivery().objects() > read_before);

    for offset in ["+3600", "-7200", "+0"] {
        set(offset)?;
        scenario.write(&mut log, 50)?;
        arrives_soon(&mut scenario)?;
    }
    scenario.finish(agent).map(drop)
}

fn arrives_soon(scenario: &mut Scenario) -> Result<()> {
    let begun = Instant::now();
    scenario.arrived()?;
    let took = begun.elapsed();
    ensure!(took < STORED_WITHIN, "it took {took:?}");
    Ok(())
}

fn libfaketime() -> Option<PathBuf> {
    let places = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    places
        .iter()
        .map(|folder| Path::new(folder).join("faketime/libfaketime.so.1"))
        .find(|path| path.is_file())
}
