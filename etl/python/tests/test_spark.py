"""The job, unmodified, on a real local Spark against MiniStack: what it writes is what `headrig local` writes, whatever
happens to it on the way."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import boto3
import pytest

import faults
import lake
import local
import spark
from cloud import Site, Topic, guessing
from headrig_etl.alerting import figures_path
from local import LocalLake

pytest.importorskip("pyspark", reason="Spark is not installed; `cargo xtask test` does that")
pytestmark = pytest.mark.spark

ALERTS = """
[[alert]]
name = "account_under_attack"
threshold = 20

[[alert]]
name = "brute_force"
enabled = false
"""
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


def test_rules_and_alerts_of_the_settings_hold_and_what_a_killed_run_did_not_tell_the_next_one_tells(
    site: Site, ruled: LocalLake
) -> None:
    topic = Topic.make()
    settings = local.RULES + ALERTS
    boto3.client("s3").put_object(Bucket=site.bucket, Key="etc/settings.toml", Body=settings.encode())
    told = {"settings": f"s3://{site.bucket}/etc/settings.toml", "topic_arn": topic.arn}

    (attacked,) = site.take_in(guessing(), 1)
    started = site.sink.start()
    with faults.Proxy(site.endpoint, faults.PHASES["after the commit"]) as proxy:
        killed = spark.Running(site, started, "killed", proxy.url, **told)
        proxy.kill = killed.kill
        _, said = killed.end()
        assert proxy.struck.is_set(), said
    assert site.phase(attacked) == "committed" and topic.heard() == []
    assert list(site.files("figures/")) == [figures_path(attacked)]

    for members in ruled.batches:
        site.take_in(members, len(members))
    # The batch whose commit nobody heard of is asked for again, too.
    spark.run(site, [*site.sink.start(), *started], "next", **told)
    ((subject, text),) = topic.heard()
    assert subject == "headrig alert: medium account_under_attack" and "22 failed logins as root" in text
    assert not site.files("figures/")
    others = {path: content for path, content in site.tables().items() if attacked not in path}
    assert others == ruled.files
    accounts = {path: content for path, content in site.files("batches/").items() if path.count("-") == 0}
    assert {path: each for path, each in accounts.items() if attacked not in path} == ruled.accounts
    assert f"batches/{attacked}.json" in accounts


def test_a_compaction_that_is_killed_and_run_again_leaves_every_row_once_for_who_reads_through_the_catalog(
    site: Site, logs: LocalLake, tmp_path: Path
) -> None:
    # Three kinds of logs in each batch, so that the first two share partitions.
    chunks = sorted(logs.chunks.items())
    early, late = dict(chunks[:6]), dict(chunks[6:])
    site.take_in(early, 3)
    spark.run(site, site.sink.start(), "run-1")
    committed = {hashlib.sha256(content).hexdigest() for content in early.values()}
    before = lake.messages(site.through_catalog())
    in_mid_move = faults.Fault(lambda it: it.action.endswith("BatchUpdatePartition"), "after")
    with faults.Proxy(site.endpoint, in_mid_move) as proxy:
        killed = spark.Running(site, [], "compact-1", proxy.url, compact_hours="24")
        proxy.kill = killed.kill
        _, said = killed.end()
        assert proxy.struck.is_set(), said
    assert lake.messages(site.through_catalog()) == before

    # This one is overtaken: it has written, and is held up before its commit, while the next compaction begins.
    site.take_in(late, len(late))
    held = faults.Fault(lambda it: it.path.endswith("-manifest.json"), "hold", lasts=True)
    with faults.Proxy(site.endpoint, held) as proxy:
        overtaken = spark.Running(site, site.sink.start(), "run-2", proxy.url)
        assert proxy.struck.wait(spark.RUN_SECONDS)
        said = spark.run(site, [], "compact-2", compact_hours="24", grace_hours="0")
        assert "compacted Report" in said
        assert lake.messages(site.through_catalog(), committed) == before
        proxy.go_on.set()
        code, said = overtaken.end()
    assert code == 0 and "1 overtaken by a compaction" in said, said
    spark.run(site, site.sink.start(), "run-3")
    lake.assert_same(site.through_catalog(), logs.files, tmp_path / "late")
    spark.run(site, [], "compact-3", compact_hours="24", grace_hours="0")
    files = site.through_catalog()
    assert len(files) == len({path.rpartition("/")[0] for path in files}), "a file a partition"
    lake.assert_same(files, logs.files, tmp_path / "compacted")


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
