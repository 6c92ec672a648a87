//! Columns that grow row by row and cost nothing for rows without a value.
//!
//! A column does not hear of a row that has no value for it: the gap is filled when the next value comes
//! or the column is taken. A column without any value holds no memory.

use arrow_array::{
    ArrayRef, ArrowPrimitiveType, MapArray, PrimitiveArray, StructArray, UInt32Array,
    builder::{ArrayBuilder, PrimitiveBuilder, StringBuilder},
    new_null_array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, FieldRef};
use arrow_select::take::take;
use rustc_hash::FxHashMap;
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// What a value of text costs besides its bytes: an offset and a share of the validity bits.
const TEXT_OVERHEAD_BYTES: usize = 5;
/// A page of fewer bytes is stored as it is: a compressor's set-up costs more than a small file's rows.
const SLIGHT_BYTES: usize = 256;
/// Values that tell whether a column repeats: enough to see its kind, few enough to cost nothing.
const SAMPLE_ROWS: usize = 8192;
/// Below this, a dictionary is so small that it always pays.
const SAMPLE_ROWS_MIN: usize = 16;

/// A nullable column of text.
#[derive(Default)]
pub(super) struct TextColumn(Option<Box<StringBuilder>>);

/// A nullable column of numbers.
pub(super) struct NumberColumn<T: ArrowPrimitiveType>(Option<Box<PrimitiveBuilder<T>>>);

/// The column of attribute maps; null where an event has none.
#[derive(Default)]
pub(super) struct AttributesColumn {
    keys: Option<Box<StringBuilder>>,
    values: Option<Box<StringBuilder>>,
    /// For each row up to the last one with attributes, where its entries end.
    ends: Vec<i32>,
}

impl TextColumn {
    /// Sets the value of row `row`; returns the bytes it takes.
    pub(super) fn set(&mut self, row: usize, value: &str) -> usize {
        let builder = self.0.get_or_insert_with(|| Box::new(StringBuilder::with_capacity(0, 0)));
        if builder.len() < row {
            builder.append_nulls(row - builder.len());
        }
        builder.append_value(value);
        value.len() + TEXT_OVERHEAD_BYTES
    }

    /// Whether it holds so little that compressing it would only make it larger.
    pub(super) fn is_slight(&self) -> bool {
        self.0.as_ref().is_none_or(|builder| builder.values_slice().len() < SLIGHT_BYTES)
    }

    /// Whether a dictionary of its values pays, judged by its first values: whether at most half of all
    /// would be in it, and it would stay under `dictionary_bytes_max`. The share of values seen once is
    /// how often the next one is new (Good-Turing).
    pub(super) fn repeats(&self, dictionary_bytes_max: usize) -> bool {
        let Some(builder) = &self.0 else {
            return true;
        };
        let (offsets, bytes) = (builder.offsets_slice(), builder.values_slice());
        let values = offsets.windows(2).map(|ends| &bytes[ends[0] as usize..ends[1] as usize]);
        let mut times: FxHashMap<&[u8], u32> = FxHashMap::default();
        let mut sampled = 0;
        for value in values.filter(|value| !value.is_empty()).take(SAMPLE_ROWS) {
            *times.entry(value).or_default() += 1;
            sampled += 1;
        }
        if sampled < SAMPLE_ROWS_MIN {
            return true;
        }
        let once = times.values().filter(|times| **times == 1).count();
        let more = builder.len().saturating_sub(sampled) * once / sampled;
        let mean_bytes = 4 + times.keys().map(|value| value.len()).sum::<usize>() / times.len();
        let entries = times.len() + more;
        entries * 2 <= builder.len() && entries * mean_bytes <= dictionary_bytes_max
    }

    /// The column of `rows` rows, in `order` where one is given.
    pub(super) fn take(self, rows: usize, order: Option<&UInt32Array>) -> Result<ArrayRef, ArrowError> {
        let Some(mut builder) = self.0 else {
            return Ok(new_null_array(&DataType::Utf8, rows));
        };
        builder.append_nulls(rows - builder.len());
        ordered(Arc::new(builder.finish()), order)
    }
}

impl<T: ArrowPrimitiveType> Default for NumberColumn<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: ArrowPrimitiveType> NumberColumn<T> {
    /// Whether it holds so little that compressing it would only make it larger.
    pub(super) fn is_slight(&self) -> bool {
        self.0.as_ref().is_none_or(|builder| size_of_val(builder.values_slice()) < SLIGHT_BYTES)
    }

    /// Sets the value of row `row`; returns the bytes it takes.
    pub(super) fn set(&mut self, row: usize, value: T::Native) -> usize {
        let builder = self.0.get_or_insert_with(|| Box::new(PrimitiveBuilder::with_capacity(0)));
        if builder.len() < row {
            builder.append_nulls(row - builder.len());
        }
        builder.append_value(value);
        size_of::<T::Native>() + 1
    }

    /// The column of `rows` rows, in `order` where one is given.
    pub(super) fn take(self, rows: usize, order: Option<&UInt32Array>) -> Result<ArrayRef, ArrowError> {
        let Some(mut builder) = self.0 else {
            return Ok(new_null_array(&T::DATA_TYPE, rows));
        };
        builder.append_nulls(rows - builder.len());
        ordered(Arc::new(builder.finish()), order)
    }
}

impl AttributesColumn {
    /// Whether it holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_none()
    }

    /// Sets the attributes of row `row`, in their order; returns the bytes they take. A map's keys are
    /// unique, so the second `key` becomes `key#2`, the third `key#3`.
    pub(super) fn set(&mut self, row: usize, attributes: &[(Cow<'_, str>, Cow<'_, str>)]) -> usize {
        let keys = self.keys.get_or_insert_with(|| Box::new(StringBuilder::with_capacity(0, 0)));
        let values = self.values.get_or_insert_with(|| Box::new(StringBuilder::with_capacity(0, 0)));
        self.ends.resize(row, keys.len() as i32);
        let mut bytes = TEXT_OVERHEAD_BYTES;
        let unique = keys_are_unique(attributes);
        let mut seen = HashMap::new();
        for (key, value) in attributes {
            let key = if unique { Cow::Borrowed(&**key) } else { unique_key(key, &mut seen) };
            keys.append_value(&key);
            values.append_value(value);
            bytes += key.len() + value.len() + 2 * TEXT_OVERHEAD_BYTES;
        }
        self.ends.push(keys.len() as i32);
        bytes
    }

    /// The column of `rows` rows of the map type `entries` tells, in `order` where one is given.
    pub(super) fn take(
        self,
        rows: usize,
        order: Option<&UInt32Array>,
        entries: &FieldRef,
    ) -> Result<ArrayRef, ArrowError> {
        let (Some(mut keys), Some(mut values), DataType::Struct(fields)) =
            (self.keys, self.values, entries.data_type())
        else {
            return Ok(new_null_array(&DataType::Map(entries.clone(), false), rows));
        };
        let mut ends = self.ends;
        ends.resize(rows, keys.len() as i32);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let nulls: NullBuffer = starts.zip(&ends).map(|(start, end)| start < *end).collect();
        let offsets: Vec<i32> = std::iter::once(0).chain(ends).collect();
        let pairs: Vec<ArrayRef> = vec![Arc::new(keys.finish()), Arc::new(values.finish())];
        let pairs = StructArray::try_new(fields.clone(), pairs, None)?;
        let offsets = OffsetBuffer::new(offsets.into());
        ordered(Arc::new(MapArray::try_new(entries.clone(), offsets, pairs, Some(nulls), false)?), order)
    }
}

/// `array` with its rows in `order`, where one is given.
pub(super) fn ordered(array: ArrayRef, order: Option<&UInt32Array>) -> Result<ArrayRef, ArrowError> {
    order.map_or(Ok(array.clone()), |order| take(&array, order, None))
}

/// `values` as an array, in `order` where one is given.
pub(super) fn ordered_numbers<T: ArrowPrimitiveType>(
    values: Vec<T::Native>,
    order: Option<&UInt32Array>,
) -> PrimitiveArray<T> {
    match order {
        None => PrimitiveArray::new(values.into(), None),
        Some(order) => {
            PrimitiveArray::from_iter_values(order.values().iter().map(|row| values[*row as usize]))
        }
    }
}

fn keys_are_unique(attributes: &[(Cow<'_, str>, Cow<'_, str>)]) -> bool {
    /// Up to here comparing all pairs is cheaper than a set.
    const PAIRWISE_MAX: usize = 12;
    if attributes.len() <= PAIRWISE_MAX {
        return (1..attributes.len())
            .all(|at| attributes[..at].iter().all(|(key, _)| *key != attributes[at].0));
    }
    let mut seen = HashSet::with_capacity(attributes.len());
    attributes.iter().all(|(key, _)| seen.insert(&**key))
}

/// A key that no entry before has. `seen` holds the keys taken, each with the number to try next: a line of
/// one key many times costs no more than one of many keys.
fn unique_key<'k>(key: &'k str, seen: &mut HashMap<Cow<'k, str>, u32>) -> Cow<'k, str> {
    let Some(&next) = seen.get(key) else {
        seen.insert(Cow::Borrowed(key), 2);
        return Cow::Borrowed(key);
    };
    let mut number = next;
    loop {
        let unique = Cow::Owned(format!("{key}#{number}"));
        number += 1;
        if !seen.contains_key(&unique) {
            seen.insert(Cow::Borrowed(key), number);
            seen.insert(unique.clone(), 2);
            return unique;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Array, cast::AsArray};

    #[test]
    fn gaps_before_between_and_after_values_are_null() {
        let mut column = TextColumn::default();
        column.set(1, "b");
        column.set(3, "d");
        let array = column.take(5, None).unwrap();
        let values: Vec<_> = array.as_string::<i32>().iter().collect();
        assert_eq!(values, [None, Some("b"), None, Some("d"), None]);
    }

    #[test]
    fn a_repeated_attribute_key_keeps_all_its_values() {
        let mut column = AttributesColumn::default();
        let pairs = [("a", "1"), ("a", "2"), ("a#2", "3"), ("a", "4")];
        column.set(2, &pairs.map(|(key, value)| (key.into(), value.into())));
        let array = column.take(4, None, &super::super::schema::attribute_entries()).unwrap();
        let map = array.as_map();
        assert_eq!((map.is_null(1), map.is_null(2), map.is_null(3)), (true, false, true));
        let keys: Vec<_> = map.keys().as_string::<i32>().iter().flatten().collect();
        assert_eq!(keys, ["a", "a#2", "a#2#2", "a#3"]);
    }
}
