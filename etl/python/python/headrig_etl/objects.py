"""S3: members are read, lake files and documents are stored. Knows no ledger and no rows.

Invariants: an object is read whole or not at all; a file of the lake is stored under a checksum that S3 verifies,
and is replaced by other bytes only after `prove` has shown that the batch is this run's.
"""

from __future__ import annotations

import base64
import http.client
import logging
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from headrig_etl._core import Unreadable
from headrig_etl.types import LakeFile, Place

READ_TRIES = 3
"""How often a body that breaks off is asked for again; requests themselves are retried by boto3."""
CALL_TRIES = 5
"""Attempts of a request."""
CONNECT_SECONDS, ANSWER_SECONDS = 5, 60
CONNECTIONS = 16
PRECONDITION_FAILED, CONFLICT = 412, 409
STORE_TRIES = 5
"""How often a file is stored again that somebody else was just storing."""
REMOVED_AT_ONCE = 1000
"""What DeleteObjects takes."""
GONE = ("NoSuchKey", "404", "NotFound")
THROTTLED = ("SlowDown", "Throttling", "ThrottlingException", "RequestTimeout", "RequestLimitExceeded")


log = logging.getLogger("headrig.objects")


class LakeRefused(Exception):
    """The lake or the catalog refuses to be written: nothing a batch is to blame for."""


_MAKING = threading.Lock()
"""boto3 makes clients one at a time."""


@cache
def client(service: str) -> Any:
    """A client of this process. AWS_ENDPOINT_URL and the usual variables are boto3's to respect."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": CALL_TRIES},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=ANSWER_SECONDS,
        max_pool_connections=CONNECTIONS,
        user_agent_appid="headrig-job",
    )
    with _MAKING:
        return boto3.client(service, config=config)


def is_transient(error: BaseException) -> bool:
    """Whether waiting may heal it: throttling, errors of the other side, lost connections."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or status == 429 or code_of(error) in THROTTLED
    return isinstance(error, BotoCoreError | urllib3.exceptions.HTTPError | OSError | http.client.HTTPException)


def code_of(error: ClientError) -> str:
    """AWS's name for the error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def read(bucket: str, key: str, bytes_max: int) -> tuple[bytes, int]:
    """An object's bytes, and when it was stored, in microseconds since 1970.

    Raises `Unreadable` where there is no such object, or one of more than `bytes_max` bytes; ClientError and the
    connection's own errors otherwise.
    """
    for left in reversed(range(READ_TRIES)):
        try:
            return _read_once(bucket, key, bytes_max)
        except (urllib3.exceptions.HTTPError, BotoCoreError, http.client.HTTPException):
            if left == 0:
                raise
    raise AssertionError("the last try returns or raises")


def _read_once(bucket: str, key: str, bytes_max: int) -> tuple[bytes, int]:
    try:
        answer = client("s3").get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if code_of(error) in GONE:
            raise Unreadable(key, "the object is not in the bucket; put it back and replay it") from error
        raise
    with answer["Body"] as body:
        size = answer["ContentLength"]
        if size > bytes_max:
            raise Unreadable(
                key, f"expected at most {bytes_max} bytes, found {size}; split the object, or raise object_bytes_max"
            )
        content = body.read()
    if len(content) != size:
        raise http.client.IncompleteRead(content, size - len(content))
    return content, round(answer["LastModified"].timestamp() * 1_000_000)


def store_file(lake: Place, file: LakeFile, local: Path, prove: Callable[[], None]) -> None:
    """Stores a lake file that lies at `local`; does nothing where the same bytes are there already.

    Before other bytes are replaced, which a run of another version or with other settings wrote, `prove` has to
    prove that the batch is this run's; it raises where it is not. Raises `LakeRefused`, or what boto3 raises.
    """
    checksum = base64.b64encode(bytes.fromhex(file.sha256)).decode()
    if _put(lake, file.path, local, checksum, IfNoneMatch="*") or _checksum(lake, file.path) == checksum:
        return
    prove()
    _put(lake, file.path, local, checksum)


def _put(lake: Place, path: str, local: Path, checksum: str, **condition: str) -> bool:
    """Whether the file was stored; not where the condition does not hold."""
    for left in reversed(range(STORE_TRIES)):
        try:
            with local.open("rb") as body:
                client("s3").put_object(
                    Bucket=lake.bucket, Key=lake.key(path), Body=body, ChecksumSHA256=checksum, **condition
                )
            return True
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == PRECONDITION_FAILED:
                return False
            if status != CONFLICT or left == 0:
                raise _refused(error, lake.url(path)) from error
    raise AssertionError("the last try returns or raises")


def _checksum(lake: Place, path: str) -> str | None:
    """The checksum that S3 verified when the file was stored."""
    try:
        head = client("s3").head_object(Bucket=lake.bucket, Key=lake.key(path), ChecksumMode="ENABLED")
    except ClientError as error:
        if code_of(error) in GONE:
            return None
        raise _refused(error, lake.url(path)) from error
    checksum: str | None = head.get("ChecksumSHA256")
    return checksum


def store_text(lake: Place, path: str, text: str) -> None:
    """Stores a document beside the lake, in place of one that is there."""
    try:
        client("s3").put_object(
            Bucket=lake.bucket, Key=lake.key(path), Body=text.encode(), ContentType="application/json"
        )
    except ClientError as error:
        raise _refused(error, lake.url(path)) from error


def read_text(lake: Place, path: str) -> str | None:
    """A document beside the lake; none where there is no such."""
    try:
        content: bytes = client("s3").get_object(Bucket=lake.bucket, Key=lake.key(path))["Body"].read()
    except ClientError as error:
        if code_of(error) in GONE:
            return None
        raise _refused(error, lake.url(path)) from error
    return content.decode()


class Found(NamedTuple):
    """An object of a listing: its path in the lake, its size, S3's tag of its content, and when it was stored, in
    seconds since 1970."""

    path: str
    size: int
    tag: str
    stored_at: float


def list_paths(lake: Place, start: str) -> Iterator[str]:
    """The paths in the lake that begin with `start`."""
    return (found.path for found in list_objects(lake, start))


def list_objects(lake: Place, start: str) -> Iterator[Found]:
    """The objects in the lake whose paths begin with `start`, in the order of their paths."""
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=lake.bucket, Prefix=lake.key(start))
    try:
        for page in pages:
            for found in page.get("Contents", []):
                path, stored_at = found["Key"][len(lake.prefix) :], found["LastModified"].timestamp()
                yield Found(path, found["Size"], found["ETag"].strip('"'), stored_at)
    except ClientError as error:
        raise _refused(error, lake.url(start)) from error


def list_folders(lake: Place, folder: str) -> list[str]:
    """The paths of the folders in a folder, without slashes at their ends, in order."""
    start = lake.key(f"{folder}/")
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=lake.bucket, Prefix=start, Delimiter="/")
    try:
        found = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]
    except ClientError as error:
        raise _refused(error, lake.url(folder)) from error
    return [each[len(lake.prefix) :].rstrip("/") for each in found]


def read_file(lake: Place, path: str, last_bytes: int | None = None) -> bytes:
    """A file of the lake, or its last bytes, at most so many. Raises what boto3 raises, or `LakeRefused`."""
    end = {} if last_bytes is None else {"Range": f"bytes=-{last_bytes}"}
    for left in reversed(range(READ_TRIES)):
        try:
            content: bytes = client("s3").get_object(Bucket=lake.bucket, Key=lake.key(path), **end)["Body"].read()
            return content
        except ClientError as error:
            raise _refused(error, lake.url(path)) from error
        except (urllib3.exceptions.HTTPError, BotoCoreError, http.client.HTTPException):
            if left == 0:
                raise
    raise AssertionError("the last try returns or raises")


def copy(lake: Place, path: str, to: str) -> None:
    """Copies a file within the lake; its bytes stay where they are."""
    source = {"Bucket": lake.bucket, "Key": lake.key(path)}
    try:
        client("s3").copy_object(Bucket=lake.bucket, Key=lake.key(to), CopySource=source)
    except ClientError as error:
        raise _refused(error, lake.url(path)) from error


def remove_all(lake: Place, paths: list[str]) -> int:
    """Removes files, at most `REMOVED_AT_ONCE`; returns how many are gone."""
    told = {"Objects": [{"Key": lake.key(path)} for path in paths], "Quiet": True}
    try:
        answer = client("s3").delete_objects(Bucket=lake.bucket, Delete=told)
    except ClientError as error:
        raise _refused(error, lake.url()) from error
    failures = answer.get("Errors", [])
    if failures:
        log.warning("%d files stay, the first: %s", len(failures), failures[0])
    return len(paths) - len(failures)


def remove(lake: Place, path: str) -> None:
    """Removes a file; one that is not there is removed already."""
    try:
        client("s3").delete_object(Bucket=lake.bucket, Key=lake.key(path))
    except ClientError as error:
        raise _refused(error, lake.url(path)) from error


def _refused(error: Exception, place: str) -> Exception:
    """Transient errors as they are; the others as what they mean, whoever's batch it is."""
    if is_transient(error):
        return error
    return LakeRefused(f"{place} is refused: {error}; mend the bucket or the job's permissions")
