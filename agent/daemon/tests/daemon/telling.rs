//! What CloudWatch is told over an agent's life: what adds up there adds up to what happened.

use super::{Site, cbor::Cbor, each_once, numbered, standin::Request, wait_until};
use rustix::process::Signal;
use std::fs;

/// Every value of the metric, with the host where it has one, in the order in which they arrived.
fn told(site: &Site, metric: &str) -> Vec<(Option<String>, f64)> {
    let is_report = |request: &Request| request.target.ends_with("/operation/PutMetricData");
    let mut values = Vec::new();
    for request in site.store.requests().into_iter().filter(is_report) {
        for datum in Cbor::decode(&request.body).list("MetricData") {
            if datum.text("MetricName") == metric {
                let host = datum.list("Dimensions").first().map(|host| host.text("Value").to_owned());
                values.push((host, datum.number("Value")));
            }
        }
    }
    values
}

#[test]
fn an_agent_that_is_renamed_tells_of_every_byte_once_and_says_goodbye_twice() {
    let site = Site::new();
    let sound = fs::read_to_string(site.path("agent.toml")).unwrap();
    let heard = format!("[heartbeat]\nendpoint = '{}'", site.store.url());
    let sound = sound.replace("[heartbeat]\nenabled = false", &heard);
    fs::write(site.path("agent.toml"), &sound).unwrap();
    site.append("app.log", &numbered(0..10));
    let mut agent = site.agent();
    wait_until("all lines are stored", || {
        each_once(&site.lines(), 10) && site.status().is_some_and(|status| status.bytes_shipped > 0)
    });
    let shipped = site.status().unwrap().bytes_shipped;

    fs::write(site.path("agent.toml"), sound.replace("web-1", "web-2")).unwrap();
    agent.signal(Signal::HUP);
    wait_until("the new name counts", || site.status().is_some_and(|status| status.host == "web-2"));
    agent.signal(Signal::TERM);
    assert_eq!(agent.ends_with(), Some(0));

    let bytes: f64 = told(&site, "BytesShipped").iter().map(|(_, bytes)| bytes).sum();
    assert_eq!(bytes, shipped as f64, "each byte is told of once");
    let beats = told(&site, "Heartbeat");
    let last = |name: &str| beats.iter().rev().find(|(host, _)| host.as_deref() == Some(name)).unwrap().1;
    assert_eq!((last("web-1"), last("web-2")), (0.0, 0.0), "{beats:?}");
}
