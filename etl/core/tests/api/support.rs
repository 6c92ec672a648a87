//! Makes chunks, runs batches, reads files back.

use arrow_array::{
    Array, ArrayRef, RecordBatch,
    cast::AsArray,
    types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType},
};
use arrow_schema::DataType;
use bytes::Bytes;
use headrig_contract::{
    AgentId, ByteLength, ByteOffset, ContentHash, Generation, HostName, ObjectKey, StreamId, UnixMicros,
    chunk::{BlockEncoder, Codec, Provenance, Segment, SegmentEdges},
    framing::FramingRule,
};
use headrig_etl::{BatchError, BatchReport, BatchRun, LakeFile, LakeSink, Member, ObjectReport, Settings};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::{collections::BTreeMap, io};

pub(crate) const READ_AT: UnixMicros = UnixMicros(1_790_000_000_000_000);

/// A segment to be: the stream's number, where it begins, its bytes and its edges.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    pub(crate) stream: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) edges: SegmentEdges,
}

/// A row as text, column by column; nulls are left out. `day`, `level` and `event_type` come from the path.
pub(crate) type Row = BTreeMap<String, String>;

/// What a batch came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) objects: Vec<ObjectReport>,
    pub(crate) batch: BatchReport,
    pub(crate) files: Vec<LakeFile>,
}

#[derive(Default)]
pub(crate) struct Collected(pub(crate) Vec<LakeFile>);

impl LakeSink for Collected {
    fn write(&mut self, file: LakeFile) -> io::Result<()> {
        self.0.push(file);
        Ok(())
    }
}

impl Part {
    pub(crate) fn new(stream: u64, offset: u64, bytes: impl AsRef<[u8]>) -> Self {
        Self { stream, offset, bytes: bytes.as_ref().to_vec(), edges: SegmentEdges::default() }
    }

    pub(crate) fn edges(self, starts_mid_line: bool, ends_mid_line: bool) -> Self {
        Self { edges: SegmentEdges { starts_mid_line, ends_mid_line, cut: false }, ..self }
    }

    /// Ends in a line that was cut for being too long.
    pub(crate) fn cut(self) -> Self {
        Self { edges: SegmentEdges { ends_mid_line: true, cut: true, ..self.edges }, ..self }
    }
}

/// The stream id of a part's number.
pub(crate) fn stream_id(number: u64) -> StreamId {
    StreamId::derive(AgentId::from_bytes([1; 16]), number)
}

/// A chunk of one block for each of `blocks`.
pub(crate) fn chunk(codec: Codec, blocks: &[Vec<Part>]) -> Vec<u8> {
    chunk_by(&FramingRule::default(), codec, blocks)
}

/// The same, framed by `rule`.
pub(crate) fn chunk_by(rule: &FramingRule, codec: Codec, blocks: &[Vec<Part>]) -> Vec<u8> {
    let mut encoder = BlockEncoder::new(codec, 1).unwrap();
    let mut bytes = Vec::new();
    for parts in blocks {
        let segments = parts.iter().map(|part| Segment {
            stream: stream_id(part.stream),
            path: format!("/var/log/{}.log", part.stream).into(),
            generation: Generation(0),
            offset: ByteOffset(part.offset),
            length: ByteLength(part.bytes.len() as u64),
            modified: READ_AT,
            edges: part.edges,
        });
        let provenance = Provenance {
            agent: AgentId::from_bytes([1; 16]),
            host: HostName::from_lossy("web-1"),
            source: "nginx".parse().unwrap(),
            format_hint: "".into(),
            read_at: READ_AT,
            chain: None,
            framing: rule.clone(),
            segments: segments.collect(),
        };
        let raw: Vec<u8> = parts.iter().flat_map(|part| part.bytes.iter().copied()).collect();
        encoder.encode(&provenance, &raw, &mut bytes).unwrap();
    }
    bytes
}

pub(crate) fn member(key: &str, bytes: &[u8]) -> Member {
    Member { key: ObjectKey::parse(key).unwrap(), hash: ContentHash::of(bytes), modified: READ_AT }
}

/// Runs `objects`, keys and contents, as one batch.
pub(crate) fn run(settings: &Settings, objects: &[(&str, &[u8])]) -> Result<Outcome, BatchError> {
    let mut sink = Collected::default();
    let mut run = BatchRun::new("b0", settings);
    let objects = objects
        .iter()
        .map(|(key, bytes)| run.object(&member(key, bytes), bytes, &mut sink))
        .collect::<Result<Vec<_>, _>>()?;
    let batch = run.finish(&mut sink)?;
    Ok(Outcome { objects, batch, files: sink.0 })
}

/// The rows of `table`, file by file.
pub(crate) fn rows(files: &[LakeFile], table: &str) -> Vec<Row> {
    files.iter().filter(|file| file.path.starts_with(table)).flat_map(rows_of).collect()
}

pub(crate) fn rows_of(file: &LakeFile) -> Vec<Row> {
    let labels: Vec<(&str, &str)> =
        file.path.split('/').filter_map(|segment| segment.split_once('=')).collect();
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file.bytes.clone())).unwrap().build().unwrap();
    let mut rows = Vec::new();
    for batch in reader {
        rows.extend(rows_of_batch(&batch.unwrap(), &labels));
    }
    assert_eq!(rows.len() as u64, file.rows, "{}", file.path);
    rows
}

fn rows_of_batch(batch: &RecordBatch, labels: &[(&str, &str)]) -> Vec<Row> {
    let schema = batch.schema();
    (0..batch.num_rows())
        .map(|row| {
            let columns = schema.fields().iter().zip(batch.columns());
            let values = columns
                .filter(|(_, column)| !column.is_null(row))
                .map(|(field, column)| (field.name().clone(), text(column, row)));
            values.chain(labels.iter().map(|(label, value)| ((*label).into(), (*value).into()))).collect()
        })
        .collect()
}

fn text(column: &ArrayRef, row: usize) -> String {
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Timestamp(..) => column.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
        DataType::Map(..) => {
            let entries = column.as_map().value(row);
            let (keys, values) = (entries.column(0).as_string::<i32>(), entries.column(1).as_string::<i32>());
            let pairs: Vec<_> = keys.iter().flatten().zip(values.iter().flatten()).collect();
            pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
        }
        other => panic!("no column is of type {other}"),
    }
}
