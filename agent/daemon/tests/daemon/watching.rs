//! What is written anywhere among the inputs is noticed at once, whatever became of the folders: much sooner than
//! by the reconciliation, which looks at everything every 30 seconds.

use super::{Site, each_once, numbered, wait_until};
use std::{
    fs,
    os::unix::fs::symlink,
    thread,
    time::{Duration, Instant},
};

/// A third of the time after which the reconciliation would find it, and several times what it takes.
const NOTICED_MAX: Duration = Duration::from_secs(10);
/// Long enough for a scan to have seen what was made.
const SEEN: Duration = Duration::from_secs(1);

/// The first `count` lines are stored, and were so in time.
fn noticed(site: &Site, count: u32) {
    let begun = Instant::now();
    wait_until("the lines are stored", || each_once(&site.lines(), count));
    assert!(begun.elapsed() < NOTICED_MAX, "noticed after {:?}", begun.elapsed());
}

#[test]
fn a_folder_is_watched_that_was_empty_when_it_was_found() {
    let site = Site::new();
    site.append("app.log", &numbered(0..5));
    let _agent = site.agent();
    noticed(&site, 5);
    fs::create_dir_all(site.path("logs/pod/container")).unwrap();
    thread::sleep(SEEN);
    site.append("pod/container/0.log", &numbered(5..10));
    noticed(&site, 10);
}

#[test]
fn a_folder_is_watched_that_was_removed_and_made_again() {
    let site = Site::new();
    fs::create_dir(site.path("logs/app")).unwrap();
    site.append("app/x.log", &numbered(0..5));
    let _agent = site.agent();
    noticed(&site, 5);
    fs::remove_dir_all(site.path("logs/app")).unwrap();
    fs::create_dir(site.path("logs/app")).unwrap();
    site.append("app/y.log", &numbered(5..10));
    noticed(&site, 10);
    thread::sleep(SEEN);
    site.append("app/y.log", &numbered(10..15));
    noticed(&site, 15);
}

#[test]
fn a_log_is_watched_where_its_symbolic_link_leads() {
    let site = Site::new();
    fs::create_dir(site.path("elsewhere")).unwrap();
    fs::write(site.path("elsewhere/0.log"), numbered(0..5)).unwrap();
    symlink(site.path("elsewhere/0.log"), site.path("logs/app.log")).unwrap();
    let _agent = site.agent();
    noticed(&site, 5);
    thread::sleep(SEEN);
    site.append("../elsewhere/0.log", &numbered(5..10));
    noticed(&site, 10);
}
