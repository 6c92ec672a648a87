"""Two hundred files through the deployed stack: agents ship them, the sink loads them, Spark is the job.

The test only does what people and the world do: it writes logs, plays Glue and, where all is shipped, asks for what
waits to be loaded at once. Knows nothing of what is in the lake.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import agents
import corpus
from agents import Agent
from glue import Job
from stack import Stack

FILES = 200
HOSTS = 4
ROUND_SECONDS_MAX = 900
STEP_SECONDS = 3
"""Between two changes of a host's files: longer than a chunk is open."""
POLL_SECONDS = 0.25
FLUSH_SECONDS = 5

Middle = Callable[[], None]
Ledger = dict[str, dict[str, int]]


@dataclass
class Passage:
    """What a round of files took."""

    hosts: list[corpus.Host]
    before: Ledger
    began: float = field(default_factory=time.monotonic)
    shipped: float = 0
    loaded: float = 0

    def within(self, what: object) -> None:
        """Fails where a round takes too long."""
        assert time.monotonic() - self.began < ROUND_SECONDS_MAX, what

    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began


def carry(stack: Stack, job: Job, names: list[str], folder: Path, middle: Middle | None = None) -> Passage:
    """Ships and loads the files of these hosts; `middle` happens while chunks and batches are under way."""
    hosts = list(corpus.deal(names, corpus.pieces(FILES), folder / "logs"))
    for host in hosts:
        host.begin()
    passage = Passage(hosts, stack.ledger())
    with agents.running(stack, hosts, folder) as running:
        ship(stack, job, running, passage, middle)
        passage.shipped = passage.seconds()
        load(stack, job, passage)
        passage.loaded = passage.seconds()
        for agent in running:
            agent.end()
    return passage


def ship(stack: Stack, job: Job, running: list[Agent], passage: Passage, middle: Middle | None) -> None:
    """Until every byte has arrived; batches are loaded meanwhile."""
    next_step = time.monotonic() + STEP_SECONDS
    with ThreadPoolExecutor(1) as pool:
        happening: Future[None] | None = None
        while True:
            job.play()
            if middle and not happening and under_way(stack, passage.before):
                happening = pool.submit(middle)
            # The last changes of the files come when it is over.
            reserved = 1 if middle and not (happening and happening.done()) else 0
            if time.monotonic() > next_step:
                for agent in running:
                    if len(agent.host.to_come) > reserved:
                        agent.host.go_on()
                next_step = time.monotonic() + STEP_SECONDS
            written = not any(agent.host.to_come for agent in running)
            if written and all(agent.has_shipped_all() for agent in running):
                break
            passage.within({agent.host.name: agent.log.read_text() for agent in running})
            time.sleep(POLL_SECONDS)
        if happening:
            happening.result()


def under_way(stack: Stack, before: Ledger) -> bool:
    """Whether a run is at work on a batch of this round, while files or batches wait."""
    now = stack.ledger()
    waiting = now["file"].get("pending", 0) + now["batch"].get("sealed", 0) + now["batch"].get("starting", 0)
    return bool(now["batch"].get("running")) and waiting > 0 and now["batch"] != before["batch"]


def load(stack: Stack, job: Job, passage: Passage) -> None:
    """Until every object in the bucket is in a committed batch and no run goes on."""
    next_flush = time.monotonic()
    while True:
        going = job.play()
        objects, files = len(stack.objects(stack.outputs["UploadBucket"])), stack.ledger()["file"]
        known = sum(files.values())
        ended = files.get("done", 0) + files.get("quarantined", 0)
        if not going and objects == known == ended and stack.queued() == 0:
            return
        if objects == known and time.monotonic() > next_flush:
            # As an operator would who cannot wait.
            stack.invoke({"headrig": "flush"})
            next_flush = time.monotonic() + FLUSH_SECONDS
        passage.within(f"{stack.ledger()}, {objects} objects, {stack.queued()} messages, {job.failures()}")
        time.sleep(POLL_SECONDS)
