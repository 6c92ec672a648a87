//! The columns of the lake's tables: names, order, types. docs/formats/lake.md lists them for readers.

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

/// The column that `logs` is sorted by.
pub(super) const LOGS_SORTED_BY: &str = "ts";
/// Further columns of `logs` that grow from row to row, or hardly repeat.
pub(super) const LOGS_DELTA: [&str; 2] = ["offset", "http_bytes"];
/// The column that `metrics` is sorted by.
pub(super) const METRICS_SORTED_BY: &str = "minute";

/// The `logs` table's columns; the partition's values stand in the path only.
pub(super) fn logs() -> SchemaRef {
    let columns = [
        required("ts", timestamp()),
        required("ts_source", label()),
        required("severity_number", DataType::Int32),
        required("host", origin()),
        required("source", origin()),
        required("path", origin()),
        optional("format", label()),
        optional("service", DataType::Utf8),
        optional("pid", DataType::Int64),
        optional("message", DataType::Utf8),
        optional("src_ip", DataType::Utf8),
        optional("user_name", DataType::Utf8),
        optional("http_method", DataType::Utf8),
        optional("http_path", DataType::Utf8),
        optional("http_status", DataType::Int32),
        optional("http_bytes", DataType::Int64),
        optional("http_duration_ms", DataType::Float64),
        optional("http_user_agent", DataType::Utf8),
        optional("http_referrer", DataType::Utf8),
        optional("trace_id", DataType::Utf8),
        optional("span_id", DataType::Utf8),
        optional("attributes", DataType::Map(attribute_entries(), false)),
        optional("raw", DataType::Utf8),
        required("chunk", origin()),
        required("stream", origin()),
        required("generation", DataType::Int32),
        required("offset", DataType::Int64),
        required("length", DataType::Int64),
    ];
    Arc::new(Schema::new(columns.to_vec()))
}

/// The `metrics` table's columns.
pub(super) fn metrics() -> SchemaRef {
    let texts = ["host", "source", "level", "event_type"].map(|name| required(name, DataType::Utf8));
    let counts = ["lines", "bytes", "errors", "auth_failures", "http_4xx", "http_5xx"]
        .map(|name| required(name, DataType::Int64));
    let durations = ["duration_p50_ms", "duration_p95_ms"].map(|name| optional(name, DataType::Float64));
    let columns: Vec<Field> = std::iter::once(required("minute", timestamp()))
        .chain(texts)
        .chain(counts)
        .chain(durations)
        .collect();
    Arc::new(Schema::new(columns))
}

/// The entries of a map of attributes, named as the Parquet specification names them.
pub(super) fn attribute_entries() -> FieldRef {
    let pair = Fields::from(vec![required("key", DataType::Utf8), optional("value", DataType::Utf8)]);
    Arc::new(required("key_value", DataType::Struct(pair)))
}

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Text of an origin: in the file plain text, in memory a number for each row.
fn origin() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Text out of a handful of constants.
fn label() -> DataType {
    DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8))
}

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn optional(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}
