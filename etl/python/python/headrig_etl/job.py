"""The driver: claims the batches that the run was started for, has them written, and commits them.

Each batch is a Spark job of one task, submitted by a thread of its own; so many threads as the cluster has slots.
A batch is claimed only when its thread comes to it: a run is blamed for no batch that it has not begun, and later
batches have the longer leases to be claimed in. They are taken in the order in which the sink names them, which is
that of their leases.

Invariants: a batch that this run does not own is not touched; a batch is committed only after its files are stored,
what other attempts left is gone, its partitions are registered, its manifest is written and what it brought for the
alerts is kept; a batch that cannot be committed is given back. Alerts come behind the commit and fail nothing.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import boto3

from headrig_etl import catalog, compaction, documents, generation, layouts, meter, objects, task
from headrig_etl._core import Ledger, LedgerError, LedgerUnavailable, Overtaken, Refused
from headrig_etl.alerting import Alerting
from headrig_etl.types import Job, Member, Plan, Returned, Ticket, Written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark import SparkContext

RENEWALS_PER_LEASE = 3
"""So that a lease outlives two renewals that fail."""
REST_SECONDS = 300
"""How long a batch rests that was given back through no fault of its own."""
COMMIT_TRIES = 5
FIRST_ATTEMPT = 1
"""An attempt belongs to one run, so before the first there was nobody."""
THREADS_MAX = 64
REASON_CHARS_MAX = 1000
"""Of a reason; Spark's errors bring the stack of two languages along."""

log = logging.getLogger("headrig.job")

Write = Callable[[Plan], Written | Returned]


class BatchesReturned(Exception):
    """Some batches were given back; the sink will have them run again."""


@dataclass
class Summary:
    """What a run did, by batch id."""

    committed: dict[str, Written] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    returned: dict[str, str] = field(default_factory=dict)
    overtaken: dict[str, str] = field(default_factory=dict)
    """Given back because a compaction came between: they run again at once, and nothing is wrong."""


def run(job: Job, spark: SparkContext) -> Summary:
    """Runs the batches on Spark. Raises `BatchesReturned` when one was given back, all others being done. Or compacts
    the lake, where that is what the run is for; returns nothing done then."""
    slots = min(spark.defaultParallelism, THREADS_MAX)
    if job.compact_hours is not None:
        work = generation.Maker(job.lake, region_of(job))
        compaction.run(job, lambda parts: spark.parallelize(parts, len(parts)).map(work.make).collect())
        return Summary()
    summary = carry(job, slots, lambda plan: spark.parallelize([plan], 1).map(task.run).collect()[0])
    if summary.returned:
        raise BatchesReturned("; ".join(f"batch {batch}: {reason}" for batch, reason in summary.returned.items()))
    return summary


def carry(job: Job, slots: int, write: Write) -> Summary:
    """Carries each batch to its end, `slots` of them at once; `write` has a plan carried out somewhere."""
    job = replace(job, region=region_of(job))
    task.enter(job.region)
    began = time.monotonic()
    ledger, summary = task.ledger_of(job), Summary()
    alerting = Alerting(job, ledger)
    with ThreadPoolExecutor(max(1, min(slots, len(job.batches)))) as pool:
        tickets = [Ticket(batch, attempt, job.run) for batch, attempt in job.batches]
        carried = [pool.submit(_carry_one, job, ticket, (ledger, alerting), write, summary) for ticket in tickets]
    for each in carried:
        each.result()
    alerting.end()
    log.info(
        "committed %d batches, %d given back, %d overtaken by a compaction, %d not ours",
        len(summary.committed),
        len(summary.returned),
        len(summary.overtaken),
        len(summary.refused),
    )
    meter.publish(meter.run_line(time.monotonic() - began, len(summary.committed), len(summary.returned)))
    return summary


def region_of(job: Job) -> str | None:
    """The region of this process, or else of the job's topic, which is the same."""
    told = boto3.Session().region_name or os.environ.get("AWS_REGION")
    return told or (job.topic_arn.split(":")[3] if job.topic_arn else None)


def _carry_one(job: Job, ticket: Ticket, ports: tuple[Ledger, Alerting], write: Write, summary: Summary) -> None:
    ledger, alerting = ports
    try:
        ledger.claim(*ticket)
    except Refused as error:
        log.warning("batch %s is not ours: %s", ticket.batch, error)
        summary.refused[ticket.batch] = str(error)
        return
    except LedgerError as error:
        # Nothing was done, and there is nothing to give back: the lease that waits for the claim will end.
        log.error("batch %s could not be claimed: %s", ticket.batch, error)
        summary.returned[ticket.batch] = str(error)
        return
    try:
        with _renewed(ledger, ticket, job.lease_seconds):
            outcome = _own(job, ticket, ports, write)
    except Overtaken as error:
        summary.overtaken[ticket.batch] = str(error)
        _give_back(ledger, ticket, Returned(str(error), transient=True), rest_seconds=0)
        return
    except Exception as error:
        log.exception("batch %s", ticket.batch)
        passing = task.is_passing(error) or isinstance(error, objects.LakeRefused)
        outcome = Returned(f"{type(error).__name__}: {error}"[:REASON_CHARS_MAX], transient=passing)
    if isinstance(outcome, Written):
        summary.committed[ticket.batch] = outcome
        alerting.committed(ticket.batch, outcome.figures)
        return
    summary.returned[ticket.batch] = outcome.reason
    if outcome.unconserved:
        alerting.unconserved(ticket.batch, outcome.reason)
    _give_back(ledger, ticket, outcome)


def _own(job: Job, ticket: Ticket, ports: tuple[Ledger, Alerting], write: Write) -> Written | Returned:
    """The way of a batch that this run owns."""
    ledger, alerting = ports
    # Once, and behind the claim: whatever this run writes, it writes where this layout has it.
    layout = layouts.read(ledger)
    plan = Plan(job, ticket, tuple(Member(*facts) for facts in ledger.members(ticket.batch)), layout)
    written = write(plan)
    if isinstance(written, Returned):
        return written
    _remove_leftovers(job, ticket, ledger, written)
    if job.database:
        catalog.register(job.database, job.lake, (file.path for file in written.files))
    objects.store_text(job.lake, documents.manifest_path(ticket.batch), documents.manifest_text(plan, written))
    alerting.committing(ticket.batch, written.figures)
    _commit(ledger, plan, written)
    log.info("batch %s is committed: %d files", ticket.batch, len(written.files))
    meter.publish(meter.batch_line(written))
    _remove_plans(job, ticket)
    return written


def _remove_leftovers(job: Job, ticket: Ticket, ledger: Ledger, written: Written) -> None:
    """Removes what earlier attempts stored and this one does not: another version or another set of members wrote
    it, and its rows would stand beside this attempt's."""
    if ticket.attempt == FIRST_ATTEMPT:
        return
    ours = {file.path for file in written.files}
    strays = set()
    for path in objects.list_paths(job.lake, documents.plans_start(ticket.batch)):
        strays |= set(documents.planned(objects.read_text(job.lake, path) or '{"files": []}')) - ours
    if strays:
        # A new lease is the proof that nobody else has the batch, and that for a while nobody will.
        ledger.renew(*ticket)
        for path in sorted(strays):
            log.warning("batch %s: removing %s, which an earlier attempt left", ticket.batch, path)
            objects.remove(job.lake, path)


def _commit(ledger: Ledger, plan: Plan, written: Written) -> None:
    outcomes = []
    for member in plan.members:
        counts = written.counts.get(member.key)
        told = (counts.lines, counts.events, counts.rows, counts.dropped_by_rule) if counts else None
        outcomes.append((member.hash, told, written.quarantined.get(member.key)))
    days = layouts.days_of(file.path for file in written.files)
    for left in reversed(range(COMMIT_TRIES)):
        try:
            # Repeating it is harmless: a commit of this run that was done is known again.
            return ledger.commit(*plan.ticket, outcomes, (plan.layout, days))
        except LedgerUnavailable:
            if left == 0:
                raise


def _remove_plans(job: Job, ticket: Ticket) -> None:
    """What is committed needs no plan; one that stays does no harm."""
    paths = [documents.plan_path(ticket)]
    try:
        if ticket.attempt > FIRST_ATTEMPT:
            paths = list(objects.list_paths(job.lake, documents.plans_start(ticket.batch)))
        for path in paths:
            objects.remove(job.lake, path)
    except Exception as error:
        log.warning("batch %s: its plans stay: %s", ticket.batch, error)


def _give_back(ledger: Ledger, ticket: Ticket, outcome: Returned, rest_seconds: int = REST_SECONDS) -> None:
    log.error("batch %s is given back: %s", ticket.batch, outcome.reason)
    try:
        if outcome.transient:
            ledger.postpone(*ticket, rest_seconds)
        else:
            ledger.fail(*ticket, outcome.reason)
    except LedgerError as error:
        # The lease's end or the run's own will do it.
        log.warning("batch %s could not be given back: %s", ticket.batch, error)


@contextmanager
def _renewed(ledger: Ledger, ticket: Ticket, lease_seconds: int) -> Iterator[None]:
    """Renews the lease for as long as the block takes."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(lease_seconds / RENEWALS_PER_LEASE):
            try:
                ledger.renew(*ticket)
            except Refused as error:
                # The commit will be refused, too; until then what is written are the batch's own bytes.
                log.error("batch %s was taken from this run: %s", ticket.batch, error)
                return
            except LedgerError as error:
                log.warning("batch %s: no new lease yet: %s", ticket.batch, error)

    thread = threading.Thread(target=renew, name=f"lease of {ticket.batch}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
