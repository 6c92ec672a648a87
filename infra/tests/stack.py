"""The stack as `infra/deploy.sh` deploys it, unmodified, and what a test asks of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from emulator import Credentials, Emulator

ROOT_FOLDER = Path(__file__).parents[2]
DEPLOY_SECONDS = 600
TAG = "headrig-host"
EMULATED = {
    # MiniStack makes no saved queries of Athena's; that the template has them is for the template's own tests to show.
    "SavedQueries": "false",
    # The tests ask for a partial batch when they want one.
    "MaxWaitSeconds": 3600,
}
"""Parameters of every stack here."""
VARIABLES = {"headrig": "HEADRIG_BIN", "headrig-agent": "HEADRIG_AGENT_BIN", "bootstrap": "HEADRIG_SINK_BIN"}
"""What names the programs under test, where they do not lie in `target/debug`."""


def program(name: str) -> Path:
    """A program under test; the test is skipped where it is not built."""
    path = Path(os.environ.get(VARIABLES[name], ROOT_FOLDER / "target/debug" / name))
    if not path.exists():
        pytest.skip(f"{path} is not built; `cargo xtask test infra` does that")
    return path


def wheel() -> Path:
    """The job's wheel; the test is skipped where it is not built."""
    built = sorted((ROOT_FOLDER / "target/wheels/dev").glob("headrig_etl-*.whl"))
    path = Path(os.environ["HEADRIG_WHEEL"]) if "HEADRIG_WHEEL" in os.environ else (built or [None])[0]
    if not path or not path.exists():
        pytest.skip("the wheel is not built; `cargo xtask test infra` does that")
    return path


@dataclass
class Stack:
    """A stack in the emulator."""

    emulator: Emulator
    name: str
    folder: Path
    outputs: dict[str, str] = field(default_factory=dict)

    def zip(self, mark: str) -> Path:
        """The function's deployment package; another `mark` makes another of the same program."""
        path = self.folder / f"bootstrap-{mark}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            # Executable, as cargo xtask lambda has it.
            entry = zipfile.ZipInfo.from_file(program("bootstrap"), "bootstrap")
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, program("bootstrap").read_bytes())
            archive.comment = mark.encode()
        return path

    def wheel(self, mark: str) -> Path:
        """The job's wheel; another `mark` makes another of the same modules."""
        path = self.folder / mark / wheel().name
        path.parent.mkdir()
        path.write_bytes(wheel().read_bytes())
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = mark.encode()
        return path

    def deploy(self, *options: str, **parameters: object) -> str:
        """Deploys it, or brings it to another state; what the script said."""
        sets = [text for name, value in parameters.items() for text in ("--set", f"{name}={value}")]
        code, said = self.script("deploy", "--yes", *options, *sets)
        assert code == 0, said
        _, told = self.script("outputs", "--json")
        self.outputs = json.loads(told[told.index("{") : told.rindex("}") + 1])
        return said

    def agent_config(self, host: str) -> str:
        """The configuration that an operator pastes."""
        code, said = self.script("agent-config", host, stderr=subprocess.DEVNULL)
        assert code == 0, said
        return said

    def script(self, *arguments: str, stderr: int = subprocess.STDOUT) -> tuple[int, str]:
        """infra/deploy.sh, by the root; its exit status and what it said."""
        environment = self.emulator.environment()
        environment |= {"PATH": f"{self.tools}:{environment['PATH']}", "HEADRIG_BIN": str(program("headrig"))}
        done = subprocess.run(
            ["bash", ROOT_FOLDER / "infra/deploy.sh", *arguments, "--stack", self.name],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            timeout=DEPLOY_SECONDS,
        )
        return done.returncode, done.stdout

    @cached_property
    def tools(self) -> Path:
        """A folder with the AWS command line of this Python, wherever its environment was moved to."""
        folder = self.folder / "tools"
        folder.mkdir()
        (folder / "aws").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m awscli "$@"\n')
        (folder / "aws").chmod(0o755)
        return folder

    def agent_user(self, host: str) -> Credentials:
        """A user for an agent as docs/operations/security.md has it: the stack's policy, and the host's tag."""
        iam = self.emulator.client("iam")
        iam.create_user(UserName=f"agent-{host}", Tags=[{"Key": TAG, "Value": host}])
        iam.attach_user_policy(UserName=f"agent-{host}", PolicyArn=self.outputs["AgentPolicyArn"])
        key = iam.create_access_key(UserName=f"agent-{host}")["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    def invoke(self, event: object) -> Any:
        """What the function answers to an event."""
        answer = self.emulator.client("lambda").invoke(
            FunctionName=self.outputs["FunctionName"], Payload=json.dumps(event)
        )
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, f"{said}\n{self.function_log()[-4000:]}"
        return said

    @property
    def function(self) -> dict[str, Any]:
        """The function's configuration."""
        found: dict[str, Any] = self.emulator.client("lambda").get_function_configuration(
            FunctionName=self.outputs["FunctionName"]
        )
        return found

    @property
    def runs_max(self) -> int:
        """How many runs of the job the stack lets be under way."""
        return int(self.function["Environment"]["Variables"]["HEADRIG_JOB_RUNS_MAX"])

    def function_log(self) -> str:
        """All that the function wrote, sweeps started by the schedule included."""
        logs = self.emulator.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{self.name}-sink")
        return "\n".join(event["message"] for page in pages for event in page["events"])

    def ledger(self) -> dict[str, dict[str, int]]:
        """How many files and batches there are in each state, by the table's own items."""
        pages = self.emulator.client("dynamodb").get_paginator("scan")
        found: dict[str, dict[str, int]] = {"file": {}, "batch": {}}
        for page in pages.paginate(TableName=self.outputs["LedgerTable"], ConsistentRead=True):
            for item in page["Items"]:
                kind = item["pk"]["S"].partition("#")[0]
                if kind in found:
                    state = item["state"]["S"]
                    found[kind][state] = found[kind].get(state, 0) + 1
        return found

    def objects(self, bucket: str) -> dict[str, int]:
        """The sizes of a bucket's objects, by key."""
        pages = self.emulator.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {found["Key"]: found["Size"] for page in pages for found in page.get("Contents", [])}

    def queued(self) -> int:
        """Messages in the queue, those included that somebody is at work on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.emulator.client("sqs").get_queue_attributes(QueueUrl=self.outputs["Queue"], AttributeNames=names)
        return sum(int(told["Attributes"][name]) for name in names)
