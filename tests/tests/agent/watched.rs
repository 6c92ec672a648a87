//! What those see who watch the agent: CloudWatch, systemd, and IAM.

use anyhow::{Context, Result, bail, ensure};
use headrig_tests::{
    faults::Fault,
    ministack::{Ministack, Policies, between},
    process::{ANSWER_LIMIT, wait_until},
    scenario::Scenario,
};
use rustix::process::Signal;
use std::{
    os::unix::net::UnixDatagram,
    sync::Arc,
    time::{Duration, Instant},
};

/// Every metric arrives, the heartbeat with the host as its dimension, the others with none.
#[test]
fn heartbeat() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("heartbeat in CloudWatch")? else { return Ok(()) };
    scenario.setup.heartbeat_endpoint = Some(format!("http://{}", scenario.store().address()));
    let mut log = scenario.open("app.log")?;
    let agent = scenario.agent()?;
    scenario.write(&mut log, 100)?;
    scenario.arrived()?;
    wait_until("the metrics are there", ANSWER_LIMIT, || Ok(metrics(scenario.store())?.len() >= 6))?;
    let mut found = metrics(scenario.store())?;
    found.sort();
    let plain = ["BytesLost", "BytesShipped"].map(|name| (name.to_owned(), None));
    let rest = ["LagSeconds", "SpoolBytes", "UploadErrors"].map(|name| (name.to_owned(), None));
    let alive = ("Heartbeat".to_owned(), Some(("Host".to_owned(), "web-1".to_owned())));
    let expect: Vec<_> = plain.into_iter().chain([alive]).chain(rest).collect();
    ensure!(found == expect, "{found:?}");
    scenario.finish(agent).map(drop)
}

/// An agent that ends on purpose sends a heartbeat of zero; one that is killed sends none, and one that starts again
/// sends ones. The sink asks for the least of a minute.
#[test]
fn farewell() -> Result<()> {
    const NAME: &str = "farewell in CloudWatch";
    let Some(store) = Ministack::start(NAME, Policies::Ignored)?.map(Arc::new) else { return Ok(()) };
    let mut scenario = Scenario::begin_on(NAME, Arc::clone(&store))?;
    scenario.setup.heartbeat_endpoint = Some(format!("http://{}", store.address()));
    let mut log = scenario.open("app.log")?;
    let agent = scenario.agent()?;
    wait_until("a heartbeat is there", ANSWER_LIMIT, || Ok(least_beat(&store)?.is_some()))?;
    ensure!(agent.kill()?, "the agent had ended by itself");
    ensure!(least_beat(&store)? == Some(1.0), "an agent that is killed says nothing");
    let agent = scenario.agent()?;
    scenario.write(&mut log, 100)?;
    scenario.finish(agent)?;
    ensure!(least_beat(&store)? == Some(0.0), "an agent that ends on purpose says so");
    Ok(())
}

/// The least value of the heartbeat in the last hour.
fn least_beat(store: &Ministack) -> Result<Option<f64>> {
    let now = jiff::Timestamp::now();
    let time = |hours: i64| (now + jiff::SignedDuration::from_hours(hours)).to_string();
    let xml = store.call(
        "monitoring",
        &[
            ("Action", "GetMetricStatistics"),
            ("Version", "2010-08-01"),
            ("Namespace", "headrig"),
            ("MetricName", "Heartbeat"),
            ("Dimensions.member.1.Name", "Host"),
            ("Dimensions.member.1.Value", "web-1"),
            ("StartTime", &time(-1)),
            ("EndTime", &time(1)),
            ("Period", "60"),
            ("Statistics.member.1", "Minimum"),
        ],
    )?;
    let values: Result<Vec<f64>, _> = between(&xml, "<Minimum>", "</Minimum>").map(str::parse).collect();
    Ok(values?.into_iter().reduce(f64::min))
}

type Metric = (String, Option<(String, String)>);

fn metrics(store: &Ministack) -> Result<Vec<Metric>> {
    let parameters = [("Action", "ListMetrics"), ("Version", "2010-08-01"), ("Namespace", "headrig")];
    let xml = store.call("monitoring", &parameters)?;
    // Cut at the names: a metric's dimensions may stand on either side of its own name.
    xml.split("<MetricName>")
        .skip(1)
        .map(|rest| {
            let name = rest.split("</MetricName>").next().context("a metric has a name")?.to_owned();
            Ok((name, element(rest, "Name").zip(element(rest, "Value"))))
        })
        .collect()
}

/// systemd's side of the notify protocol.
struct Systemd {
    socket: UnixDatagram,
}

impl Systemd {
    fn listen(scenario: &mut Scenario) -> Result<Self> {
        let path = scenario.folder().join("notify");
        let socket = UnixDatagram::bind(&path)?;
        socket.set_read_timeout(Some(ANSWER_LIMIT))?;
        scenario.setup.variable("NOTIFY_SOCKET", path);
        scenario.setup.variable("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
        Ok(Self { socket })
    }

    /// The next message with the line `wanted` in it; all that came before is passed over.
    fn hears(&self, wanted: &str) -> Result<String> {
        let mut bytes = [0; 4_096];
        let begun = Instant::now();
        while begun.elapsed() < ANSWER_LIMIT {
            let length = self.socket.recv(&mut bytes).with_context(|| format!("waiting for {wanted}"))?;
            let message = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if message.lines().any(|line| line == wanted) {
                return Ok(message);
            }
        }
        bail!("{wanted} was not heard")
    }

    /// Whether the watchdog is fed in time for so long.
    fn is_fed(&self, times: u32) -> Result<()> {
        for _ in 0..times {
            let begun = Instant::now();
            self.hears("WATCHDOG=1")?;
            ensure!(begun.elapsed() < WATCHDOG, "the watchdog was not fed for {:?}", begun.elapsed());
        }
        Ok(())
    }
}

/// After so long systemd would restart the agent.
const WATCHDOG: Duration = Duration::from_secs(2);

#[test]
fn systemd_notifications() -> Result<()> {
    let Some(mut scenario) = Scenario::begin("systemd: READY, WATCHDOG, RELOADING, STOPPING")? else {
        return Ok(());
    };
    let systemd = Systemd::listen(&mut scenario)?;
    let mut log = scenario.open("app.log")?;
    let agent = scenario.agent()?;
    systemd.hears("READY=1")?;
    scenario.write(&mut log, 100)?;
    systemd.is_fed(4)?;
    agent.signal(Signal::HUP)?;
    let reloading = systemd.hears("RELOADING=1")?;
    ensure!(reloading.contains("MONOTONIC_USEC="), "systemd asks for the time of a reload: {reloading}");
    systemd.hears("READY=1")?;
    scenario.faults.set(Fault::Away);
    scenario.write(&mut log, 100)?;
    systemd.is_fed(4)?;
    scenario.faults.set(Fault::None);
    scenario.finish(agent)?;
    systemd.hears("STOPPING=1").map(drop)
}

/// What the documentation says suffices, and nothing else.
const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::BUCKET/PREFIX/*"},
  {"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*"}]}"#;

/// IAM decides, and allows the agent to put objects below its prefix and to report, nothing more. Under a policy
/// for another prefix nothing arrives, which shows that IAM is asked.
#[test]
fn write_only_policy() -> Result<()> {
    const NAME: &str = "write-only IAM policy";
    let Some(store) = Ministack::start(NAME, Policies::Enforced)? else { return Ok(()) };
    let mut scenario = Scenario::begin_on(NAME, Arc::new(store))?;
    iam(&scenario, &[("Action", "CreateUser")])?;
    allow(&scenario, "other")?;
    let key = iam(&scenario, &[("Action", "CreateAccessKey")])?;
    let field = |tag| element(&key, tag).with_context(|| format!("no {tag} in {key}"));
    let (id, secret) = (field("AccessKeyId")?, field("SecretAccessKey")?);
    scenario.setup.variable("AWS_ACCESS_KEY_ID", id);
    scenario.setup.variable("AWS_SECRET_ACCESS_KEY", secret);
    scenario.setup.heartbeat_endpoint = Some(format!("http://{}", scenario.store().address()));
    let mut log = scenario.open("app.log")?;
    scenario.write(&mut log, 100)?;
    let agent = scenario.agent()?;
    agent.complains_of("AccessDenied")?;
    ensure!(scenario.look()?.delivered == 0);
    allow(&scenario, "fleet")?;
    scenario.write(&mut log, 100)?;
    scenario.arrived()?;
    ensure!(metrics(scenario.store())?.iter().any(|(name, _)| name == "Heartbeat"), "no heartbeat arrived");
    scenario.finish(agent).map(drop)
}

fn allow(scenario: &Scenario, prefix: &str) -> Result<String> {
    let policy = POLICY.replace("BUCKET", &scenario.setup.bucket).replace("PREFIX", prefix);
    iam(scenario, &[("Action", "PutUserPolicy"), ("PolicyName", "write"), ("PolicyDocument", &policy)])
}

fn iam(scenario: &Scenario, parameters: &[(&str, &str)]) -> Result<String> {
    let about = [("Version", "2010-05-08"), ("UserName", "agent")];
    scenario.store().call("iam", &[parameters, &about].concat())
}

/// What the first element of this name holds.
fn element(xml: &str, name: &str) -> Option<String> {
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    between(xml, &begin, &end).next().map(str::to_owned)
}
