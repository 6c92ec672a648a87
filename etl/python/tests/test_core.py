"""The extension: the core between two functions of Python's, and what it raises."""

from __future__ import annotations

import hashlib
import json
import threading

import pytest

from headrig_etl import arrow
from headrig_etl._core import BatchFailed, Settings, Unconserved, Unreadable, write_batch

BATCH = "b" * 64
LINE = b'10.0.0.1 - - [21/Sep/2026:10:00:00 +0000] "GET / HTTP/1.1" 500 7 "-" "curl"\n'
NOON = 1_790_000_000_000_000


def write(content: dict[str, bytes], settings: str = "") -> tuple[list[tuple[int, ...]], dict[str, bytes], str | None]:
    """What comes of objects: the counts of each, the files, and the figures for the alerts."""
    files: dict[str, bytes] = {}
    counts, figures = write_batch(
        BATCH,
        [(key, hashlib.sha256(each).hexdigest()) for key, each in content.items()],
        Settings.parse(settings),
        lambda key: (content[key], NOON),
        lambda path, written, rows: files.__setitem__(path, written),
    )
    return counts, files, figures


def test_members_are_counted_one_by_one_and_files_are_named_by_batch_and_partition() -> None:
    counts, files, _ = write({"a.log": LINE * 3, "b.log": LINE})
    assert [(rows, lines) for _, _, lines, _, rows, *_ in counts] == [(3, 3), (1, 1)]
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
        [path for path in write(line, f"[etl]\ntimezone = '{zone}'")[1] if path[0] == "l"]
        for zone in ("UTC", "Europe/Berlin")
    )
    assert "day=21" in utc and "day=20" in berlin


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("[etl]\ntimezone = 'Mars/Olympus'", r"^\[etl\]: timezone: expected a name such as UTC"),
        ("[[rule]]\nname = 'a'", r'^\[\[rule\]\] 1 "a": action: expected one of drop = true'),
        ("[[source]]\nname = 'a'", "unknown field `source`"),
        ("=", "TOML parse error"),
    ],
)
def test_wrong_settings_name_the_table(settings: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        Settings.parse(settings)


def test_rules_leave_an_account_of_what_they_dropped_among_the_files() -> None:
    fine = LINE.replace(b" 500 ", b" 200 ")
    drop = "[[rule]]\nname = 'fine'\nmatch = { http_status = 200 }\ndrop = true"
    counts, files, _ = write({"a.log": LINE * 3 + fine * 2}, drop)
    assert [(lines, rows, dropped) for _, _, lines, _, rows, _, dropped in counts] == [(5, 3, 2)]
    account = json.loads(files[f"batches/{BATCH}.json"])
    assert account["rules"][0]["name"] == "fine" and account["lines"]["dropped"] == 2
    assert account["objects"][0]["gap_bytes"] >= 2 * (len(fine) - 1)
    assert not [path for path in write({"a.log": LINE})[1] if path.startswith("batches/")]


def test_figures_for_the_alerts_are_json_where_alerts_are_set() -> None:
    figures = write({"host=h/source=s/a.log": LINE})[2]
    assert figures is not None and json.loads(figures)["sites"] == [["h", "s"]]
    assert write({"a.log": LINE}, "[etl]\nbuilt_in_alerts = false")[2] is None


def test_a_member_whose_bytes_are_others_is_named() -> None:
    with pytest.raises(Unreadable) as raised:
        write_batch(BATCH, [("a.log", "0" * 64)], Settings.parse(""), lambda key: (LINE, 0), lambda *_: None)
    key, reason = raised.value.args
    assert key == "a.log" and "expected content with SHA-256 0000" in reason


def test_what_the_functions_raise_comes_out_as_it_is() -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    def away(key: str) -> tuple[bytes, int]:
        raise KeyError(key)

    digest = hashlib.sha256(LINE).hexdigest()
    with pytest.raises(OSError, match="no space left"):
        write_batch(BATCH, [("a.log", digest)], Settings.parse(""), lambda key: (LINE, 0), full)
    with pytest.raises(KeyError, match=r"a\.log"):
        write_batch(BATCH, [("a.log", digest)], Settings.parse(""), away, lambda *_: None)
    assert not issubclass(BatchFailed, OSError) and issubclass(Unconserved, BatchFailed)


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
            Settings.parse(""),
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
