//! One scenario: a server's logs, a way to the store that can fail, the real `headrig-agent`, and at the end
//! one line of the report: scenario, written, delivered, lost, duplicated, garbled.
//!
//! Nothing the agent says decides whether lines arrived: it is asked only when it is done.

mod agent;
mod log;

pub use agent::{Agent, Setup};
pub use log::Log;

use crate::{
    faults::Faults,
    ministack::Ministack,
    oracle::{Delivery, Oracle, Tally},
    process::wait_until,
    random::{self, Random},
    site,
};
use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long lines may take to arrive once nothing fails any more: four of the longest pauses between uploads. Ten
/// thousand files take a debug build half of that on a busy machine, since the agent spends one part in twenty of
/// its time on looking.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(240);
/// How long is waited for what should not come: longer than the agent takes to read, seal and store.
const QUIET_LEAST: Duration = Duration::from_millis(1_800);

/// A scenario under way.
#[derive(Debug)]
pub struct Scenario {
    name: &'static str,
    /// The agent's settings; they count from its next start.
    pub setup: Setup,
    /// The way to the store.
    pub faults: Faults,
    /// Chance, by the seed that was printed.
    pub random: Random,
    /// What was written.
    pub oracle: Oracle,
    delivery: Delivery,
    folder: TempDir,
    store: Arc<Ministack>,
}

impl Scenario {
    /// Begins on the shared MiniStack; none where it cannot be had.
    ///
    /// # Errors
    /// When something needed does not start.
    pub fn begin(name: &'static str) -> Result<Option<Self>> {
        Ministack::shared(name)?.map(|store| Self::begin_on(name, store)).transpose()
    }

    /// Begins on `store`.
    ///
    /// # Errors
    /// As [`Scenario::begin`].
    pub fn begin_on(name: &'static str, store: Arc<Ministack>) -> Result<Self> {
        let seed = random::seed();
        eprintln!("{name}: seed {seed}; repeat with {}={seed}", random::SEED_VARIABLE);
        let folder = TempDir::with_prefix("headrig-scenario-")?;
        fs::create_dir(folder.path().join("logs"))?;
        let mut setup = Setup::in_folder(folder.path());
        setup.bucket = bucket_of(name);
        store.make_bucket(&setup.bucket)?;
        let faults = Faults::before(store.address(), seed)?;
        let (oracle, delivery, random) = (Oracle::default(), Delivery::default(), Random::new(seed));
        Ok(Self { name, setup, faults, random, oracle, delivery, folder, store })
    }

    /// The folder that holds everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The path of a log.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join("logs").join(name)
    }

    /// Where chunks are stored.
    pub fn store(&self) -> &Ministack {
        &self.store
    }

    /// What arrived, as of the last look.
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// A writer to the log `name`, which goes on where the file ends.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self, name: &str) -> Result<Log> {
        Log::open(self.path(name))
    }

    /// Has `log` write so many lines.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&mut self, log: &mut Log, lines: u64) -> Result<()> {
        let first = self.oracle.lines();
        self.oracle.wrote(&log.write(&mut self.random, first, lines)?);
        Ok(())
    }

    /// Has `log` write this text, made of whole lines.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_text(&mut self, log: &mut Log, text: &str) -> Result<()> {
        log.write_text(text)?;
        self.oracle.wrote(text);
        Ok(())
    }

    /// Replaces a log by its `.gz`, as `gzip` does: the modification time stays.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn gzip(&self, name: &str) -> Result<()> {
        site::gzip(&self.path(name))
    }

    /// Starts the agent, by the setup as it is now.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn agent(&self) -> Result<Agent> {
        let url = format!("http://{}", self.faults.address());
        Agent::start(&self.setup, self.folder(), &url)
    }

    /// Sleeps a random while below `bound`: for what happens at no moment of anybody's choosing.
    pub fn idle(&mut self, bound: Duration) {
        sleep(self.random.duration_below(bound));
    }

    /// Looks at what arrived.
    ///
    /// # Errors
    /// When an object is no sound chunk.
    pub fn look(&mut self) -> Result<Tally> {
        self.delivery.read(&self.store, &self.setup.bucket)?;
        Ok(self.oracle.tally(&self.delivery))
    }

    /// Waits until every line written so far has arrived.
    ///
    /// # Errors
    /// When one has not in time.
    pub fn arrived(&mut self) -> Result<()> {
        let waited = self.wait_for_all();
        waited.with_context(|| self.state_of_things())
    }

    /// Everything arrived once, the agent has nothing left and ends in good order: the report's line.
    ///
    /// # Errors
    /// When a line was lost, doubled or garbled, or the agent's end is not in order.
    pub fn finish(mut self, agent: Agent) -> Result<Tally> {
        let arrived = self.wait_for_all();
        let tally = self.settle(&agent).and_then(|()| self.end(agent));
        let tally = tally.and_then(|tally| {
            self.report(&tally)?;
            Ok(tally)
        });
        arrived
            .and(tally)
            .and_then(|tally| {
                let Tally { written, delivered, duplicated, garbled, .. } = tally;
                ensure!((delivered, duplicated, garbled) == (written, 0, 0), "{tally}");
                Ok(tally)
            })
            .with_context(|| self.state_of_things())
    }

    /// As [`Scenario::finish`] where lines were lost that no agent could save, which the caller judges.
    ///
    /// # Errors
    /// When a line was doubled or garbled, or the agent's end is not in order.
    pub fn finish_with_loss(mut self, agent: Agent) -> Result<Tally> {
        self.settle(&agent)?;
        let tally = self.end(agent)?;
        self.report(&tally)?;
        ensure!((tally.duplicated, tally.garbled) == (0, 0), "{}", self.state_of_things());
        Ok(tally)
    }

    /// Waits until the agent has nothing left, and for what would come late.
    ///
    /// # Errors
    /// When it goes on and on.
    pub fn settle(&mut self, agent: &Agent) -> Result<()> {
        let (mut calm_since, mut before) = (Instant::now(), None);
        wait_until("the agent is done", ARRIVAL_LIMIT, || {
            agent.lives()?;
            let tally = self.look()?;
            let now = (tally, agent.figure("spool_bytes"), agent.figure("unread_bytes"));
            if before != Some(now) || (now.1, now.2) != (Some(0), Some(0)) || agent.waits_for_files() {
                (calm_since, before) = (Instant::now(), Some(now));
            }
            sleep(LOOK_PAUSE);
            Ok(calm_since.elapsed() > QUIET_LEAST)
        })
        .with_context(|| agent.said())
    }

    fn wait_for_all(&mut self) -> Result<()> {
        wait_until("every line has arrived", ARRIVAL_LIMIT, || {
            let tally = self.look()?;
            sleep(LOOK_PAUSE);
            Ok(tally.lost == 0)
        })
    }

    fn end(&mut self, agent: Agent) -> Result<Tally> {
        agent.signal(Signal::TERM)?;
        agent.finish()?.said(0)?;
        let left: Vec<_> = match fs::read_dir(self.setup.state_dir.join("spool")) {
            Ok(spool) => spool.flatten().map(|entry| entry.file_name()).collect(),
            // A state folder of the agent's own mount went with it.
            Err(_) => Vec::new(),
        };
        ensure!(left.is_empty(), "in the spool are left {left:?}");
        self.look()?;
        self.delivery.chains_are_whole()?;
        Ok(self.oracle.tally(&self.delivery))
    }

    fn report(&self, tally: &Tally) -> Result<()> {
        let line = format!("{} | {tally}\n", self.name);
        eprint!("{line}");
        let Some(path) = std::env::var_os("HEADRIG_SCENARIOS") else { return Ok(()) };
        let mut list = OpenOptions::new().append(true).create(true).open(path)?;
        // One write, so that lines of tests that run side by side do not mix.
        Ok(list.write_all(line.as_bytes())?)
    }

    fn state_of_things(&self) -> String {
        let tally = self.oracle.tally(&self.delivery);
        format!("{}: {tally}\n{}", self.name, self.oracle.examples(&self.delivery))
    }
}

/// Between two looks at the store.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// A bucket for the scenario alone.
fn bucket_of(name: &str) -> String {
    let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let name: String = letters.collect();
    name.trim_matches('-').chars().take(60).collect()
}
