"""AWS on this machine: MiniStack behind TLS, with roles enforced.

Invariants: it listens on 127.0.0.1 only; it is killed, by its own id, when the context ends.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ACCOUNT = "123456789012"
REGION = "us-east-1"
READY_SECONDS = 60
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Credentials:
    """Somebody's, for a while or for good."""

    key: str
    secret: str
    token: str | None = None

    def environment(self) -> dict[str, str]:
        """As AWS's programs take them."""
        told = {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret}
        return told | ({"AWS_SESSION_TOKEN": self.token} if self.token else {})


ROOT = Credentials("test", "test")
"""Who deploys, and who looks at the outcome; policies do not bind it."""


@dataclass
class Emulator:
    """A running MiniStack."""

    address: str
    folder: Path
    sessions: dict[Credentials, boto3.Session] = field(default_factory=dict)

    @property
    def ca(self) -> Path:
        """The certificate that its clients trust."""
        return self.folder / "server.pem"

    @property
    def log(self) -> Path:
        """What it says, and what functions say in it."""
        return self.folder / "ministack.log"

    def environment(self, who: Credentials = ROOT) -> dict[str, str]:
        """This process's environment, but with AWS being here, and nobody's credentials but `who`'s."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED)}
        return kept | trust(self.ca) | who.environment() | {"AWS_ENDPOINT_URL": self.address} | PLACE

    def client(self, service: str, who: Credentials = ROOT) -> Any:
        """A client of a service, that tries each call once."""
        session = self.sessions.setdefault(who, boto3.Session(who.key, who.secret, who.token, REGION))
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        return session.client(service, endpoint_url=self.address, verify=str(self.ca), config=config)

    def assume(self, role: str, session: str, tags: dict[str, str] | None = None) -> Credentials:
        """A session of a role, that the root has taken on."""
        told = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        found = self.client("sts").assume_role(RoleArn=role, RoleSessionName=session, Tags=told)["Credentials"]
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


DROPPED = ("AWS_", "HEADRIG_")
"""What functions inherit from MiniStack: not what tells the tests of their programs, which the sink refuses to know."""
PLACE = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}


def trust(ca: Path) -> dict[str, str]:
    """What makes rustls, boto3 and the AWS command line trust a certificate."""
    return {"SSL_CERT_FILE": str(ca), "AWS_CA_BUNDLE": str(ca), "REQUESTS_CA_BUNDLE": str(ca)}


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(folder: Path, environment: dict[str, str]) -> Iterator[Emulator]:
    """A MiniStack whose functions have `environment` beside what Lambda gives them."""
    port = free_port()
    emulator = Emulator(f"https://{HOST}:{port}", folder)
    certify(emulator.ca, folder / "key.pem")
    settings = {
        "AUTH": "true",
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(emulator.ca),
        "MINISTACK_SSL_KEY": str(folder / "key.pem"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
    }
    with emulator.log.open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("enforcing.py")],
            env=emulator.environment() | settings | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(server, emulator)
        yield emulator
    finally:
        # Its functions' processes are of its group.
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _wait_until_ready(server: subprocess.Popen[bytes], emulator: Emulator) -> None:
    end = time.monotonic() + READY_SECONDS
    trusted = ssl.create_default_context(cafile=str(emulator.ca))
    while time.monotonic() < end:
        assert server.poll() is None, f"MiniStack ended at once:\n{emulator.log.read_text()[-2000:]}"
        try:
            with urllib.request.urlopen(emulator.address + "/_ministack/health", timeout=1, context=trusted):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"MiniStack does not answer within {READY_SECONDS} s")


def certify(certificate: Path, key: Path) -> None:
    """A certificate for 127.0.0.1 that vouches for itself and for nobody else, good for a day."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "headrig's tests")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(secret, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    key.write_bytes(secret.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
