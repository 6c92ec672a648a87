"""The driver of a compaction: small files of closed days become large ones, while readers see every row once.

It begins with an epoch of its own, by which whoever began before is shut out. For each day it reads the layout, lists,
has the next generations made, and switches the ledger's layout; then the catalog follows. What lies where nobody is
sent any more is removed when the catalog has said so for long enough. docs/decisions/0011-compaction.md says why that
is right.

Invariants: between the reading of the layout and the switch no row is committed into a closed day; the catalog and what
is removed follow the layout of the ledger while it is this run's; a run that was cut short, wherever, needs no undo.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import boto3

from headrig_etl import catalog, layouts, objects, task
from headrig_etl._core import Generations, Ledger, LedgerUnavailable, Overtaken, batch_of, partition_in, tables
from headrig_etl.types import Job, Layout, Made, Part

HOUR_SECONDS, DAY_SECONDS = 3600, 86_400
ROUNDS_MAX = 5
"""How often a day is planned anew because rows were committed into it meanwhile; a later run finds it as it is."""
LEDGER_TRIES = 5
PARTS_AT_ONCE = 1000
"""Partitions that one Spark job makes, and one switch sends readers to: a day has a hundred or so."""
DONE_WITH = ("committed", None)
"""How a batch stands whose files count. The ledger forgets none but finished ones, where it is told to, and a batch
that was split has no files any more."""

log = logging.getLogger("headrig.compaction")

Make = Callable[[list[Part]], list[Made]]
T = TypeVar("T")


class Left(Exception):
    """Some partitions were left as they are; all others are done."""


@dataclass
class Report:
    """What a compaction did."""

    partitions: int = 0
    files_before: int = 0
    files_after: int = 0
    moved: int = 0
    """Partitions that the catalog was behind with, from a run that was cut short."""
    removed: int = 0
    left: dict[str, str] = field(default_factory=dict)


def run(job: Job, make: Make) -> Report:
    """Compacts the lake. Raises `Left` when partitions had to be left as they are, `Overtaken` when another compaction
    has begun meanwhile, which then does the rest."""
    task.enter(boto3.Session().region_name)
    report = compact(job, task.ledger_of(job), make)
    log.info("compacted %s", report)
    if report.left:
        raise Left("; ".join(f"{partition}: {reason}" for partition, reason in sorted(report.left.items())))
    return report


def compact(job: Job, ledger: Ledger, make: Make) -> Report:
    """The same, with the ledger that is to be asked; partitions that are left are in the report."""
    if job.database is None or job.compact_hours is None:
        raise ValueError("a compaction needs the catalog's database and the age of the days")
    closed_before = int(time.time() - job.compact_hours * HOUR_SECONDS) // DAY_SECONDS
    layout = Layout(*_insist(lambda: ledger.begin_compaction(closed_before)))
    compaction = Compaction(job, ledger, make, layout, job.database)
    compaction.follow(layouts.generations(job.lake, layout).partitions())
    for day in compaction.days():
        compaction.compact(day)
    compaction.tidy()
    return compaction.report


@dataclass
class Compaction:
    """One compaction, on its way. `layout` is the one that it brought about last."""

    job: Job
    ledger: Ledger
    make: Make
    layout: Layout
    database: str
    report: Report = field(default_factory=Report)
    _committed: set[str] = field(default_factory=set)

    def days(self) -> list[int]:
        """The closed days that may have something to be compacted, in order. Of those that were compacted, these are
        the days whose generations have got further files since: one listing tells of years of them."""
        lake, generations = self.job.lake, self._list()
        files = Counter(
            layouts.folder_of(found.path)
            for found in objects.list_objects(lake, f"{layouts.FOLDER}/")
            if generations.is_current(found.path)
        )
        days = {layouts.day_of(partition_in(folder)) for folder, number in files.items() if number > 1}
        for table in _tables():
            for year in objects.list_folders(lake, table):
                for month in objects.list_folders(lake, year):
                    days |= {layouts.day_of(day) for day in objects.list_folders(lake, month)}
        return sorted(day for day in days if day is not None and day < self.layout.closed_before)

    def compact(self, day: int) -> None:
        """Compacts a day, as often as rows are committed into it meanwhile."""
        for _ in range(ROUNDS_MAX):
            # In this order: what is committed behind the reading shows in the layout, what came before in the listing.
            self.layout = self._held()
            made = self.make_parts(self._parts(day))
            if not made:
                return
            try:
                self._switch(made)
            except Overtaken:
                self._held()
                log.info("rows were committed into closed days meanwhile: %s is planned anew", layouts.day_path(day))
                continue
            self._count(made)
            return
        self.report.left[layouts.day_path(day)] = f"rows were committed into it {ROUNDS_MAX} times"

    def make_parts(self, parts: list[Part]) -> list[Made]:
        """Has generations made; those that there are."""
        made: list[Made] = []
        for at in range(0, len(parts), PARTS_AT_ONCE):
            made += self.make(parts[at : at + PARTS_AT_ONCE])
        self.report.left |= {each.partition: each.left for each in made if each.left}
        return [each for each in made if each.generation]

    def follow(self, partitions: Iterable[str]) -> None:
        """Lets the catalog follow the layout in these partitions."""
        wanted = {partition: self._list().location(partition) for partition in partitions}
        if not wanted:
            return
        known = catalog.located(self.database)
        behind = {}
        for partition, folder in wanted.items():
            found = known.get(catalog.table_and_values(partition))
            if found is None or found.location != self.job.lake.url(folder):
                behind[partition] = folder
        self.report.moved += len(behind)
        self._move(behind)

    def tidy(self) -> None:
        """Removes what lies where nobody is sent any more, and was not for as long as a query or a run may take."""
        stale: list[str] = []
        generations, known = self._list(), catalog.located(self.database)
        before = time.time() - self.job.grace_hours * HOUR_SECONDS
        for found in self._everything():
            if not self._is_stale(found, generations, known, before):
                continue
            stale.append(found.path)
            if len(stale) == objects.REMOVED_AT_ONCE:
                self._remove(stale)
                stale = []
        if stale:
            self._remove(stale)

    def _is_stale(
        self,
        file: objects.Found,
        generations: Generations,
        known: dict[tuple[str, catalog.Values], catalog.Located],
        before: float,
    ) -> bool:
        if file.path.startswith(layouts.LISTS):
            # A run that read an older layout may still want its list.
            return file.path != Generations.path(generations.name()) and file.stored_at <= before
        partition = partition_in(layouts.folder_of(file.path))
        if generations.is_current(file.path) or layouts.day_of(partition) is None:
            return False
        found = known.get(catalog.table_and_values(partition))
        location = self.job.lake.url(generations.location(partition))
        # Readers may still be where they were sent before; and what is new may be a generation that another compaction,
        # which began behind our question to the ledger, found ready and is about to switch to.
        return file.stored_at <= before and (found is None or (found.location == location and found.moved_at <= before))

    def _parts(self, day: int) -> list[Part]:
        """The partitions of a day that have several files of committed batches."""
        generations = self._list()
        folders: dict[str, list[objects.Found]] = {}
        for found in self._files_of(day, generations):
            folders.setdefault(layouts.folder_of(found.path), []).append(found)
        parts = []
        for folder, files in sorted(folders.items()):
            told = []
            for found in files:
                name = found.path.rpartition("/")[2]
                batch = batch_of(name)
                if batch is None or batch == "" or self._is_committed(batch):
                    told.append((name, found.size, found.tag, batch is not None))
            if len(told) > 1:
                parts.append(Part(partition_in(folder), folder, tuple(told)))
        return parts

    def _files_of(self, day: int, generations: Generations) -> Iterator[objects.Found]:
        """The files of a day where readers are sent."""
        starts = [f"{table}/{layouts.day_path(day)}/" for table in _tables()]
        starts += [
            f"{generations.location(partition)}/"
            for partition in generations.partitions()
            if layouts.day_of(partition) == day
        ]
        for start in starts:
            for found in objects.list_objects(self.job.lake, start):
                if generations.is_current(found.path):
                    yield found

    def _is_committed(self, batch: str) -> bool:
        """Whether the files of the batch count; of one whose do they always will."""
        if batch not in self._committed and _insist(lambda: self.ledger.phase(batch)) in DONE_WITH:
            self._committed.add(batch)
        return batch in self._committed

    def _switch(self, made: list[Made]) -> None:
        pairs = [(each.partition, each.generation) for each in made if each.generation]
        generations = self._list().switched(pairs)
        objects.store_text(self.job.lake, Generations.path(generations.name()), generations.content().decode())
        self.layout = Layout(*_insist(lambda: self.ledger.switch_layout(self.layout, generations.name())))
        self._move({partition: generations.location(partition) for partition, _ in pairs})

    def _move(self, partitions: dict[str, str]) -> None:
        """Sends readers to these folders, for as long as the layout is this run's."""
        each = sorted(partitions.items())
        for at in range(0, len(each), catalog.PARTITIONS_PER_CALL):
            self._held()
            catalog.move(self.database, self.job.lake, dict(each[at : at + catalog.PARTITIONS_PER_CALL]))

    def _remove(self, paths: list[str]) -> None:
        self._held()
        self.report.removed += objects.remove_all(self.job.lake, paths)

    def _held(self) -> Layout:
        """The layout as it is now. Raises `Overtaken` where another compaction has begun."""
        found = _insist(lambda: layouts.read(self.ledger))
        if found.epoch != self.layout.epoch:
            raise Overtaken(f"another compaction has begun: epoch {found.epoch}, ours was {self.layout.epoch}")
        return found

    def _list(self) -> Generations:
        return layouts.generations(self.job.lake, self.layout)

    def _everything(self) -> Iterator[objects.Found]:
        """All files of the tables, wherever they lie, and the lists."""
        for folder in (*_tables(), layouts.FOLDER):
            yield from objects.list_objects(self.job.lake, f"{folder}/")

    def _count(self, made: list[Made]) -> None:
        self.report.partitions += len(made)
        self.report.files_before += sum(each.files_before for each in made)
        self.report.files_after += sum(each.files_after for each in made)


def _tables() -> list[str]:
    return [name for name, _, _ in tables()]


def _insist(call: Callable[[], T]) -> T:
    """What the ledger answers, though it may not do so at once; all that is asked here may be repeated."""
    for left in reversed(range(LEDGER_TRIES)):
        try:
            return call()
        except LedgerUnavailable:
            if left == 0:
                raise
    raise AssertionError("the last try returns or raises")
