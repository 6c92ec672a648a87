"""Whether the lake has every line of some hosts' files, once: counted from the files, and read by DuckDB.

It knows the files as they were written and the lake's documented columns, and nothing of how the one became the other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import duckdb
import lake
from corpus import Host

ROWS = 'host, stream, generation, "offset", length, raw, chunk'

Row = tuple[int, int, str]
"""Offset, length, text."""


@dataclass(frozen=True)
class Account:
    """What was written, and what of it is in the lake."""

    files: int
    hosts: int
    lines: int
    bytes: int
    rows: int
    lost: int
    doubled: int


def check(folder: Path, hosts: list[Host]) -> Account:
    """Holds the lake in `folder` against the files; fails at the first that is not there whole, byte for byte."""
    strands: dict[tuple[str, str, int], list[Row]] = defaultdict(list)
    found: Counter[tuple[str, str]] = Counter()
    rows = 0
    for host, stream, generation, offset, length, raw, _ in read(folder, [host.name for host in hosts]):
        strands[host, stream, generation].append((offset, length, raw))
        found.update((host, line) for line in lines(raw))
        rows += 1
    written = Counter((host.name, line) for host in hosts for file in host.files for line in lines(whole(text(file))))
    lost, doubled = (written - found).total(), (found - written).total()
    assert (lost, doubled) == (0, 0), (
        f"lost {(written - found).most_common(3)}, doubled {(found - written).most_common(3)}"
    )
    check_places(strands, hosts)
    assert counted(folder, hosts) == written.total()
    files = [file for host in hosts for file in host.files]
    return Account(len(files), len(hosts), written.total(), sum(map(len, files)), rows, lost, doubled)


def read(folder: Path, names: list[str]) -> list[tuple[str, str, int, int, int, str, str]]:
    """The rows of these hosts."""
    source = f"read_parquet('{folder}/logs/**/*.parquet', hive_partitioning = true, hive_types = {lake.STRINGS})"
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT {ROWS} FROM {source} WHERE host IN (SELECT unnest(?))", [names]).fetchall()


def counted(folder: Path, hosts: list[Host]) -> int:
    """The lines of these hosts by the table `metrics`."""
    source = f"read_parquet('{folder}/metrics/**/*.parquet', hive_partitioning = true, hive_types = {lake.STRINGS})"
    names = [host.name for host in hosts]
    with duckdb.connect() as connection:
        query = f"SELECT sum(lines)::BIGINT FROM {source} WHERE host IN (SELECT unnest(?))"
        told = connection.execute(query, [names]).fetchone()
    return int(told[0]) if told and told[0] else 0


def check_places(strands: dict[tuple[str, str, int], list[Row]], hosts: list[Host]) -> None:
    """Each strand is one whole file: its rows lie end to end, and each has the text of its bytes."""
    left = {host.name: list(host.files) for host in hosts}
    for (host, stream, generation), rows in strands.items():
        rows.sort()
        end = 0
        for offset, length, _ in rows:
            assert offset == end, f"{host}, {stream}/{generation}: expected a row at {end}, found one at {offset}"
            end += length
        same = [file for file in left[host] if len(file) == end and has(file, rows)]
        assert same, f"{host}, {stream}/{generation}: no file has these {end} bytes"
        left[host].remove(same[0])
    assert not any(left.values()), (
        f"files that are not in the lake: {[(name, len(rest)) for name, rest in left.items()]}"
    )


def has(file: bytes, rows: list[Row]) -> bool:
    """Whether the file has each row's text at the row's place."""
    return all(whole(text(file[offset : offset + length])) == raw for offset, length, raw in rows)


def text(content: bytes) -> str:
    """Bytes as the lake has them: what is no UTF-8 is replaced."""
    return content.decode(errors="replace")


def whole(event: str) -> str:
    """An event without its last line terminator."""
    return event.removesuffix("\n").removesuffix("\r")


def lines(content: str) -> list[str]:
    """The lines of a file or an event that lacks the last terminator, without the other terminators."""
    return [line.removesuffix("\r") for line in content.split("\n")]
