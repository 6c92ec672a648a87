"""What the tests of the deployed stack share: the cloud, the stack in it, and what is told at the end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from corpus import Host
    from glue import Gate, Job
    from stack import Stack

# How MiniStack, Spark and the lake are treated by the job's own tests is used, not repeated.
sys.path.append(str(Path(__file__).parents[2] / "etl/python/tests"))
# Nobody's own account is meant here.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]

NEEDED = ("ministack", "moto", "duckdb", "headrig_etl", "awscli", "pyspark")
SETTINGS = '[etl]\nraw = "always"\n'
"""The lake then has each line as it was, to be held against the files."""
TOLD = pytest.StashKey[list[str]]()


@dataclass
class Deployed:
    """A stack, the job that is played for it, and what it took to get there."""

    stack: Stack
    job: Job
    gate: Gate
    settings: Path
    deploy_seconds: float
    hosts: list[Host] = field(default_factory=list)


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The template, unmodified, deployed by infra/deploy.sh; roles count."""
    for module in NEEDED:
        pytest.importorskip(module, reason=f"{module} is not installed; `cargo xtask test infra` does that")
    import emulator
    import glue
    from stack import EMULATED, Stack

    folder = tmp_path_factory.mktemp("deployed")
    settings = folder / "settings.toml"
    settings.write_text(SETTINGS)
    for part in ("cloud", "job", "stack"):
        (folder / part).mkdir()
    with glue.gate() as gate, emulator.running(folder / "cloud", {"AWS_ENDPOINT_URL_GLUE": gate.address}) as cloud:
        gate.guard = cloud
        stack = Stack(cloud, "headrig", folder / "stack")
        began = time.monotonic()
        code = ("--zip", str(stack.zip("first")), "--wheel", str(stack.wheel("first")), "--settings", str(settings))
        stack.deploy(*code, **EMULATED)
        took = time.monotonic() - began
        job = glue.Job(cloud, gate.moto_address, folder / "job", stack.outputs["JobName"])
        job.define(stack.runs_max)
        try:
            yield Deployed(stack, job, gate, settings, took)
        finally:
            job.stop()


@pytest.fixture(scope="session")
def told(pytestconfig: pytest.Config) -> list[str]:
    """Lines that are shown at the end of the run, whatever became of it."""
    return pytestconfig.stash.setdefault(TOLD, [])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Shows what tests had to tell as the last of all; what a passing test prints is hidden."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    for line in config.stash.get(TOLD, []) if terminal else []:
        terminal.write_line(line)
