//! `headrig-agent run`: one loop that scans, does what the core says, and listens to what comes in.
//!
//! It decides when to look, never what to ship. Invariants: the loop waits for nothing but its own disk; what
//! fails on that is tried again from what is durable, as after a crash; a configuration that is wrong changes
//! nothing.

mod figures;
mod logging;
mod rest;
mod scan;
mod state;

use crate::{
    access::{heartbeat_settings, s3_settings},
    check::EXIT_WRONG,
    config::Config,
    heartbeat::Figures,
    network::{self, Job, Network, Notice},
    watch::Watch,
};
use anyhow::{Context, Result, bail};
use figures::Tally;
use headrig_agent::{
    core::{Event, Tails},
    shipper::{ShipError, Shipper, Step},
    state::SqliteState,
};
use headrig_contract::UnixMicros;
use logging::Logging;
use rustix::fs::{FlockOperation, flock};
use scan::{Scanner, Seen};
use sd_notify::NotifyState;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant, SystemTime},
};

/// The shortest time between two scans, however much changes.
const SCAN_PAUSE: Duration = Duration::from_millis(250);
/// How often is scanned though nothing is said to have changed.
const RECONCILE_PAUSE: Duration = Duration::from_secs(30);
/// How long a disk that is full or fails is left alone.
const RETRY_PAUSE: Duration = Duration::from_secs(5);
/// How long the loop sleeps at most.
const NAP_MAX: Duration = Duration::from_secs(1);
/// How long sealing may take when the agent is to end.
const SHUTDOWN_MAX: Duration = Duration::from_secs(5);

/// Runs the agent until it is told to end, and returns its exit code.
pub fn run(file: &Path) -> ExitCode {
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(problems) => {
            problems.iter().for_each(|problem| eprintln!("{problem}"));
            return ExitCode::from(EXIT_WRONG);
        }
    };
    let logging = match Logging::start(config.agent.log_level) {
        Ok(logging) => logging,
        Err(error) => {
            eprintln!("headrig-agent: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    match Daemon::start(file, config, logging).and_then(Daemon::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

struct Daemon {
    file: PathBuf,
    config: Config,
    network: Network,
    notices: Receiver<Notice>,
    /// For a network that takes the place of this one.
    notifier: Sender<Notice>,
    logging: Logging,
    scanner: Scanner,
    tally: Tally,
    /// What came in while nothing could be done with it.
    kept: VecDeque<Notice>,
    /// When the last report was handed over.
    reported: Option<Instant>,
    /// Held as long as the agent runs: another one on the same state is refused.
    _lock: File,
}

/// Why the inner loop ended.
enum End {
    /// A signal.
    Terminate,
    /// The configuration was read again.
    Reload(Box<Config>),
}

impl Daemon {
    fn start(file: &Path, config: Config, logging: Logging) -> Result<Self> {
        let lock = hold(&config.agent.state_dir)?;
        let (sender, notices) = channel();
        listen_to_signals(sender.clone())?;
        let network = start_network(&config, Figures::default(), sender.clone())?;
        let scanner = Scanner::new(&config, Watch::new(sender.clone()));
        let tally = Tally::new(config.agent.host.clone());
        tracing::info!(
            "memory: at most {:.1} MiB, and {} KiB for each file",
            config.memory_ceiling(0).total() as f64 / f64::from(1 << 20),
            crate::config::memory::FILE_BYTES >> 10
        );
        let notifier = sender;
        Ok(Self {
            file: file.into(),
            config,
            network,
            notices,
            notifier,
            logging,
            scanner,
            tally,
            kept: VecDeque::new(),
            reported: None,
            _lock: lock,
        })
    }

    /// Ships from what is durable, again and again where the disk fails, until a signal ends it.
    fn run(mut self) -> Result<()> {
        loop {
            let result = self.open().and_then(|mut shipper| {
                // A new core knows of no file.
                self.scanner.begin();
                let end = self.ship(&mut shipper);
                self.tally.settle(&shipper, &self.config, now());
                end
            });
            match result {
                Ok(End::Terminate) => return Ok(()),
                Ok(End::Reload(config)) => self.adopt(*config)?,
                Err(error) if error.downcast_ref().is_some_and(ShipError::is_retryable) => {
                    tracing::error!("{error:#}; trying again");
                    self.tally.trouble(format!("{error:#}"));
                    if self.rest()? {
                        self.say_farewell(self.tally.figures_at_rest());
                        return Ok(());
                    }
                }
                Err(error) => return Err(state::explained(error, &self.config.agent.state_dir)),
            }
        }
    }

    fn open(&self) -> Result<Shipper<SqliteState>> {
        let folder = &self.config.agent.state_dir;
        let (state, spool) = (state::open(folder)?, state::spool(folder));
        Ok(Shipper::open(self.config.core_settings(), Tails::Leave, &spool, state)?)
    }

    fn ship(&mut self, shipper: &mut Shipper<SqliteState>) -> Result<End> {
        self.look(shipper);
        // Whoever is told that the agent is up may count on what is written from then on.
        while shipper.core().is_meeting() {
            shipper.step(now())?;
        }
        tell_systemd(&[NotifyState::Ready]);
        let (watchdog, mut barked) = (sd_notify::watchdog_enabled().map(|limit| limit / 2), Instant::now());
        let mut is_busy = false;
        loop {
            while let Some(notice) = self.next_notice() {
                if let Some(end) = self.take(notice, shipper)? {
                    return Ok(end);
                }
            }
            if watchdog.is_some_and(|pause| barked.elapsed() >= pause) {
                barked = Instant::now();
                tell_systemd(&[NotifyState::Watchdog, NotifyState::Status(&self.tally.one_line(shipper))]);
            }
            let interval = self.config.heartbeat.interval;
            let is_due = self.reported.is_none_or(|before| before.elapsed() >= interval);
            if self.config.heartbeat.enabled && is_due {
                self.reported = Some(Instant::now());
                self.network.hand(Job::Report(self.tally.figures(shipper, now())));
            }
            if self.scanner.is_due(|| shipper.core().held_until(), is_busy, now()) {
                self.look(shipper);
            }
            let step = shipper.step(now())?;
            is_busy = !matches!(step, Step::Idle);
            match step {
                Step::Worked => {}
                Step::Store(chunk, file) => self.network.hand(Job::Upload(chunk, file)),
                Step::Idle => {
                    self.report_problems(shipper);
                    if shipper.core().missed_files() {
                        self.scanner.missed();
                    }
                    if let Some(end) = self.wait(shipper, watchdog)? {
                        return Ok(end);
                    }
                }
            }
        }
    }

    /// What came in, the oldest first.
    fn next_notice(&mut self) -> Option<Notice> {
        self.kept.pop_front().or_else(|| self.notices.try_recv().ok())
    }

    /// Sleeps until something comes in or falls due.
    fn wait(
        &mut self,
        shipper: &mut Shipper<SqliteState>,
        watchdog: Option<Duration>,
    ) -> Result<Option<End>> {
        let until =
            |deadline: UnixMicros| Duration::from_micros(deadline.micros_since(now()).max(0).unsigned_abs());
        let due = shipper
            .core()
            .deadline()
            .map_or(NAP_MAX, until)
            .min(self.scanner.due_in(shipper.core().held_until(), now()));
        let nap = due.min(NAP_MAX).min(watchdog.unwrap_or(NAP_MAX)).max(Duration::from_millis(1));
        match self.notices.recv_timeout(nap) {
            Ok(notice) => self.take(notice, shipper),
            Err(RecvTimeoutError::Timeout) if self.network.is_running() => Ok(None),
            Err(_) => bail!("the network's thread has ended"),
        }
    }

    fn take(&mut self, notice: Notice, shipper: &mut Shipper<SqliteState>) -> Result<Option<End>> {
        match notice {
            Notice::Stored(hash) => {
                if let Some(length) = shipper.core().length_in_flight(hash) {
                    self.tally.stored(length);
                }
                shipper.stored(hash, now())?;
            }
            Notice::NotStored(hash, reason) => {
                if self.tally.not_stored(&reason) {
                    tracing::warn!(
                        "a chunk could not be stored and stays in the spool: {reason}; trying again"
                    );
                }
                shipper.not_stored(hash, now());
            }
            Notice::StatusWanted(answer) => {
                let _ = answer.send(self.tally.status(shipper, &self.config, now()));
            }
            Notice::FilesChanged => self.scanner.changed(),
            Notice::Terminate => {
                // Whoever ends the agent does not wait for a disk that is full: what is not sealed is read again.
                if let Err(error) = self.seal_and_leave(shipper) {
                    tracing::error!("{error:#}; ended without sealing");
                }
                self.say_farewell(self.tally.figures(shipper, now()));
                return Ok(Some(End::Terminate));
            }
            Notice::Reload => {
                if let Ok(begun) = NotifyState::monotonic_usec_now() {
                    tell_systemd(&[NotifyState::Reloading, begun]);
                }
                if let Some(config) = self.reloaded() {
                    return Ok(Some(End::Reload(Box::new(config))));
                }
                tell_systemd(&[NotifyState::Ready]);
            }
        }
        Ok(None)
    }

    fn look(&mut self, shipper: &mut Shipper<SqliteState>) {
        match self.scanner.look(&self.config, shipper.core(), now()) {
            Seen::All(found, problems) => {
                problems.iter().for_each(|problem| tracing::warn!("{problem}"));
                shipper.scanned(found, now());
            }
            Seen::Grown(found) => shipper.tell(Event::Grew(found), now()),
            Seen::Nothing => {}
        }
    }

    fn report_problems(&mut self, shipper: &mut Shipper<SqliteState>) {
        for problem in shipper.take_problems() {
            tracing::warn!("{problem}");
            self.tally.trouble(problem.to_string());
        }
        for (path, lines) in shipper.take_cut_lines() {
            tracing::warn!("{path}: {lines} lines longer than max_line_bytes were cut");
        }
    }

    /// Seals what was read, within a bound; what is sealed is uploaded by the next agent.
    fn seal_and_leave(&mut self, shipper: &mut Shipper<SqliteState>) -> Result<()> {
        tell_systemd(&[NotifyState::Stopping]);
        shipper.tell(Event::Finish, now());
        let begun = Instant::now();
        while begun.elapsed() < SHUTDOWN_MAX {
            match shipper.step(now())? {
                Step::Idle => break,
                Step::Worked | Step::Store(..) => {}
            }
        }
        tracing::info!("ended; {} bytes wait in the spool for the next start", shipper.core().spool_bytes());
        Ok(())
    }

    /// Whoever ends on purpose says so; else the sink would take it for missing.
    fn say_farewell(&self, figures: Figures) {
        if self.config.heartbeat.enabled && self.reported.is_some() {
            self.network.farewell(figures);
        }
    }

    /// The configuration as it is written now, unless it is wrong.
    fn reloaded(&self) -> Option<Config> {
        match Config::load(&self.file) {
            Ok(config) if config.agent.state_dir != self.config.agent.state_dir => {
                tracing::error!(
                    "agent.state_dir cannot change while the agent runs; the configuration stays as it was"
                );
                None
            }
            Ok(config) => Some(config),
            Err(problems) => {
                problems.iter().for_each(|problem| tracing::error!("{problem}"));
                tracing::error!("the configuration is wrong and stays as it was");
                None
            }
        }
    }

    /// Goes on by another configuration. A network that it changes is ended first: what it had under way is
    /// sealed, and handed out again.
    fn adopt(&mut self, config: Config) -> Result<()> {
        let network_differs = config.upload != self.config.upload
            || config.heartbeat != self.config.heartbeat
            || config.agent != self.config.agent;
        if network_differs {
            let is_renamed = config.agent.host != self.config.agent.host
                || config.heartbeat.namespace != self.config.heartbeat.namespace;
            if is_renamed || !config.heartbeat.enabled {
                // Nobody is to be missed under the old name.
                self.say_farewell(self.tally.figures_at_rest());
            }
            // The counts go on: they are this process's, whatever it is called and wherever it reports.
            let reported = self.network.stop().unwrap_or_default();
            self.network = start_network(&config, reported, self.notifier.clone())?;
            self.tally.adopt(config.agent.host.clone());
            self.logging.adopt(config.agent.log_level);
        }
        self.scanner.adopt(&config);
        self.config = config;
        tracing::info!("the configuration was read again");
        Ok(())
    }
}

fn hold(state_dir: &Path) -> Result<File> {
    let unusable =
        || format!("the state folder {} cannot be used; make it writable for the agent", state_dir.display());
    fs::create_dir_all(state_dir).with_context(unusable)?;
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(state_dir.join("lock"))
        .with_context(unusable)?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        bail!("another agent runs on {}; end it first", state_dir.display());
    }
    Ok(lock)
}

fn start_network(config: &Config, reported: Figures, notices: Sender<Notice>) -> Result<Network> {
    let settings = network::Settings {
        s3: s3_settings(config)?,
        heartbeat: heartbeat_settings(config)?,
        host: config.agent.host.clone(),
        reported,
        bytes_per_second_max: config.upload.bandwidth_bytes_per_second_max,
        status_socket: config.agent.status_socket.clone(),
        metrics_listen: config.agent.metrics_listen,
    };
    Network::start(settings, notices).context("the network's thread cannot be started")
}

fn listen_to_signals(notices: Sender<Notice>) -> Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).context("signals cannot be listened to")?;
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                let notice = if signal == SIGHUP { Notice::Reload } else { Notice::Terminate };
                if notices.send(notice).is_err() {
                    return;
                }
            }
        })
        .context("no thread for signals")?;
    Ok(())
}

/// systemd may not be there to hear.
fn tell_systemd(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("systemd was not told: {error}");
    }
}

/// Now. A clock before 1970 counts as 1970.
fn now() -> UnixMicros {
    SystemTime::now().into()
}
