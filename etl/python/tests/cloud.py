"""Buckets, ledger and catalog of one test in MiniStack, and the sink's part: what it takes in, seals and starts."""

from __future__ import annotations

import hashlib
import socket
import uuid
from dataclasses import dataclass

import boto3

from headrig_etl import catalog, objects, task
from headrig_etl._core import Ledger, SinkSide
from headrig_etl.types import Job, Place

LEASE_SECONDS = 600


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Site:
    """One test's places."""

    endpoint: str
    bucket: str
    lake: Place
    table: str
    database: str
    sink: SinkSide
    ledger: Ledger

    @classmethod
    def make(cls, endpoint: str) -> Site:
        """New ones, all empty."""
        objects.client.cache_clear()
        mark = uuid.uuid4().hex[:12]
        bucket, lake = f"upload-{mark}", Place(f"lake-{mark}", "some/lake/")
        for name in (bucket, lake.bucket):
            boto3.client("s3").create_bucket(Bucket=name)
        catalog.create(f"logs_{mark}", lake)
        job = Job((), bucket, lake, f"ledger-{mark}", "run", lease_seconds=LEASE_SECONDS)
        ledger = task.ledger_of(job)
        sink = SinkSide(ledger)
        sink.create_table()
        return cls(endpoint, bucket, lake, job.ledger, f"logs_{mark}", sink, ledger)

    def take_in(self, content: dict[str, bytes], files: int) -> list[str]:
        """Stores objects, takes them in and seals them to batches of so many; returns the batches' ids."""
        told = []
        for key, each in content.items():
            boto3.client("s3").put_object(Bucket=self.bucket, Key=key, Body=each)
            told.append((key, hashlib.sha256(each).hexdigest(), len(each)))
        self.sink.ingest(told)
        return self.sink.seal(files)

    def job(self, batches: list[tuple[str, int]], run: str = "run-1", **more: object) -> Job:
        """A job for these batches."""
        settings = {"database": self.database, "lease_seconds": LEASE_SECONDS} | more
        return Job(tuple(batches), self.bucket, self.lake, self.table, run, **settings)

    def files(self, under: str = "") -> dict[str, bytes]:
        """What the lake's place holds, by path."""
        found = sorted(objects.list_paths(self.lake, under))
        read = boto3.client("s3").get_object
        return {path: read(Bucket=self.lake.bucket, Key=self.lake.key(path))["Body"].read() for path in found}

    def tables(self) -> dict[str, bytes]:
        """The files of both tables."""
        return self.files("logs/") | self.files("metrics/")

    def partitions(self, table: str) -> list[tuple[str, ...]]:
        """The partitions that the catalog has, sorted."""
        pages = (
            boto3.client("glue").get_paginator("get_partitions").paginate(DatabaseName=self.database, TableName=table)
        )
        return sorted(tuple(partition["Values"]) for page in pages for partition in page["Partitions"])

    def phase(self, batch: str) -> str:
        """How a batch stands."""
        return self.sink.batch(batch)[0]
