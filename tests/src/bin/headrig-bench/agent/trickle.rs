//! Many files with a line a second each, with the agent set up as it is by default.

use super::{
    latency, marked,
    rig::{Rig, Setup, mib},
    writers::{Ticks, Writers},
};
use crate::{floor::Codec, verdict::Figure};
use anyhow::{Result, anyhow};
use std::{path::Path, thread, time::Duration};

/// Objects are to be in the tens.
const OBJECTS_MAX: f64 = 99.0;
/// The default.
const AGE_MAX: (&str, Duration) = ("1m", Duration::from_secs(60));
/// The lines of a second are spread over so many moments of it.
const TICKS_PER_SECOND: u32 = 100;

/// Writes for so many seconds, and checks every line.
pub(super) fn measure(folder: &Path, files: u32, seconds: u64) -> Result<Vec<Figure>> {
    let home = folder.join("trickle");
    let logs = home.join("logs");
    let mut writers = Writers::new(&logs, files)?;
    let rig = Rig::new(home, Setup { codec: Codec::Zstd, age_max: AGE_MAX.0, include: &logs })?;
    let mut agent = rig.start()?;
    Rig::wait_known(&mut agent, files)?;
    println!("trickle: {files} files get a line a second each, for {seconds} s");
    let (watched, took) = thread::scope(|scope| {
        let writing = scope.spawn(|| write(&mut writers, files, seconds));
        let watched = agent.watch_while(|| !writing.is_finished())?;
        let took = writing.join().map_err(|_| anyhow!("the writer of logs panicked"))??;
        anyhow::Ok((watched, took))
    })?;
    rig.wait_stored(&mut agent, writers.bytes())?;
    let cost = agent.end()?;
    let delivery = marked::check(&rig.objects()?, writers.lines())?;
    let name = format!("{files} files, a line a second");
    let mut figures = vec![
        Figure::at_most(format!("{name}: objects"), delivery.stored.objects as f64, OBJECTS_MAX, ""),
        Figure::stated(format!("{name}: CPU"), format!("{:.1} % of a core", watched.core_share * 100.0)),
        Figure::stated(format!("{name}: CPU in all"), format!("{:.1} s", cost.cpu.as_secs_f64())),
        Figure::stated(format!("{name}: RSS"), format!("{:.1} MiB", mib(watched.rss_bytes_max))),
        Figure::stated(format!("{name}: descriptors"), watched.descriptors_max.to_string()),
        Figure::stated(format!("{name}: written within"), format!("{:.1} s", took.as_secs_f64())),
    ];
    let times = delivery.times.into_iter().map(|(_, time)| time).collect();
    figures.extend(latency::judge(&name, times, AGE_MAX.1));
    Ok(figures)
}

fn write(writers: &mut Writers, files: u32, seconds: u64) -> Result<Duration> {
    let mut ticks = Ticks::new(Duration::from_secs(1) / TICKS_PER_SECOND);
    let share = |tick: u32| (u64::from(files) * u64::from(tick) / u64::from(TICKS_PER_SECOND)) as u32;
    for _ in 0..seconds {
        for tick in 0..TICKS_PER_SECOND {
            (share(tick)..share(tick + 1)).try_for_each(|file| writers.write(file, 1))?;
            ticks.wait();
        }
    }
    Ok(ticks.elapsed())
}
