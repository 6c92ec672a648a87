//! `bootstrap`: the function as Lambda runs it, over the ledger in DynamoDB.

use anyhow::{Result, anyhow};
use headrig_sink::{
    aws::{Calls, TableNotes},
    dynamodb::DynamoLedger,
    environment::Environment,
    function::Function,
    json_log,
};

fn main() -> Result<()> {
    json_log::start(tracing::Level::INFO);
    let environment = Environment::read(std::env::vars())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let calls = runtime.block_on(Calls::new(runtime.handle().clone()));
    let config = aws_sdk_dynamodb::config::Builder::from(calls.config());
    let ledger = DynamoLedger::new(config, &environment.ledger, runtime.handle().clone());
    let notes = TableNotes::new(calls.clone(), environment.ledger.clone());
    let function = Function::new(ledger, notes, environment, &calls);
    runtime.block_on(function.serve()).map_err(|error| anyhow!("the Runtime API cannot be served: {error}"))
}
