"""The deployed stack, from end to end: real files by real agents, through the real function and the job on Spark, to
the lake; every line once. Roles are enforced: what a part calls and its role does not allow fails here.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import conservation
import corpus
import duckdb
import lake
import pipeline
import pytest
from conftest import Deployed
from conservation import Account
from glue import WHEEL
from pipeline import HOSTS, Middle, Passage
from stack import EMULATED, program

pytestmark = pytest.mark.skipif(
    not corpus.CORPORA.is_dir(), reason="no ../shared/corpora beside this checkout: there are no real logs to ship"
)
NEW_BATCH_SIZE = 3
VERIFY_SECONDS = 600


def test_two_hundred_files_are_in_the_lake_once(deployed: Deployed, told: list[str], tmp_path: Path) -> None:
    took = f"deployed in {deployed.deploy_seconds:.0f} s"
    title = f"infra: {pipeline.FILES} real log files through the deployed stack ({took})"
    round_trip(deployed, told, tmp_path, title, "web")


def test_the_same_again_with_an_update_in_the_middle(deployed: Deployed, told: list[str], tmp_path: Path) -> None:
    stack, before = deployed.stack, deployed.stack.function
    said: list[str] = []

    def update() -> None:
        waiting, began = stack.ledger(), time.monotonic()
        assert waiting["batch"].get("running"), "nothing is under way that an update could lose"
        code = ("--zip", str(stack.zip("second")), "--wheel", str(stack.wheel("second")))
        parameters = EMULATED | {"BatchSize": NEW_BATCH_SIZE}
        stack.deploy(*code, "--settings", str(deployed.settings), **parameters)
        deployed.job.define(stack.runs_max)
        said.append(
            f"new function, wheel and batch size in {time.monotonic() - began:.0f} s, during {open_of(waiting)}"
        )

    title = f"infra: {pipeline.FILES} real log files again, with a stack update in the middle"
    round_trip(deployed, told, tmp_path, title, "db", update, said)
    after = stack.function
    assert after["CodeSha256"] != before["CodeSha256"]
    assert after["Environment"]["Variables"]["HEADRIG_BATCH_SIZE"] == str(NEW_BATCH_SIZE)
    # Runs of before the update and behind it, each with the wheel that it was started with.
    assert len({run.book.arguments[WHEEL] for run in deployed.job.runs.values()}) == 2


def round_trip(
    deployed: Deployed,
    told: list[str],
    folder: Path,
    title: str,
    name: str,
    middle: Middle | None = None,
    update: list[str] | None = None,
) -> None:
    """Ships, loads, checks and tells."""
    stack, job = deployed.stack, deployed.job
    runs, before = len(job.runs), stack.ledger()
    names = [f"{name}-{number}" for number in range(1, HOSTS + 1)]
    passage = pipeline.carry(stack, job, names, folder, middle)
    began = time.monotonic()
    after = stack.ledger()
    assert set(after["batch"]) == {"committed"} and after["file"].get("quarantined") == before["file"].get(
        "quarantined"
    )
    assert not job.failures(), job.failures()
    assert deployed.gate.refused == []
    assert job.most_at_once <= stack.runs_max
    assert_no_message_failed(deployed)
    files = lake_files(deployed)
    place = lake.lay_out(files, folder / "lake")
    account = conservation.check(place, passage.hosts)
    assert_the_check_can_fail(place, passage)
    # What earlier rounds brought is as it was.
    deployed.hosts.extend(passage.hosts)
    conservation.check(place, deployed.hosts)
    assert_catalogued(deployed, files)
    verify(deployed)
    counts = {
        "chunks": after["file"]["done"] - before["file"].get("done", 0),
        "batches": after["batch"]["committed"] - before["batch"].get("committed", 0),
        "runs of the job": len(job.runs) - runs,
    }
    told += block(title, account, passage, counts, update or [], time.monotonic() - began)


def assert_the_check_can_fail(place: Path, passage: Passage) -> None:
    """A lake that lacks a file, or has one twice, does not pass."""
    hosts = "[" + ", ".join(f"'{host.name}'" for host in passage.hosts) + "]"
    with duckdb.connect() as connection:
        source = f"read_parquet('{place}/logs/**/*.parquet', filename = true)"
        query = f"SELECT min(filename) FROM {source} WHERE host IN {hosts}"
        found = connection.execute(query).fetchone()
    assert found
    file, aside = Path(found[0]), place / "aside"
    twin = file.with_name("twin.parquet")
    twin.write_bytes(file.read_bytes())
    with pytest.raises(AssertionError, match="lost \\[\\], doubled \\[\\("):
        conservation.check(place, passage.hosts)
    twin.unlink()
    file.rename(aside)
    with pytest.raises(AssertionError, match="lost \\[\\("):
        conservation.check(place, passage.hosts)
    aside.rename(file)


def lake_files(deployed: Deployed) -> dict[str, bytes]:
    """The lake's files, by their paths in the lake."""
    place = deployed.stack.outputs["Lake"].removeprefix("s3://")
    bucket, _, prefix = place.partition("/")
    get = deployed.stack.emulator.client("s3").get_object
    keys = [key for key in deployed.stack.objects(bucket) if key.endswith(".parquet")]
    return {key.removeprefix(prefix): get(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def assert_no_message_failed(deployed: Deployed) -> None:
    """Nothing is in either of the queues for what failed."""
    for queue in ("DeadLetterQueue", "FailedEventsQueue"):
        found = deployed.stack.emulator.client("sqs").receive_message(QueueUrl=deployed.stack.outputs[queue])
        assert "Messages" not in found, found


def assert_catalogued(deployed: Deployed, files: dict[str, bytes]) -> None:
    """The catalog has each partition that files lie in, and no other."""
    glue = deployed.stack.emulator.client("glue")
    for table in ("logs", "metrics"):
        folders = {path.rpartition("/")[0] for path in files if path.startswith(f"{table}/")}
        pages = glue.get_paginator("get_partitions").paginate(
            DatabaseName=deployed.stack.outputs["Database"], TableName=table
        )
        place = deployed.stack.outputs["Lake"]
        found = {
            p["StorageDescriptor"]["Location"].removeprefix(place).rstrip("/")
            for page in pages
            for p in page["Partitions"]
        }
        assert found == folders


def verify(deployed: Deployed) -> None:
    """`headrig verify`, which shares no code with what wrote the rows, says that all adds up."""
    outputs = deployed.stack.outputs
    place = ["--table", outputs["LedgerTable"], "--bucket", outputs["UploadBucket"], "--lake", outputs["Lake"]]
    done = subprocess.run(
        [program("headrig"), "verify", *place],
        env=deployed.stack.emulator.environment(),
        capture_output=True,
        text=True,
        timeout=VERIFY_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def open_of(ledger: dict[str, dict[str, int]]) -> str:
    """What is under way, in words."""
    files, batches = ledger["file"], ledger["batch"]
    going = ", ".join(f"{count} {state}" for state, count in sorted(batches.items()) if state != "committed")
    chunks = files.get("pending", 0) + files.get("batched", 0)
    return f"{chunks} chunks on their way, batches: {going}"


def block(
    title: str, account: Account, passage: Passage, counts: dict[str, int], update: list[str], check_seconds: float
) -> list[str]:
    """What people read."""
    times = f"shipped {passage.shipped:.1f} s, in the lake {passage.loaded:.1f} s after the start"
    facts = [
        ("files, hosts", f"{account.files}, {account.hosts}"),
        ("lines, bytes", f"{account.lines:,}, {account.bytes:,}"),
        *((name, str(count)) for name, count in counts.items()),
        *(("stack update", said) for said in update),
        ("rows in the lake", f"{account.rows:,} (an event of several lines is one row)"),
        ("lines lost, doubled", f"{account.lost}, {account.doubled}"),
        ("time", f"{times}, checked in {check_seconds:.1f} s"),
    ]
    return ["", title, *(f"  {name:<20} {fact}" for name, fact in facts)]
