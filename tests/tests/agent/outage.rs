//! The store fails, in every way it can; logs go on and rotate.

use anyhow::{Result, ensure};
use headrig_tests::{faults::Fault, scenario::Scenario};
use std::{fs, path::Path, thread::sleep, time::Duration};

#[test]
fn outage_with_rotation() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("S3 outage, rotation going on")? else { return Ok(()) };
    let mut log = scenario.open("app.log")?;
    let agent = scenario.agent()?;
    scenario.write(&mut log, 200)?;
    scenario.arrived()?;
    scenario.faults.set(Fault::Away);
    for rotation in 0..6 {
        scenario.write(&mut log, 120)?;
        scenario.idle(Duration::from_millis(500));
        fs::rename(log.path(), scenario.path(&format!("app.log.{rotation}")))?;
        scenario.write(&mut log, 20)?;
        log.reopen()?;
        if rotation == 3 {
            // What was read waits in the spool, so the oldest log may go: in real life after its last day.
            agent.tells("the log is sealed", |status| {
                status["unread_bytes"] == 0 && status["spool_bytes"].as_u64() > Some(0)
            })?;
            sleep(Duration::from_millis(1_500));
            fs::remove_file(scenario.path("app.log.0"))?;
        }
    }
    agent.complains_of("no connection")?;
    scenario.faults.set(Fault::None);
    scenario.finish(agent).map(drop)
}

/// Three of ten requests fail: refused, answered with an error, cut before or, worst of all, after the object was
/// stored.
#[test]
fn thirty_percent_fail() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("30 % of PUTs fail")? else { return Ok(()) };
    // Each source has chunks of its own, so there are many.
    scenario.setup.sources = 8;
    scenario.faults.set(Fault::Share { per_mille: 300 });
    let mut logs = (0..8).map(|n| scenario.open(&format!("{n}-app.log"))).collect::<Result<Vec<_>>>()?;
    let agent = scenario.agent()?;
    for _ in 0..60 {
        for log in &mut logs {
            scenario.write(log, 10)?;
        }
        scenario.idle(Duration::from_millis(200));
    }
    scenario.arrived()?;
    let (requests, failed) = scenario.faults.counts();
    eprintln!("{failed} of {requests} requests failed");
    ensure!(requests >= 20 && failed >= 2, "{failed} of {requests} requests failed: that proves little");
    scenario.finish(agent).map(drop)
}

/// Credentials run out, and new ones are put where the old ones were. The agent is not restarted.
#[test]
fn expired_credentials() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("expired credentials")? else { return Ok(()) };
    let file = scenario.folder().join("credentials");
    write_credentials(&file, "ASIAOLD")?;
    scenario.setup.environment.clear();
    scenario.setup.variable("AWS_SHARED_CREDENTIALS_FILE", &file);
    scenario.setup.variable("AWS_CONFIG_FILE", scenario.folder().join("no-config"));
    let mut log = scenario.open("app.log")?;
    let agent = scenario.agent()?;
    scenario.write(&mut log, 100)?;
    scenario.arrived()?;
    scenario.faults.set(Fault::Expired { access_key: "ASIAOLD".into() });
    scenario.write(&mut log, 100)?;
    agent.complains_of("ExpiredToken")?;
    scenario.write(&mut log, 100)?;
    write_credentials(&file, "ASIANEW")?;
    scenario.finish(agent).map(drop)
}

/// The configuration names a bucket that is not there. It is corrected, and the next start ships everything.
#[test]
fn wrong_bucket() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("wrong bucket")? else { return Ok(()) };
    let right = scenario.setup.bucket.clone();
    scenario.setup.bucket = format!("{right}-that-is-not-there");
    let mut log = scenario.open("app.log")?;
    let agent = scenario.agent()?;
    scenario.write(&mut log, 300)?;
    agent.complains_of("NoSuchBucket")?;
    fs::rename(log.path(), scenario.path("app.log.1"))?;
    log.reopen()?;
    scenario.write(&mut log, 300)?;
    ensure!(agent.kill()?, "{}", "it ended because the bucket is not there");
    scenario.setup.bucket = right;
    let agent = scenario.agent()?;
    scenario.finish(agent).map(drop)
}

/// The bucket is made later: nothing needs a restart.
#[test]
fn bucket_made_later() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("bucket made later")? else { return Ok(()) };
    scenario.setup.bucket.push_str("-for-real");
    let mut log = scenario.open("app.log")?;
    let agent = scenario.agent()?;
    scenario.write(&mut log, 300)?;
    agent.complains_of("NoSuchBucket")?;
    scenario.store().make_bucket(&scenario.setup.bucket)?;
    scenario.finish(agent).map(drop)
}

/// The spool reaches its limit: reading stops, the spool grows no further, and nothing is dropped.
#[test]
fn full_spool() -> Result<()> {
    const SPOOL_BYTES: u64 = 1 << 20;
    const CHUNK_BYTES: u64 = 128 << 10;
    let Some(mut scenario) = Scenario::begin("full spool")? else { return Ok(()) };
    (scenario.setup.spool_bytes_max, scenario.setup.chunk_bytes_max) = (SPOOL_BYTES, CHUNK_BYTES);
    scenario.faults.set(Fault::Away);
    let mut log = scenario.open("app.log")?;
    let agent = scenario.agent()?;
    for _ in 0..30 {
        scenario.write(&mut log, 700)?;
    }
    agent.tells("reading stops", |status| {
        status["spool_bytes"].as_u64() >= Some(SPOOL_BYTES) && status["unread_bytes"].as_u64() > Some(0)
    })?;
    fs::rename(log.path(), scenario.path("app.log.1"))?;
    log.reopen()?;
    scenario.write(&mut log, 500)?;
    sleep(Duration::from_secs(2));
    let spooled = folder_bytes(&scenario.setup.state_dir.join("spool"))?;
    // The chunk under way when the limit was reached, and one block's worth that may still be added to it.
    let most = SPOOL_BYTES + CHUNK_BYTES + (1 << 20);
    ensure!((SPOOL_BYTES..=most).contains(&spooled), "{spooled} bytes in the spool, expected at most {most}");
    ensure!(agent.figure("unread_bytes") > Some(0), "it reads on");
    scenario.faults.set(Fault::None);
    scenario.finish(agent).map(drop)
}

fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

/// As a program that renews them does: beside, then renamed into place.
fn write_credentials(file: &Path, access_key: &str) -> Result<()> {
    let text = format!(
        "[default]\naws_access_key_id = {access_key}\naws_secret_access_key = secret\naws_session_token = token\n"
    );
    let beside = file.with_extension("new");
    fs::write(&beside, text)?;
    Ok(fs::rename(beside, file)?)
}
