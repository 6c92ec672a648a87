//! Tells the stories of many seeds, and of one that fails what led to it, in as few steps as can be found.

use crate::world::{KINDS, STEPS, Telling, World};
use std::{
    any::Any,
    collections::BTreeMap,
    ops::{AddAssign, Range},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

/// How often progress is told, in seeds.
const PROGRESS_SEEDS: u64 = 2_000;

/// What stories came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) stories: u64,
    pub(crate) steps: u64,
    pub(crate) crashes: u64,
    pub(crate) lines: u64,
    pub(crate) objects: u64,
    /// Uploads of what the bucket had already.
    pub(crate) repeated: u64,
    /// Durable actions.
    pub(crate) actions: u64,
    /// Changes with anything in the bucket.
    pub(crate) digest: u64,
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.stories += other.stories;
        self.steps += other.steps;
        self.crashes += other.crashes;
        self.lines += other.lines;
        self.objects += other.objects;
        self.repeated += other.repeated;
        self.actions += other.actions;
        self.digest = self.digest.rotate_left(1) ^ other.digest;
    }
}

/// What went wrong, and the steps before.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) message: String,
    pub(crate) trace: Vec<String>,
}

/// Tells one story.
pub(crate) fn tell(telling: &Telling) -> Result<Outcome, Violation> {
    let mut world = World::new(telling);
    match catch_unwind(AssertUnwindSafe(|| world.run())) {
        Ok(()) => Ok(Outcome {
            stories: 1,
            steps: world.steps,
            crashes: world.crashes,
            lines: world.logs.lines_written,
            objects: world.bucket.objects.len() as u64,
            repeated: world.bucket.already_there,
            actions: world.machine.actions(),
            digest: world.bucket.digest(),
        }),
        Err(payload) => {
            Err(Violation { message: message(&*payload), trace: [world.trace(), world.inventory()].concat() })
        }
    }
}

/// Tells the stories of all these seeds, on as many threads as there are cores, and fails with the first that
/// goes wrong.
pub(crate) fn tell_all(seeds: Range<u64>, threads: usize) -> Outcome {
    let (next, failed) = (AtomicU64::new(seeds.start), AtomicU64::new(u64::MAX));
    let work = || {
        let mut sum = Outcome::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || failed.load(Ordering::Relaxed) != u64::MAX {
                return sum;
            }
            match tell(&Telling { seed, ..Telling::default() }) {
                Ok(outcome) => sum += outcome,
                Err(_) => {
                    failed.fetch_min(seed, Ordering::Relaxed);
                }
            }
            if (seed + 1 - seeds.start).is_multiple_of(PROGRESS_SEEDS) {
                println!("{} seeds of {}", seed + 1 - seeds.start, seeds.end - seeds.start);
            }
        }
    };
    let sum = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().fold(Outcome::default(), |mut sum, worker| {
            sum += worker.join().unwrap();
            sum
        })
    });
    let failed = failed.into_inner();
    if failed != u64::MAX {
        report(&Telling { seed: failed, ..Telling::default() });
    }
    sum
}

/// Fails with what went wrong in a story, told as shortly as can be.
pub(crate) fn report(telling: &Telling) {
    let seed = telling.seed;
    let short = Telling { traced: true, ..shortened(*telling) };
    let violation = tell(&short).expect_err("a story that went wrong goes wrong again");
    println!("seed {seed}, the last steps of the shortest story that goes wrong:");
    violation.trace.iter().for_each(|line| println!("{line}"));
    println!("{short:?}");
    let replay = match telling.cut {
        None => format!("cargo xtask sim --seed {seed}"),
        Some(_) => "cargo test --package headrig-agent --test sim at_any_action".into(),
    };
    panic!("seed {seed}: {}; replay it with: {replay}", violation.message);
}

/// A story that goes wrong as well, with fewer kinds of steps and fewer of them.
fn shortened(telling: Telling) -> Telling {
    let fails = |telling: &Telling| tell(telling).is_err();
    let mut short = telling;
    for kind in 0..KINDS {
        let less = Telling { left_out: short.left_out | 1 << kind, ..short };
        if fails(&less) {
            short = less;
        }
    }
    let mut part = STEPS / 2;
    while part > 0 {
        let less = Telling { cut_short: short.cut_short + part, ..short };
        if less.cut_short < STEPS && fails(&less) {
            short = less;
        } else {
            part /= 2;
        }
    }
    short
}

/// Tells how many of these seeds go wrong, and how.
pub(crate) fn survey(seeds: Range<u64>) {
    let mut kinds: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for seed in seeds {
        if let Err(violation) = tell(&Telling { seed, ..Telling::default() }) {
            let kind: String =
                violation.message.chars().filter(|letter| !letter.is_ascii_digit()).take(60).collect();
            kinds.entry(kind).or_default().push(seed);
        }
    }
    for (kind, seeds) in kinds {
        println!("{} x {kind}: {:?}", seeds.len(), &seeds[..seeds.len().min(12)]);
    }
}

/// A story of its own, or a number of them, as the environment asks.
pub(crate) fn tell_as_asked() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    if let Some(seed) = number("HEADRIG_SIM_SEED") {
        let telling = Telling { seed, ..Telling::default() };
        match tell(&telling) {
            Ok(outcome) => println!("seed {seed} goes well: {outcome:?}"),
            Err(_) => report(&telling),
        }
        return;
    }
    let from = number("HEADRIG_SIM_FROM").unwrap_or(0);
    let seeds = from..from + number("HEADRIG_SIM_SEEDS").unwrap_or(1_000);
    if number("HEADRIG_SIM_SURVEY").is_some() {
        return survey(seeds);
    }
    let begun = Instant::now();
    let sum = tell_all(seeds, thread::available_parallelism().map_or(1, usize::from));
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{} seeds, {} steps, {} durable actions, {} crashes, {} lines, {} objects, {} uploaded again, in {seconds:.1} s: {:.0} seeds/s",
        sum.stories,
        sum.steps,
        sum.actions,
        sum.crashes,
        sum.lines,
        sum.objects,
        sum.repeated,
        sum.stories as f64 / seconds
    );
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").into()
}
