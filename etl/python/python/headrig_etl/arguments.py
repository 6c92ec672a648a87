"""The job's arguments, as text, to a checked `Job`. Reads the settings that they name; knows no Spark."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from headrig_etl import objects
from headrig_etl._core import Settings
from headrig_etl.types import Job, Place

NEEDED = ("batches", "bucket", "lake", "ledger")
OPTIONAL = ("database", "settings", "topic_arn", "lease_seconds", "failures_max", "object_bytes_max")
COMPACTING = ("lake", "ledger", "database", "compact_hours")
"""What a compaction needs, and no batches."""
NAMES = (*NEEDED, *OPTIONAL, "compact_hours", "grace_hours")
"""All that a job takes; docs/operations/job.md explains each."""

S3 = ("s3", "s3a")


def job_of(told: Mapping[str, str], run: str | None) -> Job:
    """The job. `run` is the engine's id of the run; without one, one is made up. Raises ValueError."""
    is_compaction = bool(told.get("compact_hours"))
    if is_compaction and told.get("batches"):
        raise ValueError("--batches loads and --compact_hours compacts: start a run for each")
    lacking = [name for name in (COMPACTING if is_compaction else NEEDED) if not told.get(name)]
    if lacking:
        raise ValueError(f"the job needs --{', --'.join(lacking)}")
    job = Job(
        batches=() if is_compaction else batches(told["batches"]),
        bucket=told.get("bucket") or "",
        lake=Place.parse(told["lake"]),
        ledger=told["ledger"],
        run=run or f"spark-{uuid.uuid4()}",
        database=told.get("database") or None,
    )
    return replace(
        job,
        settings=_settings(told.get("settings") or ""),
        topic_arn=told.get("topic_arn") or None,
        lease_seconds=_number("lease_seconds", told, job.lease_seconds),
        failures_max=_number("failures_max", told, job.failures_max),
        object_bytes_max=_number("object_bytes_max", told, job.object_bytes_max),
        compact_hours=_number("compact_hours", told, 0) if is_compaction else None,
        grace_hours=_number("grace_hours", told, job.grace_hours, least=0),
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


def _settings(place: str) -> str:
    """The text of the settings at `place`, which can be relied on to be right; nothing says the defaults."""
    if not place:
        return ""
    try:
        text = _text_at(place)
        Settings.parse(text)
    except (OSError, ValueError, objects.LakeRefused) as error:
        raise ValueError(f"--settings {place}: {error}") from error
    return text


def _text_at(place: str) -> str:
    scheme, _, rest = place.rpartition("://")
    if not scheme:
        return Path(place).read_text()
    bucket, _, key = rest.partition("/")
    if scheme not in S3 or not bucket or not key:
        raise ValueError("expected a file, or an object such as s3://bucket/settings.toml")
    text = objects.read_text(Place(bucket), key)
    if text is None:
        raise ValueError("there is no such object; store the settings there")
    return text


def _number(name: str, told: Mapping[str, str], default: int, least: int = 1) -> int:
    text = told.get(name) or str(default)
    if not text.isdecimal() or int(text) < least:
        raise ValueError(f"--{name}: expected a whole number of at least {least}, found {text!r}")
    return int(text)
