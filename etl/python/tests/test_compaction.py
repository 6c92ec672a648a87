"""Compaction against MiniStack: whoever reads through the catalog sees the same rows at every moment, whatever a run
that was cut short, a batch or another compaction does meanwhile."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import boto3
import pytest

import lake
from cloud import Site
from headrig_etl import catalog, compaction, generation, job, layouts, objects, task
from headrig_etl._core import Generations, Overtaken
from headrig_etl.types import NEVER_COMPACTED, Job, Made, Member, Part, Place, Plan, Returned, Ticket, Written
from local import LocalLake, headrig

DAYS = ("2026-09-21", "2026-09-22")
BATCHES = 2


class Cut(Exception):
    """The run ends here, as if its machine were lost."""


def lines(number: int) -> bytes:
    """A log of both days whose lines are told apart."""
    each = [
        f"{day} 10:0{second}:00 {level} [main] app.W{number} - did {number}.{second}\n"
        for day in DAYS
        for second, level in enumerate(("INFO", "ERROR", "INFO"))
    ]
    return "".join(each).encode()


def take_in(site: Site, number: int) -> tuple[str, int]:
    """A batch of one object that waits for its claim."""
    (batch,) = site.take_in({f"host=h/source=s/{number}.log": lines(number)}, 1)
    return batch, dict(site.sink.start())[batch]


def load(site: Site, number: int, run: str = "run") -> str:
    """Loads a batch."""
    ticket = take_in(site, number)
    assert list(job.carry(site.job([ticket], run=run), 1, task.run).committed) == [ticket[0]]
    return ticket[0]


def compacting(site: Site, grace_hours: int = 48) -> Job:
    """A job that compacts."""
    return site.job([], compact_hours=24, grace_hours=grace_hours)


def compact(
    site: Site, grace_hours: int = 48, meanwhile: Callable[[], object] = lambda: None, ledger: Any = None
) -> compaction.Report:
    """Compacts; `meanwhile` happens once generations are made, before they are switched to."""

    def make(parts: list[Part]) -> list[Made]:
        made = [generation.Maker(site.lake).make(part) for part in parts]
        meanwhile()
        return made

    return compaction.compact(compacting(site, grace_hours), ledger or site.ledger, make)


def rows(site: Site) -> Counter[str]:
    """What a reader through the catalog has now: how often each message."""
    return Counter(lake.messages(site.through_catalog()))


def expected(*numbers: int) -> Counter[str]:
    """The messages of these batches."""
    return Counter(f"did {number}.{second}" for number in numbers for second in range(3) for _ in DAYS)


@pytest.fixture
def loaded(site: Site) -> Site:
    """A lake of some small batches."""
    for number in range(BATCHES):
        load(site, number)
    assert rows(site) == expected(*range(BATCHES))
    return site


def test_small_files_become_one_and_every_reader_through_the_catalog_has_the_same_rows(loaded: Site) -> None:
    before = loaded.through_catalog()
    report = compact(loaded)
    after = loaded.through_catalog()
    assert rows(loaded) == expected(*range(BATCHES))
    # Two days of two levels in logs, two days in metrics; each had a file of each batch.
    assert (report.partitions, report.files_before, report.files_after) == (6, 6 * BATCHES, 6)
    assert len(before) == 6 * BATCHES and len(after) == 6
    assert all("/compact-" in path for path in after)
    # Nothing is removed before nobody can read there any more.
    assert report.removed == 0 and len(loaded.tables()) == 6 * BATCHES
    again = compact(loaded)
    assert (again.partitions, again.moved, again.removed) == (0, 0, 0)
    assert compact(loaded, grace_hours=0).removed == 6 * BATCHES + 1
    assert loaded.tables() == {} and rows(loaded) == expected(*range(BATCHES))


def test_the_whole_lake_is_row_for_row_that_of_headrig_local(site: Site, logs: LocalLake, tmp_path: Any) -> None:
    halves = [dict(sorted(logs.chunks.items())[at::2]) for at in range(2)]
    for half in halves:
        site.take_in(half, 2)
        job.carry(site.job(site.sink.start()), 2, task.run)
        assert compact(site, grace_hours=0).partitions > 0
    files = site.through_catalog()
    assert len(files) == len({layouts.folder_of(path) for path in files}), "a file a partition"
    lake.assert_same(files, logs.files, tmp_path)


def test_late_rows_land_in_the_generation_and_the_next_compaction_takes_them_in(loaded: Site) -> None:
    compact(loaded)
    load(loaded, 7)
    assert rows(loaded) == expected(*range(BATCHES), 7)
    assert loaded.ledger.layout()[2] == 1
    assert len(loaded.tables()) == 6 * BATCHES, "nothing more lies in the tables' own folders"
    report = compact(loaded, grace_hours=0)
    assert (report.partitions, report.files_before) == (6, 12)
    assert rows(loaded) == expected(*range(BATCHES), 7)
    assert len(loaded.through_catalog()) == 6


def test_a_batch_that_a_compaction_overtakes_runs_again_uncounted_and_lands_in_the_new_layout(loaded: Site) -> None:
    ticket = take_in(loaded, 7)

    def write(plan: Plan) -> Written | Returned:
        written = task.run(plan)
        compact(loaded)
        assert rows(loaded) == expected(*range(BATCHES))
        return written

    summary = job.carry(loaded.job([ticket], run="early"), 1, write)
    assert list(summary.overtaken) == [ticket[0]] and not summary.returned and not summary.committed
    assert loaded.sink.batch(ticket[0])[:2] == ("sealed", 1) and loaded.sink.batch(ticket[0])[3] is None
    assert rows(loaded) == expected(*range(BATCHES))
    again = job.carry(loaded.job(loaded.sink.start(), run="again"), 1, task.run).committed[ticket[0]]
    assert all(file.path.startswith("compacted/") for file in again.files)
    assert rows(loaded) == expected(*range(BATCHES), 7)
    compact(loaded, grace_hours=0)
    assert rows(loaded) == expected(*range(BATCHES), 7) and loaded.tables() == {}


def test_rows_that_are_committed_while_generations_are_made_are_in_the_next_plan(loaded: Site) -> None:
    late = iter([7])

    def commit_once() -> None:
        for number in late:
            load(loaded, number)

    report = compact(loaded, meanwhile=commit_once)
    assert report.left == {} and report.partitions == 6
    assert rows(loaded) == expected(*range(BATCHES), 7)
    assert len(loaded.through_catalog()) == 6
    compact(loaded, grace_hours=0)
    assert rows(loaded) == expected(*range(BATCHES), 7)


def test_a_day_into_which_rows_keep_coming_is_left_for_the_next_time(
    loaded: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "ROUNDS_MAX", 2)
    numbers = iter(range(10, 99))

    def make_while_rows_come(parts: list[Part]) -> list[Made]:
        made = [generation.Maker(loaded.lake).make(part) for part in parts]
        load(loaded, next(numbers))
        return made

    report = compaction.compact(compacting(loaded), loaded.ledger, make_while_rows_come)
    assert list(report.left) == [f"year=2026/month=09/day={day}" for day in (21, 22)]
    loads = 2 * compaction.ROUNDS_MAX
    assert rows(loaded) == expected(*range(BATCHES), *range(10, 10 + loads))
    with pytest.raises(compaction.Left, match="rows were committed into it"):
        compaction.run(compacting(loaded), make_while_rows_come)


def test_a_zombie_that_writes_behind_the_switch_writes_where_nobody_looks(loaded: Site) -> None:
    batch, attempt = take_in(loaded, 7)
    loaded.ledger.claim(batch, attempt, "zombie")
    layout = layouts.read(loaded.ledger)
    compact(loaded)
    members = tuple(Member(*facts) for facts in loaded.ledger.members(batch))
    plan = Plan(loaded.job([(batch, attempt)], run="zombie"), Ticket(batch, attempt, "zombie"), members, layout)
    written = task.run(plan)
    assert isinstance(written, Written) and set(file.path for file in written.files) <= set(loaded.tables())
    assert rows(loaded) == expected(*range(BATCHES))
    with pytest.raises(Overtaken, match="compaction"):
        job._commit(loaded.ledger, plan, written)
    loaded.sink.bury(["zombie"])
    job.carry(loaded.job(loaded.sink.start(), run="retry"), 1, task.run)
    assert isinstance(task.run(plan), Returned), "the batch is another run's by now"
    compact(loaded, grace_hours=0)
    assert rows(loaded) == expected(*range(BATCHES), 7) and loaded.tables() == {}


def test_who_begins_shuts_out_whoever_began_before(loaded: Site) -> None:
    with pytest.raises(Overtaken, match="another compaction"):
        compact(loaded, meanwhile=lambda: compact(loaded, grace_hours=0))
    assert rows(loaded) == expected(*range(BATCHES)) and len(loaded.through_catalog()) == 6
    assert compact(loaded).partitions == 0


def test_a_batch_that_the_ledger_has_forgotten_keeps_its_rows_and_one_that_died_has_none(
    loaded: Site,
) -> None:
    forgotten = hashlib.sha256(lines(0)).hexdigest()
    boto3.client("dynamodb").delete_item(TableName=loaded.table, Key={"pk": {"S": f"batch#{batch_id(forgotten)}"}})
    batch, attempt = take_in(loaded, 7)
    loaded.ledger.claim(batch, attempt, "dies")
    members = tuple(Member(*facts) for facts in loaded.ledger.members(batch))
    layout = layouts.read(loaded.ledger)
    task.run(Plan(loaded.job([], run="dies"), Ticket(batch, attempt, "dies"), members, layout))
    compact(loaded)
    assert rows(loaded) == expected(*range(BATCHES))


def batch_id(member: str) -> str:
    """The id of the batch of that one member."""
    return hashlib.sha256(bytes.fromhex(member)).hexdigest()


def test_strangers_and_damaged_files_stay_readable(loaded: Site) -> None:
    path = next(path for path in loaded.tables() if path.startswith("logs") and "day=21" in path)
    folder = layouts.folder_of(path)
    key = {"Bucket": loaded.lake.bucket, "Key": loaded.lake.key(f"{folder}/{'0' * 64}-000.parquet")}
    boto3.client("s3").put_object(**key, Body=b"PAR1 this is none PAR1")
    stranger = layouts.folder_of(next(path for path in loaded.tables() if path.startswith("metrics")))
    boto3.client("s3").put_object(Bucket=loaded.lake.bucket, Key=loaded.lake.key(f"{stranger}/notes.txt"), Body=b"mine")
    report = compact(loaded)
    # The batch of zeros is not in the ledger, so its file may count.
    assert list(report.left) == [folder] and report.partitions == 5
    assert f"{stranger}/notes.txt" in loaded.through_catalog()


STEPS: dict[str, tuple[str, int]] = {
    "a merged file": ("PutObject", 2),
    "the list": ("PutObject", 4),
    "the catalog": ("BatchUpdatePartition", 1),
    "the catalog's second table": ("BatchUpdatePartition", 2),
    "the second day": ("PutObject", 6),
    "the removal": ("DeleteObjects", 1),
}


@contextmanager
def cut(operation: str, at: int, behind: bool) -> Iterator[None]:
    """Ends the run before, or behind, that call of that operation."""
    seen = 0

    def count(model: Any, **_: Any) -> None:
        nonlocal seen
        if model.name == operation:
            seen += 1
            if seen == at:
                raise Cut(f"{operation} {at}")

    clients = [objects.client(name) for name in ("s3", "glue")]
    event = "after-call" if behind else "before-call"
    for client in clients:
        client.meta.events.register_first(event, count)
    try:
        yield
    finally:
        for client in clients:
            client.meta.events.unregister(event, count)


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_is_cut_short_is_made_good_by_the_next(loaded: Site, step: str, behind: bool) -> None:
    with cut(*STEPS[step], behind), pytest.raises(Cut):
        compact(loaded, grace_hours=0)
    assert rows(loaded) == expected(*range(BATCHES)), "behind the cut"
    compact(loaded, grace_hours=0)
    assert rows(loaded) == expected(*range(BATCHES)), "behind the next run"
    assert loaded.tables() == {} and len(loaded.through_catalog()) == 6
    load(loaded, 7)
    compact(loaded, grace_hours=0)
    assert rows(loaded) == expected(*range(BATCHES), 7) and len(loaded.through_catalog()) == 6
    assert len(loaded.files("compacted/logs")) == 0 and len(loaded.files("compacted/")) == 7


@pytest.mark.parametrize("call", ["begin_compaction", "switch_layout"])
@pytest.mark.parametrize("behind", [False, True])
def test_a_run_that_is_cut_at_the_ledger_is_made_good_by_the_next(loaded: Site, call: str, behind: bool) -> None:
    class Cutting:
        """The ledger, whose call of that name ends the run."""

        def __getattr__(self, name: str) -> Any:
            found = getattr(loaded.ledger, name)

            def cutting(*told: Any) -> None:
                if behind:
                    found(*told)
                raise Cut(name)

            return cutting if name == call else found

    with pytest.raises(Cut):
        compact(loaded, ledger=Cutting())
    assert rows(loaded) == expected(*range(BATCHES))
    load(loaded, 7)
    compact(loaded, grace_hours=0)
    assert rows(loaded) == expected(*range(BATCHES), 7) and len(loaded.through_catalog()) == 6


def test_readers_have_the_same_rows_before_and_behind_every_call(loaded: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for module, name in (
        (catalog, "_move_some"),
        (objects, "remove_all"),
        (objects, "store_text"),
        (objects, "store_file"),
    ):
        original = getattr(module, name)

        def looking(*told: Any, original: Any = original, **more: Any) -> Any:
            seen.append(rows(loaded))
            result = original(*told, **more)
            seen.append(rows(loaded))
            return result

        monkeypatch.setattr(module, name, looking)
    compact(loaded, grace_hours=0)
    assert len(seen) > 20 and set(map(frozenset, (found.items() for found in seen))) == {
        frozenset(expected(*range(BATCHES)).items())
    }


@pytest.mark.parametrize("catalogued", [False, True])
def test_a_generation_that_was_made_and_not_switched_to_stays_until_it_is_old(catalogued: bool) -> None:
    # The next compaction may find it ready while this one is still at its removals.
    partition, lake_place, now = "metrics/year=2026/month=09/day=21", Place("b", "lake/"), 1_000_000.0
    work = Job((), "", lake_place, "t", "run", database="db", compact_hours=24)
    run = compaction.Compaction(work, None, lambda parts: [], NEVER_COMPACTED, "db")  # type: ignore[arg-type]
    at = catalog.Located(lake_place.url(partition), 0)
    known = {catalog.table_and_values(partition): at} if catalogued else {}
    for age, stale in ((0, False), (50 * 3600, True)):
        path = f"compacted/{'0' * 64}/{partition}/compact-0.parquet"
        found = objects.Found(path, 1, "tag", now - age)
        assert run._is_stale(found, Generations(), known, now - 48 * 3600) is stale


def test_without_a_catalog_there_is_no_compaction(site: Site) -> None:
    with pytest.raises(ValueError, match="catalog"):
        compaction.compact(replace(compacting(site), database=None), site.ledger, lambda parts: [])


def verified(site: Site, code: int = 0) -> dict[str, Any]:
    """What `headrig verify` finds over AWS."""
    places = ["--table", site.table, "--bucket", site.bucket, "--lake", site.lake.url()]
    path_style = {"HEADRIG_S3_PATH_STYLE": "true"}
    run = subprocess.run(
        [headrig(), "verify", *places, "--json"], env=os.environ | path_style, capture_output=True, text=True
    )
    if "was built without it" in run.stdout + run.stderr:
        pytest.skip("this headrig was built without AWS; `cargo xtask test` builds one with it")
    assert run.returncode == code, run.stdout + run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_verify_counts_the_rows_of_generations_once_and_leftovers_not(loaded: Site) -> None:
    def check(lake_files: int, batches: int) -> None:
        found = verified(loaded)
        checked = found["checked"]
        assert (checked["rows"], checked["lake_files"]) == (6 * batches, lake_files) and not found["problems"]

    check(6 * BATCHES, BATCHES)
    compact(loaded)
    # Both generations lie there by now.
    check(6, BATCHES)
    load(loaded, 7)
    check(12, BATCHES + 1)
    compact(loaded)
    check(6, BATCHES + 1)
    compact(loaded, grace_hours=0)
    check(6, BATCHES + 1)
    gone = next(path for path in loaded.files("compacted/") if "/logs/" in path)
    objects.remove(loaded.lake, gone)
    assert {problem["kind"] for problem in verified(loaded, code=3)["problems"]} == {"rows_missing"}
