//! The table as the ledger needs it, for stand-ins: in AWS the template makes it, with the same keys and indexes
//! (docs/formats/dynamodb.md), and it alone says how the table is kept, backed up and encrypted.

use super::{
    Table,
    failure::judge,
    places::{AT, BY_KEY, BY_STATE, FOREIGN_KEY, PK, PLACE},
};
use aws_sdk_dynamodb::{
    client::Waiters,
    error::BuildError,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType,
    },
};
use headrig_ledger::LedgerError;
use std::time::Duration;

const ACTION: &str = "make its table";
/// How long a new table may take to become active; in AWS it is some ten seconds.
const ACTIVE_MAX: Duration = Duration::from_secs(120);

impl Table {
    pub(super) async fn create(&self) -> Result<(), LedgerError> {
        let definition = || -> Result<_, BuildError> {
            let attributes: Result<Vec<_>, _> =
                [PK, PLACE, AT, FOREIGN_KEY].into_iter().map(text_attribute).collect();
            let by_state = Projection::builder()
                .projection_type(ProjectionType::Include)
                .non_key_attributes("size")
                .build();
            let by_key = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
            Ok(self
                .client
                .create_table()
                .table_name(&*self.name)
                .billing_mode(BillingMode::PayPerRequest)
                .set_attribute_definitions(Some(attributes?))
                .key_schema(key(PK, KeyType::Hash)?)
                .global_secondary_indexes(index(BY_STATE, PLACE, Some(AT), by_state)?)
                .global_secondary_indexes(index(BY_KEY, FOREIGN_KEY, None, by_key)?))
        };
        let request =
            definition().map_err(|error| LedgerError::Refused { action: ACTION, source: error.into() })?;
        request.send().await.map_err(|error| judge(ACTION, error))?;
        let active = self.client.wait_until_table_exists().table_name(&*self.name).wait(ACTIVE_MAX).await;
        active.map_err(|error| LedgerError::Unavailable { action: ACTION, source: error.into() })?;
        Ok(())
    }
}

fn text_attribute(name: &str) -> Result<AttributeDefinition, BuildError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()
}

fn index(
    name: &str,
    hash: &str,
    range: Option<&str>,
    projection: Projection,
) -> Result<GlobalSecondaryIndex, BuildError> {
    let range = range.map(|range| key(range, KeyType::Range)).transpose()?;
    let keys = [key(hash, KeyType::Hash)?].into_iter().chain(range).collect();
    GlobalSecondaryIndex::builder().index_name(name).set_key_schema(Some(keys)).projection(projection).build()
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, BuildError> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build()
}
