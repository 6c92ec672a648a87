//! Many files in which nothing happens, once all their lines are stored.

use super::{
    chunks,
    rig::{Rig, Setup, mib},
    writers::Writers,
};
use crate::{floor::Codec, verdict::Figure};
use anyhow::{Result, ensure};
use std::{
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

const CORE_SHARE_PERCENT_MAX: f64 = 0.5;
const RSS_MIB_MAX: f64 = 60.0;
const DESCRIPTORS_MAX: f64 = 100.0;
const LINES_PER_FILE: u32 = 3;
/// What the first lines have set going has ended by then.
const SETTLING: Duration = Duration::from_secs(5);

/// Ships `files` files and watches the agent for `time` after that.
pub(super) fn measure(folder: &Path, files: u32, time: Duration) -> Result<Vec<Figure>> {
    let home = folder.join("idle");
    let logs = home.join("logs");
    let mut writers = Writers::new(&logs, files)?;
    (0..files).try_for_each(|file| writers.write(file, LINES_PER_FILE))?;
    let rig = Rig::new(home, Setup { codec: Codec::Zstd, age_max: "2s", include: &logs })?;
    let mut agent = rig.start()?;
    rig.wait_stored(&mut agent, writers.bytes())?;
    let before = rig.objects()?.len();
    println!(
        "idle: {files} files with {LINES_PER_FILE} lines each are stored; watching for {} s",
        time.as_secs()
    );
    sleep(SETTLING);
    let begun = Instant::now();
    let watched = agent.watch_while(|| begun.elapsed() < time)?;
    agent.end()?;
    let objects = rig.objects()?;
    ensure!(objects.len() == before, "expected nothing to be stored of idle files, found new objects");
    let stored = chunks::read(&objects, |_, _, _| Ok(()))?;
    ensure!(
        stored.raw_bytes == writers.bytes(),
        "expected {} bytes, found {}",
        writers.bytes(),
        stored.raw_bytes
    );
    let name = format!("{files} idle files");
    let percent = watched.core_share * 100.0;
    Ok(vec![
        Figure::below(format!("{name}: CPU"), percent, CORE_SHARE_PERCENT_MAX, "% of a core"),
        Figure::below(format!("{name}: RSS"), mib(watched.rss_bytes_max), RSS_MIB_MAX, "MiB"),
        Figure::below(format!("{name}: descriptors"), watched.descriptors_max as f64, DESCRIPTORS_MAX, ""),
    ])
}
