"""Where the partitions of a lake lie: the ledger's layout, and the list of generations that it names.

A list is named by its content, so one that was read is true for ever. Invariant: whoever reads the layout once and
keeps it writes all its files where that one layout has them.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from functools import lru_cache

from headrig_etl import objects
from headrig_etl._core import Generations, Ledger, partition_in
from headrig_etl.types import Layout, Place

FOLDER = "compacted"
LISTS = f"{FOLDER}/generations/"
LISTS_KEPT = 4
"""Lists that a process keeps: a run's batches share one, and meet another when a compaction comes between."""
DATE = re.compile(r"\w+/year=(\d{4,5})/month=(\d\d)/day=(\d\d)(?:/|$)")
EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()


def read(ledger: Ledger) -> Layout:
    """The layout as it is now. Raises `LedgerError`."""
    return Layout(*ledger.layout())


def generations(lake: Place, layout: Layout) -> Generations:
    """The list of a layout. Raises `LakeRefused` where it is gone, since the layout is another by now."""
    return _listed(lake, layout.generations) if layout.generations else Generations()


@lru_cache(maxsize=LISTS_KEPT)
def _listed(lake: Place, name: str) -> Generations:
    path = Generations.path(name)
    text = objects.read_text(lake, path)
    if text is None:
        raise objects.LakeRefused(f"{lake.url(path)} is gone, which the lake's layout named; try again")
    try:
        return Generations.read(text.encode())
    except ValueError as error:
        raise objects.LakeRefused(f"{lake.url(path)}: {error}; restore it from an older version") from error


def day_of(partition: str) -> int | None:
    """The day of a partition, counted from 1970-01-01; none where it says no day."""
    found = DATE.match(partition)
    if not found:
        return None
    try:
        return datetime.date(*(int(part) for part in found.groups())).toordinal() - EPOCH_DAY
    except ValueError:
        return None


def folder_of(path: str) -> str:
    """The folder of a file."""
    return path.rpartition("/")[0]


def days_of(paths: Iterable[str]) -> list[int]:
    """The days that files have rows of, wherever they lie."""
    days = {day_of(partition_in(folder_of(path))) for path in paths}
    return sorted(day for day in days if day is not None)


def day_path(day: int) -> str:
    """`year=2026/month=09/day=21`, as the core writes it."""
    date = datetime.date.fromordinal(EPOCH_DAY + day)
    return f"year={date.year:04}/month={date.month:02}/day={date.day:02}"
