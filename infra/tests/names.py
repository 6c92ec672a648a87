"""The names that the parts themselves use, read from their sources and documents: metrics, variables, arguments.

It knows no template. Where a source changes its shape so that nothing is found, reading it fails rather than to find
everything in order.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNBOOK = ROOT / "docs/operations/runbook.md"
SECURITY = ROOT / "docs/operations/security.md"
CONSERVATION_PHRASES = {
    "is given back": "etl/python/python/headrig_etl/job.py",
    "to add up to": "etl/core/src/batch.rs",
}
"""What the log says of a batch whose rows do not add up, and who writes it."""
PAGES = {
    "SinkRole": ("docs/operations/sink.md", "docs/formats/dynamodb.md"),
    "JobRole": ("docs/operations/job.md", "docs/formats/dynamodb.md"),
    "CompactionRole": ("docs/operations/job.md", "docs/formats/dynamodb.md"),
    "AgentPolicy": ("docs/operations/agent.md",),
}
"""Where each part says what it calls."""
OF_AWS = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): {"QueueName"},
    ("AWS/Lambda", "Errors"): {"FunctionName"},
    ("AWS/Lambda", "Throttles"): {"FunctionName"},
    ("AWS/Lambda", "Duration"): {"FunctionName"},
    ("AWS/Events", "TriggeredRules"): {"RuleName"},
}
"""Metrics of AWS's services by their dimensions, as the manuals of SQS, Lambda and EventBridge list them."""


def published_metrics() -> dict[tuple[str, str], set[str]]:
    """The dimensions of every metric, by namespace ('' for our own) and name."""
    found: dict[tuple[str, str], set[str]] = {
        ("", name): set() for name in _all(r'Self::\w+ => "(\w+)"', "sink-lambda/src/ports.rs")
    }
    agents = _all(r'datum\("(\w+)"', "agent/daemon/src/heartbeat.rs")
    found |= {("", name): set() for name in agents}
    assert "alive.dimensions = Some" in _text("agent/daemon/src/heartbeat.rs")
    return found | {("", "Heartbeat"): {"Host"}} | OF_AWS


def sink_variables() -> set[str]:
    """The variables that the sink reads."""
    calls = r'\.(?:required|folder|number|seconds|parsed::<\w+>|left\.remove)\(\s*"([A-Z0-9_]+)"'
    return {f"HEADRIG_{name}" for name in _all(calls, "sink-lambda/src/environment.rs")}


def sink_variables_needed() -> set[str]:
    """Those it does not start without."""
    return {f"HEADRIG_{name}" for name in _all(r'\.required\("([A-Z0-9_]+)"', "sink-lambda/src/environment.rs")}


def sink_range(variable: str) -> tuple[int, int]:
    """The least and the most that the sink takes for a variable."""
    text = _text("sink-lambda/src/environment.rs")
    found = re.search(rf'"{variable.removeprefix("HEADRIG_")}", (\w+)\.\.=([\w:]+)', text)
    assert found, variable
    least, most = found.groups()
    if not most[0].isdigit():
        (most,) = _all(rf"pub const {most.rsplit('::', 1)[1]}: usize = (\w+);", "shared/ledger/src/plan.rs")
    return int(least), int(most.replace("_", ""))


def job_arguments() -> tuple[set[str], set[str]]:
    """What the job needs, and all that it knows."""
    from headrig_etl.arguments import NAMES, NEEDED

    return set(NEEDED), set(NAMES)


def job_log_fields() -> set[str]:
    """The fields of the lines of JSON that the job writes, as filters name them."""
    from headrig_etl import meter
    from headrig_etl.types import Written

    lines = [meter.batch_line(Written((), {}, {})), meter.run_line(1.0, 1, 0)]
    written = _text("etl/python/python/headrig_etl/job.py")
    assert "meter.batch_line(" in written and "meter.run_line(" in written
    return {f"$.{kind}.{field}" for line in lines for kind, fields in json.loads(line).items() for field in fields}


def phrases_that_nobody_writes() -> list[tuple[str, str]]:
    """Of what filters look for, what stands no longer in the source."""
    return [(phrase, path) for phrase, path in CONSERVATION_PHRASES.items() if phrase not in _text(path)]


def page_says(owner: str, action: str) -> bool:
    """Whether a part's page names an action, with its service or behind another one of the same."""
    return any(re.search(rf"`({action}|{action.split(':')[1]})`", _text(path)) for path in PAGES[owner])


@cache
def runbook_anchors() -> frozenset[str]:
    """The runbook's headings as links name them."""
    return frozenset(_slug(line.lstrip("# ")) for line in RUNBOOK.read_text().splitlines() if line.startswith("#"))


@cache
def documented_wildcards() -> frozenset[tuple[str, str]]:
    """The statements whose wildcards security.md explains: its table has `part.Statement` in the first column."""
    found = re.findall(r"^\| `(\w+)\.(\w+)` \|[^|]*\| *\S", SECURITY.read_text(), re.MULTILINE)
    assert found, "security.md has no table of wildcards"
    return frozenset(found)


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _all(pattern: str, path: str) -> list[str]:
    found = re.findall(pattern, _text(path))
    assert found, f"{path} has nothing like {pattern}; did it move?"
    return found


@cache
def _text(path: str) -> str:
    return (ROOT / path).read_text()
