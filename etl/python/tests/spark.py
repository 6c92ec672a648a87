"""`etl/job.py`, unmodified, on a local Spark, as a process that can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from cloud import Site

RUN_SECONDS = 300
"""A run takes ten seconds where nobody else is busy."""
SLOTS = 2
CONF = {
    "spark.ui.enabled": "false",
    "spark.log.level": "WARN",
    "spark.sql.session.timeZone": "UTC",
}
QUICK = {
    # A JVM that lives for seconds had better not optimise. A bench must not have this.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
"""What tests add."""


class Running:
    """A job on its way."""

    def __init__(
        self,
        site: Site,
        batches: list[tuple[str, int]],
        run: str,
        endpoint: str | None = None,
        conf: dict[str, str] = QUICK,
        **more: str,
    ) -> None:
        told = {
            "batches": ",".join(f"{batch}:{attempt}" for batch, attempt in batches),
            "bucket": site.bucket,
            "lake": site.lake.url(),
            "ledger": site.table,
            "database": site.database,
            "JOB_RUN_ID": run,
            "lease_seconds": "600",
        } | more
        arguments = [text for name, value in told.items() if value for text in (f"--{name}", value)]
        job = Path(__file__).parents[2] / "job.py"
        self.process = submit(job, arguments, endpoint or site.endpoint, conf)

    def kill(self) -> None:
        """Ends it as a lost machine would."""
        os.killpg(self.process.pid, signal.SIGKILL)

    def end(self, seconds: int = RUN_SECONDS) -> tuple[int, str]:
        """Its exit code, and what it said."""
        return end(self.process, seconds)


def submit(
    program: Path,
    arguments: list[str],
    endpoint: str,
    conf: dict[str, str] = QUICK,
    variables: Mapping[str, str] | None = None,
    said: IO[str] | int = subprocess.PIPE,
) -> subprocess.Popen[str]:
    """A program under spark-submit, with the Python that runs the tests; `variables` are of its environment."""
    submit = Path(sys.executable).with_name("spark-submit")
    told = [text for name, value in (CONF | conf).items() for text in ("--conf", f"{name}={value}")]
    environment = (
        os.environ
        | (variables or {})
        | {
            "AWS_ENDPOINT_URL": endpoint,
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PATH": f"{submit.parent}:{os.environ['PATH']}",
        }
    )
    environment.pop("SPARK_HOME", None)
    return subprocess.Popen(
        [submit, "--master", f"local[{SLOTS}]", *told, program, *arguments],
        env=environment,
        stdout=said,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str], seconds: int = RUN_SECONDS) -> tuple[int, str]:
    """Exit code and output of a program that ends by itself; it is killed when it does not."""
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        raise AssertionError(f"the job did not end within {seconds} s:\n{said}") from None
    return process.returncode, said


def run(site: Site, batches: list[tuple[str, int]], run: str, **more: str) -> str:
    """Runs the job, which has to succeed; returns what it said."""
    code, said = Running(site, batches, run, **more).end()
    assert code == 0, said
    return said
