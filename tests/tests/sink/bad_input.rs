//! What goes wrong with events, objects and permissions: each case gives a log line and a figure, people hear of what
//! they must mend, and the rest of the messages goes on.

use crate::{
    cloud::{BUCKET, Cloud, TABLE},
    objects::{self, Object},
};
use anyhow::{Context, Result, ensure};
use headrig_contract::ContentHash;
use headrig_ledger::{FilePhase, Ledger};
use headrig_tests::{
    faults::Fault,
    http::Message,
    lambda::{Invoked, Lambda},
    process::sink_binary,
};
use serde_json::{Value, json};

const OBJECT_BYTES_MAX: usize = 2_000;

/// A function, and how much of what it said was looked at.
struct Watched<'a> {
    cloud: &'a Cloud,
    lambda: Lambda,
}

impl<'a> Watched<'a> {
    fn start(cloud: &'a Cloud, more: &[(&'static str, String)]) -> Result<Self> {
        let mut environment = cloud.environment();
        environment.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        environment.extend_from_slice(more);
        environment.extend([
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "test".into()),
            ("AWS_ENDPOINT_URL", format!("http://{}", cloud.store.address())),
            ("AWS_ENDPOINT_URL_S3", format!("http://{}", cloud.to_objects.address())),
            ("HEADRIG_OBJECT_BYTES_MAX", OBJECT_BYTES_MAX.to_string()),
        ]);
        Ok(Self { cloud, lambda: Lambda::start(&sink_binary()?, &environment)? })
    }

    /// Hands over what `event` says, and returns what the function wrote meanwhile.
    fn invoke(&self, event: &Value) -> Result<(Invoked, Said)> {
        let (figures, lines) = self.said()?;
        let invoked = self.lambda.invoke(event)?;
        let (mut new_figures, mut new_lines) = self.said()?;
        new_figures.drain(..figures.len());
        new_lines.drain(..lines.len());
        Ok((invoked, Said { figures: new_figures, lines: new_lines }))
    }

    /// Figures and log lines, each in their order.
    fn said(&self) -> Result<(Vec<Value>, Vec<String>)> {
        let said = self.lambda.said()?;
        let is_figure = |line: &&str| line.contains("\"_aws\"");
        let figures: Result<_, _> = said.lines().filter(is_figure).map(serde_json::from_str).collect();
        Ok((figures?, said.lines().filter(|line| !is_figure(line)).map(Into::into).collect()))
    }

    /// The messages' ids that come again.
    fn deliver(&self, messages: &[Value]) -> Result<(Vec<String>, Said)> {
        let (invoked, said) = self.invoke(&json!({"Records": messages}))?;
        ensure!(!invoked.has_failed, "{invoked:?}: {said:?}");
        let failed = invoked.answer["batchItemFailures"].as_array().context("a partial answer")?;
        let id = |item: &Value| item["itemIdentifier"].as_str().unwrap_or_default().to_owned();
        Ok((failed.iter().map(id).collect(), said))
    }

    fn phase(&self, bytes: &[u8]) -> Result<Option<FilePhase>> {
        let file = self.cloud.ledger().file(ContentHash::of(bytes))?;
        Ok(file.map(|file| file.state.phase()))
    }
}

/// What a function wrote in one invocation.
#[derive(Debug)]
struct Said {
    figures: Vec<Value>,
    lines: Vec<String>,
}

impl Said {
    /// There was such a log line, and the figure adds up to `value`.
    fn check(&self, line: &str, figure: &str, value: f64) -> Result<()> {
        ensure!(self.lines.iter().any(|said| said.contains(line)), "nobody said {line:?}: {self:#?}");
        let sum = self.sum(figure);
        ensure!(sum == value, "{figure}: expected {value}, found {sum}: {self:#?}");
        Ok(())
    }

    fn sum(&self, figure: &str) -> f64 {
        self.figures.iter().filter_map(|figures| figures[figure].as_f64()).sum()
    }
}

fn message(id: &str, body: &str) -> Value {
    json!({"eventSource": "aws:sqs", "messageId": id, "body": body})
}

/// The message about an object under this key, which is encoded already.
fn stored(key: &str) -> Value {
    let event = json!({"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 1}}}]});
    message(key, &event.to_string())
}

fn put(cloud: &Cloud, object: &Object) -> Result<Value> {
    cloud.store.put(BUCKET, &object.key, &object.bytes, object.is_summed)?;
    Ok(stored(&object.key.replace('=', "%3D")))
}

#[test]
fn bad_input_is_said_and_counted_and_holds_nothing_up() -> Result<()> {
    let Some(cloud) = Cloud::begin("bad input of the sink", 1)? else { return Ok(()) };
    cloud.hear_messages()?;
    let function = Watched::start(&cloud, &[])?;
    let good = [objects::chunk(1)?, objects::chunk(2)?];
    let swapped = Object { bytes: b"other bytes than the key says".to_vec(), ..objects::chunk(3)? };
    let large_chunk = Object { bytes: vec![7; OBJECT_BYTES_MAX + 1], ..objects::chunk(4)? };
    let large =
        Object { key: "large.log".into(), bytes: vec![8; OBJECT_BYTES_MAX + 1], is_summed: false, lines: 1 };
    let empty = Object { key: "empty.log".into(), bytes: Vec::new(), ..objects::foreign(5) };
    let half_known = json!({"Records": [{"eventVersion": "2.1", "eventName": "ObjectCreated:Put", "s3": 7}]});
    let messages = [
        put(&cloud, &good[0])?,
        message("no json", "{\"Records\": ["),
        message("no record", &half_known.to_string()),
        stored("bad%FF%FEkey.log"),
        stored("gone.log"),
        put(&cloud, &empty)?,
        put(&cloud, &swapped)?,
        put(&cloud, &large_chunk)?,
        put(&cloud, &large)?,
        put(&cloud, &good[1])?,
    ];
    let (failed, said) = function.deliver(&messages)?;
    ensure!(failed == ["no json"], "{failed:?}");
    said.check("a message cannot be understood", "EventsMalformed", 2.0)?;
    said.check("a record cannot be understood", "EventsFailed", 1.0)?;
    said.check("bad%FF%FEkey.log", "ObjectsRefused", 2.0)?;
    said.check("the object was gone before it was read", "ObjectsGone", 1.0)?;
    said.check("the object is empty", "ObjectsEmpty", 1.0)?;
    said.check("the key names SHA-256", "FilesTakenIn", 4.0)?;
    said.check("expected at most 2000 bytes, found 2001", "FilesTakenIn", 4.0)?;
    for object in &good {
        ensure!(function.phase(&object.bytes)? == Some(FilePhase::Pending), "{} is not taken in", object.key);
    }
    ensure!(function.phase(&swapped.bytes)? == Some(FilePhase::Quarantined), "other bytes are taken in");
    let (swept, said) = function.invoke(&json!({"headrig": "sweep"}))?;
    ensure!(!swept.has_failed, "{swept:?}");
    ensure!(said.sum("Quarantined") == 2.0, "{said:#?}");
    let told = cloud.drain_queue(2)?.concat();
    for part in ["bad%FF%FEkey.log", "large.log", "the key names SHA-256", "headrig replay", &large_chunk.key]
    {
        ensure!(told.contains(part), "nobody was told of {part}: {told}");
    }
    Ok(())
}

#[test]
fn an_event_that_nobody_knows_is_an_error_and_the_next_is_served() -> Result<()> {
    let Some(cloud) = Cloud::begin("unknown events of the sink", 1)? else { return Ok(()) };
    let function = Watched::start(&cloud, &[])?;
    for event in [json!({"what": "nobody knows"}), json!({"headrig": {"replay": "no hash"}}), json!(7)] {
        let (invoked, said) = function.invoke(&event)?;
        ensure!(invoked.has_failed, "{event}: {invoked:?}");
        said.check("expected", "EventsMalformed", 1.0)?;
    }
    let (invoked, _) = function.invoke(&json!({"Service": "Amazon S3", "Event": "s3:TestEvent"}))?;
    ensure!(!invoked.has_failed, "{invoked:?}");
    Ok(())
}

#[test]
fn what_may_not_be_read_comes_again_and_the_ledger_that_is_not_there_loses_nothing() -> Result<()> {
    let Some(cloud) = Cloud::begin("missing permissions of the sink", 1)? else { return Ok(()) };
    let object = objects::chunk(1)?;
    let event = put(&cloud, &object)?;
    let function = Watched::start(&cloud, &[])?;
    cloud.to_objects.set(Fault::Always { answer: Message::s3_error(403, "AccessDenied") });
    let (failed, said) = function.deliver(std::slice::from_ref(&event))?;
    ensure!(failed.len() == 1, "{failed:?}");
    said.check("not allowed to look at an object", "EventsFailed", 1.0)?;
    cloud.to_objects.set(Fault::None);
    let denied = Message::json_error(400, "com.amazon.coral.service#AccessDeniedException");
    cloud.to_table.set(Fault::Always { answer: denied });
    let (failed, said) = function.deliver(std::slice::from_ref(&event))?;
    ensure!(failed.len() == 1, "{failed:?}");
    said.check("could not take in a file", "EventsFailed", 1.0)?;
    cloud.to_table.set(Fault::None);
    let lost = Watched::start(&cloud, &[("HEADRIG_TABLE", format!("no-{TABLE}"))])?;
    let (failed, said) = lost.deliver(std::slice::from_ref(&event))?;
    ensure!(failed.len() == 1, "{failed:?}");
    said.check("could not take in a file", "EventsFailed", 1.0)?;
    let (failed, said) = function.deliver(&[event])?;
    ensure!(failed.is_empty(), "{failed:?}");
    said.check("took in a file", "FilesTakenIn", 1.0)
}

#[test]
fn a_job_that_is_missing_or_forbidden_is_told_of_and_its_batches_wait() -> Result<()> {
    let Some(cloud) = Cloud::begin("a missing job of the sink", 1)? else { return Ok(()) };
    cloud.hear_messages()?;
    let function = Watched::start(&cloud, &[("HEADRIG_JOB", "nobody".into())])?;
    let events: Result<Vec<_>> = (0..5).map(|number| put(&cloud, &objects::chunk(number)?)).collect();
    let (failed, said) = function.deliver(&events?)?;
    ensure!(failed.is_empty(), "{failed:?}");
    said.check("the job nobody does not exist", "RunsRefused", 1.0)?;
    let told = cloud.drain_queue(1)?.concat();
    ensure!(told.contains("the job nobody does not exist") && told.contains("headrig wake"), "{told}");
    let denied = Message::json_error(400, "AccessDeniedException");
    cloud.to_glue.set(Fault::Always { answer: denied });
    let events: Result<Vec<_>> = (5..10).map(|number| put(&cloud, &objects::chunk(number)?)).collect();
    let (failed, said) = function.deliver(&events?)?;
    ensure!(failed.is_empty(), "{failed:?}");
    said.check("not allowed to", "FilesTakenIn", 5.0)?;
    let counts = cloud.ledger().counts()?;
    ensure!((counts.sealed, counts.batched) == (2, 10), "{counts:?}");
    Ok(())
}
