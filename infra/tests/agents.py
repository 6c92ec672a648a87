"""`headrig-agent` on each host, with credentials of its own: a user with the stack's policy and the host's tag."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus import SOURCES, Host
from emulator import Credentials
from stack import Stack, program

CHUNK_SECONDS = 2
BEAT_SECONDS = 10
END_SECONDS = 60
SOME_HOST = "some-host"


@dataclass
class Agent:
    """A running agent."""

    host: Host
    who: Credentials
    config: Path
    process: subprocess.Popen[bytes]
    log: Path

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        asked = subprocess.run(
            [program("headrig-agent"), "status", "--json", "--config", self.config], capture_output=True, text=True
        )
        assert asked.returncode == 0, f"{asked.stderr}\n{self.log.read_text()}"
        status: dict[str, Any] = json.loads(asked.stdout)
        return status

    def has_shipped_all(self) -> bool:
        """Whether every byte that its host will ever have is in a chunk, and every chunk in the bucket."""
        told = self.status()
        read_all = told["bytes_sealed"] == sum(map(len, self.host.files))
        return bool(read_all and told["chunks_shipped"] == told["chunks_sealed"])

    def end(self) -> None:
        """Ends it as systemd would."""
        self.process.terminate()
        assert self.process.wait(END_SECONDS) == 0, self.log.read_text()


def configure(told: str, host: Host, folder: Path) -> Path:
    """What `deploy.sh agent-config` prints, with this host's name and folders and a shorter breath."""
    told = told.replace(SOME_HOST, host.name)
    told = re.sub(r"\n# Which files:.*", "", told, flags=re.DOTALL)
    agent = f'host = "{host.name}"\nstate_dir = "{folder}/state"\nstatus_socket = "{folder}/agent.sock"\n'
    told = told.replace(f'host = "{host.name}"\n', agent, 1)
    told = re.sub(r"^interval = .*\n", "", told, flags=re.MULTILINE)
    told = told.replace("[heartbeat]\n", f'[heartbeat]\ninterval = "{BEAT_SECONDS}s"\n', 1)
    told += f'\n[chunk]\nage_max = "{CHUNK_SECONDS}s"\n'
    for source in SOURCES:
        told += f'\n[[source]]\nname = "{source}"\ninclude = ["{host.folder}/{source}"]\n'
    config = folder / "agent.toml"
    config.write_text(told)
    return config


@contextmanager
def running(stack: Stack, hosts: list[Host], folder: Path) -> Iterator[list[Agent]]:
    """An agent for each host; killed at the end, where they have not ended before."""
    agents: list[Agent] = []
    # Asked for once: it is the same for all hosts but for the name, and takes seconds.
    told = stack.agent_config(SOME_HOST)
    try:
        for host in hosts:
            # A socket's path has at most 107 bytes.
            place = folder / host.name
            place.mkdir(parents=True)
            config, who = configure(told, host, place), stack.agent_user(host.name)
            log = place / "agent.log"
            with log.open("wb") as said:
                process = subprocess.Popen(
                    [program("headrig-agent"), "run", "--config", config],
                    env=stack.emulator.environment(who),
                    stdout=said,
                    stderr=subprocess.STDOUT,
                )
            agents.append(Agent(host, who, config, process, log))
        for agent in agents:
            wait_for_answer(agent)
        yield agents
    finally:
        for agent in agents:
            if agent.process.poll() is None:
                os.kill(agent.process.pid, 9)
                agent.process.wait()


def wait_for_answer(agent: Agent) -> None:
    """Waits until the agent listens on its socket."""
    end = time.monotonic() + END_SECONDS
    while not (agent.config.parent / "agent.sock").exists():
        assert agent.process.poll() is None and time.monotonic() < end, agent.log.read_text()
        time.sleep(0.05)
