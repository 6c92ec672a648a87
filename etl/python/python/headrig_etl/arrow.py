"""Objects in S3 as rows of a DataFrame, by `DataFrame.mapInArrow`; for those who want to look before they load.

    keys = spark.createDataFrame([("host=web1/source=nginx/…log.zst",)], "key string")
    logs = keys.mapInArrow(arrow.rows_of("my-bucket"), arrow.schema())

The rows are those that a job would write, with the partition's values as columns; no ledger is asked, nothing is
stored, and an object that cannot be read fails the query. Each object is parsed by itself.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from headrig_etl import objects
from headrig_etl._core import Settings, tables, write_batch

OBJECT_BYTES_MAX = 1 << 30
KEY = "key"
"""The column of the input that names objects."""

_TYPES = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("us", "UTC"),
    "map<string,string>": pa.map_(pa.string(), pa.string()),
}

Batches = Iterable[pa.RecordBatch]


def schema(table: str = "logs") -> str:
    """The rows' schema in Spark's words."""
    return ", ".join(f"`{name}` {kind}" for name, kind in _columns(table))


def rows_of(
    bucket: str, table: str = "logs", timezone: str = "UTC", raw: bool = False
) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    """What `mapInArrow` takes: batches with a column `key` in, batches of the table's rows out.

    Raises, when it runs, `Unreadable` for an object that cannot be read.
    """

    def rows(batches: Batches) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for key in batch.column(KEY).to_pylist():
                content, modified = objects.read(bucket, key, OBJECT_BYTES_MAX)
                yield from rows_in(key, content, modified, table, timezone, raw)

    return rows


def rows_in(
    key: str, content: bytes, modified: int, table: str = "logs", timezone: str = "UTC", raw: bool = False
) -> Iterator[pa.RecordBatch]:
    """The rows of one object that was stored at `modified`, in microseconds since 1970."""
    files: list[tuple[str, bytes]] = []
    digest = hashlib.sha256(content).hexdigest()
    write_batch(
        digest,
        [(key, digest)],
        Settings(timezone, raw),
        lambda _: (content, modified),
        lambda path, written, _: files.append((path, written)),
    )
    target = pa.schema([(name, _TYPES[kind]) for name, kind in _columns(table)])
    for path, written in files:
        folder, *partition = path.split("/")[:-1]
        if folder == table:
            yield from _rows_in_file(written, [segment.partition("=")[2] for segment in partition], target)


def _rows_in_file(written: bytes, values: list[str], target: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in pq.ParquetFile(io.BytesIO(written)).iter_batches():
        # Spark takes no dictionaries.
        plain = [column.cast(field.type) for column, field in zip(batch.columns, target, strict=False)]
        constants = [pa.array([value] * batch.num_rows, pa.string()) for value in values]
        yield pa.RecordBatch.from_arrays(plain + constants, schema=target)


def _columns(table: str) -> list[tuple[str, str]]:
    """Columns and partition keys with their types."""
    known = {name: columns + [(key, "string") for key in keys] for name, columns, keys in tables()}
    if table not in known:
        raise ValueError(f"expected one of the tables {', '.join(known)}, found {table!r}")
    return known[table]
