//! The real `headrig-agent` against a stand-in for S3: what was written is stored once, whatever happens to the
//! agent, its disk's files and the store.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]

mod reports;
#[path = "../standin/mod.rs"]
mod standin;
mod watching;

use headrig_agentd::status::Status;
use headrig_contract::chunk::ChunkReader;
use rustix::process::{Pid, Signal, kill_process};
use standin::{Reply, Standin};
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

struct Site {
    folder: TempDir,
    store: Standin,
}

/// An agent that is killed when the test is done with it.
struct Agent(Child);

impl Site {
    fn new() -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap(), store: Standin::start() };
        fs::create_dir(site.path("logs")).unwrap();
        let root = site.folder.path().display();
        let config = format!(
            "[agent]\nhost = 'web-1'\nstate_dir = '{root}/state'\nstatus_socket = '{root}/agent.sock'\n\
             [upload]\nbucket = 'logs'\nregion = 'eu-central-1'\nendpoint = '{}'\npath_style = true\n\
             [chunk]\nage_max = '1s'\nevent_hold = '100ms'\n[heartbeat]\nenabled = false\n\
             [[source]]\nname = 'app'\ninclude = ['{root}/logs']\n",
            site.store.url()
        );
        fs::write(site.path("agent.toml"), config).unwrap();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let path = self.path("logs").join(name);
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headrig-agent"));
        command
            .args(["run", "--config"])
            .arg(self.path("agent.toml"))
            .env("AWS_ACCESS_KEY_ID", "AKIATEST")
            .env("AWS_SECRET_ACCESS_KEY", "hush-hush")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stderr(Stdio::null());
        command
    }

    fn agent(&self) -> Agent {
        Agent(self.command().spawn().unwrap())
    }

    /// Every line in the store, with how often it is there; each object counts once, whoever put it again.
    fn lines(&self) -> BTreeMap<String, usize> {
        let mut objects = BTreeMap::new();
        for request in self.store.requests().into_iter().filter(|request| request.method == "PUT") {
            if self.store.object(&request.path()).is_some_and(|stored| stored == request.body_sha256) {
                objects.insert(request.path(), request.body);
            }
        }
        let mut lines = BTreeMap::new();
        for body in objects.values() {
            let (mut reader, mut raw) = (ChunkReader::new(body), Vec::new());
            while reader.next_block(&mut raw).unwrap().is_some() {
                for line in String::from_utf8_lossy(&raw).lines() {
                    *lines.entry(line.to_owned()).or_default() += 1;
                }
            }
        }
        lines
    }

    fn status(&self) -> Option<Status> {
        Status::ask(&self.path("agent.sock")).ok()
    }
}

impl Agent {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    fn ends_with(&mut self) -> Option<i32> {
        wait_until("the agent ends", || self.0.try_wait().unwrap().is_some());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "waited too long until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn numbered(range: std::ops::Range<u32>) -> String {
    range.map(|number| format!("line {number}\n")).collect()
}

fn each_once(lines: &BTreeMap<String, usize>, count: u32) -> bool {
    lines.len() == count as usize && lines.values().all(|times| *times == 1)
}

#[test]
fn what_is_written_is_stored_once_through_rotation_and_a_restart() {
    let site = Site::new();
    site.append("app.log", &numbered(0..50));
    let mut agent = site.agent();
    wait_until("the first lines are stored", || each_once(&site.lines(), 50));
    let status = site.status().unwrap();
    assert_eq!((status.files, status.bytes_lost, status.host.as_str()), (1, 0, "web-1"));

    fs::rename(site.path("logs/app.log"), site.path("logs/app.log.1")).unwrap();
    site.append("app.log.1", &numbered(50..60));
    site.append("app.log", &numbered(60..70));
    wait_until("rotated and new lines are stored", || each_once(&site.lines(), 70));
    agent.signal(Signal::TERM);
    assert_eq!(agent.ends_with(), Some(0));

    site.append("app.log", &numbered(70..80));
    let _agent = site.agent();
    wait_until("the next agent goes on", || each_once(&site.lines(), 80));
}

#[test]
fn a_store_that_fails_loses_and_doubles_nothing() {
    let site = Site::new();
    let token = Reply::error(400, "ExpiredToken");
    let away = [Reply::error(503, "SlowDown"), Reply::error(403, "AccessDenied"), token, Reply::Cut(10)];
    site.store.will(away);
    site.append("app.log", &numbered(0..50));
    let _agent = site.agent();
    wait_until("failures are told", || site.status().is_some_and(|status| status.upload_errors >= 2));
    site.append("app.log", &numbered(50..60));
    wait_until("everything is stored", || each_once(&site.lines(), 60));
    assert_eq!(site.status().unwrap().bytes_lost, 0);
}

#[test]
fn an_agent_that_is_killed_again_and_again_stores_every_line_once() {
    let site = Site::new();
    for round in 0..12u32 {
        site.append("app.log", &numbered(round * 100..(round + 1) * 100));
        let agent = site.agent();
        thread::sleep(Duration::from_millis(u64::from(round) * 37));
        agent.signal(Signal::KILL);
    }
    let _agent = site.agent();
    wait_until("every line is stored", || site.lines().len() == 1_200);
    assert!(each_once(&site.lines(), 1_200));
}

#[test]
fn from_the_end_nothing_old_is_stored_and_all_that_is_new_though_the_agent_is_killed_at_once() {
    let site = Site::new();
    let config = fs::read_to_string(site.path("agent.toml")).unwrap();
    let from_end = format!("{config}start_at = 'end'\nignore_older = '1h'\n");
    fs::write(site.path("agent.toml"), from_end).unwrap();
    site.append("app.log", "old\nold\nol");
    site.append("ancient.log", "old\n");
    let ancient = fs::File::options().append(true).open(site.path("logs/ancient.log")).unwrap();
    ancient.set_modified(std::time::SystemTime::now() - Duration::from_hours(5)).unwrap();

    let agent = site.agent();
    wait_until("the agent is up", || site.status().is_some_and(|status| status.bytes_skipped == 12));
    agent.signal(Signal::KILL);
    drop(agent);
    site.append("app.log", "d\n");
    site.append("ancient.log", "line 0\n");
    site.append("later.log", &numbered(1..30));
    let _agent = site.agent();
    wait_until("what is new is stored", || site.lines().len() == 31);
    let mut lines = site.lines();
    assert_eq!(lines.remove("old"), Some(1), "the line that was being written, and no other");
    assert!(each_once(&lines, 30), "{lines:?}");
    assert_eq!(site.status().unwrap().bytes_skipped, 12);
}

#[test]
fn a_second_agent_on_the_same_state_is_refused() {
    let site = Site::new();
    let _first = site.agent();
    wait_until("the first agent is up", || site.status().is_some());
    let second = site.command().stderr(Stdio::piped()).output().unwrap();
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{told}");
    assert!(told.contains("another agent runs on"), "{told}");
}

#[test]
fn a_wrong_configuration_starts_nothing_and_changes_nothing() {
    let site = Site::new();
    let sound = fs::read_to_string(site.path("agent.toml")).unwrap();
    fs::write(site.path("agent.toml"), sound.replace("bucket =", "bukket =")).unwrap();
    let output = site.command().stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean \"bucket\""));

    fs::write(site.path("agent.toml"), &sound).unwrap();
    let agent = site.agent();
    wait_until("the agent is up", || site.status().is_some());
    fs::write(site.path("agent.toml"), sound.replace("include =", "inklude =")).unwrap();
    agent.signal(Signal::HUP);
    site.append("app.log", &numbered(0..10));
    wait_until("the agent goes on as it was", || each_once(&site.lines(), 10));
}

#[test]
fn a_new_endpoint_host_and_socket_count_from_the_reload_on() {
    let site = Site::new();
    let sound = fs::read_to_string(site.path("agent.toml")).unwrap();
    let elsewhere = sound.replace(&site.store.url(), "http://127.0.0.1:1").replace("agent.sock", "old.sock");
    fs::write(site.path("agent.toml"), elsewhere).unwrap();
    site.append("app.log", &numbered(0..10));
    let agent = site.agent();
    let old = site.path("old.sock");
    let refused = || Status::ask(&old).is_ok_and(|status| status.upload_errors > 0);
    wait_until("the wrong endpoint was tried", refused);
    assert!(site.store.requests().is_empty());

    fs::write(site.path("agent.toml"), sound.replace("web-1", "web-2")).unwrap();
    agent.signal(Signal::HUP);
    site.append("app.log", &numbered(10..20));
    wait_until("all lines are stored", || each_once(&site.lines(), 20));
    wait_until("the new socket answers", || site.status().is_some_and(|status| status.host == "web-2"));
    assert!(Status::ask(&old).is_err(), "nobody answers at the old socket");
    let hosts = |host: &str| site.store.requests().iter().any(|request| request.path().contains(host));
    assert!(hosts("host=web-1") && hosts("host=web-2"), "sealed chunks keep their keys");
}

#[test]
fn what_is_written_to_a_deleted_file_is_stored() {
    let site = Site::new();
    site.append("app.log", &numbered(0..10));
    let mut writer = fs::OpenOptions::new().append(true).open(site.path("logs/app.log")).unwrap();
    let _agent = site.agent();
    wait_until("the first lines are stored", || each_once(&site.lines(), 10));
    fs::remove_file(site.path("logs/app.log")).unwrap();
    writer.write_all(numbered(10..20).as_bytes()).unwrap();
    wait_until("the late lines are stored", || each_once(&site.lines(), 20));
}
