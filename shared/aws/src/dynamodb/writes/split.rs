//! How a batch gives way to batches of one.
//!
//! A transaction takes 100 writes, and each member needs two, so the batch of fifty members or more gives way in
//! several steps, the last of which ends it. Until then the batch stays exhausted, in its version: a caller that
//! dies half way leaves a batch to be isolated again, which goes on from there. That some parts may run meanwhile
//! does no harm, since the caller of a split knows that all runs of the batch have ended.

use super::{
    super::{Table, fields, places, places::PK, transaction::Transaction},
    expressions::{expect_batch, file_move, put_batch, replace_batch, tally},
};
use headrig_contract::ByteLength;
use headrig_ledger::{Batch, FileState, LedgerError, Placed, Version};
use std::collections::HashSet;

/// How many members leave in one transaction: two writes for each, one for the batch, one for the tally.
const MEMBERS_MAX: usize = 49;

const ACTION: &str = "split a batch";

impl Table {
    pub(in super::super) async fn split(
        &self,
        expected: Version,
        next: &Batch,
        parts: &[Batch],
    ) -> Result<(), LedgerError> {
        let item = self.next_item(expected, next).await?;
        let left = self.parts_to_come(parts).await?;
        let (last, earlier) = match left.chunks(MEMBERS_MAX).collect::<Vec<_>>().split_last() {
            Some((last, earlier)) => (last.to_vec(), earlier.concat()),
            None => (Vec::new(), Vec::new()),
        };
        for parts in earlier.chunks(MEMBERS_MAX) {
            let mut transaction = Transaction::default();
            expect_batch(self, &mut transaction, expected, next)?;
            self.part(&mut transaction, next, parts)?;
            self.transact(ACTION, transaction).await?;
        }
        let mut transaction = Transaction::default();
        replace_batch(self, &mut transaction, item, expected, next)?;
        self.part(&mut transaction, next, &last)?;
        tally(self, &mut transaction, next, ByteLength(0), Placed::default())?;
        self.transact(ACTION, transaction).await
    }

    /// The parts but those that an earlier call has made. A part that is there was made together with the move of
    /// its member, and by a split: nothing else makes a batch of a file that is in another one.
    async fn parts_to_come<'a>(&self, parts: &'a [Batch]) -> Result<Vec<&'a Batch>, LedgerError> {
        if parts.len() <= MEMBERS_MAX {
            return Ok(parts.iter().collect());
        }
        let keys: Vec<_> = parts.iter().map(|part| places::batch_key(part.id)).collect();
        let items = self.many(&keys).await?;
        let made: HashSet<_> = items.iter().filter_map(|item| fields::text(item, PK).ok()).collect();
        Ok(parts.iter().filter(|part| !made.contains(places::batch_key(part.id).as_str())).collect())
    }

    fn part<'a>(
        &'a self,
        transaction: &mut Transaction<'a>,
        from: &Batch,
        parts: &[&Batch],
    ) -> Result<(), LedgerError> {
        let from = FileState::Batched { batch: from.id };
        for part in parts {
            put_batch(self, transaction, part)?;
            let to = FileState::Batched { batch: part.id };
            for member in &part.members {
                file_move(self, transaction, *member, (&from, &to), part.changed)?;
            }
        }
        Ok(())
    }
}
