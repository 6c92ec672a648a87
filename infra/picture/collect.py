#!/usr/bin/env python3
"""Runs the pipeline once on this machine and keeps the dashboard's figures in figures.json.

`HEADRIG_WHEEL=… python infra/picture/collect.py` deploys the stack into MiniStack as the tests do, with the real
programs: four agents ship 100 log files, the sink takes them in, local Spark is the job. What AWS itself would measure
(errors of Lambda, say) is not there, and is left out. Takes some minutes.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parents[1] / "etl/python/tests")]

import emulator  # noqa: E402
import glue  # noqa: E402
import pipeline  # noqa: E402
import stack as stacks  # noqa: E402
from stack import Stack  # noqa: E402
from widgets import Series, dashboard, wanted  # noqa: E402

BUCKET_SECONDS = 10
BEATS_SECONDS = 20
"""Agents beat every ten seconds here; in shorter steps each would be missing now and then."""
NAMESPACE = "headrig"
FILES, ROUND_SECONDS_MAX = 100, 900
HOSTS = ["db-1", "mail-1", "web-1", "web-2"]
QUEUES = {"ObjectsQueue": "Queue", "DeadLetterQueue": "DeadLetterQueue", "FailedEventsQueue": "FailedEventsQueue"}
RULES = {"JobEndedRule": "SUCCEEDED", "JobFailedRule": "FAILED"}
COMBINE = {"Sum": sum, "Maximum": max, "Average": lambda found: sum(found) / len(found)}

Samples = dict[str, list[tuple[float, float]]]


class Watcher(threading.Thread):
    """Notes each second what has no time of its own: queues' lengths, what runs of the job say, how they end."""

    def __init__(self, stack: Stack, job: glue.Job) -> None:
        super().__init__(daemon=True)
        self.stack, self.job, self.samples = stack, job, defaultdict(list)
        self.ended: set[str] = set()
        self.read: dict[str, int] = {}
        self.is_over = threading.Event()

    def run(self) -> None:
        while not self.is_over.wait(1):
            self.look()

    def look(self) -> None:
        now, sqs = time.time(), self.stack.emulator.client("sqs")
        for queue, output in QUEUES.items():
            told = sqs.get_queue_attributes(
                QueueUrl=self.stack.outputs[output], AttributeNames=["ApproximateNumberOfMessages"]
            )
            length = float(told["Attributes"]["ApproximateNumberOfMessages"])
            self.samples[f"ApproximateNumberOfMessagesVisible QueueName={queue}.QueueName"].append((now, length))
        for name, run in list(self.job.runs.items()):
            self.listen(name, run, now)

    def listen(self, name: str, run: glue.Run, now: float) -> None:
        said = run.log.read_text()
        fresh, self.read[name] = said[self.read.get(name, 0) : said.rfind("\n") + 1], said.rfind("\n") + 1
        for line in fresh.splitlines():
            told = json.loads(line) if line.startswith('{"headrig_') else {}
            if batch := told.get("headrig_batch"):
                self.samples["Rows"].append((now, batch["rows"]))
                self.samples["RowsUnparsed"].append((now, batch["unparsed"]))
            if ended := told.get("headrig_run"):
                self.samples["RunSeconds"].append((now, ended["seconds"]))
        for rule, state in RULES.items():
            if run.book.status == state and name not in self.ended:
                self.ended.add(name)
                self.samples[f"TriggeredRules RuleName={rule}"].append((now, 1))


def sink_samples(stack: Stack) -> Samples:
    """The figures that the function wrote into its log."""
    samples: Samples = defaultdict(list)
    for line in stack.function_log().splitlines():
        at = line.find('{"')
        try:
            told = json.loads(line[at:]) if '"_aws"' in line else {}
        except ValueError:
            continue
        for group in told.get("_aws", {}).get("CloudWatchMetrics", []):
            for metric in group["Metrics"]:
                samples[metric["Name"]].append((told["_aws"]["Timestamp"] / 1_000, float(told[metric["Name"]])))
    return samples


def agent_series(stack: Stack, line: Series, began: float, seconds: float) -> list[list[float]]:
    """What agents told CloudWatch, by its own statistics."""
    return asked(stack, line.metric, [], line.stat, began, seconds)


def asked(
    stack: Stack,
    metric: str,
    dimensions: list[dict[str, str]],
    stat: str,
    began: float,
    seconds: float,
    step: int = BUCKET_SECONDS,
) -> list[list[float]]:
    """One statistic of a metric, in steps."""
    start, end = (datetime.datetime.fromtimestamp(at, datetime.UTC) for at in (began, began + seconds))
    named = {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": dimensions}
    query = {"Id": "m", "MetricStat": {"Metric": named, "Period": step, "Stat": stat}}
    client = stack.emulator.client("cloudwatch")
    found = client.get_metric_data(MetricDataQueries=[query], StartTime=start, EndTime=end)["MetricDataResults"][0]
    points = zip(found["Timestamps"], found["Values"], strict=True)
    return sorted([round(at.timestamp() - began, 1), round(value, 3)] for at, value in points)


def reporting(stack: Stack, began: float, seconds: float) -> list[list[float]]:
    """Hosts whose heart beat, in each step."""
    alive: dict[float, float] = defaultdict(float)
    listed = stack.emulator.client("cloudwatch").list_metrics(Namespace=NAMESPACE, MetricName="Heartbeat")["Metrics"]
    for metric in listed:
        for at, beat in asked(stack, "Heartbeat", metric["Dimensions"], "Maximum", began, seconds, BEATS_SECONDS):
            alive[at // BEATS_SECONDS * BEATS_SECONDS] += beat
    return [[at, alive[at]] for at in sorted(alive)]


def stepped(samples: list[tuple[float, float]], stat: str, began: float, seconds: float) -> list[list[float]]:
    """Samples as CloudWatch would have them, in steps; where nothing was counted the sum is 0."""
    steps: dict[int, list[float]] = defaultdict(list)
    for at, value in samples:
        if began <= at <= began + seconds:
            steps[int((at - began) // BUCKET_SECONDS)].append(value)
    if stat == "Sum" and steps:
        steps |= {step: [0.0] for step in range(int(seconds // BUCKET_SECONDS)) if step not in steps}
    return [[step * BUCKET_SECONDS, round(COMBINE[stat](steps[step]), 3)] for step in sorted(steps)]


def share(samples: Samples, began: float, seconds: float) -> list[list[float]]:
    """Unparsed rows in a hundred."""
    rows = dict(map(tuple, stepped(samples["Rows"], "Sum", began, seconds)))
    unparsed = dict(map(tuple, stepped(samples["RowsUnparsed"], "Sum", began, seconds)))
    return [[at, round(100 * unparsed.get(at, 0) / count, 2)] for at, count in rows.items() if count]


def figures(stack: Stack, watcher: Watcher, began: float, seconds: float, about: str) -> dict[str, Any]:
    """Everything the dashboard asks for that there is."""
    samples = sink_samples(stack) | watcher.samples
    series: dict[str, list[list[float]]] = {}
    for line in wanted(dashboard()):
        plain = f"{line.metric} {line.dimension}".strip()
        if "Heartbeat" in line.expression:
            found = reporting(stack, began, seconds)
        elif line.expression:
            found = share(samples, began, seconds)
        elif plain in samples:
            found = stepped(samples[plain], line.stat, began, seconds)
        elif line.dimension:
            found = []
        else:
            found = agent_series(stack, line, began, seconds)
        series[line.name] = found
    alarms = stack.emulator.client("cloudwatch").describe_alarms()["MetricAlarms"]
    states = {
        "".join(map(str.title, each["AlarmName"].removeprefix(f"{stack.name}-").split("-"))): each for each in alarms
    }
    return {
        "about": about,
        "seconds": round(seconds),
        "alarms": {f"{name}Alarm": each["StateValue"] for name, each in sorted(states.items())},
        "series": {name: found for name, found in series.items() if found},
    }


def main() -> int:
    """Runs it all."""
    # The function takes no variable of ours that it does not know.
    wheel = Path(os.environ.pop("HEADRIG_WHEEL", "") or stacks.wheel())
    pipeline.FILES, pipeline.ROUND_SECONDS_MAX = FILES, ROUND_SECONDS_MAX
    with tempfile.TemporaryDirectory() as name, glue.gate() as gate:
        folder = Path(name)
        with emulator.running(folder, {"AWS_ENDPOINT_URL_GLUE": gate.address}) as cloud:
            gate.guard = cloud
            stack = Stack(cloud, "headrig", folder)
            code = ("--zip", str(stack.zip("picture")), "--wheel", str(wheel))
            stack.deploy(*code, **(stacks.EMULATED | {"MaxWaitSeconds": 20}))
            job = glue.Job(cloud, gate.moto_address, folder, stack.outputs["JobName"])
            job.define(stack.runs_max)
            watcher, began = Watcher(stack, job), time.time()
            watcher.start()
            try:
                pipeline.carry(stack, job, HOSTS, folder / "hosts")
            finally:
                job.stop()
            # One more sweep tells how it all ended.
            stack.invoke({"headrig": "sweep"})
            watcher.look()
            watcher.is_over.set()
            seconds = time.time() - began
            about = (
                f"A run of {seconds:.0f} s on one machine: the deployed stack in MiniStack, {len(HOSTS)} agents, "
                f"{pipeline.FILES} files, Spark as the job; in steps of {BUCKET_SECONDS} s"
            )
            found = figures(stack, watcher, began, seconds, about)
    (HERE / "figures.json").write_text(json.dumps(found, indent=1) + "\n")
    print(about, f"{len(found['series'])} series")
    return 0


if __name__ == "__main__":
    sys.exit(main())
