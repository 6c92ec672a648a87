"""Figures as lines of JSON on standard output. In CloudWatch Logs the filters of infra/template.yaml make metrics of
them, which costs no call and no permission.

Knows no AWS. Invariant: one line for each batch that is committed, one for each run; a line that cannot be written
fails nothing.
"""

from __future__ import annotations

import json
from contextlib import suppress

from headrig_etl.types import Written

LOGS = "logs/"
UNPARSED = "/event_type=unparsed/"


def batch_line(written: Written) -> str:
    """What a committed batch brought: rows of `logs`, and those among them that no parser took."""
    rows = {file.path: file.rows for file in written.files if file.path.startswith(LOGS)}
    unparsed = sum(count for path, count in rows.items() if UNPARSED in path)
    return _line("headrig_batch", rows=sum(rows.values()), unparsed=unparsed)


def run_line(seconds: float, committed: int, returned: int) -> str:
    """How long the driver was at it, and how many batches it committed and gave back."""
    return _line("headrig_run", seconds=round(seconds, 3), committed=committed, returned=returned)


def publish(line: str) -> None:
    """Writes a line at once: a run that dies has told of what it committed."""
    # Nobody is there to be told that standard output is closed.
    with suppress(OSError):
        print(line, flush=True)


def _line(kind: str, **figures: float) -> str:
    return json.dumps({kind: figures})
