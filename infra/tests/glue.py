"""Glue, whose jobs MiniStack does not run: moto keeps its limits and its runs, Spark on this machine runs the job.

What the deployed function asks of Glue goes to a gate. It asks MiniStack first, which knows the function's role and so
whether it may; then moto answers. A run's state is what its process does: STARTING until Spark is started, RUNNING,
then SUCCEEDED or FAILED, which is told as an event, too.

A run gets what Glue gives one: the job's script and the wheel of `--additional-python-modules`, out of the bucket where
the stack has them, and nobody's credentials but the job role's.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import signal
import ssl
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import spark
from emulator import ACCOUNT, HOST, REGION, Credentials, Emulator
from headrig_etl.arguments import NAMES
from moto.glue.models import glue_backends
from moto.moto_api import state_manager
from moto.server import ThreadedMotoServer

ANSWER_SECONDS = 60
SAID_CHARS_MAX = 4000
WHEEL = "--additional-python-modules"
GOING = ("STARTING", "RUNNING")


@contextmanager
def gate() -> Iterator[Gate]:
    """moto's Glue behind a gate, in this process."""
    # Runs go on when Spark does, not when somebody looks.
    state_manager.set_transition("glue::job_run", {"progression": "manual", "times": sys.maxsize})
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(HOST, 0, verbose=False)
    moto.start()
    server = Gate(moto.get_host_and_port())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        moto.stop()


class Gate(ThreadingHTTPServer):
    """Lets through to moto what MiniStack would let its caller do."""

    daemon_threads = True

    def __init__(self, moto: tuple[str, int]) -> None:
        super().__init__((HOST, 0), Door)
        self.moto = moto
        self.guard: Emulator | None = None
        self.refused: list[str] = []

    @property
    def moto_address(self) -> str:
        """Where moto itself listens."""
        return "http://{}:{}".format(*self.moto)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.server_address[1]}"


class Door(BaseHTTPRequestHandler):
    """One connection to the gate."""

    protocol_version = "HTTP/1.1"
    server: Gate

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        status, kind, answer = self.answer(body)
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def answer(self, body: bytes) -> tuple[int, str, bytes]:
        """MiniStack's refusal, if it refuses; else what moto says."""
        guard = self.server.guard
        assert guard, "the gate has no guard yet"
        place = urlsplit(guard.address)
        trusted = ssl.create_default_context(cafile=str(guard.ca))
        status, kind, said = self.forward(
            http.client.HTTPSConnection(place.hostname or "", place.port, timeout=ANSWER_SECONDS, context=trusted), body
        )
        if status in (401, 403) or b"AccessDenied" in said or b"UnrecognizedClient" in said:
            self.server.refused.append(f"{self.headers['x-amz-target']}: {said.decode()}")
            return status, kind, said
        return self.forward(http.client.HTTPConnection(*self.server.moto, timeout=ANSWER_SECONDS), body)

    def forward(self, to: http.client.HTTPConnection, body: bytes) -> tuple[int, str, bytes]:
        """The same request, with the host that was signed."""
        try:
            to.putrequest("POST", self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                to.putheader(name, value)
            to.endheaders(body)
            answer = to.getresponse()
            return answer.status, answer.getheader("content-type", "application/x-amz-json-1.1"), answer.read()
        finally:
            to.close()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@dataclass
class Run:
    """A run of the job, and the process that is it."""

    book: Any
    who: Credentials
    process: subprocess.Popen[str]
    log: Path

    @property
    def is_going(self) -> bool:
        """Whether moto has it under way."""
        return self.book.status in GOING


@dataclass
class Job:
    """The deployed job, played: every run that moto accepted is a process of Spark."""

    emulator: Emulator
    moto: str
    folder: Path
    name: str
    runs: dict[str, Run] = field(default_factory=dict)
    most_at_once: int = 0

    def define(self, runs_max: int) -> None:
        """Has moto know the job as the stack has it now; what runs already goes on as it is."""
        found = self.emulator.client("glue").get_job(JobName=self.name)["Job"]
        # MiniStack drops ExecutionProperty; that the template has it is for the template's own tests to show.
        told = {name: found[name] for name in ("Role", "Command", "DefaultArguments", "GlueVersion")}
        told["ExecutionProperty"] = {"MaxConcurrentRuns": runs_max}
        jobs = glue_backends[ACCOUNT][REGION].jobs
        if self.name not in jobs:
            secret = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "moto"}
            boto3.client("glue", REGION, endpoint_url=self.moto, **secret).create_job(Name=self.name, **told)
        # In place, since the function may ask for a run at any moment; moto has no UpdateJob.
        known = jobs[self.name]
        known.role, known.command, known.glue_version = told["Role"], told["Command"], told["GlueVersion"]
        known.default_arguments, known.execution_property = told["DefaultArguments"], told["ExecutionProperty"]
        self.role, self.script = found["Role"], found["Command"]["ScriptLocation"]

    def books(self) -> list[Any]:
        """moto's record of each run."""
        return list(glue_backends[ACCOUNT][REGION].jobs[self.name].job_runs)

    def play(self) -> bool:
        """Starts what was accepted and ends what has ended; whether anything is under way."""
        for book in self.books():
            if book.job_run_id not in self.runs:
                self.runs[book.job_run_id] = self.start(book)
        going = [run for run in self.runs.values() if run.is_going]
        self.most_at_once = max(self.most_at_once, len(going))
        for run in going:
            if (code := run.process.poll()) is not None:
                # A worker that came only now would need the code, whatever the stack has become meanwhile.
                self.fetch(run.book.arguments[WHEEL], run.who)
                run.book.status = "SUCCEEDED" if code == 0 else "FAILED"
                self.tell(run)
        return any(run.is_going for run in self.runs.values())

    def start(self, book: Any) -> Run:
        """A run under the job role's credentials, with the code that the stack and the run's arguments name."""
        who = self.emulator.assume(self.role, book.job_run_id[:32])
        _, modules = self.fetch(book.arguments[WHEEL], who)
        script, _ = self.fetch(self.script, who)
        told = {name: book.arguments[f"--{name}"] for name in NAMES if f"--{name}" in book.arguments}
        told["JOB_RUN_ID"] = book.job_run_id
        arguments = [text for name, value in told.items() for text in (f"--{name}", value)]
        variables = self.emulator.environment(who) | {"PYTHONPATH": str(modules)}
        log = self.folder / f"{book.job_run_id}.log"
        with log.open("w") as said:
            process = spark.submit(script, arguments, self.emulator.address, variables=variables, said=said)
        book.status = "RUNNING"
        return Run(book, who, process, log)

    def fetch(self, place: str, who: Credentials) -> tuple[Path, Path]:
        """An object, as whoever has these credentials gets it, and the modules in it where it is a wheel."""
        bucket, _, key = place.removeprefix("s3://").partition("/")
        content = self.emulator.client("s3", who).get_object(Bucket=bucket, Key=key)["Body"].read()
        local = self.folder / key
        if not local.exists():
            local.parent.mkdir(parents=True)
            local.write_bytes(content)
            if local.suffix == ".whl":
                # As pip lays it out; installing is no more than that where nothing is to be compiled.
                with zipfile.ZipFile(local) as archive:
                    archive.extractall(local.with_name("modules"))
        return local, local.with_name("modules")

    def tell(self, run: Run) -> None:
        """The event that Glue sends when a run has ended."""
        detail = {"jobName": self.name, "severity": "INFO", "state": run.book.status, "message": ""}
        event = {
            "Source": "aws.glue",
            "DetailType": "Glue Job State Change",
            "Detail": json.dumps(detail | {"jobRunId": run.book.job_run_id}),
        }
        told = self.emulator.client("events").put_events(Entries=[event])
        assert told["FailedEntryCount"] == 0, told

    def failures(self) -> list[str]:
        """What runs said that failed."""
        failed = [run for run in self.runs.values() if run.book.status == "FAILED"]
        return [run.log.read_text()[-SAID_CHARS_MAX:] for run in failed]

    def stop(self) -> None:
        """Kills what still runs."""
        for run in self.runs.values():
            if run.process.poll() is None:
                os.killpg(run.process.pid, signal.SIGKILL)
                run.process.wait()
