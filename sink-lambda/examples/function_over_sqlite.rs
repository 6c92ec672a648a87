//! The function as Lambda runs it, over a ledger in SQLite at `HEADRIG_TABLE`: for tests that have no DynamoDB.

use anyhow::{Context, Result, anyhow};
use aws_config::AppName;
use headrig_aws::Calls;
use headrig_ledger::SqliteLedger;
use headrig_sink::{environment::Environment, function::Function, json_log, notes::MemoryNotes};
use std::path::Path;

fn main() -> Result<()> {
    json_log::start(tracing::Level::INFO);
    let environment = Environment::read(std::env::vars())?;
    let ledger = SqliteLedger::open(Path::new(&environment.ledger)).context("the ledger cannot be opened")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let calls = runtime.block_on(Calls::new(runtime.handle().clone(), AppName::new("headrig-sink")?));
    let function = Function::new(ledger, MemoryNotes::default(), environment, &calls);
    runtime.block_on(function.serve()).map_err(|error| anyhow!("the Runtime API cannot be served: {error}"))
}
