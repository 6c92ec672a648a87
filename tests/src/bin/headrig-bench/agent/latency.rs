//! How soon a line is sealed while the agent has much to do: one busy file, many quiet ones.
//!
//! A line counts as sealed when the chunk it is in has arrived at the store, which is a little later.

use super::{
    lines::Style,
    marked,
    rig::{Rig, Setup},
    writers::{Ticks, Writers},
};
use crate::{
    floor::Codec,
    verdict::{Figure, percentile},
};
use anyhow::{Result, anyhow};
use std::{path::Path, thread, time::Duration};

const AGE_MAX: (&str, Duration) = ("2s", Duration::from_secs(2));
/// How much later than by `chunk.age_max` a line may be sealed.
const DELAY_MAX: Duration = Duration::from_secs(1);
const PERCENT: f64 = 99.0;
/// The file that is busy.
const BUSY: u32 = 0;
/// Those that get a line a second each, half of them with lines that could go on.
const QUIET_FILES: u32 = 200;
const TICK: Duration = Duration::from_millis(10);
const TICKS_PER_SECOND: u32 = 100;
/// About 4.5 MB a second.
const BUSY_LINES_PER_TICK: u32 = 300;

/// Writes for so many seconds, and judges how long lines took.
pub(super) fn measure(folder: &Path, seconds: u64) -> Result<Vec<Figure>> {
    let home = folder.join("latency");
    let logs = home.join("logs");
    let mut writers = Writers::new(&logs, 1 + QUIET_FILES)?;
    let rig = Rig::new(home, Setup { codec: Codec::Zstd, age_max: AGE_MAX.0, include: &logs })?;
    let mut agent = rig.start()?;
    Rig::wait_known(&mut agent, 1 + QUIET_FILES)?;
    println!("latency: a busy file and {QUIET_FILES} quiet ones for {seconds} s, age_max {}", AGE_MAX.0);
    let watched = thread::scope(|scope| {
        let writing = scope.spawn(|| write(&mut writers, seconds));
        let watched = agent.watch_while(|| !writing.is_finished())?;
        writing.join().map_err(|_| anyhow!("the writer of logs panicked"))??;
        anyhow::Ok(watched)
    })?;
    rig.wait_stored(&mut agent, writers.bytes())?;
    agent.end()?;
    let delivery = marked::check(&rig.objects()?, writers.lines())?;
    let rate = writers.bytes() as f64 / 1e6 / seconds as f64;
    let mut figures = vec![
        Figure::stated("under load: written", format!("{rate:.1} MB/s")),
        Figure::stated("under load: CPU", format!("{:.1} % of a core", watched.core_share * 100.0)),
    ];
    let of = |wanted: fn(u32) -> bool| {
        delivery.times.iter().filter(|(file, _)| wanted(*file)).map(|(_, time)| *time).collect()
    };
    let quiet_access = of(|file| file != BUSY && Style::of(file) == Style::Access);
    let quiet_application = of(|file| Style::of(file) == Style::Application);
    figures.extend(judge("busy file", of(|file| file == BUSY), AGE_MAX.1));
    figures.extend(judge("quiet files", quiet_access, AGE_MAX.1));
    figures.extend(judge("quiet files whose last line could go on", quiet_application, AGE_MAX.1));
    Ok(figures)
}

/// Holds the times that lines took against `age_max`.
pub(super) fn judge(name: &str, mut times: Vec<Duration>, age_max: Duration) -> Vec<Figure> {
    times.sort();
    let [p50, p99, most] = [50.0, PERCENT, 100.0].map(|percent| percentile(&times, percent).as_secs_f64());
    let limit = (age_max + DELAY_MAX).as_secs_f64();
    vec![
        Figure::at_most(format!("{name}: line written to chunk stored, p99"), p99, limit, "s"),
        Figure::stated(format!("{name}: p50, most"), format!("{p50:.2} s, {most:.2} s")),
    ]
}

fn write(writers: &mut Writers, seconds: u64) -> Result<()> {
    let mut ticks = Ticks::new(TICK);
    for _ in 0..seconds {
        for tick in 0..TICKS_PER_SECOND {
            writers.write(BUSY, BUSY_LINES_PER_TICK)?;
            // Each quiet file has its moment of the second.
            let due = |file: &u32| file % TICKS_PER_SECOND == tick;
            (1..=QUIET_FILES).filter(due).try_for_each(|file| writers.write(file, 1))?;
            ticks.wait();
        }
    }
    Ok(())
}
