"""The job, unmodified, on a real local Spark against MiniStack: what it writes is what `headrig local` writes, whatever
happens to it on the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import faults
import lake
import spark
from cloud import Site
from local import LocalLake

pytest.importorskip("pyspark", reason="Spark is not installed; `cargo xtask test` does that")
pytestmark = pytest.mark.spark

PAIRS = 2
"""Members of a batch in tests that need many batches."""


def in_pairs(site: Site, logs: LocalLake, batches: int) -> list[str]:
    """Takes in so many batches' worth of chunks; returns the ids of the batches."""
    chosen = dict(sorted(logs.chunks.items())[: PAIRS * batches])
    return site.take_in(chosen, PAIRS)


def test_a_first_run_writes_the_very_files_of_headrig_local(site: Site, logs: LocalLake, tmp_path: Path) -> None:
    assert len(logs.batches) > 1, "partitions have to be shared by batches"
    for members in logs.batches:
        site.take_in(members, len(members))
    spark.run(site, site.sink.start(), "run-1")
    found = site.tables()
    assert found == logs.files
    lake.assert_same(found, logs.files, tmp_path)
    folders = {
        tuple(part.partition("=")[2] for part in path.split("/")[1:-1]) for path in found if path.startswith("logs")
    }
    assert site.partitions("logs") == sorted(folders)
    assert len(site.files("batches/")) == len(logs.batches)


def test_a_crash_in_any_phase_is_made_good_by_the_next_attempt(site: Site, logs: LocalLake, tmp_path: Path) -> None:
    batches = in_pairs(site, logs, len(faults.PHASES))
    started = dict(site.sink.start())
    for batch, (phase, fault) in zip(batches, faults.PHASES.items(), strict=True):
        with faults.Proxy(site.endpoint, faults.Fault(fault.is_phase, fault.action, fault.at)) as proxy:
            job = spark.Running(site, [(batch, started[batch])], f"run of {phase}".replace(" ", "-"), proxy.url)
            proxy.kill = job.kill
            _, said = job.end()
            assert proxy.struck.is_set(), f"{phase}: the job ended otherwise\n{said}"
        expected = "committed" if phase == "after the commit" else "running"
        assert site.phase(batch) == expected, f"{phase}\n{said}"
    dead = [f"run of {phase}".replace(" ", "-") for phase in faults.PHASES]
    assert len(site.sink.bury(dead)) == len(batches) - 1

    again = site.sink.start()
    # The one whose answer was lost is asked for again, too: that must do nothing.
    spark.run(site, [*again, (batches[-1], started[batches[-1]])], "run-2")

    assert {site.phase(batch) for batch in batches} == {"committed"}
    lake.assert_same(site.tables(), logs.files, tmp_path)
    left = [path for path in site.files("batches/") if "-plan-" in path]
    # The run that was killed after its commit had no time to tidy up.
    assert left == [f"batches/{batches[-1]}-plan-000001.json"]


def test_a_zombie_that_writes_after_the_retry_committed_changes_nothing(
    site: Site, logs: LocalLake, tmp_path: Path
) -> None:
    (batch,) = site.take_in(logs.chunks, len(logs.chunks))
    site.sink.start()
    stall = faults.Fault(faults.Request.is_file, "hold", at=4)
    with faults.Proxy(site.endpoint, stall) as proxy:
        zombie = spark.Running(site, [(batch, 1)], "zombie", proxy.url)
        assert proxy.struck.wait(spark.RUN_SECONDS)
        # Glue says that the run is dead; it is not.
        assert site.sink.bury(["zombie"]) == [batch]
        spark.run(site, site.sink.start(), "retry")
        committed = site.files()
        proxy.go_on.set()
        code, said = zombie.end()
    assert code != 0 and "this run" in said, said
    assert site.sink.batch(batch)[:3] == ("committed", 2, "retry")
    # Beside the tables the zombie may leave its plan, which nobody reads any more.
    assert {path: content for path, content in site.files().items() if "-plan-" not in path} == committed
    lake.assert_same(site.tables(), logs.files, tmp_path)


def test_poison_is_set_aside_a_lost_answer_is_known_again_and_what_is_not_ours_is_left(
    site: Site, logs: LocalLake, tmp_path: Path
) -> None:
    *good, (victim, content) = sorted(logs.chunks.items())
    bad = {"host=web-1/source=bad/torn.log.zst": content[: len(content) * 4 // 5]}
    (batch,) = site.take_in(dict(good) | bad, len(good) + 1)
    (other,) = site.take_in({victim: content}, 1)
    attempts = dict(site.sink.start())

    lost = faults.Fault(faults.PHASES["after the commit"].is_phase, "answer")
    with faults.Proxy(site.endpoint, lost) as proxy:
        # Attempt 7 of the other batch was never started.
        code, said = spark.Running(site, [(batch, attempts[batch]), (other, 7)], "run-1", proxy.url).end()
        assert proxy.struck.is_set()
    assert code == 0, said
    assert "is not ours" in said
    assert site.phase(batch) == "committed" and site.phase(other) == "starting"

    manifest = json.loads(site.files("batches/")[f"batches/{batch}-manifest.json"])
    told = {member["key"]: member for member in manifest["members"]}
    torn = told["host=web-1/source=bad/torn.log.zst"]
    phase, _, reason = site.sink.file(torn["hash"])
    assert phase == "quarantined" and reason == torn["quarantined"]
    assert [file["path"] for file in manifest["files"]] == sorted(site.tables())

    spark.run(site, [(other, attempts[other])], "run-2")
    lake.assert_same(site.tables(), logs.files, tmp_path)


def test_the_example_counts_failed_logins_by_map_in_arrow(site: Site, logs: LocalLake, repository: Path) -> None:
    site.take_in(logs.chunks, 5)
    program = repository / "etl/python/examples/failed_logins.py"
    code, said = spark.end(spark.submit(program, [site.bucket, ""], site.endpoint))
    assert code == 0, said
    counted = [line.split("|")[1:4] for line in said.splitlines() if line.startswith("|192.0.2.")]
    inputs = logs.folder.parent / "in"
    lines = [line for file in inputs.iterdir() for line in file.read_text().splitlines() if "Failed password" in line]
    by_hand: dict[tuple[str, str], int] = {}
    for line in lines:
        address = line.split(" from ")[1].split()[0]
        user = "bob" if "invalid user bob" in line else "root"
        by_hand[address, user] = by_hand.get((address, user), 0) + 1
    # The example shows the first twenty.
    best = sorted(by_hand.items(), key=lambda found: (-found[1], found[0]))[:20]
    found = [((address.strip(), user.strip()), int(count)) for address, user, count in counted]
    assert found == best
