"""A lake read back by two readers that share no code with the writer: DuckDB and pyarrow.

Row for row: each reader's answer is the sorted list of all rows with all columns and partition values, so a row that
is missing, double or changed shows. Of `metrics`, which batches split as they fall, the figures are added up.
"""

from __future__ import annotations

import io
from pathlib import Path

import duckdb
import pyarrow.dataset as dataset
import pyarrow.parquet as parquet

SUMS = "lines, bytes, errors, auth_failures, http_4xx, http_5xx"
GROUP = "year, month, day, minute, host, source, level, event_type"
STRINGS = "{'year': VARCHAR, 'month': VARCHAR, 'day': VARCHAR}"


def lay_out(files: dict[str, bytes], folder: Path) -> Path:
    """Puts files in place below `folder`, which is new."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder


def by_duckdb(folder: Path) -> list[tuple[object, ...]]:
    """All rows of `logs` as DuckDB reads them."""
    source = f"read_parquet('{folder}/logs/**/*.parquet', hive_partitioning = true, hive_types = {STRINGS})"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        columns = sorted(name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall())
        texts = ", ".join(f'"{name}"::VARCHAR' for name in columns)
        return connection.execute(f"SELECT {texts} FROM {source} ORDER BY ALL").fetchall()


def by_pyarrow(folder: Path) -> list[tuple[object, ...]]:
    """All rows of `logs` as pyarrow reads them."""
    table = dataset.dataset(folder / "logs", format="parquet", partitioning="hive").to_table()
    columns = [table.column(name).to_pylist() for name in sorted(table.column_names)]
    return sorted(zip(*columns, strict=True), key=repr)


def messages(files: dict[str, bytes], chunks: set[str] | None = None) -> list[str]:
    """The messages of all rows of `logs`, or of those of these chunks, sorted, as pyarrow reads them."""
    found: list[str] = []
    for path, content in files.items():
        if path.startswith("logs/") and path.endswith(".parquet"):
            rows = parquet.ParquetFile(io.BytesIO(content)).read(columns=["message", "chunk"])
            each = zip(rows["message"].to_pylist(), rows["chunk"].to_pylist(), strict=True)
            found += [message for message, chunk in each if chunks is None or chunk in chunks]
    return sorted(found)


def metrics(folder: Path) -> list[tuple[object, ...]]:
    """The figures of `metrics`, added up."""
    source = f"read_parquet('{folder}/metrics/**/*.parquet', hive_partitioning = true, hive_types = {STRINGS})"
    sums = ", ".join(f"sum({name.strip()})" for name in SUMS.split(","))
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT {GROUP}, {sums} FROM {source} GROUP BY ALL ORDER BY ALL").fetchall()


def assert_same(found: dict[str, bytes], expected: dict[str, bytes], folder: Path) -> None:
    """Both lakes have the same rows, whichever reader is asked."""
    ours, theirs = lay_out(found, folder / "found"), lay_out(expected, folder / "expected")
    rows = by_duckdb(ours)
    assert rows, "a lake without rows proves nothing"
    assert rows == by_duckdb(theirs)
    assert by_pyarrow(ours) == by_pyarrow(theirs)
    assert metrics(ours) == metrics(theirs)
