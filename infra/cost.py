#!/usr/bin/env python3
"""What a stack costs in a month, by service: formulas, prices with their date, and assumptions that can be changed.

`infra/cost.py` prints the table of docs/operations/cost.md; `infra/cost.py hosts=300 gb_day=60 batch_size=20` one line.
Nothing here was billed by AWS: counts come from the code and its measurements, the rest is in `Assumptions`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

PRICES_OF = "November 2026, us-east-1, without free tiers"
DAYS = 30
DAY_SECONDS = 86_400
MB = 1_000_000
GB = 1_000 * MB

# Dollars; the names are those of AWS's price pages.
GLUE_DPU_HOUR = 0.44  # AWS Glue pricing: ETL jobs, Spark
DYNAMODB_WRITE_MILLION, DYNAMODB_READ_MILLION = 0.625, 0.125  # Amazon DynamoDB pricing: on-demand capacity, standard
DYNAMODB_GB_MONTH = 0.25
S3_PUT_THOUSAND, S3_GET_THOUSAND, S3_GB_MONTH = 0.005, 0.0004, 0.023  # Amazon S3 pricing: S3 Standard
LAMBDA_REQUEST_MILLION, LAMBDA_GB_SECOND = 0.20, 0.0000166667  # AWS Lambda pricing: x86
SQS_REQUEST_MILLION = 0.40  # Amazon SQS pricing: standard queues
METRIC_MONTH = ((10_000, 0.30), (240_000, 0.10), (math.inf, 0.05))  # Amazon CloudWatch pricing: metrics
METRIC_CALL_THOUSAND, ALARM_MONTH, DASHBOARD_MONTH, LOG_GB = 0.01, 0.10, 3.00, 0.50
DPU_OF_WORKER = 1  # G.1X
CORES_OF_WORKER = 4


@dataclass(frozen=True)
class Assumptions:
    """A fleet, the settings that count, and what is measured or assumed of them."""

    hosts: float = 100
    gb_day: float = 10
    """Plain logs of all hosts together."""
    age_minutes: float = 1
    """The agents' chunk.age_max; every source is taken to write something within it."""
    chunk_mb: float = 8.4
    """The agents' chunk.bytes_max."""
    sources: float = 1
    """Sources of a host; each makes chunks of its own."""
    heartbeat_minutes: float = 1
    batch_size: float = 5
    max_wait_seconds: float = 300
    runs_max: float = 3
    workers: float = 2
    raw_days: float = 365
    """RawRetentionDays."""
    lake_days: float = 365
    ratio: float = 10
    """Plain bytes in a byte of chunk: compression.md has 5 to 30."""
    lake_ratio: float = 5
    """Plain bytes in a byte of the lake, which has columns beside the text; cost.md has three logs."""
    lake_files: float = 12
    """Files that a batch adds to the lake: one for each day, level and event type, and the manifest. Assumed."""
    mb_per_core_s: float = 38
    """Plain bytes a core of the job reads; scaling.md says where from."""
    run_overhead_s: float = 30
    """Assumed, as there."""
    batches_per_run_max: float = 20
    read_calls: float = 46.8
    """Of DynamoDB, by an invocation with one object; sink.md, measured."""
    window_seconds: float = 5
    """The event source's batching window: objects of one window share an invocation, ten at most."""
    object_seconds: float = 0.1
    """Of the function, for an object; 0.03 s measured without AWS's distances."""
    sweep_seconds: float = 3
    """Of the function. Assumed."""
    listed_per_sweep: float = 2_000
    sweep_queries: float = 200
    """Of DynamoDB: 112 count, the others look for what is due."""
    log_kb_invocation: float = 2
    log_mb_run: float = 0.3
    """Assumed."""


@dataclass(frozen=True)
class Cost:
    """Counts of a day, and dollars of a month."""

    files: float
    runs: float
    runs_at_once: float
    enough_runs: bool
    glue: float
    dynamodb: float
    s3: float
    storage: float
    function: float
    cloudwatch: float

    @property
    def total(self) -> float:
        """Dollars a month."""
        return self.glue + self.dynamodb + self.s3 + self.storage + self.function + self.cloudwatch


def files_a_day(a: Assumptions) -> float:
    """Chunks: one when its age is reached, or more when it is full before."""
    by_age = a.hosts * a.sources * 24 * 60 / a.age_minutes
    by_size = a.gb_day * GB / a.ratio / (a.chunk_mb * MB)
    return max(by_age, by_size)


def batches_a_day(a: Assumptions, files: float) -> float:
    """Full ones, or one each time that a file has waited long enough."""
    return max(files / a.batch_size, min(files, DAY_SECONDS / a.max_wait_seconds))


def run_seconds(a: Assumptions, batches: float, batch_bytes: float) -> float:
    """A batch is a task, so that a run reads on as many cores as it has batches; a minute is paid at least."""
    cores = min(batches, CORES_OF_WORKER * (a.workers - 1))
    return max(60, a.run_overhead_s + batches * batch_bytes / MB / (cores * a.mb_per_core_s))


def runs_a_day(a: Assumptions, batches: float) -> tuple[float, float, bool]:
    """Runs, their seconds, and whether there are enough: one a batch, and more batches a run where runs are scarce."""
    batch_bytes = a.gb_day * GB / batches
    for per_run in range(1, int(a.batches_per_run_max) + 1):
        runs, seconds = batches / per_run, run_seconds(a, per_run, batch_bytes)
        if runs * seconds <= a.runs_max * DAY_SECONDS:
            return runs, seconds, True
    # What does not get through today waits.
    return a.runs_max * DAY_SECONDS / seconds, seconds, False


def write_units(a: Assumptions, files: float, batches: float) -> float:
    """Of a day, by the table in dynamodb.md; a batch's item is larger the more members it has."""
    members = max(1, files / batches)
    batch_kb = math.ceil((500 + 32 * members) / 1024)
    return files * 2 + batches * (8 * members + 16 * batch_kb)


def metric_months(metrics: float) -> float:
    """Dollars of so many metrics, in the steps of their price."""
    dollars = 0.0
    for size, price in METRIC_MONTH:
        dollars += min(metrics, size) * price
        metrics = max(0.0, metrics - size)
    return dollars


def cost(a: Assumptions) -> Cost:
    """The sum of it all."""
    files = files_a_day(a)
    batches = batches_a_day(a, files)
    runs, seconds, enough = runs_a_day(a, batches)
    glue = runs * DAYS * seconds / 3600 * a.workers * DPU_OF_WORKER * GLUE_DPU_HOUR

    shared = min(10, max(1, files / DAY_SECONDS * a.window_seconds))
    invocations = files / shared
    sweeps = 24 * 60
    listed = min(a.listed_per_sweep, files * a.raw_days)
    # A query of a short partition takes half a unit, a consistent reading of an item one; a job reads what it commits.
    reads = invocations * a.read_calls / 2 + sweeps * (listed + a.sweep_queries / 2) + 4 * files
    ledger_gb = files * a.raw_days * 1_000 / GB
    dynamodb = DAYS * (
        write_units(a, files, batches) / 1e6 * DYNAMODB_WRITE_MILLION + reads / 1e6 * DYNAMODB_READ_MILLION
    ) + (ledger_gb * DYNAMODB_GB_MONTH)

    puts = files + batches * a.lake_files + sweeps * math.ceil(listed / 1_000)
    s3 = DAYS * (puts * S3_PUT_THOUSAND + files * S3_GET_THOUSAND) / 1_000
    stored = a.gb_day * (a.raw_days / a.ratio + a.lake_days / a.lake_ratio)
    storage = stored * S3_GB_MONTH

    function_gb_s = (files * a.object_seconds + (sweeps + runs) * a.sweep_seconds) * 0.5
    # S3's message, its receipt and its deletion; and five pollers that ask every 20 seconds.
    sqs = files + 2 * invocations + 5 * DAY_SECONDS / 20
    function = DAYS * (
        (invocations + sweeps + runs) / 1e6 * LAMBDA_REQUEST_MILLION
        + function_gb_s * LAMBDA_GB_SECOND
        + sqs / 1e6 * SQS_REQUEST_MILLION
    )

    beats = a.hosts * 24 * 60 / a.heartbeat_minutes
    asked = a.hosts * 24 * 12
    logs_gb = ((invocations + sweeps) * a.log_kb_invocation * 1_000 + runs * a.log_mb_run * MB) / GB
    cloudwatch = (
        metric_months(a.hosts + 32)
        + DAYS * ((beats + asked) / 1_000 * METRIC_CALL_THOUSAND + logs_gb * LOG_GB)
        + 14 * ALARM_MONTH
        + DASHBOARD_MONTH
    )
    at_once = runs * seconds / DAY_SECONDS
    return Cost(files, runs, at_once, enough, glue, dynamodb, s3, storage, function, cloudwatch)


FLEETS = (
    Assumptions(hosts=5, gb_day=1),
    Assumptions(hosts=5, gb_day=1, age_minutes=10),
    Assumptions(hosts=100, gb_day=10),
    Assumptions(hosts=100, gb_day=10, age_minutes=10, batch_size=50, max_wait_seconds=600, heartbeat_minutes=5),
    Assumptions(hosts=100, gb_day=1_000, age_minutes=5, batch_size=50),
    Assumptions(hosts=1_000, gb_day=1_000, age_minutes=10, batch_size=98, heartbeat_minutes=5),
    Assumptions(hosts=10_000, gb_day=10_000, age_minutes=15, batch_size=98, heartbeat_minutes=5, runs_max=10),
)
HEAD = (
    "hosts | GB/day | age_max, min | heartbeat, min | BatchSize | objects/day | runs/day | runs at once | Glue "
    "| DynamoDB | S3 requests | S3 storage | Lambda, SQS | CloudWatch | $/month | $/GB"
)


def table(fleets: Iterable[Assumptions]) -> str:
    """As Markdown."""
    lines = [f"| {HEAD} |", "|" + " ---: |" * len(HEAD.split("|"))]
    for a in fleets:
        c = cost(a)
        counts = [a.hosts, a.gb_day, a.age_minutes, a.heartbeat_minutes, a.batch_size, c.files, c.runs]
        at_once = f"{c.runs_at_once:.1f} of {a.runs_max:.0f}" + ("" if c.enough_runs else ", too few")
        dollars = [c.glue, c.dynamodb, c.s3, c.storage, c.function, c.cloudwatch, c.total]
        cells = [f"{each:,.0f}" for each in counts] + [at_once] + [f"{each:,.2f}" for each in dollars]
        lines.append("| " + " | ".join([*cells, f"{c.total / DAYS / a.gb_day:,.3f}"]) + " |")
    return "\n".join(lines)


def main(words: list[str]) -> int:
    """Prints the table, or the line of what `words` change."""
    known = {each.name for each in fields(Assumptions)}
    changes: dict[str, float] = {}
    for word in words:
        name, _, value = word.partition("=")
        try:
            changes[name] = float(value)
        except ValueError:
            changes[name] = 0
        if name not in known or changes[name] <= 0:
            print(
                f"cost.py: {word}: expected NAME=NUMBER above 0, NAME one of {', '.join(sorted(known))}",
                file=sys.stderr,
            )
            return 2
    print(f"Prices of {PRICES_OF}; dollars for a month of {DAYS} days.\n")
    print(table([replace(Assumptions(), **changes)] if changes else FLEETS))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
