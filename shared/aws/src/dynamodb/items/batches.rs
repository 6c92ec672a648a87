//! Batches to items and back.

use super::{
    super::{
        fields::{self, Item, Malformed},
        places::{self, AT, Listed, PK, PLACE, number, text},
    },
    EVENT_REASON_BYTES_MAX, REASON_BYTES_MAX, bounded, counts_item, counts_of, cut,
};
use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use headrig_contract::ContentHash;
use headrig_ledger::{Attempt, Batch, BatchEvent, BatchPhase, BatchState, RunId, Version, batch::Summary};

/// A batch as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct StoredBatch {
    /// The batch.
    pub(crate) batch: Batch,
    /// What happened to it.
    pub(crate) history: Vec<BatchEvent>,
}

/// The item of a batch with its history.
pub(crate) fn batch_item(batch: &Batch, history: Vec<BatchEvent>) -> Item {
    // Whoever takes the batch apart must know every run, so entries without one go first.
    let history = bounded(history, |event| event.run.is_some());
    let (phase, due) = (batch.state.phase(), batch.state.due());
    let members: Vec<u8> = batch.members.iter().flat_map(|hash| *hash.as_bytes()).collect();
    let mut item: Item = [
        (PK, text(places::batch_key(batch.id))),
        (PLACE, text(Listed::Batches(phase).place(places::shard_of(&batch.id)))),
        (AT, text(places::at(due, &batch.id))),
        ("version", number(batch.version.0)),
        ("members", AttributeValue::B(Blob::new(members))),
        ("sealed_us", number(batch.sealed_at.0)),
        ("changed_us", number(batch.changed.0)),
        ("attempt", number(batch.attempt.0)),
        ("failures", number(batch.failures)),
        ("state", text(phase.as_str())),
        ("due_us", number(due.0)),
        ("history", AttributeValue::L(history_list(&history))),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some(failure) = &batch.failure {
        item.insert("failure".into(), text(cut(failure, REASON_BYTES_MAX)));
    }
    if let Some(run) = batch.state.run() {
        item.insert("run".into(), text(run.as_str()));
    }
    if let BatchState::Committed { summary, .. } = &batch.state {
        item.insert("done".into(), number(summary.done));
        item.insert("quarantined".into(), number(summary.quarantined));
        item.extend(counts_item(summary.lines));
    }
    item
}

/// The batch in an item.
pub(crate) fn batch_of(item: &Item) -> Result<StoredBatch, Malformed> {
    let key = fields::text(item, PK)?;
    let batch = Batch {
        id: places::id_in(key)
            .ok_or_else(|| Malformed::new(PK, format!("expected a batch's, found {key:?}")))?,
        version: Version(fields::number(item, "version")?),
        members: members_of(item)?,
        sealed_at: fields::time(item, "sealed_us")?,
        changed: fields::time(item, "changed_us")?,
        attempt: Attempt(fields::number(item, "attempt")?),
        failures: fields::number(item, "failures")?,
        failure: fields::optional_text(item, "failure")?.map(Into::into),
        state: state_of(item)?,
    };
    Ok(StoredBatch { batch, history: history_of(item)? })
}

/// An entry names the failure only where it is another than in the one before, since most repeat it.
fn history_list(history: &[BatchEvent]) -> Vec<AttributeValue> {
    let mut told: Option<&str> = None;
    let mut list = Vec::with_capacity(history.len());
    for event in history {
        let mut item: Item = [
            ("at_us", number(event.at.0)),
            ("state", text(event.phase.as_str())),
            ("attempt", number(event.attempt.0)),
            ("failures", number(event.failures)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        if let Some(run) = &event.run {
            item.insert("run".into(), text(run.as_str()));
        }
        let failure = event.failure.as_deref().map(|failure| cut(failure, EVENT_REASON_BYTES_MAX));
        if failure != told {
            item.insert("failure".into(), failure.map_or(AttributeValue::Null(true), text));
            told = failure;
        }
        list.push(AttributeValue::M(item));
    }
    list
}

fn history_of(item: &Item) -> Result<Vec<BatchEvent>, Malformed> {
    let mut told: Option<String> = None;
    let mut history = Vec::new();
    for entry in fields::maps(item, "history")? {
        if entry.contains_key("failure") {
            told = fields::optional_text(entry, "failure")?.map(Into::into);
        }
        history.push(BatchEvent {
            at: fields::time(entry, "at_us")?,
            phase: phase_of(entry)?,
            attempt: Attempt(fields::number(entry, "attempt")?),
            failures: fields::number(entry, "failures")?,
            run: run_of(entry)?,
            failure: told.clone(),
        });
    }
    Ok(history)
}

fn state_of(item: &Item) -> Result<BatchState, Malformed> {
    let due = fields::time(item, "due_us")?;
    Ok(match phase_of(item)? {
        BatchPhase::Sealed => BatchState::Sealed { not_before: due },
        BatchPhase::Starting => BatchState::Starting { run: run_of(item)?, lease_until: due },
        BatchPhase::Running => {
            let owner =
                run_of(item)?.ok_or_else(|| Malformed::new("run", "expected an owner, found none"))?;
            BatchState::Running { owner, lease_until: due }
        }
        BatchPhase::Exhausted => BatchState::Exhausted { since: due },
        BatchPhase::Committed => {
            let (done, quarantined) = (fields::number(item, "done")?, fields::number(item, "quarantined")?);
            let summary = Summary { done, quarantined, lines: counts_of(item)? };
            BatchState::Committed { owner: run_of(item)?, at: due, summary }
        }
        BatchPhase::Split => BatchState::Split { at: due },
    })
}

fn members_of(item: &Item) -> Result<Vec<ContentHash>, Malformed> {
    let bytes = fields::bytes(item, "members")?;
    let (hashes, rest) = bytes.as_chunks::<32>();
    if hashes.is_empty() || !rest.is_empty() {
        let found = bytes.len();
        return Err(Malformed::new("members", format!("expected whole hashes, found {found} bytes")));
    }
    Ok(hashes.iter().copied().map(ContentHash::from_bytes).collect())
}

fn run_of(item: &Item) -> Result<Option<RunId>, Malformed> {
    let text = fields::optional_text(item, "run")?;
    text.map(|text| text.parse().map_err(|error| Malformed::new("run", error))).transpose()
}

fn phase_of(item: &Item) -> Result<BatchPhase, Malformed> {
    let name = fields::text(item, "state")?;
    BatchPhase::from_name(name)
        .ok_or_else(|| Malformed::new("state", format!("expected a batch's, found {name:?}")))
}
