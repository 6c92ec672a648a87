//! What CloudWatch is told, over the life of a process.

use crate::{Site, each_once, numbered, wait_until};
use rustix::process::Signal;
use std::fs;

#[path = "../s3/cbor.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod cbor;

use cbor::Cbor;

/// What every report that arrived says: whose heart beats how, and how many bytes were shipped since the last.
fn reports(site: &Site) -> Vec<(String, f64, f64)> {
    let requests = site.store.requests().into_iter();
    let reports = requests.filter(|request| request.target.ends_with("/operation/PutMetricData"));
    let told = reports.map(|request| {
        let report = Cbor::decode(&request.body);
        let data = report.list("MetricData");
        let named = |name: &str| data.iter().find(|datum| datum.text("MetricName") == name).unwrap();
        let host = named("Heartbeat").list("Dimensions")[0].text("Value").to_owned();
        (host, named("Heartbeat").number("Value"), named("BytesShipped").number("Value"))
    });
    told.collect()
}

#[test]
fn a_byte_is_counted_once_whatever_is_read_again() {
    let site = Site::new();
    let first = fs::read_to_string(site.path("agent.toml"))
        .unwrap()
        .replace("enabled = false", &format!("endpoint = '{}'\ninterval = '10s'", site.store.url()));
    fs::write(site.path("agent.toml"), &first).unwrap();
    let mut agent = site.agent();
    wait_until("it reports", || !reports(&site).is_empty());
    site.append("app.log", &numbered(0..10));
    wait_until("the first lines are stored", || each_once(&site.lines(), 10));
    wait_until("they are counted", || site.status().is_some_and(|status| status.bytes_shipped > 0));
    let before = site.status().unwrap().bytes_shipped as f64;

    fs::write(site.path("agent.toml"), first.replace("web-1", "web-2")).unwrap();
    agent.signal(Signal::HUP);
    let is_new = || site.status().is_some_and(|status| status.host == "web-2");
    wait_until("the new name counts", is_new);
    let told = reports(&site);
    let sum: f64 = told.iter().map(|(.., bytes)| bytes).sum();
    let (host, beat, _) = told.last().unwrap();
    assert_eq!((host.as_str(), *beat, sum), ("web-1", 0.0, before), "{told:?}");

    site.append("app.log", &numbered(10..20));
    wait_until("all lines are stored", || each_once(&site.lines(), 20));
    let is_counted = || site.status().is_some_and(|status| status.bytes_shipped as f64 > before);
    wait_until("they are counted", is_counted);
    let after = site.status().unwrap().bytes_shipped as f64;
    agent.signal(Signal::TERM);
    assert_eq!(agent.ends_with(), Some(0));
    let told = reports(&site);
    let sum: f64 = told.iter().map(|(.., bytes)| bytes).sum();
    let (host, beat, _) = told.last().unwrap();
    assert_eq!((host.as_str(), *beat, sum), ("web-2", 0.0, after), "{told:?}");
}
