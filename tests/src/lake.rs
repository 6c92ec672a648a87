//! Reads the lake as any user of Parquet would: files found by their path, partition values from it,
//! columns by their name. Nothing that the writer left as a hint for itself is used.

use anyhow::{Context, Result, ensure};
use arrow_array::{
    Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, cast::AsArray,
};
use bytes::Bytes;
use headrig_contract::{ByteLength, ByteOffset, ContentHash, Generation, StreamId};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    },
    file::reader::ChunkReader,
};
use std::{
    collections::BTreeMap,
    fs::File,
    io::ErrorKind::NotFound,
    path::{Path, PathBuf},
};
use walkdir::WalkDir;

/// A lake's folder.
#[derive(Clone, Debug)]
pub struct Lake {
    folder: PathBuf,
}

/// One file's bytes as the lake and the chunks name them.
pub type StreamKey = (StreamId, Generation);

/// The bytes that one row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The file.
    pub stream: StreamKey,
    /// Where its bytes begin.
    pub offset: ByteOffset,
    /// How many they are.
    pub length: ByteLength,
    /// The chunk that holds them.
    pub chunk: ContentHash,
}

/// A row's columns, those that tests look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The bytes it stands for.
    pub span: Span,
    /// The file's path when it was read.
    pub path: String,
    /// The partition's level.
    pub level: String,
    /// The partition's event type.
    pub event_type: String,
    /// Microseconds since 1970.
    pub ts: i64,
    /// Where the time comes from.
    pub ts_source: String,
    /// OpenTelemetry's number.
    pub severity_number: i32,
    /// The parser.
    pub format: Option<String>,
    /// The human part.
    pub message: Option<String>,
    /// The whole line, where it is kept.
    pub raw: Option<String>,
}

impl Lake {
    /// The lake in `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The files of its table `logs`, in order; none where there is no table yet.
    ///
    /// # Errors
    /// When the folder cannot be read, or holds a file that is not Parquet's.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let table = self.folder.join("logs");
        let mut files = Vec::new();
        for entry in WalkDir::new(&table).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_file() => files.push(entry.into_path()),
                Ok(_) => {}
                // Asked of the error, not of the folder, which may have been made since.
                Err(error)
                    if error.io_error().is_some_and(|error| error.kind() == NotFound)
                        && error.depth() == 0 => {}
                Err(error) => return Err(error).context("listing the lake"),
            }
        }
        let stray = files.iter().find(|file| file.extension().is_none_or(|extension| extension != "parquet"));
        ensure!(stray.is_none(), "expected only .parquet files in the table, found {stray:?}");
        Ok(files)
    }

    /// How many rows there are, by the files' footers.
    ///
    /// # Errors
    /// When a file is no Parquet.
    pub fn row_count(&self) -> Result<u64> {
        let counts = self
            .files()?
            .into_iter()
            .map(|file| Ok(open(&file)?.metadata().file_metadata().num_rows() as u64));
        counts.sum()
    }

    /// Which bytes of which files there are rows for.
    ///
    /// # Errors
    /// When a file is no Parquet, or lacks a column.
    pub fn spans(&self) -> Result<Vec<Span>> {
        let mut spans = Vec::new();
        for file in self.files()? {
            for batch in batches(&file, &SPAN_COLUMNS)? {
                spans.extend(spans_of(&batch?)?);
            }
        }
        Ok(spans)
    }

    /// Every row, in no order.
    ///
    /// # Errors
    /// When a file is no Parquet, lacks a column, or lies in another day's folder than its rows.
    pub fn rows(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for file in self.files()? {
            let partition = partition_of(&file);
            for batch in batches(&file, &[])? {
                rows.extend(
                    rows_of(&batch?, &partition).with_context(|| format!("reading {}", file.display()))?,
                );
            }
        }
        Ok(rows)
    }

    /// Every row of the files whose path ends in `name`, in the order of their bytes.
    ///
    /// # Errors
    /// As [`Lake::rows`].
    pub fn rows_of_file(&self, name: &str) -> Result<Vec<Row>> {
        let mut rows = self.rows()?;
        rows.retain(|row| row.path.ends_with(name));
        rows.sort_by_key(|row| row.span);
        Ok(rows)
    }
}

/// Which bytes the rows of a Parquet file in memory stand for.
///
/// # Errors
/// When it is no Parquet, or lacks a column.
pub fn spans_in(file: Vec<u8>) -> Result<Vec<Span>> {
    let mut spans = Vec::new();
    for batch in batches_in(reader(Bytes::from(file))?, &SPAN_COLUMNS)? {
        spans.extend(spans_of(&batch?)?);
    }
    Ok(spans)
}

const SPAN_COLUMNS: [&str; 5] = ["stream", "generation", "offset", "length", "chunk"];

fn open(file: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let opened = File::open(file).with_context(|| format!("opening {}", file.display()))?;
    reader(opened).with_context(|| format!("reading {} as Parquet", file.display()))
}

fn reader<T: ChunkReader + 'static>(file: T) -> Result<ParquetRecordBatchReaderBuilder<T>> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    Ok(ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)?)
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch>>>;

fn batches(file: &Path, columns: &[&str]) -> Result<Batches> {
    batches_in(open(file)?, columns)
}

/// The batches of a file with these columns; all where none is named.
fn batches_in<T: ChunkReader + 'static>(
    builder: ParquetRecordBatchReaderBuilder<T>,
    columns: &[&str],
) -> Result<Batches> {
    let mask = if columns.is_empty() {
        ProjectionMask::all()
    } else {
        ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied())
    };
    Ok(Box::new(builder.with_projection(mask).build()?.map(|batch| batch.context("reading a row group"))))
}

/// The `name=value` segments of the file's path.
fn partition_of(file: &Path) -> BTreeMap<String, String> {
    let segments = file.iter().filter_map(|segment| segment.to_str()?.split_once('='));
    segments.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn spans_of(batch: &RecordBatch) -> Result<Vec<Span>> {
    let (streams, chunks) = (text(batch, "stream")?, text(batch, "chunk")?);
    let (offsets, lengths) = (longs(batch, "offset")?, longs(batch, "length")?);
    let generations = column(batch, "generation")?;
    let generation = |row: usize| -> Result<u32> {
        // Design section 5 leaves the width open.
        let found = match generations.as_any().downcast_ref::<Int32Array>() {
            Some(narrow) => i64::from(narrow.value(row)),
            None => generations
                .as_any()
                .downcast_ref::<Int64Array>()
                .context("generation is no integer")?
                .value(row),
        };
        Ok(u32::try_from(found)?)
    };
    let span = |row: usize| -> Result<Span> {
        Ok(Span {
            stream: (streams.value(row).parse()?, Generation(generation(row)?)),
            offset: ByteOffset(u64::try_from(offsets.value(row))?),
            length: ByteLength(u64::try_from(lengths.value(row))?),
            chunk: chunks.value(row).parse()?,
        })
    };
    (0..batch.num_rows()).map(span).collect()
}

fn rows_of(batch: &RecordBatch, partition: &BTreeMap<String, String>) -> Result<Vec<Row>> {
    let value = |name: &str| partition.get(name).cloned().with_context(|| format!("no {name}= in the path"));
    let (level, event_type) = (value("level")?, value("event_type")?);
    let day = format!("{}-{}-{}", value("year")?, value("month")?, value("day")?);
    let (paths, sources) = (text(batch, "path")?, text(batch, "ts_source")?);
    let (formats, messages, raws) = (text(batch, "format")?, text(batch, "message")?, text(batch, "raw")?);
    let times: &TimestampMicrosecondArray =
        column(batch, "ts")?.as_any().downcast_ref().context("ts is no timestamp of microseconds")?;
    let severities: &Int32Array =
        column(batch, "severity_number")?.as_any().downcast_ref().context("severity_number is no int32")?;
    let optional =
        |column: &StringArray, row: usize| column.is_valid(row).then(|| column.value(row).to_owned());
    let mut rows = Vec::with_capacity(batch.num_rows());
    for (row, span) in spans_of(batch)?.into_iter().enumerate() {
        let ts = times.value(row);
        let found = jiff::Timestamp::from_microsecond(ts)?.strftime("%Y-%m-%d").to_string();
        ensure!(found == day, "expected rows of {day} in this folder, found one of {found}");
        rows.push(Row {
            span,
            path: paths.value(row).to_owned(),
            level: level.clone(),
            event_type: event_type.clone(),
            ts,
            ts_source: sources.value(row).to_owned(),
            severity_number: severities.value(row),
            format: optional(formats, row),
            message: optional(messages, row),
            raw: optional(raws, row),
        });
    }
    Ok(rows)
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a dyn Array> {
    Ok(batch.column_by_name(name).with_context(|| format!("the table lacks the column {name}"))?.as_ref())
}

fn text<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    column(batch, name)?.as_string_opt::<i32>().with_context(|| format!("{name} is no string column"))
}

fn longs<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Int64Array> {
    column(batch, name)?.as_any().downcast_ref().with_context(|| format!("{name} is no int64 column"))
}
