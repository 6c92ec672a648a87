//! The operator's commands over AWS: what they change there, and what they say when it cannot be reached.

use super::{
    asked::{Asked, Mirror},
    hash_of, healthy,
    replay::site_with_a_quarantined_object,
};
use anyhow::{Context, Result, ensure};
use headrig_tests::{
    http::Message,
    process::{Headrig, Running},
};
use rustix::process::Signal;
use std::{
    fs,
    io::BufReader,
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::process::ExitStatusExt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How long a command may take to find out that nobody answers. Nobody waits longer before Ctrl-C.
const GIVE_UP_MAX: Duration = Duration::from_secs(25);

/// A lake in AWS in which nothing is wrong.
fn mirrored(hosts: &[&str]) -> Result<Option<Mirror>> {
    Mirror::of(&*healthy()?, hosts)
}

/// A server that gives everybody the same answer, or none.
struct Server {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(answer: Option<Message>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, is_over) = (listener.local_addr()?, Arc::new(AtomicBool::new(false)));
        let over = is_over.clone();
        let thread = thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                if let Some(answer) = &answer {
                    // Who goes away before it is answered wants no answer.
                    let _ = reply(&stream, answer);
                }
                kept.push(stream);
            }
        });
        Ok(Self { address, is_over, thread: Some(thread) })
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn reply(stream: &TcpStream, answer: &Message) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut request = Message::read_head(&mut reader)?.context("a request")?;
    request.read_body(&mut reader)?;
    answer.write(&mut stream.try_clone()?)
}

fn forbidden_by_dynamodb() -> Message {
    let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException","message":"not you"}"#;
    Message { start: "HTTP/1.1 400 Bad Request".into(), body: body.into(), ..Message::default() }
        .with("content-type", "application/x-amz-json-1.0")
        .with("connection", "close")
}

/// Runs the command, expects the exit code and the words, and that it did not take long.
fn check(what: &str, command: Headrig, code: i32, words: &[&str]) -> Result<()> {
    let begun = Instant::now();
    let run = command.run()?;
    let (took, said) = (begun.elapsed(), run.said(code).context(what.to_owned())?);
    for word in words {
        ensure!(said.contains(word), "{what}: expected {word:?} in {said:?}");
    }
    ensure!(said.lines().count() == 1 && said.len() < 1_000, "{what}: no message for people: {said}");
    ensure!(took < GIVE_UP_MAX, "{what}: took {took:?}");
    Ok(())
}

#[test]
fn what_is_wrong_with_the_way_to_aws_is_told_at_once() -> Result<()> {
    let Some(mirror) = mirrored(&[])? else { return Ok(()) };
    let forbidding = Server::start(Some(forbidden_by_dynamodb()))?;
    let forbidding_s3 =
        Server::start(Some(Message::s3_error(403, "AccessDenied").with("connection", "close")))?;
    let elsewhere =
        Server::start(Some(Message::s3_error(301, "PermanentRedirect").with("connection", "close")))?;
    let status = || mirror.command(["status"]);
    let verify = || mirror.command(["verify"]);
    let with = |command: Headrig, name, value: String| command.variables([(name, value)]);
    let other = |option, value| -> Result<Headrig> {
        let lake = format!("s3://{}", mirror.lake);
        let mut options =
            vec!["verify", "--table", &mirror.table, "--bucket", &mirror.bucket, "--lake", &lake];
        let place = options.iter().position(|known| *known == option).context("an option")?;
        options[place + 1] = value;
        Ok(Headrig::new(options)?.variables(mirror.variables()))
    };
    check("no table", other("--table", "nobodys")?, 2, &["no table nobodys in us-east-1", "--table"])?;
    check("no bucket", other("--bucket", "nobodys")?, 2, &["no bucket nobodys"])?;
    check("no lake", other("--lake", "s3://nobodys")?, 2, &["no bucket nobodys"])?;
    let region = with(status()?, "AWS_REGION", "eu-west-1".into());
    check("wrong region", region, 2, &["in eu-west-1", "AWS_REGION"])?;
    let empty = with(status()?, "AWS_ENDPOINT_URL_S3", String::new());
    check("an empty endpoint", empty, 2, &["AWS_ENDPOINT_URL_S3 is set and empty"])?;
    check("no region", status()?.without("AWS_REGION"), 2, &["no region", "AWS_REGION"])?;
    let anonymous = status()?.without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    check("no credentials", anonymous, 1, &["no AWS credentials", "AWS_PROFILE"])?;
    let denied = with(status()?, "AWS_ENDPOINT_URL_DYNAMODB", forbidding.url());
    check("no permission on the table", denied, 1, &["may not be read", "AccessDenied", "not you"])?;
    let denied = with(verify()?, "AWS_ENDPOINT_URL_S3", forbidding_s3.url());
    check("no permission on the buckets", denied, 1, &["AccessDenied", "allow it on the bucket"])?;
    let redirected = with(verify()?, "AWS_ENDPOINT_URL_S3", elsewhere.url());
    check("a bucket elsewhere", redirected, 1, &["another region", "AWS_REGION"])?;
    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let refused = with(status()?, "AWS_ENDPOINT_URL", format!("http://{nobody}"));
    check("nobody listens", refused, 1, &["cannot be reached", "refused", "AWS_ENDPOINT_URL"])?;
    check(
        "two lakes",
        Headrig::new(["status", "--lake", "/tmp", "--table", "t"])?,
        2,
        &["name one of them"],
    )?;
    check("no lake named", Headrig::new(["status"])?, 2, &["--lake", "--table"])
}

#[test]
fn who_never_answers_is_given_up_and_ctrl_c_ends_the_wait_at_once() -> Result<()> {
    let Some(mirror) = mirrored(&[])? else { return Ok(()) };
    let silent = Server::start(None)?;
    let silenced = |command: Headrig, name| command.variables([(name, silent.url())]);
    let status = silenced(mirror.command(["status"])?, "AWS_ENDPOINT_URL_DYNAMODB");
    check("a silent table", status, 1, &["cannot be reached"])?;
    let verify = silenced(mirror.command(["verify"])?, "AWS_ENDPOINT_URL_S3");
    check("a silent bucket", verify, 1, &["did not answer"])?;
    let mut running: Running = silenced(mirror.command(["verify"])?, "AWS_ENDPOINT_URL_S3").start()?;
    thread::sleep(Duration::from_secs(1));
    ensure!(!running.has_ended()?, "it did not wait for S3");
    let begun = Instant::now();
    running.signal(Signal::INT)?;
    let ended = running.finish(GIVE_UP_MAX)?;
    assert_eq!(ended.status.signal(), Some(Signal::INT.as_raw()), "{ended}");
    assert!(begun.elapsed() < Duration::from_secs(3), "took {:?}", begun.elapsed());
    Ok(())
}

#[test]
fn an_object_that_may_not_be_read_whole_is_not_told_as_missing() -> Result<()> {
    let Some(mirror) = mirrored(&[])? else { return Ok(()) };
    let verify =
        mirror.command(["verify", "--json"])?.variables([("HEADRIG_OBJECT_BYTES_MAX", "1".to_owned())]);
    let run = verify.run()?;
    ensure!(run.status.code() == Some(3), "{run}");
    ensure!(run.stdout.contains("object_too_large") && !run.stdout.contains("object_missing"), "{run}");
    Ok(())
}

#[test]
fn a_damaged_note_of_the_agents_keeps_nobody_from_the_ledger() -> Result<()> {
    let Some(mirror) = mirrored(&["web-1"])? else { return Ok(()) };
    let note = serde_json::json!({"TableName": mirror.table, "Item": {"pk": {"S": "note#fleet"}, "version": {"S": "x"}}});
    mirror.store().call_json("dynamodb", "DynamoDB_20120810.PutItem", &note)?;
    mirror.answer(0, &["ls"])?;
    mirror.answer(0, &["verify"])?;
    check("a damaged note", mirror.command(["status"])?, 1, &["fleet is no note"])
}

#[test]
fn the_functions_variables_name_the_lake() -> Result<()> {
    let Some(mirror) = mirrored(&["web-1"])? else { return Ok(()) };
    let names = [
        ("HEADRIG_TABLE", mirror.table.clone()),
        ("HEADRIG_BUCKET", mirror.bucket.clone()),
        ("HEADRIG_LAKE_BUCKET", mirror.lake.clone()),
    ];
    let run = Headrig::new(["verify", "--json"])?.variables(mirror.variables()).variables(names).run()?;
    ensure!(run.said(0)?.is_empty() && run.stdout.contains(r#""rows":6000"#), "{run}");
    // What a command has no use for need not be named.
    for (arguments, code, word) in [
        (&["status"][..], 0, ""),
        (&["ls", "batches"], 0, ""),
        (&["explain", "no/such/key"], 2, "--bucket"),
        (&["replay", "--quarantined", "--dry-run"], 0, ""),
        (&["verify"], 2, "--bucket"),
        (&["verify", "--bucket", &mirror.bucket], 2, "--lake"),
    ] {
        let run = Headrig::new(arguments)?
            .arguments(["--table", &mirror.table])
            .variables(mirror.variables())
            .run()?;
        ensure!(run.said(code)?.contains(word), "{arguments:?}: {run}");
    }
    Ok(())
}

#[test]
fn a_mended_object_is_put_back_over_aws() -> Result<()> {
    let (site, object, good): (Asked, _, _) = site_with_a_quarantined_object()?;
    let hash = hash_of(&object)?;
    let Some(mirror) = Mirror::of(&site, &[])? else { return Ok(()) };
    let told = mirror.answer(3, &["replay", &hash])?;
    assert!(told["left"][0]["reason"].as_str().context("a reason")?.contains("other bytes"), "{told}");
    fs::write(&object, good)?;
    let Some(mirror) = Mirror::of(&site, &[])? else { return Ok(()) };
    let told = mirror.answer(0, &["replay", "--quarantined", "--dry-run"])?;
    assert_eq!(told["replayed"][0]["hash"], hash.as_str());
    assert_eq!(mirror.answer(0, &["status"])?["files"]["quarantined"], 1);
    assert_eq!(mirror.answer_once(0, &["replay", &hash])?["replayed"][0]["hash"], hash.as_str());
    let status = mirror.answer(0, &["status"])?;
    assert_eq!((&status["files"]["quarantined"], &status["files"]["pending"]), (&0.into(), &1.into()));
    let told = mirror.answer(3, &["replay", &hash])?;
    assert!(told["left"][0]["reason"].as_str().context("a reason")?.contains("pending"), "{told}");
    Ok(())
}

#[test]
fn an_agent_that_is_retired_is_missed_no_more() -> Result<()> {
    let Some(mirror) = mirrored(&["web-1", "web-2"])? else { return Ok(()) };
    let fleet = || Ok::<_, anyhow::Error>(mirror.answer(0, &["status"])?["fleet"].clone());
    assert_eq!((&fleet()?["missing"], &fleet()?["heard_until"]), (&2.into(), &"2026-01-01T00:00:00Z".into()));
    let told = mirror.answer(0, &["retire", "web-1", "--dry-run"])?;
    assert_eq!((&told["retired"], &told["was"]["state"]), (&true.into(), &"missing".into()));
    assert_eq!(fleet()?["missing"], 2);
    assert_eq!(mirror.answer_once(0, &["retire", "web-1"])?["was"]["state"], "missing");
    let after = fleet()?;
    assert_eq!((&after["missing"], &after["agents"][0]["state"]), (&1.into(), &"gone".into()));
    // To retire it again does no harm, and nobody is made up.
    assert_eq!(mirror.answer_once(0, &["retire", "web-1"])?["was"]["state"], "gone");
    assert_eq!(mirror.answer(3, &["retire", "web-3"])?["retired"], false);
    assert_eq!(fleet()?["agents"].as_array().context("agents")?.len(), 2);
    check("no host", mirror.command(["retire", "a/b"])?, 2, &["expected"])
}

#[test]
fn a_batch_that_rests_is_woken_over_aws() -> Result<()> {
    let (site, _) = crate::mended::site_with_an_object()?;
    let Some(mirror) = Mirror::of(&site, &["--rest"])? else { return Ok(()) };
    let batch = || Ok::<_, anyhow::Error>(mirror.answer(0, &["ls", "batches"])?["batches"][0].clone());
    let resting = batch()?;
    assert_eq!((&resting["state"], &resting["due"]), (&"sealed".into(), &"2100-01-01T00:00:00Z".into()));
    let id = resting["id"].as_str().context("an id")?;
    let told = mirror.answer(0, &["wake", id, "--dry-run"])?;
    assert_eq!((&told["awake"], &told["rested_until"]), (&true.into(), &resting["due"]));
    assert_eq!(batch()?, resting, "a dry run changed it");
    let told = mirror.answer_once(0, &["wake", id])?;
    let woken: jiff::Timestamp = batch()?["due"].as_str().context("a time")?.parse()?;
    assert!(woken <= jiff::Timestamp::now(), "{told}");
    // Once is enough, and does no harm twice.
    assert_eq!(mirror.answer_once(0, &["wake", id])?["rested_until"], serde_json::Value::Null);
    Ok(())
}
