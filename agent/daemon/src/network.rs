//! The thread that talks to the outside: uploads, the heartbeat, the status socket and the metrics endpoint,
//! all on one small runtime. It decides nothing about lines; what comes of a job goes back as a [`Notice`].
//!
//! Invariant: nothing here holds the agent's loop up; the loop never waits for the network.

mod serve;

use crate::{
    aws::Connections,
    heartbeat::{CloudWatch, Figures, Heartbeat, HeartbeatSettings},
    s3::{S3Settings, S3Uploader},
    status::Status,
};
use headrig_agent::state::ChunkRecord;
use headrig_contract::{ContentHash, HostName};
use std::{
    cell::Cell,
    net::SocketAddr,
    path::PathBuf,
    rc::Rc,
    sync::mpsc::{Sender, SyncSender, sync_channel},
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

/// What the agent's loop is told.
#[derive(Debug)]
pub enum Notice {
    /// The chunk is stored.
    Stored(ContentHash),
    /// The chunk is not stored, for this reason; it stays in the spool.
    NotStored(ContentHash, String),
    /// Somebody asks how it is.
    StatusWanted(oneshot::Sender<Status>),
    /// Something in a watched folder changed.
    FilesChanged,
    /// A signal asks it to end.
    Terminate,
    /// A signal asks it to read its configuration again.
    Reload,
}

/// What the loop wants done.
#[derive(Debug)]
pub enum Job {
    /// Store this chunk from this spool file.
    Upload(ChunkRecord, PathBuf),
    /// Tell CloudWatch.
    Report(Figures),
    /// Tell CloudWatch that the agent ends on purpose, and then whoever waits for that.
    Farewell(Figures, SyncSender<()>),
}

/// How long the agent's end may wait for its farewell: nothing is lost without it, but the sink takes the agent for
/// missing.
const FAREWELL_MAX: Duration = Duration::from_secs(3);

/// What the thread needs to know.
pub struct Settings {
    /// The bucket.
    pub s3: S3Settings,
    /// The heartbeat.
    pub heartbeat: HeartbeatSettings,
    /// Whose heart it is.
    pub host: HostName,
    /// What was reported already, by a network before this one.
    pub reported: Figures,
    /// The bytes that may be sent in a second.
    pub bytes_per_second_max: Option<u64>,
    /// Where the status is asked for.
    pub status_socket: PathBuf,
    /// Where Prometheus asks.
    pub metrics_listen: Option<SocketAddr>,
}

/// The running thread.
pub struct Network {
    /// None once it was told to end.
    jobs: Option<mpsc::UnboundedSender<Job>>,
    thread: Option<JoinHandle<Figures>>,
}

impl Network {
    /// Starts the thread. An upload that is under way when it ends is made again by the next one.
    ///
    /// # Errors
    /// When the runtime or the thread cannot be made.
    pub fn start(settings: Settings, notices: Sender<Notice>) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (jobs, arriving) = mpsc::unbounded_channel();
        let thread = thread::Builder::new().name("network".into()).spawn(move || {
            let reported =
                runtime.block_on(tokio::task::LocalSet::new().run_until(work(settings, arriving, notices)));
            // A look-up of a name that hangs is not waited for.
            runtime.shutdown_background();
            reported
        })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Ends the thread and what it has under way, and closes its sockets. Returns what was reported, from where the
    /// next network goes on; none where nobody knows.
    pub fn stop(&mut self) -> Option<Figures> {
        self.jobs = None;
        self.thread.take()?.join().ok()
    }

    /// Tells CloudWatch that the agent ends on purpose, within a bounded time.
    pub fn farewell(&self, figures: Figures) {
        let (said, heard) = sync_channel(1);
        self.hand(Job::Farewell(figures, said));
        if heard.recv_timeout(FAREWELL_MAX).is_err() {
            tracing::warn!(
                "the farewell did not reach CloudWatch in time; the sink may take this agent for missing"
            );
        }
    }

    /// Whether it has not ended, be it by [`Network::stop`] or by a panic.
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Hands a job over. The core bounds how many uploads are under way, the interval the reports.
    pub fn hand(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(job);
        }
    }
}

/// Does the jobs until there come no more. Returns what was reported.
async fn work(
    settings: Settings,
    mut jobs: mpsc::UnboundedReceiver<Job>,
    notices: Sender<Notice>,
) -> Figures {
    let connections = Connections::default();
    let uploader = Rc::new(S3Uploader::new(settings.s3, connections.clone()));
    let (reports, reporting) = mpsc::channel(1);
    let reported = Rc::new(Cell::new(settings.reported));
    let heartbeat = Heartbeat::after(settings.reported, settings.host);
    let cloudwatch = CloudWatch::new(settings.heartbeat, connections);
    tokio::task::spawn_local(report(heartbeat, cloudwatch, reporting, Rc::clone(&reported)));
    tokio::task::spawn_local(serve::status(settings.status_socket, notices.clone()));
    if let Some(address) = settings.metrics_listen {
        tokio::task::spawn_local(serve::metrics(address, notices.clone()));
    }
    let mut pace = Pace { bytes_per_second_max: settings.bytes_per_second_max, free_at: Instant::now() };
    while let Some(job) = jobs.recv().await {
        match job {
            Job::Upload(chunk, file) => {
                let wait = pace.admit(chunk.length.0, Instant::now());
                let (uploader, notices) = (uploader.clone(), notices.clone());
                tokio::task::spawn_local(async move {
                    tokio::time::sleep(wait).await;
                    let notice = match uploader.put(&chunk, &file).await {
                        Ok(_) => Notice::Stored(chunk.hash),
                        Err(error) => Notice::NotStored(chunk.hash, format!("{}: {error}", error.kind())),
                    };
                    let _ = notices.send(notice);
                });
            }
            // A report that finds the last one still under way is left out: the next carries its counts.
            Job::Report(figures) => drop(reports.try_send((figures, None))),
            // This one waits for the last report, for it must come after it.
            Job::Farewell(figures, said) => drop(reports.send((figures, Some(said))).await),
        }
    }
    reported.get()
}

/// Keeps uploads within a bandwidth on the average, a chunk at a time.
struct Pace {
    bytes_per_second_max: Option<u64>,
    free_at: Instant,
}

impl Pace {
    /// How long a chunk of so many bytes waits from `now` on.
    fn admit(&mut self, bytes: u64, now: Instant) -> Duration {
        let Some(rate) = self.bytes_per_second_max else { return Duration::ZERO };
        let begins = self.free_at.max(now);
        self.free_at = begins + Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        begins - now
    }
}

/// Sends reports, and notes what has arrived; a failure is logged when its kind changes, and disturbs nobody.
async fn report(
    mut heartbeat: Heartbeat,
    cloudwatch: CloudWatch,
    mut figures: mpsc::Receiver<(Figures, Option<SyncSender<()>>)>,
    reported: Rc<Cell<Figures>>,
) {
    let mut trouble: Option<&'static str> = None;
    while let Some((figures, farewell)) = figures.recv().await {
        let report = if farewell.is_some() { heartbeat.farewell(figures) } else { heartbeat.report(figures) };
        match cloudwatch.put(report.data.clone()).await {
            Ok(()) => {
                heartbeat.arrived(&report);
                reported.set(heartbeat.reported());
                trouble = None;
            }
            Err(error) if trouble == Some(error.kind()) => {}
            Err(error) => {
                tracing::warn!("heartbeat: {error}");
                trouble = Some(error.kind());
            }
        }
        if let Some(said) = farewell {
            let _ = said.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bandwidth_is_kept_on_the_average() {
        let start = Instant::now();
        let mut pace = Pace { bytes_per_second_max: Some(1_000), free_at: start };
        let waits: Vec<u64> = (0..4).map(|_| pace.admit(500, start).as_millis() as u64).collect();
        assert_eq!(waits, [0, 500, 1_000, 1_500]);
        let mut unbounded = Pace { bytes_per_second_max: None, free_at: start };
        assert_eq!(unbounded.admit(u64::MAX, start), Duration::ZERO);
    }
}
