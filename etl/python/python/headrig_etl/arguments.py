"""The job's arguments, as text, to a checked `Job`. Knows no Spark."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace

from headrig_etl.types import Job, Place

NEEDED = ("batches", "bucket", "lake", "ledger")
OPTIONAL = ("database", "timezone", "raw", "lease_seconds", "failures_max", "object_bytes_max")
NAMES = NEEDED + OPTIONAL
"""All that a job takes; docs/operations/job.md explains each."""

RAW = {"unparsed": False, "always": True}


def job_of(told: Mapping[str, str], run: str | None) -> Job:
    """The job. `run` is the engine's id of the run; without one, one is made up. Raises ValueError."""
    lacking = [name for name in NEEDED if not told.get(name)]
    if lacking:
        raise ValueError(f"the job needs --{', --'.join(lacking)}")
    job = Job(
        batches=batches(told["batches"]),
        bucket=told["bucket"],
        lake=Place.parse(told["lake"]),
        ledger=told["ledger"],
        run=run or f"spark-{uuid.uuid4()}",
        database=told.get("database") or None,
    )
    return replace(
        job,
        timezone=told.get("timezone") or job.timezone,
        raw=_raw(told.get("raw") or "unparsed"),
        lease_seconds=_number("lease_seconds", told, job.lease_seconds),
        failures_max=_number("failures_max", told, job.failures_max),
        object_bytes_max=_number("object_bytes_max", told, job.object_bytes_max),
    )


def batches(text: str) -> tuple[tuple[str, int], ...]:
    """`<id>:<attempt>,…` as the sink writes it. Raises ValueError."""
    found = []
    for each in text.split(","):
        batch, _, attempt = each.strip().partition(":")
        if not batch or not attempt.isdecimal():
            raise ValueError(f"--batches: expected <id>:<attempt>, found {each!r}")
        found.append((batch, int(attempt)))
    return tuple(found)


def _raw(text: str) -> bool:
    if text not in RAW:
        raise ValueError(f"--raw: expected unparsed or always, found {text!r}")
    return RAW[text]


def _number(name: str, told: Mapping[str, str], default: int) -> int:
    text = told.get(name) or str(default)
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"--{name}: expected a whole number above 0, found {text!r}")
    return int(text)
