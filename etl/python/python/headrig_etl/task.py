"""A task: one batch from its objects to its files in the lake. It runs on an executor.

All members go through one run of the core, in the order of their keys, since a stream's format and the files'
rows depend on all of them. The files are made on the executor's disk first and stored when the last is whole, so
that no file of a pass which a bad member ended is ever seen in the lake.

Memory: the largest object, the core's rows (36 MiB by default) and one file being made. Disk: the batch's files.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3

from headrig_etl import documents, layouts, objects
from headrig_etl._core import Ledger, LedgerUnavailable, Settings, Unconserved, Unreadable, write_batch
from headrig_etl.types import Counts, Job, LakeFile, Plan, Returned, Written

STORES_AT_ONCE = 8
"""Files stored at the same time; each waits for S3 nearly all of its time."""

FENCE_PER_LEASE = 3
"""A proof of ownership counts for this part of a lease: what is begun within it ends before the lease does."""

log = logging.getLogger("headrig.task")


def run(plan: Plan) -> Written | Returned:
    """Writes the batch. What goes wrong is returned, so that Spark does not repeat what the ledger shall decide."""
    enter(plan.job.region)
    try:
        with tempfile.TemporaryDirectory(prefix="headrig-") as folder:
            staging, written = _write(plan, Path(folder))
            _store(plan, staging)
            return written
    except (objects.LakeRefused, OSError) as error:
        # A full disk or a lake that nobody may write would fail any batch.
        return Returned(f"{error}", transient=True)
    except Unconserved as error:
        return Returned(f"{error}", transient=False, unconserved=True)
    except Exception as error:
        return Returned(f"{type(error).__name__}: {error}", transient=is_passing(error))


def enter(region: str | None) -> None:
    """Makes it this process's region, where none was told: boto3 reads one of the names, the ledger the other."""
    if region:
        for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
            os.environ.setdefault(name, region)


def is_passing(error: Exception) -> bool:
    """Whether another time the same may go well."""
    return isinstance(error, LedgerUnavailable) or objects.is_transient(error)


def ledger_of(job: Job) -> Ledger:
    """The job's ledger, with this process's credentials."""
    session = boto3.Session()

    def credentials() -> tuple[str, str, str | None, int | None]:
        found = session.get_credentials()
        if found is None:
            raise RuntimeError("boto3 finds no credentials; give the job a role")
        # The end of temporary credentials is boto3's to know: asked again after a quarter of an hour.
        frozen = found.get_frozen_credentials()
        return frozen.access_key, frozen.secret_key, frozen.token, None

    return Ledger(job.ledger, credentials, job.lease_seconds, job.failures_max)


class Staging:
    """Files on the executor's disk, on their way to the lake."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[LakeFile] = []

    def clear(self) -> None:
        """Forgets what a pass wrote."""
        for file in self.files:
            self.local(file).unlink()
        self.files = []

    def write(self, path: str, content: bytes, rows: int) -> None:
        """Takes a file from the core."""
        file = LakeFile(path, rows, len(content), hashlib.sha256(content).hexdigest())
        self.local(file).write_bytes(content)
        self.files.append(file)

    def local(self, file: LakeFile) -> Path:
        """Where a file lies on the disk."""
        return self.folder / file.path.replace("/", "%")


def _write(plan: Plan, folder: Path) -> tuple[Staging, Written]:
    """Makes the files, again without each member that turns out to be unreadable: at most a pass for each."""
    job = plan.job
    settings = Settings.parse(job.settings)
    generations = layouts.generations(job.lake, plan.layout)
    quarantined: dict[str, str] = {}
    staging = Staging(folder)
    while True:
        members = [(member.key, member.hash) for member in plan.members if member.key not in quarantined]
        try:
            counts, figures = write_batch(
                plan.ticket.batch,
                members,
                settings,
                lambda key: objects.read(job.bucket, key, job.object_bytes_max),
                lambda path, content, rows: staging.write(generations.place(path), content, rows),
            )
            by_key = {key: Counts(*found) for (key, _), found in zip(members, counts, strict=True)}
            return staging, Written(tuple(sorted(staging.files)), by_key, quarantined, figures)
        except Unreadable as error:
            key, reason = error.args
            log.warning("batch %s: object %s is set aside: %s", plan.ticket.batch, key, reason)
            quarantined[key] = reason
            staging.clear()


def _store(plan: Plan, staging: Staging) -> None:
    """Names the files in a plan, then stores them for as long as the batch is this run's."""
    lake, fence = plan.job.lake, Fence(plan)
    fence.hold()
    objects.store_text(lake, documents.plan_path(plan.ticket), documents.plan_text(file.path for file in staging.files))

    def store(file: LakeFile) -> None:
        fence.hold()
        objects.store_file(lake, file, staging.local(file), fence.prove)

    with ThreadPoolExecutor(STORES_AT_ONCE) as pool:
        for _ in pool.map(store, staging.files):
            pass


class Fence:
    """Keeps a run that lost its batch from storing: what is stored is stored within a lease that this took.

    A run may have been asleep since its claim, and a run of another version or with other settings may have
    committed the batch since, under other keys.
    """

    def __init__(self, plan: Plan) -> None:
        self._ledger = ledger_of(plan.job)
        self._ticket = plan.ticket
        self._good_for = plan.job.lease_seconds / FENCE_PER_LEASE
        self._proved = float("-inf")
        self._lock = threading.Lock()

    def hold(self) -> None:
        """Raises `Refused` when the batch is another run's; asks the ledger only where the last answer is old."""
        with self._lock:
            if time.monotonic() - self._proved > self._good_for:
                self._ask()

    def prove(self) -> None:
        """The same, and always asks."""
        with self._lock:
            self._ask()

    def _ask(self) -> None:
        asked = time.monotonic()
        self._ledger.renew(*self._ticket)
        self._proved = asked
