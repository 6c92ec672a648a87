//! One Parquet file: a single row group, its columns written one after another.
//!
//! Column by column means that a column's rows can go as soon as it is compressed. Nothing in a file
//! depends on a clock, on chance or on the machine.

use super::{LakeError, shares::Shares};
use arrow_array::ArrayRef;
use arrow_schema::{FieldRef, SchemaRef};
use parquet::{
    arrow::{
        ArrowSchemaConverter,
        arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves},
    },
    basic::{Compression, Encoding, ZstdLevel},
    file::{
        metadata::{KeyValue, SortingColumn},
        properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder},
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::types::ColumnPath,
};
use std::{slice, sync::Arc, vec};

/// The zstd level of pages: above it, CPU grows much faster than size shrinks.
const ZSTD_LEVEL: i32 = 3;
/// Rows of a page at most: what a reader that skips by the page index has to decode for one row.
const PAGE_ROWS_MAX: usize = 20_000;
/// Bytes of a column's dictionary before the rest of it is written plain.
pub(super) const DICTIONARY_BYTES_MAX: usize = 1 << 20;
/// The same of a compacted file, whose row group is larger: what had a dictionary in the small files keeps it.
const COMPACTED_DICTIONARY_BYTES_MAX: usize = 8 << 20;
/// Keys of the footer that are read back.
pub(super) const BATCH_KEY: &str = "headrig.batch";
pub(super) const SHARES_KEY: &str = "headrig.batches";
pub(super) const LINES_KEY: &str = "headrig.lines";
pub(super) const RAW_BYTES_KEY: &str = "headrig.raw_bytes";
/// Values that the writer takes in one go.
const WRITE_BATCH_ROWS: usize = 1024;

/// What a file is, apart from its rows.
pub(super) struct FileSpec<'f> {
    pub(super) schema: &'f SchemaRef,
    pub(super) maker: Maker<'f>,
    pub(super) counts: FileCounts,
    /// The column that rows are sorted by, ascending; delta-encoded, with statistics for each page.
    pub(super) sorted_by: &'f str,
    /// Further columns of numbers that grow from row to row, or hardly repeat: delta-encoded.
    pub(super) delta: &'f [&'f str],
    /// Columns whose values hardly repeat: written plain.
    pub(super) plain: &'f [&'f str],
    /// Columns that hold next to nothing: not compressed.
    pub(super) slight: &'f [&'f str],
}

/// Who made a file, as its footer says.
pub(super) enum Maker<'f> {
    /// The batch of this id.
    Batch(&'f str),
    /// A compaction of this id, out of these batches' rows.
    Compaction { id: &'f str, shares: &'f Shares },
}

/// What a file stands for, as its footer says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FileCounts {
    pub(super) rows: u64,
    /// Lines of its rows; in `metrics` the lines that they count.
    pub(super) lines: u64,
    /// Plain bytes of its rows, likewise.
    pub(super) raw_bytes: u64,
}

/// Takes a file's columns in the schema's order.
pub(super) struct ColumnSink<'c, 'w> {
    fields: slice::Iter<'c, FieldRef>,
    writers: vec::IntoIter<ArrowColumnWriter>,
    group: SerializedRowGroupWriter<'w, Vec<u8>>,
}

/// Writes the file of `spec` with the columns that `fill` hands over.
pub(super) fn write(
    spec: &FileSpec<'_>,
    fill: impl FnOnce(&mut ColumnSink<'_, '_>) -> Result<(), LakeError>,
) -> Result<Vec<u8>, LakeError> {
    let parquet_schema = ArrowSchemaConverter::new().convert(spec.schema)?;
    let mut file =
        SerializedFileWriter::new(Vec::new(), parquet_schema.root_schema_ptr(), Arc::new(properties(spec)))?;
    let writers = ArrowRowGroupWriterFactory::new(&file, spec.schema.clone()).create_column_writers(0)?;
    let fields = spec.schema.fields().iter();
    {
        let mut columns = ColumnSink { fields, writers: writers.into_iter(), group: file.next_row_group()? };
        fill(&mut columns)?;
        columns.group.close()?;
    }
    Ok(file.into_inner()?)
}

impl ColumnSink<'_, '_> {
    /// Writes the next column.
    pub(super) fn column(&mut self, array: ArrayRef) -> Result<(), LakeError> {
        let field = self.fields.next().ok_or_else(too_many_columns)?;
        let leaves = compute_leaves(field, &array)?;
        drop(array);
        for leaf in leaves {
            let mut writer = self.writers.next().ok_or_else(too_many_columns)?;
            writer.write(&leaf)?;
            // What is compressed now and what is copied next shall not stand beside what they were made of.
            drop(leaf);
            writer.close()?.append_to_row_group(&mut self.group)?;
        }
        Ok(())
    }
}

fn too_many_columns() -> LakeError {
    LakeError::Parquet(parquet::errors::ParquetError::General("more columns than the schema has".into()))
}

fn properties(spec: &FileSpec<'_>) -> WriterProperties {
    let version = env!("CARGO_PKG_VERSION");
    let entry = |key: &str, value: String| KeyValue::new(key.into(), value);
    let mut metadata = match &spec.maker {
        Maker::Batch(id) => vec![entry(BATCH_KEY, (*id).into())],
        Maker::Compaction { id, shares } => {
            vec![entry("headrig.compaction", (*id).into()), entry(SHARES_KEY, shares.to_string())]
        }
    };
    metadata.extend([
        entry("headrig.version", version.into()),
        entry("headrig.rows", spec.counts.rows.to_string()),
        entry(LINES_KEY, spec.counts.lines.to_string()),
        entry(RAW_BYTES_KEY, spec.counts.raw_bytes.to_string()),
    ]);
    let dictionary_bytes_max = match spec.maker {
        Maker::Batch(_) => DICTIONARY_BYTES_MAX,
        Maker::Compaction { .. } => COMPACTED_DICTIONARY_BYTES_MAX,
    };
    let sorted_by = spec.schema.index_of(spec.sorted_by).unwrap_or_default() as i32;
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default()))
        .set_created_by(format!("headrig version {version}"))
        .set_key_value_metadata(Some(metadata))
        .set_sorting_columns(Some(vec![SortingColumn {
            column_idx: sorted_by,
            descending: false,
            nulls_first: false,
        }]))
        .set_max_row_group_row_count(None)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_column_statistics_enabled(ColumnPath::from(spec.sorted_by), EnabledStatistics::Page)
        .set_data_page_row_count_limit(PAGE_ROWS_MAX)
        .set_dictionary_page_size_limit(dictionary_bytes_max)
        .set_write_batch_size(WRITE_BATCH_ROWS);
    for name in spec.delta.iter().chain([&spec.sorted_by]) {
        builder = undictionaried(builder, name)
            .set_column_encoding(ColumnPath::from(*name), Encoding::DELTA_BINARY_PACKED);
    }
    for name in spec.plain {
        builder = undictionaried(builder, name);
    }
    for name in spec.slight {
        builder = builder.set_column_compression(leaf(name), Compression::UNCOMPRESSED);
    }
    builder.build()
}

fn undictionaried(builder: WriterPropertiesBuilder, name: &str) -> WriterPropertiesBuilder {
    builder.set_column_dictionary_enabled(leaf(name), false)
}

/// The leaf whose path is written with dots.
fn leaf(path: &str) -> ColumnPath {
    ColumnPath::from(path.split('.').map(str::to_owned).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::schema;

    #[test]
    fn pages_are_compressed_at_level_three_but_for_columns_of_next_to_nothing() {
        let spec = FileSpec {
            schema: &schema::logs(),
            maker: Maker::Batch("b0"),
            counts: FileCounts::default(),
            sorted_by: "ts",
            delta: &["offset"],
            plain: &["attributes.key_value.value"],
            slight: &["attributes.key_value.key"],
        };
        let properties = properties(&spec);
        let zstd = Compression::ZSTD(ZstdLevel::try_new(3).unwrap());
        for path in ["ts", "message", "offset", "attributes.key_value.value"] {
            assert_eq!(properties.compression(&leaf(path)), zstd, "{path}");
        }
        assert_eq!(properties.compression(&leaf("attributes.key_value.key")), Compression::UNCOMPRESSED);
        assert!(!properties.dictionary_enabled(&leaf("attributes.key_value.value")));
        assert!(properties.dictionary_enabled(&leaf("attributes.key_value.key")));
    }
}
