//! Items by their keys, always as they are now (strongly consistent).

use super::{
    Table,
    failure::judge,
    fields::{Item, Malformed},
    items::{StoredBatch, StoredFile, batch_of, file_of},
    places::{self, BY_KEY, FOREIGN_KEY, PK, text},
    transaction::pause,
};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use headrig_contract::{ContentHash, ObjectKey};
use headrig_ledger::{BatchId, FileRecord, LedgerError};
use std::collections::{BTreeSet, HashMap};

/// The most items that DynamoDB reads in one BatchGetItem.
pub(super) const READS_MAX: usize = 100;
/// How often what a BatchGetItem left over is asked for again.
const LEFTOVER_TRIES_MAX: u32 = 8;
/// The most pages of an index that are read for the objects under one key.
const KEY_PAGES_MAX: usize = 100;

impl Table {
    pub(super) async fn file(&self, hash: ContentHash) -> Result<Option<StoredFile>, LedgerError> {
        self.one(places::file_key(hash), "read a file", file_of).await
    }

    pub(super) async fn batch(&self, id: BatchId) -> Result<Option<StoredBatch>, LedgerError> {
        self.one(places::batch_key(id), "read a batch", batch_of).await
    }

    /// A key that names the hash is looked up by it; the others have an index.
    pub(super) async fn files_at(&self, key: &ObjectKey) -> Result<Vec<FileRecord>, LedgerError> {
        let mut keys: BTreeSet<String> = key.content_hash().into_iter().map(places::file_key).collect();
        let mut pages = self
            .client
            .query()
            .table_name(&*self.name)
            .index_name(BY_KEY)
            .key_condition_expression("#key = :key")
            .expression_attribute_names("#key", FOREIGN_KEY)
            .expression_attribute_values(":key", text(key.as_str()))
            .into_paginator()
            .send();
        for _ in 0..KEY_PAGES_MAX {
            let Some(page) = pages.next().await else { break };
            let page = page.map_err(|error| judge("read the files at a key", error))?;
            keys.extend(page.items().iter().filter_map(|item| item.get(PK)?.as_s().ok().cloned()));
        }
        let keys: Vec<_> = keys.into_iter().collect();
        let mut files = self.records(&keys).await?;
        files.retain(|file| file.key == *key);
        files.sort_by_key(|file| (file.first_seen, file.hash));
        Ok(files)
    }

    /// The items with these keys that there are, in no order.
    pub(super) async fn many(&self, keys: &[String]) -> Result<Vec<Item>, LedgerError> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(READS_MAX) {
            let keys = keys.iter().map(|key| HashMap::from([(PK.to_owned(), text(key))])).collect();
            found.extend(self.up_to_a_hundred(keys).await?);
        }
        Ok(found)
    }

    /// An item with this key, as an error of the table where it is not what it should be.
    pub(super) fn decoded<T>(
        &self,
        item: &Item,
        decode: fn(&Item) -> Result<T, Malformed>,
    ) -> Result<T, LedgerError> {
        decode(item).map_err(|malformed| {
            let key = item.get(PK).and_then(|key| key.as_s().ok());
            self.corrupt(key.map_or("without a key", String::as_str), &malformed)
        })
    }

    async fn records(&self, keys: &[String]) -> Result<Vec<FileRecord>, LedgerError> {
        let items = self.many(keys).await?;
        items.iter().map(|item| Ok(self.decoded(item, file_of)?.record)).collect()
    }

    async fn one<T>(
        &self,
        key: String,
        action: &'static str,
        decode: fn(&Item) -> Result<T, Malformed>,
    ) -> Result<Option<T>, LedgerError> {
        let request = self.client.get_item().table_name(&*self.name).key(PK, text(key)).consistent_read(true);
        let answer = request.send().await.map_err(|error| judge(action, error))?;
        answer.item.map(|item| self.decoded(&item, decode)).transpose()
    }

    async fn up_to_a_hundred(&self, mut keys: Vec<Item>) -> Result<Vec<Item>, LedgerError> {
        const ACTION: &str = "read several items";
        let mut found = Vec::with_capacity(keys.len());
        for tries in 0..LEFTOVER_TRIES_MAX {
            if keys.is_empty() {
                return Ok(found);
            }
            if tries > 0 {
                pause(tries).await;
            }
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            let wanted =
                wanted.map_err(|error| LedgerError::Refused { action: ACTION, source: error.into() })?;
            let request = self.client.batch_get_item().request_items(&*self.name, wanted);
            let answer = request.send().await.map_err(|error| judge(ACTION, error))?;
            found.extend(answer.responses.into_iter().flatten().flat_map(|(_, items)| items));
            let left = answer.unprocessed_keys.unwrap_or_default();
            keys = left.into_values().flat_map(|left| left.keys).collect();
        }
        if keys.is_empty() {
            return Ok(found);
        }
        let source = format!("{} items were left over {LEFTOVER_TRIES_MAX} times", keys.len()).into();
        Err(LedgerError::Unavailable { action: ACTION, source })
    }
}
