"""What the tests share: MiniStack, places in it, and the lake that `headrig local` makes of the same logs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import cloud
import local

READY_SECONDS = 60
HEALTH = "/_ministack/health"
AWS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session")
def ministack() -> Iterator[str]:
    """The address of a MiniStack of this session."""
    pytest.importorskip("ministack", reason="MiniStack is not installed; `cargo xtask test` does that")
    with running_ministack() as address:
        yield address


@contextmanager
def running_ministack() -> Iterator[str]:
    """A MiniStack that this process is set to talk to; killed, by its own id, at the end."""
    port = cloud.free_port()
    address = f"http://127.0.0.1:{port}"
    settings = {
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": "123456789012",
        "AWS_ENDPOINT_URL": address,
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "ministack"],
        env=os.environ | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(server, address)
        os.environ |= AWS | {"AWS_ENDPOINT_URL": address}
        yield address
    finally:
        server.kill()
        server.wait()


def _wait_until_ready(server: subprocess.Popen[bytes], address: str) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        assert server.poll() is None, "MiniStack ended at once"
        try:
            with urllib.request.urlopen(address + HEALTH, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"MiniStack does not answer within {READY_SECONDS} s")


@pytest.fixture
def site(ministack: str) -> cloud.Site:
    """Buckets, a ledger and a database of this test's own."""
    return cloud.Site.make(ministack)


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> local.LocalLake:
    """Logs, the chunks that the agent made of them, and the lake that `headrig local` made of these."""
    return local.LocalLake.make(tmp_path_factory.mktemp("local"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return Path(__file__).parents[3]
