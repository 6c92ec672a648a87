//! Files to items and back.

use super::{
    super::{
        fields::{self, Item, Malformed},
        places::{self, AT, FOREIGN_KEY, Listed, PK, PLACE, bytes, number, text},
    },
    EVENT_REASON_BYTES_MAX, REASON_BYTES_MAX, bounded, counts_item, counts_of, cut,
};
use aws_sdk_dynamodb::types::AttributeValue;
use headrig_contract::{ByteLength, ContentHash, ObjectKey, UnixMicros};
use headrig_ledger::{FileEvent, FilePhase, FileRecord, FileState, Round};

/// A file as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct StoredFile {
    /// The file.
    pub(crate) record: FileRecord,
    /// What happened to it.
    pub(crate) history: Vec<FileEvent>,
}

/// The item of a file that came into its state as the last of `history` says.
pub(crate) fn file_item(record: &FileRecord, history: Vec<FileEvent>) -> Item {
    let history = bounded(history, |event| event.phase == FilePhase::Quarantined);
    let mut item = state_item(record.hash, record.since, &record.state);
    item.extend(
        [
            (PK, text(places::file_key(record.hash))),
            ("key", text(record.key.as_str())),
            ("size", number(record.size.0)),
            ("first_seen_us", number(record.first_seen.0)),
            ("round", number(record.round.0)),
            ("history", AttributeValue::L(history.iter().map(file_event).collect())),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    if record.key.content_hash() != Some(record.hash) {
        item.insert(FOREIGN_KEY.into(), text(record.key.as_str()));
    }
    item
}

/// The attributes that some states have and others have not.
pub(crate) const STATE_NAMES: [&str; 6] = ["batch", "reason", "lines", "events", "rows", "dropped_by_rule"];

/// The attributes of a file that came into `state` at `since`, as far as they change with it.
pub(crate) fn state_item(hash: ContentHash, since: UnixMicros, state: &FileState) -> Item {
    let phase = state.phase();
    let mut item: Item = [
        (PLACE, text(Listed::Files(phase).place(places::shard_of(&hash)))),
        (AT, text(places::at(since, &hash))),
        ("state", text(phase.as_str())),
        ("since_us", number(since.0)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some(batch) = state.batch() {
        item.insert("batch".into(), bytes(&batch));
    }
    match state {
        FileState::Done { counts, .. } => item.extend(counts_item(*counts)),
        FileState::Quarantined { reason, .. } => {
            item.insert("reason".into(), text(cut(reason, REASON_BYTES_MAX)));
        }
        FileState::Pending | FileState::Batched { .. } => {}
    }
    item
}

/// An entry of a file's history.
pub(crate) fn file_event(event: &FileEvent) -> AttributeValue {
    let mut item: Item =
        [("at_us".to_owned(), number(event.at.0)), ("state".to_owned(), text(event.phase.as_str()))].into();
    if let Some(batch) = &event.batch {
        item.insert("batch".into(), bytes(batch));
    }
    if let Some(reason) = &event.reason {
        item.insert("reason".into(), text(cut(reason, EVENT_REASON_BYTES_MAX)));
    }
    AttributeValue::M(item)
}

/// The file in an item.
pub(crate) fn file_of(item: &Item) -> Result<StoredFile, Malformed> {
    let key = fields::text(item, PK)?;
    let record = FileRecord {
        hash: places::id_in(key)
            .ok_or_else(|| Malformed::new(PK, format!("expected a file's, found {key:?}")))?,
        key: ObjectKey::parse(fields::text(item, "key")?).map_err(|error| Malformed::new("key", error))?,
        size: ByteLength(fields::number(item, "size")?),
        first_seen: fields::time(item, "first_seen_us")?,
        round: Round(fields::number(item, "round")?),
        since: fields::time(item, "since_us")?,
        state: state_of(item)?,
    };
    let history = fields::maps(item, "history")?.into_iter().map(event_of).collect::<Result<_, _>>()?;
    Ok(StoredFile { record, history })
}

fn state_of(item: &Item) -> Result<FileState, Malformed> {
    Ok(match phase_of(item)? {
        FilePhase::Pending => FileState::Pending,
        FilePhase::Batched => FileState::Batched { batch: fields::id(item, "batch")? },
        FilePhase::Done => FileState::Done { batch: fields::id(item, "batch")?, counts: counts_of(item)? },
        FilePhase::Quarantined => FileState::Quarantined {
            batch: fields::optional_id(item, "batch")?,
            reason: fields::text(item, "reason")?.into(),
        },
    })
}

fn event_of(item: &Item) -> Result<FileEvent, Malformed> {
    Ok(FileEvent {
        at: fields::time(item, "at_us")?,
        phase: phase_of(item)?,
        batch: fields::optional_id(item, "batch")?,
        reason: fields::optional_text(item, "reason")?.map(Into::into),
    })
}

fn phase_of(item: &Item) -> Result<FilePhase, Malformed> {
    let name = fields::text(item, "state")?;
    FilePhase::from_name(name)
        .ok_or_else(|| Malformed::new("state", format!("expected a file's, found {name:?}")))
}
