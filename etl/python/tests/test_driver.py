"""The driver and the task against MiniStack, without Spark: what is given back, what is removed, who may write."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import os
import threading
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from cloud import Site
from headrig_etl import documents, job, objects, task
from headrig_etl.types import LakeFile, Member, Plan, Returned, Ticket, Written

LINE = b'10.0.0.1 - - [21/Sep/2026:10:00:00 +0000] "GET / HTTP/1.1" 500 7 "-" "curl"\n'
UNDATED = b"2026-09-21 00:30:00 ERROR out of it\n"
OBJECTS = {"host=h/source=a/one.log": LINE * 5, "host=h/source=b/two.log": UNDATED}


def start(site: Site, content: dict[str, bytes] | None = None) -> str:
    """A batch that waits for its claim."""
    content = OBJECTS if content is None else content
    (batch,) = site.take_in(content, len(content))
    assert site.sink.start() == [(batch, 1)]
    return batch


def test_a_batch_is_committed_once_and_asked_again_nothing_happens(site: Site) -> None:
    batch = start(site)
    assert list(job.carry(site.job([(batch, 1)]), 2, task.run).committed) == [batch]
    files = site.files()
    again = job.carry(site.job([(batch, 1)], run="run-2"), 2, task.run)
    assert list(again.refused) == [batch] and site.files() == files
    assert site.sink.file(hashlib.sha256(LINE * 5).hexdigest())[:2] == ("done", 5)


def test_tasks_work_in_the_drivers_region_when_nobody_told_them_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = start(site)
    names = ("AWS_REGION", "AWS_DEFAULT_REGION")
    seen = []

    def on_an_executor(plan: Plan) -> Written | Returned:
        for name in names:
            monkeypatch.delenv(name)
        written = task.run(plan)
        seen.append({name: os.environ[name] for name in names})
        return written

    assert list(job.carry(site.job([(batch, 1)]), 1, on_an_executor).committed) == [batch]
    assert seen == [dict.fromkeys(names, boto3.Session().region_name)]


def test_a_topic_tells_the_region_where_the_driver_has_none(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    topic = "arn:aws:sns:eu-central-1:123456789012:headrig-alarms"
    assert job.region_of(site.job([], topic_arn=topic)) == "eu-central-1"
    assert job.region_of(site.job([])) is None


def test_a_ledger_that_does_not_know_the_batch_or_is_not_there_fails_the_run(site: Site) -> None:
    summary = job.carry(site.job([("0" * 64, 1)]), 1, task.run)
    assert "no batch" in summary.returned["0" * 64]
    nowhere = replace(site.job([("0" * 64, 1)]), ledger="no-such-table")
    assert list(job.carry(nowhere, 1, task.run).returned) == ["0" * 64]
    assert not site.files()


def test_a_missing_object_and_one_too_large_are_set_aside(site: Site) -> None:
    batch = start(site, OBJECTS | {"gone.log": b"x\n", "large.log": LINE * 100})
    boto3.client("s3").delete_object(Bucket=site.bucket, Key="gone.log")
    summary = job.carry(site.job([(batch, 1)], object_bytes_max=5_000), 1, task.run)
    quarantined = summary.committed[batch].quarantined
    assert "not in the bucket" in quarantined["gone.log"]
    assert "expected at most 5000 bytes, found 7600" in quarantined["large.log"]
    assert site.sink.file(hashlib.sha256(LINE * 5).hexdigest())[0] == "done"


def test_no_file_of_a_pass_that_a_bad_member_ended_reaches_the_lake(site: Site) -> None:
    # So many days that the core writes some of them out before it comes to the damage.
    first = datetime.date(1990, 1, 1)
    days = (first + datetime.timedelta(days=number) for number in range(12_000))
    content = gzip.compress("".join(f"{day} 12:00:00 ERROR {'x' * 150} {day}\n" for day in days).encode())
    batch = start(site, {"host=h/source=a/one.log": LINE, "host=h/source=b/torn.gz": content[: len(content) * 9 // 10]})
    written = job.carry(site.job([(batch, 1)]), 1, task.run).committed[batch]
    assert list(written.quarantined) == ["host=h/source=b/torn.gz"]
    assert len(written.files) == 2
    assert sorted(site.tables()) == [file.path for file in written.files]


def test_a_batch_of_nothing_readable_is_committed_without_files(site: Site) -> None:
    batch = start(site, {"gone.log": b"x\n"})
    boto3.client("s3").delete_object(Bucket=site.bucket, Key="gone.log")
    job.carry(site.job([(batch, 1)]), 1, task.run)
    assert site.phase(batch) == "committed" and list(site.files()) == [documents.manifest_path(batch)]


def test_a_defect_counts_against_the_batch_and_an_outage_does_not(site: Site) -> None:
    batch = start(site)
    for attempt, outcome in enumerate([Returned("a defect", False), Returned("an outage", True)], start=1):
        summary = job.carry(site.job([(batch, attempt)]), 1, lambda _, outcome=outcome: outcome)
        assert summary.returned == {batch: outcome.reason}
        assert site.phase(batch) == "sealed"
        site.sink.start()
    assert site.sink.batch(batch)[3] == "a defect"


def test_a_lake_that_refuses_is_no_fault_of_the_batch(site: Site) -> None:
    batch = start(site)
    lost = replace(site.job([(batch, 1)]), lake=replace(site.lake, bucket="no-such-bucket-here"))
    summary = job.carry(lost, 1, task.run)
    assert "mend the bucket" in summary.returned[batch]
    assert site.phase(batch) == "sealed" and site.sink.batch(batch)[3] is None


def test_an_exception_on_the_way_gives_the_batch_back(site: Site) -> None:
    def broken(plan: Plan) -> Written:
        raise RuntimeError("the executor is gone")

    batch = start(site)
    assert "the executor is gone" in job.carry(site.job([(batch, 1)]), 1, broken).returned[batch]
    assert site.sink.batch(batch)[3] == "RuntimeError: the executor is gone"


def test_what_an_attempt_with_other_settings_left_is_gone_before_the_commit(site: Site) -> None:
    batch = start(site)
    first = site.job([(batch, 1)], run="first", settings="[etl]\ntimezone = 'Europe/Berlin'")

    def dies_after_storing(plan: Plan) -> Returned:
        assert isinstance(task.run(plan), Written)
        return Returned("died", True)

    job.carry(first, 1, dies_after_storing)
    left = set(site.tables())
    assert site.sink.start() == [(batch, 2)]
    job.carry(site.job([(batch, 2)], run="second"), 1, task.run)
    stored = set(site.tables())
    assert any("day=20" in path for path in left) and not any("day=20" in path for path in stored)
    assert list(site.files("batches/")) == [documents.manifest_path(batch)]


def test_a_zombie_with_other_settings_stores_nothing_once_it_lost_the_batch(site: Site) -> None:
    batch = start(site)
    site.ledger.claim(batch, 1, "zombie")
    plan = Plan(
        site.job([(batch, 1)], run="zombie", settings="[etl]\nraw = 'always'"),
        Ticket(batch, 1, "zombie"),
        members(site, batch),
    )
    site.sink.bury(["zombie"])
    site.sink.start()
    job.carry(site.job([(batch, 2)], run="retry"), 1, task.run)
    before = site.files()
    late = task.run(plan)
    assert isinstance(late, Returned) and not late.transient and "this run" in late.reason
    assert site.files() == before


def test_other_bytes_are_replaced_by_the_owner_only(site: Site, tmp_path: Path) -> None:
    batch = start(site)
    paths = job.carry(site.job([(batch, 1)]), 1, task.run).committed[batch].files
    target = paths[0]
    key = {"Bucket": site.lake.bucket, "Key": site.lake.key(target.path)}
    boto3.client("s3").put_object(**key, Body=b"another version's")
    whole = site.tables()

    def refuse() -> None:
        raise PermissionError("not the owner")

    good = LakeFile(target.path, 1, 3, hashlib.sha256(b"abc").hexdigest())
    local = tmp_path / "file"
    local.write_bytes(b"abc")
    with pytest.raises(PermissionError):
        objects.store_file(site.lake, good, local, refuse)
    assert site.tables() == whole
    objects.store_file(site.lake, good, local, lambda: None)
    assert site.tables()[target.path] == b"abc"


def test_the_manifest_is_the_same_whichever_attempt_wrote_it(site: Site) -> None:
    batch = start(site)
    manifests = []
    for attempt, end in ((1, Returned("died", True)), (2, None)):

        def write(plan: Plan, end: Returned | None = end) -> Written | Returned:
            written = task.run(plan)
            assert isinstance(written, Written)
            manifests.append(documents.manifest_text(plan, written))
            return end or written

        job.carry(site.job([(batch, attempt)], run=f"run-{attempt}"), 1, write)
        if end:
            site.sink.start()
    assert manifests[0] == manifests[1] == site.files("batches/")[documents.manifest_path(batch)].decode()


def test_a_lease_is_renewed_while_the_batch_is_written(site: Site) -> None:
    batch = start(site)
    renewed = []

    class Watched:
        def __getattr__(self, name: str) -> object:
            return getattr(site.ledger, name)

        def renew(self, *ticket: object) -> None:
            renewed.append(ticket)

    ended = threading.Event()
    with job._renewed(Watched(), Ticket(batch, 1, "run"), lease_seconds=job.RENEWALS_PER_LEASE / 50):
        ended.wait(0.3)
    count = len(renewed)
    assert count >= 2 and renewed[0] == (batch, 1, "run")
    ended.wait(0.1)
    assert len(renewed) == count


def members(site: Site, batch: str) -> tuple[Member, ...]:
    """The batch's members as a plan has them."""
    return tuple(Member(*facts) for facts in site.ledger.members(batch))
