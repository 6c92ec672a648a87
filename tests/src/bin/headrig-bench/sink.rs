//! Measures the sink's `bootstrap`, the real program, under a Runtime API of this harness, over MiniStack's S3 and
//! DynamoDB and a Glue that takes every run: cold start, what an invocation takes, write calls, sizes.
//!
//! MiniStack takes far longer for an answer than AWS, so the function's CPU time is told beside the wall time. What a
//! job would finish is taken out of the table between invocations: it stays as full as in the steady state.

use crate::verdict::{Figure, median, percentile, table};
use anyhow::{Context, Result, ensure};
use clap::Args;
use headrig_contract::{AgentId, ChunkSeq, ContentHash, HostName, UnixMicros, chunk::Codec, key::ChunkName};
use headrig_tests::{
    faults::{Fault, Faults},
    http::Message,
    lambda::Lambda,
    ministack::{Ministack, Policies},
    process::sink_binary,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::Path, process::Command, time::Duration};

const COLD_START_MILLIS_MAX: f64 = 100.0;
const WRITES_PER_OBJECT_MAX: f64 = 2.0;
/// What the job writes for each object: a claim and a commit for a batch of five. `cargo test -p headrig-aws --test
/// dynamodb cost` counts them.
const JOB_WRITES_PER_OBJECT: f64 = 2.0 / 5.0;
const WARMING: u64 = 20;
const BATCH: u64 = 5;
/// The requests that change something in the table.
const WRITES: [&str; 6] =
    ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems", "ExecuteStatement"];

/// How much is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Cold starts
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    starts: u32,
    /// Invocations with one object each
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(5..))]
    objects: u64,
    /// Exit with 1 where a target is missed
    #[arg(long)]
    strict: bool,
}

/// Measures, and prints what came out.
///
/// # Errors
/// When something could not be measured, or with `--strict` a target was missed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let Some(site) = Site::start()? else { return Ok(()) };
    let mut figures = site.cold_starts(options.starts)?;
    figures.extend(site.steady_state(options.objects)?);
    figures.extend(site.writes(options.objects)?);
    figures.extend(sizes(&sink_binary()?)?);
    println!("\n{}", table(&figures));
    let missed = figures.iter().filter(|figure| figure.is_missed()).count();
    println!("{missed} targets missed");
    ensure!(missed == 0 || !options.strict, "{missed} targets missed");
    Ok(())
}

struct Site {
    store: Ministack,
    glue: Faults,
}

impl Site {
    fn start() -> Result<Option<Self>> {
        let Some(store) = Ministack::start("bench sink", Policies::Ignored)? else { return Ok(None) };
        let glue = Faults::before(store.address(), 0)?;
        let body = b"{\"JobRunId\":\"jr_bench\",\"JobRuns\":[]}".to_vec();
        let taken = Message { start: "HTTP/1.1 200 OK".into(), body, ..Message::default() };
        glue.set(Fault::Always { answer: taken.with("content-type", "application/x-amz-json-1.1") });
        store.make_bucket("logs")?;
        store.make_bucket("lake")?;
        let site = Self { store, glue };
        site.make_table()?;
        Ok(Some(site))
    }

    /// As docs/formats/dynamodb.md has it.
    fn make_table(&self) -> Result<()> {
        let text = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
        let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
        self.dynamodb(
            "CreateTable",
            &json!({
                "TableName": "headrig",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [text("pk"), text("place"), text("at"), text("foreign_key")],
                "KeySchema": [key("pk", "HASH")],
                "GlobalSecondaryIndexes": [
                    {"IndexName": "by_state", "KeySchema": [key("place", "HASH"), key("at", "RANGE")],
                     "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["size"]}},
                    {"IndexName": "by_key", "KeySchema": [key("foreign_key", "HASH")],
                     "Projection": {"ProjectionType": "KEYS_ONLY"}},
                ],
            }),
        )
        .map(drop)
    }

    fn dynamodb(&self, operation: &str, parameters: &Value) -> Result<Value> {
        self.store.call_json("dynamodb", &format!("DynamoDB_20120810.{operation}"), parameters)
    }

    fn function(&self, table_at: std::net::SocketAddr) -> Result<Lambda> {
        let environment = [
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "test".into()),
            ("AWS_ENDPOINT_URL", format!("http://{}", self.store.address())),
            ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{table_at}")),
            ("AWS_ENDPOINT_URL_GLUE", format!("http://{}", self.glue.address())),
            ("HEADRIG_BUCKET", "logs".into()),
            ("HEADRIG_TABLE", "headrig".into()),
            ("HEADRIG_JOB", "etl".into()),
            ("HEADRIG_LAKE_BUCKET", "lake".into()),
            ("HEADRIG_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:headrig".into()),
            ("HEADRIG_S3_PATH_STYLE", "true".into()),
        ];
        Lambda::start(&sink_binary()?, &environment)
    }

    fn cold_starts(&self, starts: u32) -> Result<Vec<Figure>> {
        let polls: Result<Vec<f64>> =
            (0..starts).map(|_| Ok(millis(self.function(self.store.address())?.first_poll()?))).collect();
        let polls = polls?;
        let worst = polls.iter().copied().fold(0.0, f64::max);
        let name = "cold start, from process start to the first poll";
        Ok(vec![
            Figure::below(format!("{name}: median of {starts}"), median(&polls), COLD_START_MILLIS_MAX, "ms"),
            Figure::below(format!("{name}: worst"), worst, COLD_START_MILLIS_MAX, "ms"),
        ])
    }

    fn steady_state(&self, objects: u64) -> Result<Vec<Figure>> {
        let function = self.function(self.store.address())?;
        let mut first = Times::default();
        (0..WARMING).try_for_each(|number| self.invoke(&function, number, &mut first))?;
        let mut times = Times::default();
        (WARMING..WARMING + objects).try_for_each(|number| self.invoke(&function, number, &mut times))?;
        let figure = |what: &str, sorted: &mut Vec<Duration>, percent: f64| {
            sorted.sort_unstable();
            Figure::stated(what, format!("{:.1} ms", millis(percentile(sorted, percent))))
        };
        let invocation = format!("invocation with one object, {objects} of them");
        Ok(vec![
            Figure::stated("first invocation, wall", format!("{:.1} ms", millis(first.wall[0]))),
            figure(&format!("{invocation}: CPU, p50"), &mut times.cpu, 50.0),
            figure(&format!("{invocation}: CPU, p99"), &mut times.cpu, 99.0),
            figure(&format!("{invocation}: wall over MiniStack, p50"), &mut times.wall, 50.0),
            figure(&format!("{invocation}: wall over MiniStack, p99"), &mut times.wall, 99.0),
        ])
    }

    /// Counted by a proxy, which is why it is not timed.
    fn writes(&self, objects: u64) -> Result<Vec<Figure>> {
        let counter = Faults::before(self.store.address(), 0)?;
        let function = self.function(counter.address())?;
        let begin = 1_000_000;
        let mut times = Times::default();
        let objects = objects - objects % BATCH;
        (begin..begin + objects).try_for_each(|number| self.invoke(&function, number, &mut times))?;
        let operations: BTreeMap<String, u64> = counter.operations();
        println!("requests to DynamoDB for {objects} objects: {operations:?}");
        let count = |is_meant: &dyn Fn(&str) -> bool| -> f64 {
            let meant = operations.iter().filter(|(name, _)| is_meant(name));
            meant.map(|(_, count)| *count).sum::<u64>() as f64 / objects as f64
        };
        let writes = count(&|name| WRITES.contains(&name));
        Ok(vec![
            Figure::at_most(
                "DynamoDB write calls for each object, the job's two for a batch included",
                writes + JOB_WRITES_PER_OBJECT,
                WRITES_PER_OBJECT_MAX,
                "",
            ),
            Figure::stated(
                "DynamoDB read calls of the sink for each object",
                format!("{:.1}", count(&|name| !WRITES.contains(&name))),
            ),
        ])
    }

    /// One object is stored and told of; after a batch the table is as it was.
    fn invoke(&self, function: &Lambda, number: u64, times: &mut Times) -> Result<()> {
        let bytes = format!("object {number}").into_bytes();
        let name = ChunkName {
            host: HostName::from_lossy("web-1"),
            source: "app".parse()?,
            sealed_at: UnixMicros::from_seconds(1_790_000_000),
            agent: AgentId::from_bytes([7; 16]),
            seq: ChunkSeq(number),
            hash: ContentHash::of(&bytes),
            codec: Codec::Zstd,
        };
        let key = name.key("")?;
        self.store.put("logs", key.as_str(), &bytes, true)?;
        let record = json!({"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "logs"}, "object": {"key": key.as_str().replace('=', "%3D"), "size": bytes.len()}}});
        let body = json!({"Records": [record]}).to_string();
        let event = json!({"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": body}]});
        let before = cpu(function.id())?;
        let invoked = function.invoke(&event)?;
        times.cpu.push(cpu(function.id())?.saturating_sub(before));
        times.wall.push(invoked.took);
        let failed = invoked.answer["batchItemFailures"].as_array().map(Vec::len);
        ensure!(!invoked.has_failed && failed == Some(0), "{invoked:?}\n{}", function.said()?);
        if number % BATCH == BATCH - 1 {
            self.finish_batches().with_context(|| function.said().unwrap_or_default())?;
        }
        Ok(())
    }

    /// Plays the job as far as the sink's next invocation sees it: its batches are no more under way.
    fn finish_batches(&self) -> Result<()> {
        let found = self.dynamodb(
            "Scan",
            &json!({
                "TableName": "headrig", "FilterExpression": "begins_with(pk, :batch)",
                "ExpressionAttributeValues": {":batch": {"S": "batch#"}},
            }),
        )?;
        let batches = found["Items"].as_array().context("a scan has items")?;
        ensure!(batches.len() == 1, "expected one batch for five objects, found {}", batches.len());
        for batch in batches {
            ensure!(batch["run"]["S"] == "jr_bench", "a batch was not started: {batch}");
            self.dynamodb("DeleteItem", &json!({"TableName": "headrig", "Key": {"pk": batch["pk"]}}))?;
        }
        Ok(())
    }
}

/// What each invocation took.
#[derive(Default)]
struct Times {
    wall: Vec<Duration>,
    cpu: Vec<Duration>,
}

/// The time that the process's threads have been on a CPU, to the nanosecond.
fn cpu(process: u32) -> Result<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))?.flatten() {
        // One that has ended meanwhile has no such file.
        let Ok(text) = fs::read_to_string(thread.path().join("schedstat")) else { continue };
        nanos += text.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanos))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The program's size, and that of a zip of it, which is what Lambda is given.
fn sizes(program: &Path) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let archive = folder.path().join("bootstrap.zip");
    let zipped = Command::new("python3")
        .args(["-m", "zipfile", "-c"])
        .arg(&archive)
        .arg("bootstrap")
        .current_dir(program.parent().context("a program lies in a folder")?)
        .status()?;
    ensure!(zipped.success(), "the program cannot be zipped: {zipped}");
    let megabytes =
        |path: &Path| -> Result<String> { Ok(format!("{:.2} MB", fs::metadata(path)?.len() as f64 / 1e6)) };
    Ok(vec![
        Figure::stated("bootstrap", megabytes(program)?),
        Figure::stated("bootstrap.zip", megabytes(&archive)?),
    ])
}
