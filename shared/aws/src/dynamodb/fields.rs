//! Attributes to values. What headrig never writes is an error here, never a guess.

use aws_sdk_dynamodb::types::AttributeValue;
use headrig_contract::{UnixMicros, ids::Id};
use std::{collections::HashMap, fmt::Display, str::FromStr};

/// An item as DynamoDB has it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// What an item holds that headrig never writes.
#[derive(Debug, thiserror::Error)]
#[error("attribute {attribute}: {reason}")]
pub(super) struct Malformed {
    attribute: String,
    reason: String,
}

impl Malformed {
    pub(super) fn new(attribute: &str, reason: impl Display) -> Self {
        Self { attribute: attribute.into(), reason: reason.to_string() }
    }
}

/// The text that must be there.
pub(super) fn text<'a>(item: &'a Item, name: &str) -> Result<&'a str, Malformed> {
    optional_text(item, name)?.ok_or_else(|| Malformed::new(name, "expected text, found none"))
}

/// The text, if it is there.
pub(super) fn optional_text<'a>(item: &'a Item, name: &str) -> Result<Option<&'a str>, Malformed> {
    match item.get(name) {
        None | Some(AttributeValue::Null(_)) => Ok(None),
        Some(AttributeValue::S(text)) => Ok(Some(text)),
        Some(other) => Err(Malformed::new(name, format!("expected text, found {other:?}"))),
    }
}

/// The number that must be there.
pub(super) fn number<T>(item: &Item, name: &str) -> Result<T, Malformed>
where
    T: FromStr<Err: Display>,
{
    match item.get(name) {
        Some(AttributeValue::N(digits)) => digits.parse().map_err(|error| Malformed::new(name, error)),
        other => Err(Malformed::new(name, format!("expected a number, found {other:?}"))),
    }
}

/// The time that must be there.
pub(super) fn time(item: &Item, name: &str) -> Result<UnixMicros, Malformed> {
    number(item, name).map(UnixMicros)
}

/// The bytes that must be there.
pub(super) fn bytes<'a>(item: &'a Item, name: &str) -> Result<&'a [u8], Malformed> {
    match item.get(name) {
        Some(AttributeValue::B(bytes)) => Ok(bytes.as_ref()),
        other => Err(Malformed::new(name, format!("expected bytes, found {other:?}"))),
    }
}

/// The id that must be there.
pub(super) fn id<Kind>(item: &Item, name: &str) -> Result<Id<Kind, 32>, Malformed> {
    let found = bytes(item, name)?;
    let bytes = found.try_into();
    bytes
        .map(Id::from_bytes)
        .map_err(|_| Malformed::new(name, format!("expected 32 bytes, found {}", found.len())))
}

/// The id, if it is there.
pub(super) fn optional_id<Kind>(item: &Item, name: &str) -> Result<Option<Id<Kind, 32>>, Malformed> {
    if item.contains_key(name) { id(item, name).map(Some) } else { Ok(None) }
}

/// The maps in a list that must be there.
pub(super) fn maps<'a>(item: &'a Item, name: &str) -> Result<Vec<&'a Item>, Malformed> {
    let Some(AttributeValue::L(list)) = item.get(name) else {
        return Err(Malformed::new(name, format!("expected a list, found {:?}", item.get(name))));
    };
    let map_of = |entry: &'a AttributeValue| match entry {
        AttributeValue::M(map) => Ok(map),
        other => Err(Malformed::new(name, format!("expected a map, found {other:?}"))),
    };
    list.iter().map(map_of).collect()
}
