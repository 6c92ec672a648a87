//! Reads back which bytes the rows of a lake file stand for, and nothing else of them: the check that the lake holds
//! what it should.
//!
//! Columns are found by their names, as any reader of Parquet would. Memory: one page of each column that is read and
//! a few thousand values.

use super::LakeError;
use arrow_array::{Array, Int32Array, Int64Array, RecordBatch, StringArray};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
    },
    file::reader::ChunkReader,
};

/// The bytes that a row of `logs` stands for, as the columns say them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowSpan<'r> {
    /// The object, hexadecimal.
    pub chunk: &'r str,
    /// The stream, hexadecimal.
    pub stream: &'r str,
    /// Its generation.
    pub generation: i32,
    /// Where in it the bytes begin.
    pub offset: i64,
    /// How many they are.
    pub length: i64,
}

/// Hands the span of each row of a file of `logs` to `take`, in the file's order.
///
/// # Errors
/// When the file is no Parquet, is damaged, or lacks a column.
pub fn read_spans<R: ChunkReader + 'static>(
    file: R,
    mut take: impl FnMut(RowSpan<'_>),
) -> Result<(), LakeError> {
    for batch in open(file, &["chunk", "stream", "generation", "offset", "length"])? {
        let batch = batch?;
        let chunks: &StringArray = column(&batch, "chunk")?;
        let streams: &StringArray = column(&batch, "stream")?;
        let generations: &Int32Array = column(&batch, "generation")?;
        let offsets: &Int64Array = column(&batch, "offset")?;
        let lengths: &Int64Array = column(&batch, "length")?;
        (0..batch.num_rows()).for_each(|row| {
            take(RowSpan {
                chunk: chunks.value(row),
                stream: streams.value(row),
                generation: generations.value(row),
                offset: offsets.value(row),
                length: lengths.value(row),
            });
        });
    }
    Ok(())
}

/// The lines that a file of `metrics` counts.
///
/// # Errors
/// When the file is no Parquet, is damaged, or lacks the column.
pub fn read_metric_lines<R: ChunkReader + 'static>(file: R) -> Result<u64, LakeError> {
    let mut lines = 0;
    for batch in open(file, &["lines"])? {
        let batch = batch?;
        let counts: &Int64Array = column(&batch, "lines")?;
        lines += counts.values().iter().map(|count| count.max(&0).unsigned_abs()).sum::<u64>();
    }
    Ok(lines)
}

fn open<R: ChunkReader + 'static>(file: R, columns: &[&str]) -> Result<ParquetRecordBatchReader, LakeError> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    Ok(builder.with_projection(mask).build()?)
}

fn column<'b, A: Array + 'static>(batch: &'b RecordBatch, name: &'static str) -> Result<&'b A, LakeError> {
    let column = batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref::<A>());
    column.ok_or(LakeError::Column { name })
}
