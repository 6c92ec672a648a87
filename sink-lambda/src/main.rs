//! `bootstrap`: the function as Lambda runs it, over the ledger in DynamoDB.

use anyhow::{Result, anyhow};
use aws_config::AppName;
use headrig_aws::Calls;
use headrig_sink::{aws::TableNotes, environment::Environment, function::Function, json_log};

fn main() -> Result<()> {
    json_log::start(tracing::Level::INFO);
    let environment = Environment::read(std::env::vars())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let calls = runtime.block_on(Calls::new(runtime.handle().clone(), AppName::new("headrig-sink")?));
    let ledger = calls.ledger(&environment.ledger);
    let notes = TableNotes::new(calls.clone(), environment.ledger.clone());
    let function = Function::new(ledger, notes, environment, &calls);
    runtime.block_on(function.serve()).map_err(|error| anyhow!("the Runtime API cannot be served: {error}"))
}
