"""Buckets, ledger and catalog of one test in MiniStack, and the sink's part: what it takes in, seals and starts."""

from __future__ import annotations

import datetime
import hashlib
import json
import socket
import uuid
from dataclasses import dataclass

import boto3

from headrig_etl import catalog, objects, task
from headrig_etl._core import Ledger, SinkSide, tables
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

    def through_catalog(self) -> dict[str, bytes]:
        """The files to which the catalog sends readers, by partition and name, wherever they lie."""
        found = {}
        for (table, values), located in catalog.located(self.database).items():
            keys = next(keys for name, _, keys in tables() if name == table)
            partition = "/".join([table, *(f"{key}={value}" for key, value in zip(keys, values, strict=True))])
            folder = located.location.removeprefix(self.lake.url())
            for path, content in self.files(f"{folder}/").items():
                found[f"{partition}/{path.rpartition('/')[2]}"] = content
        return found

    def partitions(self, table: str) -> list[tuple[str, ...]]:
        """The partitions that the catalog has, sorted."""
        pages = (
            boto3.client("glue").get_paginator("get_partitions").paginate(DatabaseName=self.database, TableName=table)
        )
        return sorted(tuple(partition["Values"]) for page in pages for partition in page["Partitions"])

    def phase(self, batch: str) -> str:
        """How a batch stands."""
        return self.sink.batch(batch)[0]


@dataclass
class Topic:
    """An SNS topic that somebody listens to."""

    arn: str
    queue: str

    @classmethod
    def make(cls) -> Topic:
        """A new one, and its listener."""
        mark = uuid.uuid4().hex[:12]
        arn = boto3.client("sns").create_topic(Name=f"alerts-{mark}")["TopicArn"]
        sqs = boto3.client("sqs")
        queue = sqs.create_queue(QueueName=f"heard-{mark}")["QueueUrl"]
        told = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        address = told["Attributes"]["QueueArn"]
        boto3.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=address)
        return cls(arn, queue)

    def heard(self) -> list[tuple[str, str]]:
        """Subject and text of each message since the last time."""
        sqs, found = boto3.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                body = json.loads(message["Body"])
                found.append((body["Subject"], body["Message"]))
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found


def guessing(address: str = "192.0.2.9") -> dict[str, bytes]:
    """An object with so many failed logins of just now that it is `brute_force`."""
    now = datetime.datetime.now(datetime.UTC)
    lines = []
    for second in range(22):
        at = (now - datetime.timedelta(seconds=22 - second)).isoformat(timespec="microseconds")
        lines.append(f"{at} web-1 sshd[{second}]: Failed password for root from {address} port {2000 + second} ssh2\n")
    return {f"host=web-1/source=auth/{uuid.uuid4().hex}.log": "".join(lines).encode()}
