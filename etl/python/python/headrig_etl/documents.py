"""What lies beside the tables: a batch's plan and its manifest; docs/formats/lake.md draws both.

A plan names the files that an attempt is about to store, before it stores the first: by it a later attempt finds
what an earlier one left. A manifest names those that count. Invariant: both depend on the batch, its members, the
settings and the version, on no clock and no run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from headrig_etl import __version__
from headrig_etl.types import Plan, Ticket, Written

FOLDER = "batches"


def plan_path(ticket: Ticket) -> str:
    """Where an attempt's plan lies; the name begins as the batch's files do."""
    return f"{FOLDER}/{ticket.batch}-plan-{ticket.attempt:06}.json"


def plans_start(batch: str) -> str:
    """What the paths of all plans of a batch begin with."""
    return f"{FOLDER}/{batch}-plan-"


def manifest_path(batch: str) -> str:
    """Where a batch's manifest lies."""
    return f"{FOLDER}/{batch}-manifest.json"


def plan_text(paths: Iterable[str]) -> str:
    """A plan's content."""
    return _text({"files": sorted(paths), "version": __version__})


def planned(text: str) -> list[str]:
    """The paths that a plan names."""
    return [str(path) for path in json.loads(text)["files"]]


def manifest_text(plan: Plan, written: Written) -> str:
    """A manifest's content."""
    members = []
    for member in plan.members:
        entry: dict[str, Any] = {"hash": member.hash, "key": member.key}
        counts = written.counts.get(member.key)
        if counts is None:
            entry["quarantined"] = written.quarantined[member.key]
        else:
            entry |= counts._asdict()
        members.append(entry)
    files = [file._asdict() for file in sorted(written.files)]
    return _text({"batch": plan.ticket.batch, "files": files, "members": members, "version": __version__})


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, sort_keys=True) + "\n"
