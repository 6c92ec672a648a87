//! AWS on this machine: MiniStack and moto, a faulty way to DynamoDB and one to Glue, and the function deployed behind
//! S3 and SQS.

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Credentials, Region};
use headrig_aws::DynamoLedger;
use headrig_tests::{
    faults::{Fault, Faults},
    http::Message,
    ministack::{Ministack, Policies},
    moto::Moto,
    process::sink_binary,
};
use serde_json::{Value, json};
use std::{fs, net::SocketAddr, process::Command};
use tokio::runtime::Runtime;

pub(crate) const BUCKET: &str = "logs";
pub(crate) const LAKE: &str = "lake";
pub(crate) const TABLE: &str = "headrig";
pub(crate) const JOB: &str = "headrig-etl";
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:headrig";
const FUNCTION: &str = "headrig-sink";
const QUEUE: &str = "uploads";
/// How long a message that was not acknowledged is hidden, in seconds: short, so that the test is.
const HIDDEN_SECONDS: &str = "10";
/// Functions at once: the machine has few cores, and each is a process.
const FUNCTIONS_MAX: u32 = 4;
/// Runs at once, as the job's definition has it; the function believes that there may be more.
const JOB_RUNS_MAX: u32 = 4;
const RUN_SECONDS: u32 = 2;
/// What SQS hands out at once.
const RECEIVED_MAX: usize = 10;

/// What DynamoDB says when it fails.
const DYNAMODB_ERRORS: &[(u16, &str)] = &[
    (400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"),
    (400, "com.amazon.coral.availability#ThrottlingException"),
    (500, "com.amazonaws.dynamodb.v20120810#InternalServerError"),
];
/// What Glue says when it fails; after the second and third nobody knows whether a run was started.
const GLUE_ERRORS: &[(u16, &str)] = &[
    (400, "ConcurrentRunsExceededException"),
    (500, "InternalServiceException"),
    (400, "OperationTimeoutException"),
    (400, "ThrottlingException"),
];

/// All of it. What is started ends when it is dropped.
pub(crate) struct Cloud {
    pub(crate) store: Ministack,
    pub(crate) glue: Moto,
    /// The way to DynamoDB that may fail.
    pub(crate) to_table: Faults,
    /// The way to Glue that may fail.
    pub(crate) to_glue: Faults,
    /// The way to S3 that may fail, where the function is told to take it.
    pub(crate) to_objects: Faults,
    runtime: Runtime,
}

impl Cloud {
    /// None, and the test `what` is noted as skipped, where a program is missing.
    pub(crate) fn begin(what: &str, seed: u64) -> Result<Option<Self>> {
        let Some(store) = Ministack::start(what, Policies::Ignored)? else { return Ok(None) };
        let Some(glue) = Moto::start(what, RUN_SECONDS)? else { return Ok(None) };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let cloud = Self {
            to_table: Faults::before(store.address(), seed)?,
            to_glue: Faults::before(glue.address(), !seed)?,
            to_objects: Faults::before(store.address(), seed)?,
            store,
            glue,
            runtime,
        };
        cloud.store.make_bucket(BUCKET)?;
        cloud.store.make_bucket(LAKE)?;
        cloud.glue.make_job(JOB, JOB_RUNS_MAX)?;
        let topic = [("Action", "CreateTopic"), ("Version", "2010-03-31"), ("Name", "headrig")];
        cloud.store.call("sns", &topic)?;
        cloud.ledger().create_table()?;
        Ok(Some(cloud))
    }

    /// So many of a thousand calls to DynamoDB and Glue fail from now on.
    pub(crate) fn fail(&self, per_mille: u64) {
        self.to_table.set(Fault::Calls { per_mille, errors: DYNAMODB_ERRORS });
        self.to_glue.set(Fault::Calls { per_mille, errors: GLUE_ERRORS });
    }

    /// The ledger, past all faults.
    pub(crate) fn ledger(&self) -> DynamoLedger {
        self.ledger_at(self.store.address())
    }

    /// The ledger as the function and the job reach it.
    pub(crate) fn faulty_ledger(&self) -> DynamoLedger {
        self.ledger_at(self.to_table.address())
    }

    fn ledger_at(&self, address: SocketAddr) -> DynamoLedger {
        let config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(format!("http://{address}"))
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        DynamoLedger::new(config, TABLE, self.runtime.handle().clone())
    }

    /// What the function is told, beside what Lambda itself tells it.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{}", self.to_table.address())),
            ("AWS_ENDPOINT_URL_GLUE", format!("http://{}", self.to_glue.address())),
            ("HEADRIG_BUCKET", BUCKET.into()),
            ("HEADRIG_TABLE", TABLE.into()),
            ("HEADRIG_JOB", JOB.into()),
            ("HEADRIG_LAKE_BUCKET", LAKE.into()),
            ("HEADRIG_TOPIC_ARN", TOPIC.into()),
            ("HEADRIG_S3_PATH_STYLE", "true".into()),
            // Nothing but the operator's flush makes a smaller batch.
            ("HEADRIG_MAX_WAIT_SECONDS", "86400".into()),
            ("HEADRIG_BATCHES_PER_RUN_MAX", "5".into()),
            ("HEADRIG_JOB_RUNS_MAX", (JOB_RUNS_MAX + 2).to_string()),
            // Runs die here for no fault of their files, oftener than in a life.
            ("HEADRIG_FAILURES_MAX", "20".into()),
        ]
    }

    /// Lets SNS put into the queue what people are told.
    pub(crate) fn hear_messages(&self) -> Result<()> {
        self.sqs("CreateQueue", json!({"QueueName": QUEUE}))?;
        let subscribe = [
            ("Action", "Subscribe"),
            ("Version", "2010-03-31"),
            ("TopicArn", TOPIC),
            ("Protocol", "sqs"),
            ("Endpoint", &queue_arn()),
        ];
        self.store.call("sns", &subscribe).map(drop)
    }

    /// Has S3 tell the queue of what is stored.
    pub(crate) fn make_queue(&self) -> Result<()> {
        self.sqs(
            "CreateQueue",
            json!({"QueueName": QUEUE, "Attributes": {"VisibilityTimeout": HIDDEN_SECONDS}}),
        )?;
        let queue = queue_arn();
        let told = format!(
            "<NotificationConfiguration><QueueConfiguration><Queue>{queue}</Queue><Event>s3:ObjectCreated:*</Event></QueueConfiguration></NotificationConfiguration>"
        );
        let mut request = Message::request("PUT", &format!("/{BUCKET}?notification"));
        request.body = told.into();
        self.store.send("s3", &request).map(drop)
    }

    /// Takes every message from the queue, and returns what they say.
    pub(crate) fn drain_queue(&self, count: usize) -> Result<Vec<String>> {
        let mut bodies = Vec::new();
        while bodies.len() < count {
            let found = self.sqs("ReceiveMessage", json!({"MaxNumberOfMessages": RECEIVED_MAX}))?;
            let messages = found["Messages"].as_array().cloned().unwrap_or_default();
            ensure!(!messages.is_empty(), "expected {count} messages, found {bodies:?}");
            for message in messages {
                self.sqs("DeleteMessage", json!({"ReceiptHandle": message["ReceiptHandle"]}))?;
                bodies.push(message["Body"].as_str().context("a message has a body")?.to_owned());
            }
        }
        Ok(bodies)
    }

    /// Puts a message into the queue.
    pub(crate) fn enqueue(&self, body: &str) -> Result<()> {
        self.sqs("SendMessage", json!({"MessageBody": body})).map(drop)
    }

    /// How many messages are in the queue, those included that somebody is at work on.
    pub(crate) fn queued(&self) -> Result<u64> {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let found = self.sqs("GetQueueAttributes", json!({"AttributeNames": names}))?;
        let count = |name: &str| found["Attributes"][name].as_str().and_then(|text| text.parse::<u64>().ok());
        names.iter().map(|name| count(name).with_context(|| format!("{found}"))).sum()
    }

    fn sqs(&self, operation: &str, mut parameters: Value) -> Result<Value> {
        if operation != "CreateQueue" {
            parameters["QueueUrl"] = format!("http://{}/123456789012/{QUEUE}", self.store.address()).into();
        }
        self.store.call_json("sqs", &format!("AmazonSQS.{operation}"), &parameters)
    }

    /// Deploys the program and puts it behind the queue.
    pub(crate) fn deploy(&self) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let archive = folder.path().join("bootstrap.zip");
        let python = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
        let program = sink_binary()?;
        let zipped = Command::new(python)
            .args(["-m", "zipfile", "-c"])
            .arg(&archive)
            .arg(program.file_name().context("a program has a name")?)
            .current_dir(program.parent().context("a program lies in a folder")?)
            .status()?;
        ensure!(zipped.success(), "the program cannot be zipped: {zipped}");
        self.store.make_bucket("code")?;
        self.store.put("code", "bootstrap.zip", &fs::read(&archive)?, false)?;
        let variables: serde_json::Map<_, _> =
            self.environment().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        self.lambda(
            "/functions",
            &json!({
                "FunctionName": FUNCTION,
                "Runtime": "provided.al2023",
                "Role": "arn:aws:iam::123456789012:role/headrig-sink",
                "Handler": "bootstrap",
                "Code": {"S3Bucket": "code", "S3Key": "bootstrap.zip"},
                "Timeout": 60,
                "MemorySize": 256,
                "Environment": {"Variables": variables},
            }),
        )?;
        let swept = self.invoke(&json!({"headrig": "sweep"}))?;
        ensure!(swept["done"].is_string(), "the function does not work: {swept}");
        self.lambda(
            "/event-source-mappings/",
            &json!({
                "EventSourceArn": queue_arn(),
                "FunctionName": FUNCTION,
                "BatchSize": RECEIVED_MAX,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "ScalingConfig": {"MaximumConcurrency": FUNCTIONS_MAX},
            }),
        )
        .map(drop)
    }

    /// Invokes the function. That it failed is a value too: it is killed at times.
    pub(crate) fn invoke(&self, event: &Value) -> Result<Value> {
        self.lambda(&format!("/functions/{FUNCTION}/invocations"), event)
    }

    fn lambda(&self, path: &str, parameters: &Value) -> Result<Value> {
        let mut request =
            Message::request("POST", &format!("/2015-03-31{path}")).with("content-type", "application/json");
        request.body = parameters.to_string().into();
        Ok(serde_json::from_slice(&self.store.send("lambda", &request)?).unwrap_or(Value::Null))
    }

    /// The processes of the function that are there: MiniStack's children of that name.
    pub(crate) fn function_processes(&self) -> Result<Vec<i32>> {
        let parent = self.store.id().to_string();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")?.flatten() {
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // One that has ended meanwhile has no such file.
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            let Some((name, rest)) = stat.rsplit_once(')') else { bail!("no name in {stat:?}") };
            if name.ends_with("(bootstrap") && rest.split_whitespace().nth(1) == Some(&parent) {
                found.push(id);
            }
        }
        Ok(found)
    }
}

fn queue_arn() -> String {
    format!("arn:aws:sqs:us-east-1:123456789012:{QUEUE}")
}
