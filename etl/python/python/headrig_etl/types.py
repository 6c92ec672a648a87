"""What driver and tasks tell each other. All of it is pickled, so it is plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Ticket(NamedTuple):
    """A run's right to a batch: it was started as this attempt."""

    batch: str
    attempt: int
    run: str


class Member(NamedTuple):
    """An object of a batch."""

    key: str
    hash: str
    size: int


class Counts(NamedTuple):
    """What came of a member's bytes."""

    bytes_in: int
    bytes_raw: int
    lines: int
    events: int
    rows: int
    unparsed: int
    dropped_by_rule: int


class LakeFile(NamedTuple):
    """A file of the lake. `path` is relative to the lake, `sha256` is hexadecimal."""

    path: str
    rows: int
    size: int
    sha256: str


class Layout(NamedTuple):
    """The lake's layout as the ledger has it: days before `closed_before`, counted from 1970, may be compacted."""

    epoch: int
    closed_before: int
    late: int
    generations: str | None


NEVER_COMPACTED = Layout(0, 0, 0, None)


class Part(NamedTuple):
    """A partition of a closed day, and its files that count: name, size, S3's tag of the content, and whether they are
    headrig's own. They lie in the folder `location`."""

    partition: str
    location: str
    files: tuple[tuple[str, int, str, bool], ...]


class Made(NamedTuple):
    """What became of a partition: its next generation where there is one, or why it is left as it is."""

    partition: str
    generation: str | None = None
    files_before: int = 0
    files_after: int = 0
    rows: int = 0
    left: str | None = None


@dataclass(frozen=True)
class Place:
    """A bucket and a prefix in it, which is empty or ends with a slash."""

    bucket: str
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Place:
        """Reads `s3://bucket/prefix` (also `s3a://`). Raises ValueError for anything else."""
        scheme, _, rest = text.partition("://")
        bucket, _, prefix = rest.partition("/")
        if scheme not in ("s3", "s3a") or not bucket:
            raise ValueError(f"expected a place such as s3://bucket/lake, found {text!r}")
        prefix = prefix.strip("/")
        return cls(bucket, f"{prefix}/" if prefix else "")

    def key(self, path: str) -> str:
        """The key of `path` in the bucket."""
        return self.prefix + path

    def url(self, path: str = "") -> str:
        """`path` as others name it."""
        return f"s3://{self.bucket}/{self.prefix}{path}"


@dataclass(frozen=True)
class Job:
    """What a run is told, checked. `settings` is the ETL's configuration, as TOML. `region` is the driver's: executors
    need not be told one. Where `compact_hours` is set, the run compacts the days that ended so long ago instead of
    loading batches."""

    batches: tuple[tuple[str, int], ...]
    bucket: str
    lake: Place
    ledger: str
    run: str
    database: str | None = None
    settings: str = ""
    topic_arn: str | None = None
    lease_seconds: int = 900
    failures_max: int = 3
    object_bytes_max: int = 1 << 30
    compact_hours: int | None = None
    grace_hours: int = 48
    region: str | None = None


@dataclass(frozen=True)
class Plan:
    """A task: one batch, all of whose members it reads in the order of their keys, and writes where `layout` has it."""

    job: Job
    ticket: Ticket
    members: tuple[Member, ...]
    layout: Layout = NEVER_COMPACTED


@dataclass(frozen=True)
class Written:
    """A task's good end: the files are in the lake. Each member is either in `counts` or in `quarantined`; `figures`
    is what it brought for the alerts, as JSON, where alerts are set."""

    files: tuple[LakeFile, ...]
    counts: dict[str, Counts]
    quarantined: dict[str, str]
    figures: str | None = None


@dataclass(frozen=True)
class Returned:
    """A task's bad end. `transient`: not the batch's fault, and likely to pass. `unconserved`: lines in and rows out
    do not add up, of which somebody is to hear."""

    reason: str
    transient: bool
    unconserved: bool = False
