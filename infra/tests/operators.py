"""Somebody in a shell who deploys to MiniStack, with files that stand for the real ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import emulator

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "infra/deploy.sh"
STACK = "first"
RUN_SECONDS = 300
WHEEL = "headrig_etl-0.1.0-cp311-abi3-manylinux_2_28_x86_64.whl"
X86_64, ARM64 = b"\x3e\x00", b"\xb7\x00"


@dataclass(frozen=True)
class Operator:
    """Somebody in a shell, with files to deploy."""

    cloud: Any
    folder: Path

    def environment(self) -> dict[str, str]:
        """With the AWS command line of this Python first."""
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return self.cloud.environment() | {"PATH": path, "HEADRIG_BIN": "/nowhere/headrig"}

    def run(self, *words: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
        """The script, with nobody to be asked; a variable of None is taken away."""
        environment = {name: value for name, value in (self.environment() | changes).items() if value is not None}
        return subprocess.run(
            [SCRIPT, *words],
            env=environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
        )

    def deploy(self, *words: str, code: bool = True, stack: str = STACK) -> subprocess.CompletedProcess[str]:
        """`deploy`, of the files in the folder or of what is there."""
        # MiniStack knows no saved queries.
        what = ("--zip", "x86.zip", "--wheel", WHEEL, "--set", "SavedQueries=false") if code else ("--keep-code",)
        return self.run("deploy", "--stack", stack, "--yes", *what, *words)

    def outputs(self, stack: str = STACK) -> dict[str, str]:
        """What the script says a stack made."""
        done = self.run("outputs", "--json", "--stack", stack)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    @property
    def artifacts(self) -> str:
        """The bucket that is made where none is named."""
        return f"headrig-artifacts-{emulator.ACCOUNT}-{emulator.REGION}"

    def objects(self, bucket: str) -> set[tuple[str, str]]:
        """Keys and versions."""
        listed = self.cloud.client("s3").list_object_versions(Bucket=bucket)
        return {(each["Key"], each["VersionId"]) for each in listed.get("Versions", [])}

    def buckets(self) -> set[str]:
        """All that there are."""
        return {each["Name"] for each in self.cloud.client("s3").list_buckets()["Buckets"]}

    def stack(self, name: str = STACK) -> dict[str, Any]:
        """As CloudFormation sees it."""
        return dict(self.cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0])

    def parameters(self, name: str = STACK) -> dict[str, str]:
        """What the stack was made with."""
        return {each["ParameterKey"]: each["ParameterValue"] for each in self.stack(name)["Parameters"]}


def equip(folder: Path) -> None:
    """Puts into a folder what an operator needs: the AWS command line of this Python, and files to deploy."""
    (folder / "bin").mkdir()
    aws = folder / "bin/aws"
    aws.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m awscli "$@"\n')
    aws.chmod(0o755)
    pack(folder / "x86.zip", X86_64)
    pack(folder / "arm.zip", ARM64)
    (folder / WHEEL).write_bytes(b"not really")


def pack(to: Path, machine: bytes, more: bytes = b"") -> None:
    """A zip with a `bootstrap` that is a program's header and nothing else."""
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + b"\x03\x00" + machine
    with zipfile.ZipFile(to, "w") as archive:
        archive.writestr(zipfile.ZipInfo("bootstrap"), header.ljust(64, b"\0") + more)
