//! Several files of one partition to one: the same rows, sorted by time, in one row group.
//!
//! It goes column by column, so that memory is the stored bytes that go in and come out, twice the plain size of one
//! column, and four bytes a row. Invariant: the file's bytes depend on the inputs' content, their order and this
//! version, on nothing else; its rows are the inputs' rows.

use super::{
    LakeError, Table,
    file::{self, FileCounts, FileSpec, Maker, RAW_BYTES_KEY},
    rows::CONSTANTS,
    schema::{self, LOGS_DELTA, LOGS_SORTED_BY, METRICS_SORTED_BY},
    shares::{Shares, number},
};
use arrow_array::{Array, ArrayRef, RecordBatch, TimestampMicrosecondArray, UInt32Array, cast::AsArray};
use arrow_schema::SchemaRef;
use arrow_select::{concat::concat, take::take};
use bytes::Bytes;
use headrig_contract::UnixMicros;
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    },
    basic::Compression,
    file::{
        metadata::{ColumnChunkMetaData, ParquetMetaData},
        reader::ChunkReader,
        statistics::Statistics,
    },
};

/// Rows that are decoded at once.
const READ_ROWS: usize = 16_384;
/// A column of fewer plain bytes, that no input compresses, is stored as it is.
const SLIGHT_BYTES: i64 = 4_096;

/// What a file of the lake says of itself.
pub struct Footer {
    metadata: ArrowReaderMetadata,
    shares: Shares,
    raw_bytes: u64,
    begins: UnixMicros,
}

/// A file of the lake that is to go into another.
pub struct Input {
    table: Table,
    bytes: Bytes,
    footer: Footer,
}

impl Footer {
    /// The footer of a file of `table`; nothing else of the file is read.
    ///
    /// # Errors
    /// When it is no Parquet, its columns are not those of this version, or its footer does not say what it holds:
    /// then it is to be left as it is.
    pub fn read<R: ChunkReader>(table: Table, file: &R) -> Result<Self, LakeError> {
        let options = ArrowReaderOptions::new().with_schema(schema(table));
        let metadata = ArrowReaderMetadata::load(file, options)?;
        let told = metadata.metadata().file_metadata();
        let (shares, raw_bytes) = (Shares::told(told)?, number(told, RAW_BYTES_KEY)?);
        let (expected, found) = (told.num_rows().max(0).unsigned_abs(), shares.sum().rows);
        if found != expected {
            return Err(LakeError::Merge { expected, found });
        }
        let begins = begins(metadata.metadata(), sorted_by(table));
        Ok(Self { metadata, shares, raw_bytes, begins })
    }

    /// Whose rows the file holds.
    pub const fn shares(&self) -> &Shares {
        &self.shares
    }

    /// The plain bytes that its rows stand for.
    pub const fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    /// When its first row happened, by its statistics; 1970 where they do not say.
    pub const fn begins(&self) -> UnixMicros {
        self.begins
    }
}

impl Input {
    /// The file of `table` with this content.
    ///
    /// # Errors
    /// As [`Footer::read`].
    pub fn open(table: Table, bytes: Bytes) -> Result<Self, LakeError> {
        let footer = Footer::read(table, &bytes)?;
        Ok(Self { table, bytes, footer })
    }

    fn parquet(&self) -> &ParquetMetaData {
        self.footer.metadata.metadata()
    }

    /// Its column `name`, in pieces.
    fn column(&self, name: &str) -> Result<Vec<ArrayRef>, LakeError> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
            self.bytes.clone(),
            self.footer.metadata.clone(),
        );
        let mask = ProjectionMask::columns(builder.parquet_schema(), [name]);
        let reader = builder.with_projection(mask).with_batch_size(READ_ROWS).build()?;
        let column = |batch: Result<RecordBatch, _>| Ok(batch?.column(0).clone());
        reader.map(column).collect()
    }
}

/// One file out of `inputs`, at least one and all of one table; rows of the same time keep the order of the inputs.
/// `id` names the compaction in the footer.
///
/// # Errors
/// When an input is damaged.
pub fn merge(id: &str, inputs: &[Input]) -> Result<Vec<u8>, LakeError> {
    let table = inputs.first().map_or(Table::Logs, |input| input.table);
    let schema = schema(table);
    let sorted_by = sorted_by(table);
    let mut shares = Shares::default();
    inputs.iter().for_each(|input| shares.add(&input.footer.shares));
    let order = order(inputs, sorted_by)?;
    let counts = FileCounts {
        rows: shares.sum().rows,
        lines: shares.sum().lines,
        raw_bytes: inputs.iter().map(|input| input.footer.raw_bytes).sum(),
    };
    if order.len() as u64 != counts.rows {
        return Err(LakeError::Merge { expected: counts.rows, found: order.len() as u64 });
    }
    let (plain, slight) = (plain(inputs), slight(inputs));
    let delta: &[&str] = if table == Table::Logs { &LOGS_DELTA } else { &[] };
    let spec = FileSpec {
        schema: &schema,
        maker: Maker::Compaction { id, shares: &shares },
        counts,
        sorted_by,
        delta,
        plain: &plain.iter().map(String::as_str).collect::<Vec<_>>(),
        slight: &slight.iter().map(String::as_str).collect::<Vec<_>>(),
    };
    file::write(&spec, |sink| {
        schema
            .fields()
            .iter()
            .try_for_each(|field| sink.column(ordered_column(inputs, field.name(), &order)?))
    })
}

fn begins(parquet: &ParquetMetaData, sorted_by: &str) -> UnixMicros {
    let columns = parquet.row_groups().iter().flat_map(|group| group.columns());
    let least =
        columns.filter(|column| column.column_path().string() == sorted_by).filter_map(|column| match column
            .statistics(
        )? {
            Statistics::Int64(statistics) => statistics.min_opt().copied(),
            _ => None,
        });
    UnixMicros(least.min().unwrap_or_default())
}

fn schema(table: Table) -> SchemaRef {
    match table {
        Table::Logs => schema::logs(),
        Table::Metrics => schema::metrics(),
    }
}

const fn sorted_by(table: Table) -> &'static str {
    match table {
        Table::Logs => LOGS_SORTED_BY,
        Table::Metrics => METRICS_SORTED_BY,
    }
}

/// Where each row of the result stands in the inputs, one after the other.
fn order(inputs: &[Input], sorted_by: &'static str) -> Result<UInt32Array, LakeError> {
    let mut times: Vec<i64> = Vec::new();
    for input in inputs {
        for piece in input.column(sorted_by)? {
            let piece: &TimestampMicrosecondArray =
                piece.as_primitive_opt().ok_or(LakeError::Column { name: sorted_by })?;
            times.extend(piece.values());
        }
    }
    let mut order: Vec<u32> = (0..times.len() as u32).collect();
    order.sort_by_key(|row| times[*row as usize]);
    Ok(order.into())
}

fn ordered_column(inputs: &[Input], name: &str, order: &UInt32Array) -> Result<ArrayRef, LakeError> {
    let mut pieces: Vec<ArrayRef> = Vec::new();
    for input in inputs {
        pieces.extend(input.column(name)?);
    }
    let whole = concat(&pieces.iter().map(|piece| &**piece as &dyn Array).collect::<Vec<_>>())?;
    drop(pieces);
    Ok(take(&whole, order, None)?)
}

/// The leaves that most of the rows come without a dictionary in: it did not pay there.
fn plain(inputs: &[Input]) -> Vec<String> {
    leaves(inputs, |chunks| {
        let rows = |has_dictionary: bool| -> i64 {
            let alike =
                chunks.iter().filter(|chunk| chunk.dictionary_page_offset().is_some() == has_dictionary);
            alike.map(|chunk| chunk.num_values()).sum()
        };
        rows(false) > rows(true)
    })
}

/// The leaves that hold next to nothing.
fn slight(inputs: &[Input]) -> Vec<String> {
    let mut slight = leaves(inputs, |chunks| {
        chunks.iter().all(|chunk| chunk.compression() == Compression::UNCOMPRESSED)
            && chunks.iter().map(|chunk| chunk.uncompressed_size()).sum::<i64>() < SLIGHT_BYTES
    });
    if inputs.first().is_some_and(|input| input.table == Table::Logs) {
        slight.extend(CONSTANTS.map(str::to_owned));
    }
    slight
}

/// The paths of the leaves whose column chunks, over all inputs, are as `which` says.
fn leaves(inputs: &[Input], which: impl Fn(&[&ColumnChunkMetaData]) -> bool) -> Vec<String> {
    let Some(first) = inputs.first() else { return Vec::new() };
    let columns = first.parquet().file_metadata().schema_descr().columns();
    let of_leaf = |leaf: usize| -> Vec<&ColumnChunkMetaData> {
        let groups = inputs.iter().flat_map(|input| input.parquet().row_groups());
        groups.filter_map(|group| group.columns().get(leaf)).collect()
    };
    let paths = columns.iter().enumerate().filter(|(leaf, _)| which(&of_leaf(*leaf)));
    paths.map(|(_, column)| column.path().string()).collect()
}
