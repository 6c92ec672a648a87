"""The extension: the core between two functions of Python's, and what it raises."""

from __future__ import annotations

import hashlib
import threading

import pytest

from headrig_etl import arrow
from headrig_etl._core import BatchFailed, Settings, Unreadable, write_batch

BATCH = "b" * 64
LINE = b'10.0.0.1 - - [21/Sep/2026:10:00:00 +0000] "GET / HTTP/1.1" 500 7 "-" "curl"\n'
NOON = 1_790_000_000_000_000


def write(content: dict[str, bytes], **settings: object) -> tuple[list[tuple[int, ...]], dict[str, bytes]]:
    """What comes of objects: the counts of each and the files."""
    files: dict[str, bytes] = {}
    counts = write_batch(
        BATCH,
        [(key, hashlib.sha256(each).hexdigest()) for key, each in content.items()],
        Settings(**settings),
        lambda key: (content[key], NOON),
        lambda path, written, rows: files.__setitem__(path, written),
    )
    return counts, files


def test_members_are_counted_one_by_one_and_files_are_named_by_batch_and_partition() -> None:
    counts, files = write({"a.log": LINE * 3, "b.log": LINE})
    assert [(rows, lines) for _, _, lines, _, rows, _ in counts] == [(3, 3), (1, 1)]
    assert sorted(files) == [
        f"logs/year=2026/month=09/day=21/level=error/event_type=http_access/{BATCH}-000.parquet",
        f"metrics/year=2026/month=09/day=21/{BATCH}-000.parquet",
    ]


def test_the_same_batch_gives_the_same_bytes() -> None:
    content = {"a.log": LINE * 3, "b.log": b"what is this\n"}
    assert write(content) == write(content)


def test_a_time_zone_counts_where_a_line_names_none() -> None:
    line = {"a.log": b"2026-09-21 00:30:00 ERROR out of it\n"}
    (utc,), (berlin,) = (
        [path for path in write(line, timezone=zone)[1] if path[0] == "l"] for zone in ("UTC", "Europe/Berlin")
    )
    assert "day=21" in utc and "day=20" in berlin
    with pytest.raises(ValueError, match="expected a time zone"):
        Settings("Mars/Olympus")


def test_a_member_whose_bytes_are_others_is_named() -> None:
    with pytest.raises(Unreadable) as raised:
        write_batch(BATCH, [("a.log", "0" * 64)], Settings(), lambda key: (LINE, 0), lambda *_: None)
    key, reason = raised.value.args
    assert key == "a.log" and "expected content with SHA-256 0000" in reason


def test_what_the_functions_raise_comes_out_as_it_is() -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    def away(key: str) -> tuple[bytes, int]:
        raise KeyError(key)

    digest = hashlib.sha256(LINE).hexdigest()
    with pytest.raises(OSError, match="no space left"):
        write_batch(BATCH, [("a.log", digest)], Settings(), lambda key: (LINE, 0), full)
    with pytest.raises(KeyError, match=r"a\.log"):
        write_batch(BATCH, [("a.log", digest)], Settings(), away, lambda *_: None)
    assert not issubclass(BatchFailed, OSError)


def test_python_goes_on_while_the_core_works() -> None:
    turns, done = [0], threading.Event()

    def turn() -> None:
        while not done.is_set():
            turns[0] += 1

    seen = []
    content = LINE * 30_000
    digest = hashlib.sha256(content).hexdigest()
    thread = threading.Thread(target=turn)
    thread.start()
    try:
        write_batch(
            BATCH,
            [("a.log", digest)],
            Settings(),
            lambda key: (seen.append(turns[0]), (content, 0))[1],
            lambda *_: seen.append(turns[0]),
        )
    finally:
        done.set()
        thread.join()
    # Between the reading and the first file the core alone is at work; with the lock held nobody could turn.
    assert seen[1] - seen[0] > 1_000


def test_rows_come_as_arrow_with_the_partition_as_columns() -> None:
    pytest.importorskip("pyarrow")
    rows = [row for batch in arrow.rows_in("host=h/source=s/a.log", LINE * 2, NOON) for row in batch.to_pylist()]
    assert len(rows) == 2
    first = rows[0]
    assert (first["host"], first["level"], first["event_type"], first["month"]) == ("h", "error", "http_access", "09")
    assert first["http_status"] == 500 and first["src_ip"] == "10.0.0.1"
    with pytest.raises(ValueError, match="expected one of the tables logs, metrics"):
        arrow.schema("rows")
